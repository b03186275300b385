"""Connections: kept for the next call, broken off in time, HTTP/2 where it is offered."""

from collections.abc import Iterator

import pytest
import trustme
from starlette.testclient import TestClient

from cds.app import create_app
from cds.settings import Settings
from tests.conftest import HERE
from tests.contract.calls import (
    NO_IRON_STUDIES,
    PATIENT,
    RESTLESS_LEGS,
    REVIEW,
    TYPES,
    bundle,
)
from tests.contract.shapes import advised, outcome_of
from tests.fetching.asking import ALL_KEYS, PATIENCE, TOKEN, UNREACHABLE, answer, asking
from tests.servers import stub as behaviour
from tests.servers.http2 import tls_server
from tests.servers.stub import answering

# Where the process is spared.


def test_connections_are_kept_for_the_next_call(client, fhir):
    answer(client, asking(fhir))
    first = fhir.connections
    answer(client, asking(fhir))

    assert 0 < first <= len(ALL_KEYS)
    assert fhir.connections == first


def test_what_is_not_waited_for_any_longer_is_broken_off(hurried, fhir):
    fhir.behaviours["conditions"] = behaviour.never

    outcome_of(hurried.post(REVIEW, json=asking(fhir)), 412)

    assert fhir.left_by_client.wait(5)


def test_the_log_tells_keys_and_reasons_in_one_line(client, fhir, caplog):
    caplog.set_level("INFO")
    fhir.behaviours["orders"] = answering(500)
    types = (*TYPES.values(), "Patient")

    answer(client, asking(fhir, scope=" ".join(f"user/{kind}.rs" for kind in types if not kind.startswith("Family"))))

    (line,) = [record.getMessage() for record in caplog.records if "fetched" in record.getMessage()]
    assert "orders: the FHIR server failed" in line
    assert "family: not authorised" in line
    assert "fetched 15 keys" in line


# Over TLS.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority, monkeypatch, tmp_path) -> Iterator[TestClient]:
    """Give a client of a service on a machine that trusts the authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with TestClient(create_app(Settings(fetch_deadline=PATIENCE)), base_url=HERE) as client:
        yield client


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_http2_is_spoken_where_it_is_offered(trusting, authority, protocol, caplog):
    caplog.set_level("DEBUG")
    with tls_server(authority, protocol) as fhir:
        fhir.values.update({"patient": PATIENT, "conditions": bundle(RESTLESS_LEGS)})
        first = answer(trusting, asking(fhir))
        kept = fhir.connections
        second = answer(trusting, asking(fhir))

        assert advised(first) == advised(second) == [NO_IRON_STUDIES]
        assert len(fhir.seen) == 2 * len(ALL_KEYS)
        assert fhir.connections == kept
        assert (":authority" in fhir.seen[0].headers) == (protocol == "h2")
        assert {asked.headers["authorization"] for asked in fhir.seen} == {f"Bearer {TOKEN}"}
    assert TOKEN not in caplog.text


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_token(client, authority):
    """CH-F-04."""
    with tls_server(authority, "http/1.1") as fhir:
        assert UNREACHABLE in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)
        assert fhir.seen == []
