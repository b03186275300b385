"""The demonstration of docker-compose.yml, run as plain processes, once for all tests here."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, select, text

from cds.store.tables import feedback
from tests.contract.test_server import free_port
from tests.deploy.plain import COMPOSE, Composed, Done, Machine, before
from tests.servers.sekmet import sekmet

OURS = {name for name, one in COMPOSE["services"].items() if one["image"] == "legwork"}


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What runs, and what the jobs before it said."""

    composed: Composed
    jobs: dict[str, Done]
    service: str
    public: str
    """The address by which clients call."""
    workers: tuple[int, ...]
    """The ports of the workers behind it."""
    database: str
    """The host and port of PostgreSQL."""

    def cards_of_feedback(self) -> set[str]:
        """Read which cards feedback was kept on."""
        address = f"postgresql+psycopg://legwork@{self.database}/legwork"
        engine = create_engine(address)
        with engine.connect() as connection:
            found = set(connection.scalars(select(feedback.c.card)))
        engine.dispose()
        return found


@pytest.fixture(scope="session")
def compose_database(_postgresql: str) -> str:
    """Give the host and port of PostgreSQL, with the user and the database that Compose asks of it."""
    wanted = COMPOSE["services"]["postgres"]["environment"]
    engine = create_engine(make_url(_postgresql).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {wanted['POSTGRES_DB']} OWNER {wanted['POSTGRES_USER']}"))
    engine.dispose()
    address = make_url(_postgresql)
    return f"{address.host}:{address.port}"


@pytest.fixture(scope="session")
def demonstration(compose_database: str, tmp_path_factory: Any) -> Iterator[Demonstration]:
    """Do what Compose does before its job `ask`: jobs to their end, then the service."""
    folder: Path = tmp_path_factory.mktemp("compose")
    port, public, *workers = (free_port() for _ in range(4))
    with sekmet(tmp_path_factory.mktemp("hapi"), []) as fhir, contextlib.ExitStack() as stack:
        addresses = {
            "@postgres/": f"@{compose_database}/",
            "hapi:8080": fhir.base.split("/")[2],
            "legwork:8000": f"127.0.0.1:{port}",
            "localhost:8443": f"localhost:{public}",
            "dynamic a worker 8000 {\n\t\t\trefresh 2s\n\t\t}": f"to {' '.join(f'127.0.0.1:{one}' for one in workers)}",
        }
        composed, jobs = Composed(Machine(folder, addresses), COMPOSE["services"]["ask"]["command"]), dict[str, Done]()
        for name in before("ask"):
            if name == "legwork":
                stack.enter_context(composed.serving(name, port))
            elif name in OURS:
                jobs[name] = composed.run(name)
                assert jobs[name].code == 0, f"{name}: {jobs[name].said}"
        yield Demonstration(
            composed, jobs, f"http://127.0.0.1:{port}", f"https://localhost:{public}", tuple(workers), compose_database
        )
