"""The database: opened, brought to this version, and asked within a bounded time."""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from cds.errors import StoreError, place_of

T = TypeVar("T")

LONGEST = 0.5
"""How long a call waits for the database [s]; the answer has half a second in all, but a lock may take a moment."""

PAUSE = 5.0
"""After a failure nobody waits for the database for this long [s]."""

_THREADS = 4
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 5_197_338_011
"""A number of ours, by which PostgreSQL lets one process at a time change the tables."""

_log = logging.getLogger(__name__)


class Store:
    """One database, for one process. Work on it is a function of a connection, run in a thread, in one transaction."""

    def __init__(self, url: str) -> None:
        """Take its address; nothing is opened before it is needed."""
        self._engine = _engine(url)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
        self._down_until = 0.0
        self.failures = 0
        """Times that the database was not to be had."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do something in one transaction.

        Raises:
            StoreError: the database is not to be had in time; it may be done all the same.
        """
        if time.monotonic() < self._down_until:
            raise StoreError("the database was not to be had a moment ago")
        try:
            async with asyncio.timeout(LONGEST):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._in_transaction, work)
        except (SQLAlchemyError, TimeoutError, RuntimeError) as error:
            self.failures += 1
            self._down_until = time.monotonic() + PAUSE
            _log.error("the database is not to be had, %d times so far: %s", self.failures, place_of(error))
            raise StoreError("the database is not to be had") from error

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    async def is_up(self) -> bool:
        """Whether the database answers."""
        try:
            await self.run(lambda connection: connection.execute(text("SELECT 1")))
        except StoreError:
            return False
        return True

    def begin(self) -> AbstractContextManager[Connection]:
        """Give a connection in a transaction, to whoever may wait: a thread of its own, or the command line.

        Raises:
            SQLAlchemyError: the database is not to be had.
        """
        return self._engine.begin()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection whose reads all see one moment, however long they take.

        Raises:
            SQLAlchemyError: the database is not to be had.
        """
        with self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            else:
                connection.exec_driver_sql("BEGIN")
            yield connection

    def prepare(self) -> None:
        """See before the first call that the tables are of this version; in SQLite, bring them there.

        A database that cannot be reached stops nobody: it may come back.

        Raises:
            StoreError: the tables are of another version.
        """
        try:
            if self._engine.dialect.name == "sqlite":
                self.migrate()
            elif self._revision() != _newest():
                raise StoreError("the tables are not of this version: run `legwork migrate`")
        except SQLAlchemyError as error:
            self.failures += 1
            _log.error("the database is not to be had, and cards come without it: %s", place_of(error))
        finally:
            self._engine.dispose()  # a start that goes wrong later leaves nothing open

    def is_current(self) -> bool:
        """Whether the tables are of this version; nothing is changed.

        Raises:
            SQLAlchemyError: the database is not to be had.
        """
        return self._revision() == _newest()

    def migrate(self) -> str:
        """Bring the tables to this version, whichever process comes first; give the version.

        Raises:
            StoreError: the tables are of a later version.
            SQLAlchemyError: the database is not to be had.
        """
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            else:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
            if (present := _revision_of(connection)) is not None and present not in known:
                raise StoreError("the tables are of a later version of this service")
            command.upgrade(config, "head")
        return _newest()

    def _revision(self) -> str | None:
        with self._engine.connect() as connection:
            return _revision_of(connection)

    def close(self) -> None:
        """Let go of the database."""
        self._threads.shutdown(cancel_futures=True)
        self._engine.dispose()


def _newest() -> str:
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head() or ""


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _engine(url: str) -> Engine:
    """Give what connects; neither its log nor its errors tell what was written (`hide_parameters`)."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        options = f"-c statement_timeout={int(LONGEST * 4000)}"
        return create_engine(
            address.set(drivername="postgresql+psycopg"),
            pool_size=_THREADS,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 2, "options": options, "application_name": "legwork"},
        )
    engine = create_engine(address, pool_size=_THREADS, hide_parameters=True, connect_args={"timeout": LONGEST})
    event.listen(engine, "connect", _tune)
    return engine


def _tune(connection: Any, _: object) -> None:
    """Let readers and a writer of SQLite work side by side; a commit survives the process, not a loss of power."""
    with contextlib.suppress(sqlite3.OperationalError):  # another process is at it: the mode is the file's
        connection.execute("PRAGMA journal_mode = WAL").close()
    for pragma in ("synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()
