"""Two services on one database: processes of their own, as they are run."""

import contextlib
import signal
import sqlite3
import time

import httpx
from sqlalchemy import create_engine, make_url, text

from cds.store.database import Store
from tests.contract.calls import REVIEW, call
from tests.contract.test_server import free_port, start, wait_for
from tests.feedback.service import FEEDBACK, entry

CALLS = 60


@contextlib.contextmanager
def two(database, folder):
    store = Store(database)
    store.migrate()
    store.close()
    settings = {"LEGWORK_DATABASE": database, "LEGWORK_PATIENT_KEY": str(folder / "patient.key")}
    ports = [free_port(), free_port()]
    processes = [start("--port", str(port), **settings) for port in ports]
    with contextlib.ExitStack() as stack:
        for process in processes:
            stack.enter_context(process)
            stack.callback(process.kill)
        for port, process in zip(ports, processes, strict=True):
            wait_for(port, process)
        clients = [stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)) for port in ports]
        yield clients, processes


def counted(database):
    engine = create_engine(make_url(database.replace("postgresql:", "postgresql+psycopg:")))
    with engine.connect() as connection:
        found = [connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in ("calls", "advice", "feedback")]  # noqa: S608
    engine.dispose()
    return found


def test_what_two_services_show_and_hear_is_all_there_after_they_were_told_to_stop(database, tmp_path):
    with two(database, tmp_path) as (clients, processes):
        for number in range(CALLS):
            (card,) = clients[number % 2].post(REVIEW, json=call()).json()["cards"]
            for client in clients:  # the same is said to both
                said = entry(card["uuid"], outcomeTimestamp="2026-03-01T12:00:00Z")
                assert client.post(FEEDBACK, json={"feedback": [said]}).status_code == 200
        for process in processes:
            process.send_signal(signal.SIGTERM)
        told = [process.communicate(timeout=20)[0] for process in processes]

    assert counted(database) == [CALLS, CALLS, CALLS]
    assert "lost" not in "".join(told)


def test_a_locked_database_holds_up_no_card_and_loses_none(tmp_path):
    database = f"sqlite:///{tmp_path}/l.db"
    with two(database, tmp_path) as (clients, processes):
        lock = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        for number in range(20):
            assert clients[number % 2].post(REVIEW, json=call()).json()["cards"]
        taken = time.monotonic() - begun
        refused = clients[0].post(FEEDBACK, json={"feedback": [entry()]})
        lock.execute("ROLLBACK")
        lock.close()
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.communicate(timeout=20)

    assert (refused.status_code, taken < 10) == (503, True)
    assert counted(database) == [20, 20, 0]
