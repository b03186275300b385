"""The same patient by prefetch, by fetch, and by a mix, from a real FHIR server: with a token and without one."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.settings import Settings
from tests.conftest import HERE
from tests.contract.calls import AUTHORIZATION, REVIEW, TYPES, bundle, call, fixture_call, fixture_patients, without
from tests.contract.shapes import advised, cards_of, outcome_of, told, unknowns
from tests.servers.sekmet import Loaded, sekmet

NAMES = (
    "cauda-equina-tonight",
    "cold-leg-in-atrial-fibrillation",
    "dehydrated-in-care-home",
    "diabetic-foot-with-fever",
    "drugs-behind-the-legs",
    "electrolytes-near-the-limits",
    "hypothyroid-lis",
    "many-causes-at-once",
    "night-cramps-on-quinine",
    "restless-legs-low-iron",
    "rls-iron-epic",
    "swollen-leg-after-hip-replacement",
)
FIXTURES = [path for path in fixture_patients() if path.name in NAMES]
TOKEN = "opaque-token-1e07"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Give a client of a service with patience: the machine that runs the tests may be busy."""
    with TestClient(create_app(Settings(fetch_deadline=20)), base_url=HERE) as client:
        yield client


@pytest.fixture(scope="module", params=["", TOKEN], ids=["open", "bearer"])
def fhir(request: Any, tmp_path_factory: Any) -> Iterator[Loaded]:
    with sekmet(tmp_path_factory.mktemp("fhir"), FIXTURES, request.param) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def templates(client: TestClient) -> dict[str, str]:
    prefetch: dict[str, str] = client.get("/cds-services").json()["services"][0]["prefetch"]
    return prefetch


def supplied(fhir: Loaded, templates: dict[str, str], patient: str) -> dict[str, Any]:
    """Give the prefetch values as an EHR makes them: it executes each template.

    This server overlooks the patient when it is asked for questionnaire responses, and gives those of all.
    """
    with fhir.client() as client:
        values = {
            key: client.get("/" + template.replace("{{context.patientId}}", patient)).raise_for_status().json()
            for key, template in templates.items()
        }
    found = [entry["resource"] for entry in values["answers"].get("entry", ())]
    own = [r for r in found if r.get("subject", {}).get("reference") == f"Patient/{patient}"]
    return {**values, "answers": bundle(*own)}


def made(fhir: Loaded, patient: str, values: Any) -> dict[str, Any]:
    token = {**AUTHORIZATION, "access_token": TOKEN, "scope": "patient/*.rs"}
    whole = call(values, fhirServer=fhir.base, fhirAuthorization=token if fhir.token else None)
    return {**whole, "context": {**whole["context"], "patientId": patient}}


@pytest.mark.parametrize("name", NAMES)
def test_prefetch_and_fetch_and_a_mix_give_equal_advice(client, fhir, templates, name):
    """CH-P-19, F-01, F-02, F-05, F-09."""
    patient = fhir.patients[name]
    values = supplied(fhir, templates, patient)
    least = {"answers": values["answers"]}
    half = dict(list(values.items())[::2]) | least

    cards = [
        told(cards_of(client.post(REVIEW, json=made(fhir, patient, given)), patient))
        for given in (values, least, half, without(values, *half) | least)
    ]

    assert cards == [cards[0]] * 4


def test_what_a_server_gives_of_other_patients_is_neither_used_nor_taken_for_an_answer(client, fhir):
    """CH-P-13."""
    patient = fhir.patients["restless-legs-low-iron"]

    cards = cards_of(client.post(REVIEW, json=made(fhir, patient, {})), patient)

    words = "questionnaire answers (the FHIR server answered with data of another or an unnamed patient)"
    assert words in cards[0]["detail"].replace("\\", "")


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name)
def test_what_is_fetched_says_what_the_whole_chart_says(client, fhir, fixture):
    """CH-P-19: the templates bring all that matters; and equal silence would prove little."""
    patient = fhir.patients[fixture.name]
    own = {"answers": fixture_call(fixture)["prefetch"]["answers"]}
    for entry in own["answers"]["entry"]:
        entry["resource"]["subject"] = {"reference": f"Patient/{patient}"}

    fetched = advised(cards_of(client.post(REVIEW, json=made(fhir, patient, own)), patient))

    whole = client.post(REVIEW, json=fixture_call(fixture))
    assert fetched
    assert fetched == advised(whole.json()["cards"])


def test_the_pages_of_a_real_server_are_followed_to_the_end(client, fhir, templates):
    """CH-P-07, F-11."""
    patient = fhir.patients["many-causes-at-once"]
    values = supplied(fhir, templates, patient)
    with fhir.client() as server:
        first = {
            key: server.get(f"/{TYPES[key]}?patient={patient}&_count=3").raise_for_status().json()
            for key in ("conditions", "medications")
        }

    cards = cards_of(client.post(REVIEW, json=made(fhir, patient, {**values, **first})), patient)

    assert any(link["relation"] == "next" for page in first.values() for link in page["link"])
    assert told(cards) == told(cards_of(client.post(REVIEW, json=made(fhir, patient, values)), patient))


def test_a_token_that_the_server_does_not_know_fetches_nothing(client, fhir):
    """CH-F-10."""
    patient = fhir.patients["rls-iron-epic"]
    wrong = made(fhir, patient, {})
    wrong["fhirAuthorization"] = {**AUTHORIZATION, "access_token": "stolen", "scope": "patient/*.rs"}

    response = client.post(REVIEW, json=wrong)

    if fhir.token:
        assert "the FHIR server refused" in outcome_of(response, 412)
    else:
        assert unknowns(cards_of(response, patient)) == set()


def test_a_patient_whom_the_server_does_not_know_is_a_failed_precondition(client, fhir):
    """CH-P-09."""
    assert "not found on the FHIR server" in outcome_of(client.post(REVIEW, json=made(fhir, "nobody", {})), 412)
