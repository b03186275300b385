"""CORS: clients that run in a browser. https://cds-hooks.hl7.org/2.0/#cross-origin-resource-sharing."""

import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.settings import Settings
from tests.contract.calls import REVIEW, call
from tests.contract.shapes import outcome_of

SANDBOX = "https://sandbox.cds-hooks.org"
STRANGERS = [
    "http://sandbox.cds-hooks.org",
    "https://sandbox.cds-hooks.org.evil.example",
    "https://evil.example/https://sandbox.cds-hooks.org",
    "https://cds-hooks.org",
    "https://sandbox.cds-hooks.org:8443",
    "https://SANDBOX.cds-hooks.org",
    "null",
    "*",
    "",
]
ADDRESSES = ["/cds-services", REVIEW, "/cds-services//leg-ache-review", "/cds-services/leg-ache-encounter"]


def preflight(client, path=REVIEW, origin=SANDBOX, method="POST", **more):
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    return client.options(path, headers={"Origin": origin, **asked, **more})


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_public_sandbox_may_call_every_address(client, path, method):
    """CH-X-01 to X-03: without authentication, both headers named, no wildcard."""
    response = preflight(client, path, method=method)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == SANDBOX
    assert method in response.headers["access-control-allow-methods"]
    allowed = response.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type"} <= set(allowed)
    assert "*" not in allowed


@pytest.mark.parametrize("origin", STRANGERS)
def test_other_origins_may_not(client, origin):
    """CH-X-05, Z-04, Z-14."""
    response = preflight(client, origin=origin)

    outcome_of(response, 400)
    assert "access-control-allow-origin" not in response.headers
    assert "access-control-allow-origin" not in client.get("/cds-services", headers={"Origin": origin}).headers


@pytest.mark.parametrize(
    "wish", [{"Access-Control-Request-Method": "DELETE"}, {"Access-Control-Request-Headers": "x-odd"}]
)
def test_other_methods_and_headers_may_not(client, wish):
    """CH-X-03, Z-04: the answer lets the page read why."""
    response = preflight(client, **wish)

    outcome_of(response, 400)
    assert response.headers["access-control-allow-origin"] == SANDBOX


def test_a_public_page_may_call_a_service_on_the_same_machine(client):
    """CH-X-01: browsers ask this before a page from the internet may reach 127.0.0.1."""
    response = preflight(client, **{"Access-Control-Request-Private-Network": "true"})

    assert response.status_code == 200
    assert response.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/cds-services", "", 200),
        ("POST", REVIEW, call(), 200),
        ("POST", REVIEW, [], 422),
        ("POST", REVIEW, call({}), 412),
        ("POST", "/cds-services/unknown", call(), 404),
        ("PUT", REVIEW, call(), 405),
        ("GET", "/nothing", "", 404),
    ],
)
def test_every_answer_can_be_read_by_the_page_errors_too(client, method, path, body, status):
    """CH-X-04, X-06."""
    response = client.request(method, path, json=body, headers={"Origin": SANDBOX})

    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == SANDBOX
    assert "x-correlation-id" in response.headers["access-control-expose-headers"].lower()
    assert "origin" in response.headers["vary"].lower()


def test_credentials_are_never_asked_for(client):
    """CH-X-05."""
    assert "access-control-allow-credentials" not in preflight(client).headers
    assert "access-control-allow-credentials" not in client.get("/cds-services", headers={"Origin": SANDBOX}).headers


@pytest.mark.parametrize("origin", [None, SANDBOX, "https://evil.example"])
def test_caches_are_told_that_the_origin_matters(client, origin):
    """CH-X-06."""
    headers = {} if origin is None else {"Origin": origin}

    assert "origin" in client.get("/cds-services", headers=headers).headers["vary"].lower()
    assert "origin" in preflight(client, origin=origin or "x").headers["vary"].lower()


def test_a_deployment_may_name_other_origins():
    """CH-X-05."""
    own = "https://ehr.example.org:8443"
    with TestClient(create_app(Settings(cors_origins=(own,)))) as client:
        assert preflight(client, origin=own).status_code == 200
        assert preflight(client).status_code == 400
