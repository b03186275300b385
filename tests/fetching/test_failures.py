"""What a server does wrong never changes what a card says, and is told in the log without a word of the patient."""

import time

import pytest

from tests.contract.calls import (
    NO_IRON_STUDIES,
    PATIENT,
    RESTLESS_LEGS,
    REVIEW,
    bundle,
    call,
    ferritin,
    prefetch,
    without,
)
from tests.contract.shapes import advised, outcome_of, told, unknowns
from tests.fetching.asking import (
    ALL_KEYS,
    ELSE,
    FAILED,
    LATE,
    LOW_IRON,
    OBSERVATIONS,
    REFUSED,
    TOKEN,
    TOO_LARGE,
    UNREACHABLE,
    UNREADABLE,
    answer,
    asking,
)
from tests.servers import stub as behaviour
from tests.servers.stub import answering, paged, stub_server, then

WRONG = {
    "silence": (behaviour.never, LATE),
    "a body that drips": (behaviour.dripping, LATE),
    "a body that stops": (behaviour.head_only, LATE),
    "500": (answering(500, b"oh"), FAILED),
    "502 in HTML": (answering(502, b"<html>", "text/html"), FAILED),
    "503 for ever": (answering(503), FAILED),
    "503 with a wait": (answering(503, Retry_After="9"), FAILED),
    "429": (answering(429), FAILED),
    "400": (answering(400), FAILED),
    "401": (answering(401), REFUSED),
    "403": (answering(403), REFUSED),
    "HTML": (answering(200, b"<html>p-1</html>", "text/html"), UNREADABLE),
    "nothing": (answering(200, b""), UNREADABLE),
    "null": (answering(200, b"null"), UNREADABLE),
    "broken JSON": (answering(200, b'{"resourceType": "Bundle"'), UNREADABLE),
    "no UTF-8": (
        answering(200, b'{"resourceType": "Bundle", "x": "\xff"}'),
        UNREADABLE,
    ),
    "a deep body": (answering(200, b"[" * 100_000), UNREADABLE),
    "a compressed body": (
        answering(200, b"\x1f\x8b\x08", Content_Encoding="gzip"),
        UNREADABLE,
    ),
    "a redirect": (answering(302, Location="https://elsewhere.example.org/"), "the FHIR server leads elsewhere"),
    "an OperationOutcome": (answering(200, {"resourceType": "OperationOutcome"}), "the query failed"),
    "another type": (
        answering(200, PATIENT | {"resourceType": "Practitioner"}),
        ELSE,
    ),
    "a search of another type": (
        answering(200, bundle(ferritin(20) | {"resourceType": "Procedure"})),
        ELSE,
    ),
    "too many values": (answering(200, b"[" + b"1," * 800_000 + b"1]"), TOO_LARGE),
    "hanging up": (behaviour.hanging_up, UNREACHABLE),
    "a body cut off": (behaviour.cut_off, UNREACHABLE),
    "no HTTP": (behaviour.no_http, UNREACHABLE),
}


@pytest.mark.parametrize(("wrong", "reason"), WRONG.values(), ids=WRONG)
def test_what_a_server_does_wrong_leaves_the_data_unknown_and_the_card_says_so(
    in_time_for, fhir, caplog, wrong, reason
):
    """CH-F-10, F-16: laboratory results are then not "not found", and what else is known is still said."""
    caplog.set_level("DEBUG")
    fhir.behaviours.update(dict.fromkeys(OBSERVATIONS | {"patient"}, wrong))

    start = time.perf_counter()
    cards = answer(in_time_for(reason), asking(fhir, {"patient": PATIENT}))
    seconds = time.perf_counter() - start

    assert NO_IRON_STUDIES not in advised(cards)
    assert f"laboratory results ({reason})" in cards[0]["detail"].replace("\\", "").replace("&#x27;", "'")
    assert f"labs: {reason}" in caplog.text
    assert "p-1" not in caplog.text
    assert TOKEN not in caplog.text
    assert seconds < 5


@pytest.mark.parametrize("key", ["patient", "conditions"])
@pytest.mark.parametrize(("wrong", "reason"), WRONG.values(), ids=WRONG)
def test_without_what_is_required_the_answer_is_a_failed_precondition(in_time_for, fhir, key, wrong, reason):
    """CH-P-09, F-10, Z-02."""
    fhir.behaviours[key] = wrong

    words = outcome_of(in_time_for(reason).post(REVIEW, json=asking(fhir)), 412)

    assert f"prefetch.{key}" in words
    assert reason in words


def test_a_body_without_end_is_not_read_to_its_end(client, fhir):
    """CH-F-16, Q-10."""
    fhir.behaviours["conditions"] = behaviour.endless

    assert TOO_LARGE in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)


def test_a_type_that_a_server_does_not_have_is_as_if_it_had_never_been_set_up(client, fhir):
    """CH-F-10: equal to an EHR that leaves out the key; other keys of the same area still make it known."""
    fhir.behaviours.update(dict.fromkeys(["statements", "administrations", "answers", "family"], answering(404)))
    by_prefetch = without(prefetch(RESTLESS_LEGS), "statements", "administrations", "answers", "family")

    assert told(answer(client, asking(fhir))) == told(answer(client, call(by_prefetch)))


def test_a_server_that_nobody_is_at_is_said_so(client, fhir):
    with stub_server() as gone:
        base = gone.base

    words = outcome_of(client.post(REVIEW, json=asking(fhir) | {"fhirServer": base}), 412)

    assert "could not be reached" in words


@pytest.mark.parametrize("passing", [answering(503), behaviour.hanging_up, behaviour.cut_off])
def test_what_passes_is_asked_once_more(client, fhir, passing):
    fhir.behaviours["conditions"] = then(passing, behaviour.well)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]
    assert fhir.keys().count("conditions") == 2


def test_a_late_key_costs_only_itself(hurried, fhir):
    """CH-F-16: half of the keys."""
    late = [key for key in ALL_KEYS[1:] if key not in {"conditions", "labs", "observations"}]
    fhir.behaviours.update(dict.fromkeys(late, behaviour.never))
    fhir.values["labs"] = bundle(ferritin(20))

    cards = answer(hurried, asking(fhir))

    assert LOW_IRON in advised(cards)
    assert "not fetched in time" in cards[0]["detail"]


def test_one_deadline_holds_over_all_pages(hurried, fhir):
    """CH-F-16."""
    fhir.behaviours["conditions"] = then(paged(bundle(RESTLESS_LEGS), bundle()), behaviour.never)

    cards = answer(hurried, asking(fhir))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == {"problem list (only a part was supplied)"}
