"""What the cards say of what was fetched: whose data they are, and that it matters not how they came."""

import json
from codecs import BOM_UTF8
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.clients import DEVELOPMENT
from cds.settings import Settings
from tests.conftest import HERE
from tests.contract.calls import (
    AUTHORIZATION,
    NO_IRON_STUDIES,
    PATIENT,
    RESTLESS_LEGS,
    REVIEW,
    SOMEBODY_ELSE,
    SUBJECT,
    TYPES,
    bundle,
    call,
    condition,
    ferritin,
    fixture_call,
    fixture_patients,
    prefetch,
    without,
)
from tests.contract.shapes import advised, cards_of, outcome_of, told
from tests.fetching.asking import HURRY, LOW_IRON, OTHER, SCOPE, TOO_LARGE, UNREADABLE, answer, asking
from tests.servers import stub as behaviour

# Whose data come back.

OTHERS = {**OTHER, "subject": SOMEBODY_ELSE}


@pytest.mark.parametrize("foreign", [OTHERS, without(OTHERS, "subject"), {**OTHERS, "subject": 5}])
def test_an_answer_with_another_patients_data_says_nothing_of_what_is_absent(client, fhir, foreign, caplog):
    """CH-P-13: a server that overlooks the patient; what in its answer is this patient's own still counts."""
    caplog.set_level("INFO")
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, foreign)
    fhir.values["labs"] = fhir.values["observations"] = bundle(ferritin(20, subject=SOMEBODY_ELSE))

    cards = answer(client, asking(fhir))
    fhir.values["conditions"] = bundle(foreign)
    words = outcome_of(client.post(REVIEW, json=asking(fhir)), 412)

    assert LOW_IRON not in advised(cards)
    assert NO_IRON_STUDIES not in advised(cards)
    assert "another or an unnamed patient" in words
    assert "conditions: the FHIR server answered with data of another or an unnamed patient" in caplog.text


@pytest.mark.parametrize("patient", [{**PATIENT, "id": "p-2"}, without(PATIENT, "id"), bundle(PATIENT)])
def test_another_patient_is_not_taken_for_the_one_of_the_call(client, fhir, patient):
    """CH-P-13."""
    fhir.values["patient"] = patient

    assert "prefetch.patient" in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)


def test_outcomes_and_included_resources_in_a_search_are_no_data(client, fhir):
    """CH-P-06."""
    beside = [{"resourceType": "OperationOutcome"}, {"resourceType": "Practitioner", "id": "x"}, {"resourceType": "X"}]
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, *beside, total=1)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]


def test_a_page_of_more_entries_than_are_looked_at_in_one_go_is_too_large(client, fhir):
    """CH-F-16."""
    fhir.values["conditions"] = bundle(entry=[{}] * 20_000)

    assert TOO_LARGE in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)


def test_entries_that_are_no_list_cannot_be_read(client, fhir):
    """CH-F-10."""
    fhir.values["conditions"] = bundle(entry="x")

    assert UNREADABLE in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(BOM_UTF8 + json.dumps(bundle(RESTLESS_LEGS)).encode(), id="a mark of the byte order"),
        pytest.param(json.dumps(bundle(entry={"resource": RESTLESS_LEGS})).encode(), id="one entry, and no list"),
    ],
)
def test_an_answer_with_an_accent_is_read_as_it_is_in_prefetch(client, fhir, body):
    """CH-P-19."""
    fhir.behaviours["conditions"] = behaviour.answering(200, body)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]


def test_entries_that_are_null_are_none(client, fhir):
    """CH-P-04, P-19."""
    fhir.values["labs"] = fhir.values["observations"] = bundle(entry=None, total=0)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]


def test_a_broken_resource_costs_only_itself(client, fhir):
    """CH-P-14."""
    broken = [None, 5, {}, {"resourceType": 5}, {"resourceType": "Condition", "subject": SUBJECT, "code": 5}]
    fhir.values["conditions"] = bundle(*broken, RESTLESS_LEGS, total=...)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]


# Prefetch, fetch and a mix of both.


@pytest.mark.parametrize("patient", fixture_patients(), ids=lambda path: path.name)
def test_prefetch_and_fetch_and_a_mix_give_equal_advice(client, fhir, patient):
    """CH-P-19, F-05."""
    made = fixture_call(patient)
    id_ = made["context"]["patientId"]
    for value in made["prefetch"].values():
        for entry in value.get("entry", ()):
            for member in ("subject", "patient"):
                entry["resource"].pop(member, None)
            name = (
                "patient"
                if entry["resource"]["resourceType"] in {"AllergyIntolerance", "FamilyMemberHistory"}
                else "subject"
            )
            entry["resource"][name] = {"reference": f"Patient/{id_}"}
    fhir.values = made["prefetch"]
    offered = {"fhirServer": fhir.base, "fhirAuthorization": {**AUTHORIZATION, "scope": SCOPE}}
    half = dict(list(made["prefetch"].items())[::2])
    answers = [
        told(cards_of(client.post(REVIEW, json={**made, **offered, "prefetch": values}), id_))
        for values in (made["prefetch"], {}, half, None)
    ]

    assert answers == [answers[0]] * 4


# Large charts.


def test_large_answers_are_read_like_small_ones(client, fhir):
    others = [condition({"text": "x" * 300}, id=f"c-{number}") for number in range(5_000)]
    fhir.values["conditions"] = bundle(*others, RESTLESS_LEGS)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]


def test_what_a_large_call_lacks_is_fetched(client, fhir):
    others = [condition({"text": "x" * 300}, id=f"c-{number}") for number in range(5_000)]

    cards = answer(client, asking(fhir, {"patient": PATIENT, "conditions": bundle(*others, RESTLESS_LEGS)}))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert fhir.keys() == sorted(without(TYPES, "conditions"))


# Cards instead of statuses.


@pytest.fixture(scope="module")
def drawing() -> Iterator[TestClient]:
    """Give a client of a service whose callers draw a failure as "all clear"."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cds.app.DEVELOPMENT", DEVELOPMENT.model_copy(update={"unevaluated": "card"}))
        with TestClient(create_app(Settings(fetch_deadline=HURRY)), base_url=HERE) as client:
            yield client


def test_where_a_client_wants_it_a_card_says_that_nothing_could_be_evaluated(drawing, fhir):
    fhir.behaviours["conditions"] = behaviour.never

    (card,) = answer(drawing, asking(fhir))

    assert card["indicator"] == "info"
    assert "could not be evaluated" in card["summary"]
    assert "problem list (not fetched in time)" in card["detail"].replace("\\", "")


def test_a_missing_patient_is_said_by_that_card_too(drawing):
    (card,) = answer(drawing, call(without(prefetch(), "patient")))

    assert "patient's record (not supplied)" in card["detail"].replace("\\", "")


def test_a_call_that_is_wrong_is_still_an_error(drawing):
    outcome_of(drawing.post(REVIEW, json={}), 422)
