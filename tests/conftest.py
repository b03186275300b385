"""What several kinds of tests share: the application, started once, and the door to it."""

import os
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from cds.app import create_app
from cds.settings import Settings

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
