"""The OpenAPI description holds of the service: every address stands in it, and what is sent by it is answered so."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from cds.app import create_app
from cds.clients import DEVELOPMENT
from cds.fhir.server import FhirServers
from cds.hooks import health
from cds.hooks.feedback import FeedbackRoute
from cds.hooks.routes import HookRoutes
from cds.hooks.shared import SharedKnowledge
from cds.settings import Settings
from tests.contract.tokens import BASE, deployment
from tests.servers.legwork import Running, serving

EXAMPLES = 60
"""Made-up requests for each address: about half a minute's worth."""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method"
)


def routes() -> set[tuple[str, str]]:
    """List method and address of every route but those of pages for people."""
    settings = Settings()
    hooks, feedback = HookRoutes(settings, DEVELOPMENT, FhirServers()), FeedbackRoute(settings, DEVELOPMENT, None)
    found = set()
    for router in (hooks.router, feedback.router, health.router, SharedKnowledge(settings).router):
        for route in router.routes:
            assert isinstance(route, Route)
            found |= {(method.lower(), shape(route.path)) for method in (route.methods or set()) - {"HEAD"}}
    return found


def shape(path: str) -> str:
    """Give an address with its parameters unnamed."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def test_what_is_described_is_what_there_is(client):
    described = client.get("/openapi.json").json()
    operations = {
        (method, shape(path)) for path, item in described["paths"].items() for method in item if method != "parameters"
    }

    assert operations - {("get", "/knowledge/{}")} == routes()


def test_everybody_may_read_the_description(tmp_path):
    with TestClient(create_app(deployment(tmp_path))) as service:
        described = service.get("/openapi.json")

    assert described.status_code == 200
    assert described.json()["servers"] == [{"url": BASE}]


@pytest.fixture
def running() -> Any:
    with serving() as service:
        yield service


def test_whatever_is_made_of_the_description_is_answered_as_it_says(running: Running, tmp_path: Path):
    """CH-Z-01 to Z-15: derandomised and bounded; `schemathesis run http://127.0.0.1:8000/openapi.json` tries more."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{running.address}/openapi.json"]
    options = ["--url", running.address, "--checks", CHECKS, "--max-examples", str(EXAMPLES)]
    options += ["--phases", "examples,coverage,fuzzing", "--generation-deterministic"]
    options += ["--suppress-health-check", "all", "--no-color"]

    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)  # noqa: S603 - ours

    assert done.returncode == 0, done.stdout[-6000:]
