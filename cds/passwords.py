"""Passwords, kept as hashes that take time to try (Argon2id, https://www.rfc-editor.org/rfc/rfc9106)."""

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHash, VerifyMismatchError

from cds.errors import SettingsError

SHORTEST = 12
"""Characters of a password, at least: https://pages.nist.gov/800-63-4/sp800-63b.html asks for that many and no more."""
LONGEST = 1024

_HASHER = PasswordHasher()  # the costs of its authors, who follow the RFC


def hashed(password: str) -> str:
    """Give what is kept of a password: how it was hashed, the salt, and the hash."""
    return _HASHER.hash(password)


class Password:
    """A password that is known by its hash."""

    def __init__(self, kept: bytes) -> None:
        """Read what `hashed` made.

        Raises:
            SettingsError: it is nothing of that kind, or of a cost that this machine cannot bear.
        """
        self._kept = kept.decode("ascii", "replace").strip()
        try:
            self.is_it("")
        except (Argon2Error, InvalidHash) as error:
            raise SettingsError("LEGWORK_REPORTS_PASSWORD: the file must hold what `legwork password` makes") from error

    def is_it(self, password: str) -> bool:
        """Whether a password is the one; this takes some hundredths of a second."""
        given = password.encode("utf-8", "surrogateescape")[: LONGEST * 4]
        try:
            return _HASHER.verify(self._kept, given)
        except VerifyMismatchError:
            return False
