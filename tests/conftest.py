"""What several kinds of tests share: the application, started once, and the door to it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from cds.app import create_app
from cds.settings import Settings
from tests import postgresql

HERE = "http://127.0.0.1:8000"


@pytest.fixture(scope="session", autouse=True)
def _as_installed() -> Iterator[None]:
    """Run every test under the default settings, whatever the environment of this machine says."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LEGWORK_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def app() -> ASGIApp:
    return create_app(Settings())


@pytest.fixture(scope="session")
def client(app: ASGIApp) -> Iterator[TestClient]:
    """Give a client of the running application, its lifespan included."""
    with TestClient(app, base_url=HERE) as client:
        yield client


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[str]:
    """Give a PostgreSQL server of our own, or say why there is none; where all must be tried, that is a failure."""
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(postgresql.running())
        except postgresql.NotInstalled as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"not tried with PostgreSQL: {error}")
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'legwork.db'}"
    url: str = request.getfixturevalue("_postgresql")
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url
