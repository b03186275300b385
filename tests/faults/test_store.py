"""The database fails in the middle of things: cards come all the same, and each process still knows its own tokens."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.store import database
from tests.contract.calls import NO_IRON_STUDIES, REVIEW, call
from tests.contract.shapes import advised, cards_of, outcome_of
from tests.contract.tokens import bearer, deployment


@pytest.fixture(autouse=True)
def _asked_each_time(monkeypatch) -> None:
    """A database that failed is asked again at the next call, so that each call meets the fault."""
    monkeypatch.setattr(database, "PAUSE", 0)


def answered_once(service: TestClient) -> None:
    """Check that a call is answered, and its token is not taken again."""
    token = bearer(REVIEW)

    assert advised(cards_of(service.post(REVIEW, json=call(), headers=token))) == [NO_IRON_STUDIES]
    outcome_of(service.post(REVIEW, json=call(), headers=token), 401)


def test_a_database_that_another_process_holds_delays_a_call_by_little(tmp_path, caplog):
    """The store is slow: it has half a second, and then the call goes on without it."""
    with TestClient(create_app(deployment(tmp_path))) as service:
        with held(tmp_path / "legwork.db"):
            answered_once(service)
            assert "the database is not to be had" in caplog.text
        caplog.clear()
        answered_once(service)

    assert "the database is not to be had" not in caplog.text


class held:  # noqa: N801 - reads as a sentence
    """Holds a lock that lets nobody write."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


@pytest.fixture
def full(monkeypatch) -> None:
    """Let databases grow by nothing once their tables are there."""
    usual = database._tune

    def tuned(connection: Any, record: object) -> None:
        usual(connection, record)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if pages > 1:
            connection.execute(f"PRAGMA max_page_count = {pages}").close()

    monkeypatch.setattr(database, "_tune", tuned)


@pytest.mark.usefixtures("full")
def test_a_full_disk_costs_no_card(tmp_path, caplog):
    settings = deployment(tmp_path)
    with TestClient(create_app(settings)):
        pass  # the tables are made while there is room
    with TestClient(create_app(settings)) as service:
        tokens = [bearer() for _ in range(120)]
        first = [service.get("/cds-services", headers=token).status_code for token in tokens]
        again = [service.get("/cds-services", headers=token).status_code for token in tokens]
        answered_once(service)

    assert first == [200] * 120
    assert again == [401] * 120
    assert "the database is not to be had" in caplog.text
    assert "is full" not in caplog.text  # the words of others may hold what was to be written


@pytest.mark.parametrize(
    "content", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 4096], ids=["text", "torn"]
)
def test_a_file_that_is_no_database_costs_no_card(tmp_path, caplog, content):
    (tmp_path / "legwork.db").write_bytes(content)

    with TestClient(create_app(deployment(tmp_path))) as service:
        answered_once(service)
        assert service.get("/ready").json()["status"] == "ready"

    assert "the database is not to be had" in caplog.text


def test_a_database_that_is_taken_away_costs_no_card(tmp_path):
    with TestClient(create_app(deployment(tmp_path))) as service:
        answered_once(service)
        for file in tmp_path.glob("legwork.db*"):
            file.unlink()
        answered_once(service)
