"""A service with a database, whose clients and clock a test may change, and what the tests say to it."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Table, func, select
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from cds.app import create_app
from cds.clients import DEVELOPMENT, Client
from cds.settings import Settings
from cds.store import recording, reports
from cds.store.database import Store
from tests.conftest import HERE
from tests.contract.calls import REVIEW, call

FEEDBACK = f"{REVIEW}/feedback"
DAY = 86_400


class Service:
    """A running service."""

    def __init__(self, database: str, folder: Path, **settings: Any) -> None:
        self.now = time.time()
        self.client: Client = DEVELOPMENT
        self.settings = Settings(database=database, patient_key=folder / "patient.key", **settings)
        self._app = create_app(self.settings, clock=lambda: self.now)
        self.http: Any = TestClient(self._as_client, base_url=HERE)
        inner: Any = self._app
        while not hasattr(inner, "router"):
            inner = inner.app
        self.journal = inner.state.journal
        self.store = inner.state.store

    async def _as_client(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "state": {**scope.get("state", {}), "client": self.client}}, receive, send)

    def becomes(self, **terms: Any) -> None:
        """Change the terms of whoever calls."""
        self.client = DEVELOPMENT.model_copy(update=terms)

    def cards(self, body: dict[str, Any] | None = None) -> list[Any]:
        """Make a call, see it written down, and give the cards."""
        answer = self.http.post(REVIEW, json=body or call())
        assert answer.status_code == 200, answer.text
        assert self.journal.recorder.flush(20)
        cards: list[Any] = answer.json()["cards"]
        return cards

    def say(self, *entries: dict[str, Any]) -> httpx.Response:
        """Send feedback."""
        answer: httpx.Response = self.http.post(FEEDBACK, json={"feedback": list(entries)})
        return answer

    def set_aside(self, card: Any, code: str = "patient-declined", **members: Any) -> None:
        """Override a card now."""
        reason = {"reason": {"code": code}}
        said = entry(card["uuid"], outcomeTimestamp=stamp(self.now), overrideReason=reason, **members)
        assert self.say(said).status_code == 200

    def report(self) -> reports.Report:
        """Count."""
        with self.store.snapshot() as connection:
            return reports.report(connection, reports.Which())

    def line(self, plan: str = "rls") -> reports.Line:
        """Give the one line of a plan."""
        (line,) = (line for line in self.report().lines if line.plan == plan)
        return line

    def rows(self, table: Table) -> list[Any]:
        """Read a table."""
        with self.store.begin() as connection:
            return list(connection.execute(select(table)).mappings())

    def count(self, table: Table) -> int:
        """Count the rows of a table."""
        with self.store.begin() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0


@contextlib.contextmanager
def running(database: str, folder: Path, **settings: Any) -> Iterator[Service]:
    """Run a service that writes down what it has at once, and does not wait for more to be written with it."""
    store = Store(database)
    store.migrate()
    store.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "BATCH_EVERY", 0.001)
        service = Service(database, folder, **settings)
        with service.http:
            yield service


def stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def entry(card: str | None = None, **members: Any) -> dict[str, Any]:
    """Make an entry of feedback: a card overridden, unless `members` say otherwise; those given as ... are left out."""
    made = {
        "card": card or str(uuid.uuid4()),
        "outcome": "overridden",
        "outcomeTimestamp": stamp(time.time()),
        **members,
    }
    return {name: value for name, value in made.items() if value is not ...}
