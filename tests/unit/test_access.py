"""What a token lets us read, and which addresses are a server's own."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.clients import Client
from cds.fhir.access import Access, Grant
from cds.fhir.fetching import is_under

BASE = "https://ehr.example.org/fhir"
LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
SEARCH = "&category=laboratory&_count=500"


def grants(scope: str, kind: str = "Observation", search: str | None = SEARCH) -> Grant:
    return Access(BASE, "token", scope, 300).grants(kind, search)


@pytest.mark.parametrize(
    ("scope", "grant"),
    [
        ("patient/Observation.read", Grant.ALL),
        ("user/*.read", Grant.ALL),
        ("system/Observation.*", Grant.ALL),
        ("patient/Observation.rs", Grant.ALL),
        ("patient/*.cruds", Grant.ALL),
        ("patient/Observation.s", Grant.ALL),
        ("patient/Observation.r", Grant.NONE),
        ("patient/Observation.write", Grant.NONE),
        ("patient/Observation.cud", Grant.NONE),
        ("patient/Condition.read", Grant.NONE),
        ("openid patient/Condition.read vendor/x", Grant.NONE),
        (f"patient/Observation.rs?category={LABORATORY}", Grant.ALL),
        ("patient/Observation.rs?category=laboratory,vital-signs", Grant.ALL),
        ("patient/Observation.rs?category=vital-signs", Grant.NONE),
        ("patient/Observation.rs?category=vital-signs patient/Observation.rs?category=laboratory", Grant.ALL),
        ("patient/Observation.rs?category=vital-signs user/Observation.rs", Grant.ALL),
        ("patient/Observation.rs?category=laboratory&status=final", Grant.PART),
        ("patient/Observation.rs?_security=N", Grant.PART),
        ("", Grant.ALL),
        ("openid fhirUser", Grant.ALL),
        ("patient/Observation.sr", Grant.ALL),
        ("patient/Observation.", Grant.ALL),
    ],
)
def test_scopes_of_both_smart_versions_say_what_may_be_searched(scope, grant):
    """CH-F-15: where no scope is SMART's, the server is asked."""
    assert grants(scope) is grant


def test_a_search_over_more_categories_than_are_granted_gives_a_part():
    assert grants("patient/Observation.rs?category=exam", search="&category=exam,survey") is Grant.PART


def test_a_search_over_no_category_gives_a_part_where_only_a_category_is_granted():
    assert grants(f"patient/Observation.rs?category={LABORATORY}", search="&code=1-8") is Grant.PART


@pytest.mark.parametrize(("scope", "grant"), [("patient/Patient.r", Grant.ALL), ("patient/Patient.s", Grant.NONE)])
def test_a_patient_is_read_and_not_searched(scope, grant):
    assert grants(scope, "Patient", None) is grant


@given(st.text())
def test_any_scope_is_taken(scope):
    assert grants(scope) in Grant


@pytest.mark.parametrize(
    ("access", "client", "obstacle"),
    [
        (Access(BASE, "t", "", 300), Client(fhir_servers=(BASE,)), ""),
        (Access(f"{BASE}/", "t", "", 300), Client(fhir_servers=(BASE,)), ""),
        (Access(BASE), Client(fhir_servers=(BASE,), open_fhir=True), ""),
        (Access(BASE), Client(fhir_servers=(BASE,)), "no token"),
        (Access(BASE, "t", "", 0), Client(fhir_servers=(BASE,), open_fhir=True), "expired"),
        (Access(BASE, "t\r\nX: y", "", 300), Client(fhir_servers=(BASE,), open_fhir=True), "no token"),
        (Access(BASE, "t", "", 300), Client(loopback_fhir=True), "not on the list"),
        (Access("http://[", "t", "", 300), Client(loopback_fhir=True), "not on the list"),
    ],
)
def test_what_stands_in_the_way_is_said(access, client, obstacle):
    """CH-F-07, F-09, F-12."""
    said = access.obstacle(client)

    assert obstacle in said
    assert bool(said) == bool(obstacle)


def test_a_token_is_not_shown_with_the_rest():
    """CH-F-03."""
    assert "secret" not in repr(Access(BASE, "secret", "", 300))


@given(st.one_of(st.text(), st.text().map(BASE.__add__), st.text().map(f"{BASE}/".__add__)))
def test_whatever_is_under_a_base_has_its_origin_and_its_path(address):
    """CH-F-04."""
    if is_under(BASE, address):
        parts = urlsplit(address)
        assert (parts.scheme, parts.hostname, parts.port or 443) == ("https", "ehr.example.org", 443)
        assert parts.username is None
        assert (parts.path + "/").startswith("/fhir/")
        assert "/../" not in parts.path + "/"
