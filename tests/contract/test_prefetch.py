"""Prefetch data: https://cds-hooks.hl7.org/2.0/#providing-fhir-resources-to-a-cds-service."""

import random
from typing import Any

import pytest

from tests.contract.calls import (
    NO_IRON_STUDIES,
    PATIENT,
    RESTLESS_LEGS,
    REVIEW,
    SNOMED,
    SOMEBODY_ELSE,
    TYPES,
    bundle,
    call,
    coded,
    condition,
    ferritin,
    prefetch,
    rich,
    without,
)
from tests.contract.shapes import advised, cards_of, outcome_of, told, unknowns

SECRET = "the server said something that concerns nobody"
FAILED = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": SECRET}],
}
NEXT = [{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}]
LOW_IRON = "low-stores"


def answer(client, values):
    return cards_of(client.post(REVIEW, json=call(values)))


def refusal(client, values, *statuses):
    return outcome_of(client.post(REVIEW, json=call(values)), *statuses)


@pytest.mark.parametrize("key", ["patient", "conditions"])
def test_a_required_key_that_is_missing_is_asked_for_by_name(client, key):
    """CH-P-01, P-02, P-09, Z-02."""
    assert f"prefetch.{key}" in refusal(client, without(prefetch(), key), 412)


@pytest.mark.parametrize("key", [key for key in TYPES if key != "conditions"])
def test_any_other_key_may_be_missing(client, key):
    """CH-P-01, P-02, P-10: key by key, not all or nothing."""
    cards_of(client.post(REVIEW, json=call(without(rich()["prefetch"], key))))


def test_the_patient_and_the_problem_list_alone_are_enough_for_an_answer(client):
    """CH-P-10."""
    assert answer(client, {"patient": PATIENT, "conditions": bundle()}) == []


@pytest.mark.parametrize(
    "nothing",
    [
        None,
        bundle(),
        bundle(entry=..., total=0),
        bundle(entry=..., total=...),
        bundle(type=..., total=...),
        bundle({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-found"}]}, total=0),
    ],
    ids=["null", "no entries", "no list of entries", "neither list nor total", "no type", "only an outcome entry"],
)
def test_asked_and_nothing_there_is_an_answer(client, nothing):
    """CH-P-03, P-04, P-06, P-15: known to be absent, so that what is missing can be advised."""
    empty = dict.fromkeys(without(TYPES, "conditions"), nothing)

    assert advised(answer(client, prefetch(RESTLESS_LEGS, **empty))) == [NO_IRON_STUDIES]
    assert answer(client, prefetch(conditions=nothing)) == []


@pytest.mark.parametrize(
    "value", [None, bundle(), FAILED, "Patient/p-1", "123", 5, True, [], [PATIENT], {}, RESTLESS_LEGS]
)
def test_a_patient_who_is_not_there_is_a_failed_precondition(client, value):
    """CH-P-03, P-09, P-12: never an empty list of cards."""
    words = refusal(client, prefetch(RESTLESS_LEGS, patient=value), 412)

    assert "prefetch.patient" in words
    assert SECRET not in words


def test_the_patient_may_come_as_the_match_of_a_search(client):
    """CH-P-15."""
    assert advised(answer(client, prefetch(RESTLESS_LEGS, patient=bundle(PATIENT)))) == [NO_IRON_STUDIES]


@pytest.mark.parametrize("patient", [{**PATIENT, "id": "p-2"}, without(PATIENT, "id"), {**PATIENT, "id": 5}])
def test_a_patient_with_another_id_is_refused(client, patient):
    """CH-P-13."""
    assert "context.patientId" in refusal(client, prefetch(RESTLESS_LEGS, patient=patient), 412, 422)


@pytest.mark.parametrize("value", [FAILED, "123", 5, True, [], [RESTLESS_LEGS], {}, {"resourceType": 5}, PATIENT])
def test_a_problem_list_that_cannot_be_had_is_a_failed_precondition(client, value):
    """CH-P-05, P-09, P-12, P-13."""
    words = refusal(client, prefetch(conditions=value), 412)

    assert "prefetch.conditions" in words
    assert SECRET not in words


@pytest.mark.parametrize("page", [bundle(link=NEXT), bundle(total=7), bundle(link=NEXT, total=...)])
def test_a_page_of_the_problem_list_is_not_the_problem_list(client, page):
    """CH-P-07, P-08: what is on the next page nobody knows."""
    assert "prefetch.conditions" in refusal(client, prefetch(conditions=page), 412)


@pytest.mark.parametrize("page", [bundle(RESTLESS_LEGS, link=NEXT), bundle(RESTLESS_LEGS, total=7)])
def test_advice_from_a_page_says_that_there_is_more(client, page):
    """CH-P-07, P-08."""
    cards = answer(client, prefetch(conditions=page))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == {"problem list (only a part was supplied)"}
    assert "problem list" in cards[0]["detail"]


def test_a_page_with_other_links_is_whole(client):
    """CH-P-07."""
    links = [{"relation": "self", "url": "https://ehr.example.org/fhir"}, {"relation": "next"}, {"relation": "last"}]

    cards = answer(client, prefetch(conditions=bundle(RESTLESS_LEGS, link=links)))

    assert unknowns(cards) == set()


def test_a_failed_query_is_not_taken_for_no_results(client):
    """CH-P-05: with the laboratory unknown nobody may say that iron studies were not found."""
    cards = answer(client, prefetch(RESTLESS_LEGS, labs=FAILED, observations=FAILED))

    assert NO_IRON_STUDIES not in advised(cards)


def test_a_missing_key_is_not_taken_for_no_results(client):
    """CH-P-02."""
    cards = answer(client, without(prefetch(RESTLESS_LEGS), "labs", "observations"))

    assert NO_IRON_STUDIES not in advised(cards)


@pytest.mark.parametrize("key", [key for key in TYPES if key != "conditions"])
@pytest.mark.parametrize("value", [FAILED, "123", 5, [], [PATIENT], {}, {"resourceType": "Binary"}, {"entry": "x"}])
def test_no_value_of_an_optional_key_costs_the_answer(client, key, value):
    """CH-P-05, P-12: unavailable, advise without; and its text is never shown."""
    response = client.post(REVIEW, json=call(prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20))) | {key: value}))

    assert cards_of(response) or key in {"labs", "observations"}
    assert SECRET not in response.text


def test_what_could_not_be_checked_is_named_on_the_card(client):
    """CH-P-05, P-08."""
    visit = rich()["prefetch"]["encounters"]

    cards = answer(client, prefetch(conditions=FAILED, encounters=visit))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == {"problem list (the query failed)"}
    assert cards[0]["detail"].count("problem list") == 1


def test_data_of_another_patient_are_not_used(client):
    """CH-P-13, R-08."""
    others = {"subject": SOMEBODY_ELSE}
    results = bundle({**ferritin(20), **others}, without(ferritin(20, 11), "subject"))

    assert answer(client, prefetch({**RESTLESS_LEGS, **others})) == []
    assert advised(answer(client, prefetch(RESTLESS_LEGS, labs=results))) == [NO_IRON_STUDIES]


BROKEN: list[Any] = [
    None,
    5,
    "x",
    [],
    {},
    {"resourceType": "Condition"},
    {"resourceType": "Condition", "code": 5, "subject": 5, "id": 5},
    {"resourceType": "Condition", "code": {"coding": "x"}, "onsetDateTime": {"x": 1}},
    {"resourceType": "Nonsense", "id": "x"},
    {"resourceType": 5},
    {"resourceType": "OperationOutcome", "issue": []},
]


def test_broken_and_unknown_resources_cost_only_themselves(client):
    """CH-P-06, P-14."""
    whole = answer(client, prefetch(RESTLESS_LEGS))

    mixed = answer(client, prefetch(*BROKEN, RESTLESS_LEGS, *BROKEN))

    assert advised(mixed) == advised(whole)


@pytest.mark.parametrize(
    "entry", [None, 5, "x", [], {}, {"resource": None}, {"fullUrl": 5}, {"fullUrl": "x", "link": 5}]
)
def test_broken_entries_cost_only_themselves(client, entry):
    """CH-P-14."""
    page = bundle(entry=[entry, {"resource": RESTLESS_LEGS}, entry], total=...)

    assert NO_IRON_STUDIES in advised(answer(client, prefetch(conditions=page)))


@pytest.mark.parametrize("entry", [5, "x", [], {"resource": 5}, {"resource": "x"}, {"resource": {"resourceType": 5}}])
def test_a_list_of_which_nothing_could_be_read_is_not_known_to_be_empty(client, entry):
    """CH-P-09, P-14."""
    page = bundle(entry=[entry, entry], total=...)

    assert "prefetch.conditions" in refusal(client, prefetch(conditions=page), 412)
    assert NO_IRON_STUDIES not in advised(answer(client, prefetch(RESTLESS_LEGS, labs=page, observations=page)))


@pytest.mark.parametrize("kind", [..., "collection", "searchset", "history", "batch-response", "", 5, None])
def test_any_type_of_bundle_is_read(client, kind):
    """CH-P-15."""
    assert advised(answer(client, prefetch(conditions=bundle(RESTLESS_LEGS, type=kind)))) == [NO_IRON_STUDIES]


def test_what_real_resources_carry_beside_their_content_does_no_harm(client):
    """CH-P-15, H-29: narrative, primitive extensions, contained resources, partial dates, absent data."""
    absent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    real = {
        **RESTLESS_LEGS,
        "meta": {"versionId": "1", "profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition"]},
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Restless legs</div>'},
        "contained": [{"resourceType": "Practitioner", "id": "x"}],
        "_recordedDate": {"extension": [{"url": absent, "valueCode": "unknown"}]},
        "onsetDateTime": "2019",
        "extension": [{"url": "https://example.org/x", "valueDecimal": 1.50}],
    }

    assert advised(answer(client, prefetch(real))) == [NO_IRON_STUDIES]


def test_the_order_of_entries_means_nothing(client):
    """CH-P-16, R-06: the newest result counts, wherever it stands."""
    results = [ferritin(20, 10), ferritin(200, 400), ferritin(180, 500), ferritin(190, 2000)]
    known = [RESTLESS_LEGS, condition(coded(SNOMED, "38341003", "Hypertension"), id="other")]
    answers = []
    for seed in range(6):
        order = random.Random(seed)  # noqa: S311 - a shuffle in a test
        shuffled, problems = order.sample(results, 4), order.sample(known, 2)
        answers.append(told(answer(client, prefetch(*problems, labs=bundle(*shuffled)))))

    assert LOW_IRON in advised(answers[0])
    assert answers == [answers[0]] * 6


def test_the_same_resource_under_two_keys_counts_once(client):
    """CH-P-01: laboratory results are asked for by category and by code."""
    low = bundle(ferritin(20))

    once = answer(client, prefetch(RESTLESS_LEGS, labs=low))
    twice = answer(client, prefetch(RESTLESS_LEGS, labs=low, observations=low))

    assert LOW_IRON in advised(once)
    assert told(twice) == told(once)


def test_a_key_that_nobody_asked_for_is_not_read(client):
    """CH-P-11, Q-10."""
    assert answer(client, {**prefetch(), "problems": bundle(RESTLESS_LEGS), "ferritin": bundle(ferritin(5))}) == []


def test_a_card_says_how_many_resources_could_not_be_read(client):
    broken = {"resourceType": "Observation", "id": "x", "subject": 5, "code": [[]]}

    results = bundle(ferritin(20), broken)
    card, *_ = answer(client, prefetch(RESTLESS_LEGS, labs=results, observations=results))

    assert "could not be read, wholly or in part: 1." in card["detail"]


def test_a_resource_that_could_not_be_read_makes_no_card_by_itself(client):
    assert answer(client, prefetch(labs=bundle({"resourceType": "Observation", "id": "x", "code": [[]]}))) == []
