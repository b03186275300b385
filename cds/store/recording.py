"""What is written down behind the answers: off their path, in batches, and never at their cost."""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cds.errors import StoreError, place_of
from cds.store import audit
from cds.store.audit import Sign
from cds.store.database import Store
from cds.store.tables import audit as trail
from cds.store.tables import losses

Rows = Mapping[Table, Sequence[Mapping[str, Any]]]
"""Table -> rows; a table stands after those that it refers to. Those of `audit` are what entries say."""

Record = Callable[[], Rows]
"""Makes the rows of one call; in the writer's thread, so that nobody waits for it."""

BATCH_EVERY = 0.25
"""How long a record waits for others to be written with it [s]."""

MOST_WAITING = 2_000
"""Records that may wait while the database is slow or away; of those beyond, only the number is kept."""

LONGEST_END = 5.0
"""How long the end of a process waits for the last records to be written [s]."""

_BATCH = 200
_UPKEEP_EVERY = 3600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
"""How long the writer waits after a failure [s]: ever longer."""

_log = logging.getLogger(__name__)


def add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows; those that are there already stay as they are, so that to add them twice is to add them once."""
    if not rows:
        return
    insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    connection.execute(insert.on_conflict_do_nothing(), rows)


class Recorder:
    """Writes records in a thread of its own. A record is kept, or counted as lost; to put one never waits."""

    def __init__(self, store: Store, sign: Sign, upkeep: Callable[[], None] = lambda: None) -> None:
        """Take the database, the hash of the audit trail, and what is to be done after each writing and each hour."""
        self._store, self._sign = store, sign
        self._upkeep = upkeep
        self._waiting: deque[Record] = deque()
        self._news, self._end = threading.Event(), threading.Event()
        self._written = threading.Condition()
        self._give_up = float("inf")
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._unsaid = 0
        self.taken = 0
        """Records that were put here."""
        self.kept = 0
        """Those written down."""
        self.lost = 0
        """Those that could not be."""

    @property
    def waiting(self) -> int:
        """Records that wait to be written."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, record: Record) -> None:
        """Take a record. Where too many are waiting it is lost, and counted."""
        self.taken += 1
        if len(self._waiting) >= MOST_WAITING:
            self._lose(1, "too many wait for the database")
            return
        self._waiting.append(record)
        if not self._news.is_set():
            self._news.set()

    def flush(self, timeout: float) -> bool:
        """Wait until everything that was put is kept or lost; whether it is, in the time given [s]."""
        with self._written:
            return self._written.wait_for(lambda: self.kept + self.lost >= self.taken, timeout)

    def close(self) -> None:
        """Write what is waiting, within a bounded time, and end."""
        self._give_up = time.monotonic() + LONGEST_END
        self._end.set()
        self._news.set()
        self._thread.join(LONGEST_END + 1)
        if self._waiting:
            self._lose(len(self._waiting), "the service ended before the database took them")

    def _lose(self, count: int, why: str) -> None:
        before = self.lost
        self.lost += count
        self._unsaid += count
        if before == 0 or before // 1000 != self.lost // 1000:  # not a line for each of thousands
            _log.error("the records of %d calls are lost so far: %s", self.lost, why)

    def _run(self) -> None:
        while not self._end.is_set():
            self._news.wait(_UPKEEP_EVERY)
            self._end.wait(BATCH_EVERY)
            self._news.clear()
            while self._waiting and time.monotonic() < self._give_up:
                count = min(len(self._waiting), _BATCH)
                self._write([self._waiting[place] for place in range(count)])
                for _ in range(count):
                    self._waiting.popleft()
                with self._written:
                    self._written.notify_all()
            self._keep_up()

    def _write(self, records: Iterable[Record]) -> None:
        """Write records, and try again as long as the database is away."""
        made = [rows for record in records if (rows := self._made(record)) is not None]
        pause = _FIRST_PAUSE
        while made:
            try:
                self._add(made)
            except (SQLAlchemyError, StoreError) as error:
                if not _is_away(error):
                    self._write_singly(made)
                    return
                _log.error("%d records wait for the database: %s", len(self._waiting), place_of(error))
                if time.monotonic() + pause > self._give_up:
                    self._lose(len(made), "the service ended before the database took them")
                    return
                (time.sleep if self._end.is_set() else self._end.wait)(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                self._prepare()
            else:
                self.kept += len(made)
                return

    def _made(self, record: Record) -> Rows | None:
        try:
            return record()
        except Exception as error:  # noqa: BLE001 - a record that cannot be made must not end the writing of others
            self._lose(1, f"the record could not be made: {place_of(error)}")
            return None

    def _add(self, made: Sequence[Rows]) -> None:
        unsaid = self._unsaid
        with self._store.begin() as connection:
            for table in dict.fromkeys(table for rows in made for table in rows if table is not trail):
                add(connection, table, [row for rows in made for row in rows.get(table, ())])
            told = [entry for rows in made for entry in rows.get(trail, ())]
            if unsaid:
                loss = {"id": uuid.uuid4(), "at": int(time.time() * 1000), "calls": unsaid}
                add(connection, losses, [loss])
                told.append(audit.of_loss(loss))
            audit.append(connection, told, self._sign)
        self._unsaid -= unsaid

    def _write_singly(self, made: Sequence[Rows]) -> None:
        """Find among records the one that the database does not take."""
        for rows in made:
            try:
                self._add([rows])
            except (SQLAlchemyError, StoreError) as error:
                self._lose(1, f"the database does not take it: {place_of(error)}")
            else:
                self.kept += 1

    def _prepare(self) -> None:
        try:
            self._store.prepare()
        except StoreError as error:
            _log.error("%s", error)

    def _keep_up(self) -> None:
        try:
            self._upkeep()
        except SQLAlchemyError as error:
            _log.error("the database could not be tidied: %s", place_of(error))


def _is_away(error: Exception) -> bool:
    """Whether it is the database that failed, and not what was to be written: OperationalError and its like."""
    refused = ("IntegrityError", "DataError", "NotSupportedError")
    return not (isinstance(error, DBAPIError) and type(error).__name__ in refused)
