"""The FHIR server that misbehaves, and services that wait for it, some in a hurry."""

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.settings import Settings
from tests.conftest import HERE
from tests.contract.calls import (
    PATIENT,
    RESTLESS_LEGS,
    bundle,
)
from tests.fetching.asking import HURRY, LATE, PATIENCE
from tests.servers.stub import Stub, stub_server


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(fetch_deadline=PATIENCE)), base_url=HERE) as client:
        yield client


@pytest.fixture(scope="module")
def hurried() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(fetch_deadline=HURRY)), base_url=HERE) as client:
        yield client


@pytest.fixture
def in_time_for(client: TestClient, hurried: TestClient) -> Callable[[str], TestClient]:
    """Give the client that waits for a reason, and for no other longer than it must."""
    return lambda reason: hurried if reason == LATE else client


@pytest.fixture
def fhir() -> Iterator[Stub]:
    """Give a server that knows the patient, with restless legs and nothing else."""
    with stub_server() as stub:
        stub.values.update({"patient": PATIENT, "conditions": bundle(RESTLESS_LEGS)})
        yield stub
