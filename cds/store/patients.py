"""Patients as keyed hashes, and what is said of them as sealed words.

A row says that two calls were about one patient, and nothing about whom; what a card said, what a clinician wrote and
what a call brought is told only to who holds the key.
"""

import contextlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from sqlalchemy import Connection, insert, select

from cds.errors import SettingsError, StoreError
from cds.store.tables import patient_key

_SHORTEST = 32
"""Bytes of a key, at least."""
_NONCE = 12
"""Bytes before what is sealed."""


class PatientKey:
    """The secret by which patients are hashed. Without it, nobody finds a patient's rows; with another, none are found.

    All processes of one database need the same; `check` sees to it.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        # Of the SIV kind, which bears more messages under one key than any service has: RFC 8452.
        self._cipher = AESGCMSIV(hmac.digest(secret, b"seal", "sha256"))

    @classmethod
    def at(cls, path: Path) -> "PatientKey":
        """Read the key from its file, which is made where there is none, whichever process comes first.

        Raises:
            SettingsError: the file cannot be read or made, or is no key.
        """
        try:
            if not path.exists():
                _make(path)
            secret = path.read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"LEGWORK_PATIENT_KEY: the file cannot be read or made: {error.strerror}") from error
        if len(secret) < _SHORTEST:
            raise SettingsError(f"LEGWORK_PATIENT_KEY: the file holds no key of {_SHORTEST} bytes or more")
        return cls(secret)

    def patient(self, client: str, id_: str) -> str:
        """Hash a patient, who is another with every client."""
        return self._hashed("patient", client, id_)

    def encounter(self, client: str, id_: str) -> str:
        """Hash an encounter likewise."""
        return self._hashed("encounter", client, id_)

    def user(self, client: str, id_: str) -> str:
        """Hash a clinician likewise."""
        return self._hashed("user", client, id_)

    def said(self, client: str, words: str) -> str:
        """Hash what a client said, so that saying it again is no news."""
        return self._hashed("said", client, words)

    def seal(self, words: bytes) -> bytes:
        """Encrypt words, for the database."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, words, None)

    def unseal(self, sealed: bytes) -> bytes:
        """Read them again.

        Raises:
            StoreError: they were sealed with another key, or changed since.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        except (InvalidTag, ValueError) as error:
            raise StoreError(
                "what was kept cannot be read: it is damaged, or LEGWORK_PATIENT_KEY is another"
            ) from error

    def link(self, text: str) -> str:
        """Hash an entry of the audit trail together with what is before it."""
        return hmac.digest(self._secret, b"audit\x1f" + text.encode(), "sha256").hex()

    def session(self, login: bytes) -> str:
        """Give the secret that signs sessions: another with each way to log in, so that a new password ends them."""
        return hmac.digest(self._secret, b"session\x1f" + login, "sha256").hex()

    def facts(self, facts: Iterable[str]) -> frozenset[str]:
        """Hash facts, each for itself, so that a new one can be told among them."""
        return frozenset(self._hashed("fact", fact)[:12] for fact in facts)

    def check(self, connection: Connection) -> None:
        """See that this is the database's key; an empty database takes it as its own.

        Raises:
            StoreError: it is another.
        """
        fingerprint = self._hashed("fingerprint")
        present = set(connection.scalars(select(patient_key.c.fingerprint)))
        if not present:
            connection.execute(insert(patient_key), {"fingerprint": fingerprint})
        elif present != {fingerprint}:
            raise StoreError(
                "the patients of this database were hashed by another key: LEGWORK_PATIENT_KEY must name its file, the "
                "same for every process"
            )

    def _hashed(self, *parts: str) -> str:
        return hmac.digest(self._secret, "\x1f".join(parts).encode(), "sha256").hex()[:32]


def _make(path: Path) -> None:
    """Make the file whole or not at all, for the eyes of its owner only."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
    try:
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(draft, path)
    finally:
        draft.unlink()
