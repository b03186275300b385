"""Passwords, kept as hashes that take time to try: https://www.rfc-editor.org/rfc/rfc7914 (scrypt)."""

import base64
import hashlib
import hmac
import re
import secrets

from cds.errors import SettingsError

SHORTEST = 12
"""Characters of a password, at least: https://pages.nist.gov/800-63-4/sp800-63b.html asks for that many and no more."""
LONGEST = 1024

_COST = {"n": 2**15, "r": 8, "p": 3}
"""As https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html has it: 32 MiB for each try."""
_MEMORY = 64 * 1024 * 1024
_SALT = 16
_HASH = re.compile(
    r"scrypt\$(\d{1,9})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]{8,64})\$([A-Za-z0-9+/=]{40,100})", re.ASCII
)


def hashed(password: str) -> str:
    """Give what is kept of a password: how it was hashed, the salt, and the hash."""
    salt = secrets.token_bytes(_SALT)
    digest = hashlib.scrypt(password.encode(), salt=salt, maxmem=_MEMORY, **_COST)
    return "$".join(("scrypt", *map(str, _COST.values()), _text(salt), _text(digest)))


class Password:
    """A password that is known by its hash."""

    def __init__(self, kept: bytes) -> None:
        """Read what `hashed` made.

        Raises:
            SettingsError: it is nothing of that kind.
        """
        match = _HASH.fullmatch(kept.decode("ascii", "replace").strip())
        if match is None:
            raise SettingsError("LEGWORK_REPORTS_PASSWORD: the file must hold what `legwork password` makes")
        n, r, p = (int(part) for part in match.groups()[:3])
        self._cost = {"n": n, "r": r, "p": p}
        self._salt, self._digest = (base64.b64decode(part) for part in match.groups()[3:])
        self.is_it("")  # a cost that this machine cannot bear stops the start, not a login

    def is_it(self, password: str) -> bool:
        """Whether a password is the one; this takes a tenth of a second."""
        given = password.encode("utf-8", "surrogateescape")[: LONGEST * 4]
        try:
            digest = hashlib.scrypt(given, salt=self._salt, maxmem=_MEMORY, **self._cost)
        except ValueError as error:
            raise SettingsError("LEGWORK_REPORTS_PASSWORD: make the file anew with `legwork password`") from error
        return hmac.compare_digest(digest, self._digest)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
