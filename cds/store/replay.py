"""Each token once: across workers and restarts by the database, and in this process when that is not to be had."""

import hashlib
import heapq
import time

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql, sqlite

from cds.errors import StoreError
from cds.store.database import Store
from cds.store.tables import tokens

PURGE_EVERY = 60.0
"""How often what has run out is forgotten [s]."""


class ReplayGuard:
    """Remembers the tokens that were used, until they have run out.

    What is remembered in this process needs no bound of its own: only tokens that a client signed come here, within
    that client's rate, and none lives longer than an hour.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[str] = set()
        self._by_expiry: list[tuple[int, str]] = []
        self._purged = time.monotonic()

    async def is_new(self, issuer: str, jti: str, expires: int) -> bool:
        """Whether a token comes for the first time; from now on it does not."""
        token = hashlib.sha256(f"{issuer}\n{jti}".encode()).hexdigest()
        self._forget()
        if token in self._seen:
            return False
        self._seen.add(token)
        heapq.heappush(self._by_expiry, (expires, token))
        purge = time.monotonic() - self._purged > PURGE_EVERY
        if purge:
            self._purged = time.monotonic()
        try:
            return await self._store.run(lambda connection: _add(connection, token, expires, purge=purge))
        except StoreError:
            return True  # cards come all the same; the store has counted and logged it

    def _forget(self) -> None:
        now = time.time()
        while self._by_expiry and self._by_expiry[0][0] < now:
            self._seen.discard(heapq.heappop(self._by_expiry)[1])


_ADD = {
    "sqlite": sqlite.insert(tokens).on_conflict_do_nothing().returning(tokens.c.token),
    "postgresql": postgresql.insert(tokens).on_conflict_do_nothing().returning(tokens.c.token),
}
"""To look and to add are one step, whoever else is doing it; SQL has no words for it that every database knows."""


def _add(connection: Connection, token: str, expires: int, *, purge: bool) -> bool:
    if purge:
        connection.execute(delete(tokens).where(tokens.c.expires < int(time.time())))
    added = connection.execute(_ADD[connection.dialect.name], {"token": token, "expires": expires})
    return added.first() is not None
