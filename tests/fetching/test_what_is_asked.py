"""What is fetched, and from whom: https://cds-hooks.hl7.org/2.0/#fhir-resource-access.

The FHIR server is a stub on this machine, and every call comes through the real door.
"""

import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.clients import Client
from cds.settings import Settings, load_settings
from tests.conftest import HERE
from tests.contract.calls import (
    DIABETES,
    NO_INDEX,
    NO_IRON_STUDIES,
    ORDER_SELECT,
    ORDER_SIGN,
    PATIENT,
    RESTLESS_LEGS,
    REVIEW,
    STOCKINGS,
    TYPES,
    bundle,
    prefetch,
    without,
)
from tests.contract.shapes import advised, outcome_of, unknowns
from tests.fetching.asking import ALL_KEYS, OBSERVATIONS, TOKEN, answer, asking
from tests.servers.stub import stub_server

# What is asked, and what is not.


def test_without_any_prefetch_everything_is_fetched(client, fhir):
    """CH-P-01, F-01, F-05."""
    cards = answer(client, asking(fhir))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert fhir.keys() == sorted(ALL_KEYS)
    assert unknowns(cards) == set()


def test_every_request_is_a_read_about_the_patient_with_the_token_in_its_header(client, fhir):
    """CH-F-02, F-04, F-06, F-14, F-17, T-12."""
    answer(client, asking(fhir))

    for asked in fhir.seen:
        assert asked.method == "GET"
        assert "p-1" in asked.target
        assert "{{" not in asked.target
        assert TOKEN not in asked.target
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert asked.headers["accept"] == "application/fhir+json"


def test_what_was_supplied_is_not_fetched(client, fhir):
    """CH-F-06, P-03, P-04, P-05: null and an empty Bundle are known, and a failed query is not asked again."""
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    values = prefetch(RESTLESS_LEGS, labs=None, observations=bundle(), encounters=failed)

    answer(client, asking(fhir, without(values, "orders", "family")))

    assert fhir.keys() == ["family", "orders"]


def test_a_call_with_everything_asks_nothing(client, fhir):
    answer(client, asking(fhir, prefetch(RESTLESS_LEGS)))

    assert fhir.connections == 0


@pytest.mark.parametrize("value", ["123", 5, [], {}, {"resourceType": "Binary"}])
def test_a_value_that_is_none_counts_as_missing(client, fhir, value):
    """CH-P-12."""
    cards = answer(client, asking(fhir, prefetch(conditions=value)))

    assert fhir.keys() == ["conditions"]
    assert advised(cards) == [NO_IRON_STUDIES]


@pytest.mark.parametrize("base", ["", "/", "//"])
def test_a_base_with_and_without_a_slash_at_its_end_is_one(client, fhir, base):
    """CH-F-13."""
    made = asking(fhir) | {"fhirServer": fhir.base + base}

    assert advised(answer(client, made)) == [NO_IRON_STUDIES]
    assert all(asked.target.startswith("/fhir/") and "//" not in asked.target for asked in fhir.seen)


@pytest.mark.parametrize("address", [ORDER_SELECT, ORDER_SIGN])
def test_for_an_order_that_means_nothing_to_us_nothing_is_fetched(client, fhir, address):
    hook = address.removeprefix("/cds-services/leg-ache-")
    made = asking(fhir, {}, hook)
    made["context"]["draftOrders"] = bundle({**STOCKINGS, "code": {"text": "Chest X-ray"}})

    assert answer(client, made, address) == []
    assert fhir.connections == 0


@pytest.mark.parametrize("address", [ORDER_SELECT, ORDER_SIGN])
def test_for_an_order_that_means_something_the_chart_is_fetched(client, fhir, address):
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, DIABETES)

    cards = answer(client, asking(fhir, {}, address.removeprefix("/cds-services/leg-ache-")), address)

    assert advised(cards) == [NO_INDEX]


# Who may be asked, and for what.


def test_a_server_that_is_not_on_the_list_is_never_called(client, fhir, caplog):
    """CH-F-12."""
    caplog.set_level("INFO")
    made = asking(fhir) | {"fhirServer": "https://ehr.example.org/fhir"}

    words = outcome_of(client.post(REVIEW, json=made), 412)

    assert "not on the list" in words
    assert "not on the list" in caplog.text


ODD = ["//[::1", "//127.0.0.1:x/fhir", "//127.0.0.1:99999/fhir", "//2130706433/fhir", "//127.0.0.1.example.org/fhir"]


@pytest.mark.parametrize("base", [*ODD, "//127.0.0.1\\.example.org/fhir", "//löcal/fhir"])
def test_an_address_that_is_odd_harms_nobody(client, fhir, base):
    """CH-F-12."""
    outcome_of(client.post(REVIEW, json=asking(fhir) | {"fhirServer": f"http:{base}"}), 412, 422)


def test_a_server_on_the_list_is_called_and_another_is_not(fhir, monkeypatch):
    """CH-F-12."""
    monkeypatch.setattr("cds.app.DEVELOPMENT", Client(open_fhir=False))
    settings = load_settings(fhir_servers=f"https://ehr.example.org/fhir, {fhir.base}/")
    with stub_server() as other, TestClient(create_app(settings), base_url=HERE) as client:
        assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]
        outcome_of(client.post(REVIEW, json=asking(other)), 412)
        assert other.connections == 0


def test_without_a_token_no_server_is_called_unless_the_clients_terms_say_so(fhir, monkeypatch):
    """CH-F-09."""
    monkeypatch.setattr("cds.app.DEVELOPMENT", Client(loopback_fhir=True))
    with TestClient(create_app(Settings()), base_url=HERE) as client:
        words = outcome_of(client.post(REVIEW, json=without(asking(fhir), "fhirAuthorization")), 412)

    assert "token" in words
    assert fhir.connections == 0


def test_without_a_token_an_open_server_of_a_developer_is_read(client, fhir):
    """CH-F-09: and no empty token is sent."""
    made = without(asking(fhir), "fhirAuthorization")

    assert advised(answer(client, made)) == [NO_IRON_STUDIES]
    assert not any("authorization" in asked.headers for asked in fhir.seen)


@pytest.mark.parametrize("token", [{"expires_in": 0}, {"expires_in": -5}, {"access_token": "two words"}])
def test_a_token_that_cannot_be_used_is_not_used(client, fhir, token):
    """CH-F-07."""
    outcome_of(client.post(REVIEW, json=asking(fhir, **token)), 412)

    assert fhir.connections == 0


LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("patient/Patient.read patient/Condition.read patient/Observation.read", {"conditions", *OBSERVATIONS}),
        ("launch openid fhirUser user/Condition.rs user/Observation.s user/Patient.r", {"conditions", *OBSERVATIONS}),
        ("system/*.cruds", set(TYPES)),
        ("patient/*.*", set(TYPES)),
        ("user/Condition.write user/Condition.cud user/Observation.r", set()),
        (f"patient/Condition.rs patient/Observation.rs?category={LABORATORY}", {"conditions", "labs", "observations"}),
        ("urn:vendor:everything", set(TYPES)),
    ],
)
def test_only_what_the_scope_lets_us_read_is_asked(client, fhir, scope, asked):
    """CH-F-15."""
    client.post(REVIEW, json=asking(fhir, {"patient": PATIENT}, scope=scope))

    assert set(fhir.keys()) == asked


def test_what_a_scope_leaves_out_is_unknown_and_not_absent(client, fhir):
    """CH-F-15."""
    cards = answer(client, asking(fhir, scope="patient/Patient.r patient/Condition.rs"))

    assert NO_IRON_STUDIES not in advised(cards)


def test_what_a_scope_lets_us_read_in_part_is_unknown(client, fhir):
    """CH-F-15: a laboratory's results only, of all that were asked for by their codes."""
    granular = f"patient/Condition.rs?category=problem-list-item patient/Observation.rs?category={LABORATORY}"

    cards = answer(client, asking(fhir, scope=f"patient/Patient.r {granular}"))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == {"problem list (only a part is authorised)", "orders (not authorised)"}


def test_a_listed_name_that_leads_into_this_machine_is_not_called(fhir, monkeypatch):
    """CH-F-12: a list holds names; where they lead is looked at when they are called."""
    named = fhir.base.replace("127.0.0.1", "ehr.example.org")
    monkeypatch.setattr("cds.app.DEVELOPMENT", Client(open_fhir=True))
    monkeypatch.setattr("cds.outbound.system_resolve", _leads_home)
    with TestClient(create_app(load_settings(fhir_servers=named)), base_url=HERE) as client:
        words = outcome_of(client.post(REVIEW, json=asking(fhir) | {"fhirServer": named}), 412)

    assert "could not be reached" in words
    assert fhir.connections == 0


async def _leads_home(host, port):
    return ["127.0.0.1"]
