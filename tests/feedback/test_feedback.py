"""Feedback: https://cds-hooks.hl7.org/2.0/#feedback; rows CH-B of the conformance file."""

import json
import time
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.errors import CallError
from cds.hooks import feedback as route
from cds.hooks.feedback import read_feedback
from cds.store import tables
from cds.store.feedback import words_of
from cds.store.patients import PatientKey
from tests.contract.shapes import outcome_of
from tests.feedback.service import DAY, FEEDBACK, entry, stamp

ACCEPTED: dict[str, Any] = {"outcome": "accepted", "acceptedSuggestions": [{"id": str(uuid.UUID(int=1))}]}


def read(*entries):
    return read_feedback(json.dumps({"feedback": list(entries)}).encode())


def test_feedback_is_joined_to_the_card_plan_recommendation_and_version_that_was_shown(service):
    (card,) = service.cards()
    service.set_aside(card)

    (advice,), (said,) = service.rows(tables.advice), service.rows(tables.feedback)
    assert (advice["plan"], advice["recommendation"]) == ("rls", "iron-studies-not-found")
    assert advice["version"] == card["extension"]["org.legwork.advice"][0]["version"]
    assert advice["card"] == said["card"] == card["uuid"]
    assert service.line().reasons == {"patient-declined": 1}


def test_feedback_answers_200_with_a_small_body(service):
    """CH-B-15."""
    answer = service.say(entry(), entry(**ACCEPTED))

    assert answer.status_code == 200
    assert answer.json() == {"received": 2, "kept": 2}


def test_what_is_said_again_is_kept_once(service):
    """CH-B-10."""
    said = [entry(), entry(**ACCEPTED)]
    for _ in range(3):
        assert service.say(*said, *said).status_code == 200

    assert service.count(tables.feedback) == 2


def test_feedback_on_a_card_that_is_not_known_is_kept_as_it_is(service):
    """CH-B-17."""
    assert service.say(entry(), entry("no uuid of ours")).status_code == 200

    assert service.count(tables.feedback) == 2
    assert service.report().unknown_cards == 2


def test_feedback_may_come_before_its_card_is_written_down(service):
    card = str(uuid.uuid4())
    service.say(entry(card))
    (shown,) = service.cards()

    with service.store.begin() as connection:
        connection.execute(tables.advice.update().where(tables.advice.c.card == shown["uuid"]).values(card=card))

    assert service.line().overridden == 1


def test_half_valid_feedback_is_refused_whole(service):
    """CH-B-19."""
    answer = service.say(entry(), entry(outcome="ignored"), entry(**ACCEPTED))

    assert "feedback[1].outcome" in outcome_of(answer, 422)
    assert service.count(tables.feedback) == 0


@pytest.mark.parametrize(
    "members",
    [
        {"card": ...},
        {"card": " "},
        {"card": 5},
        {"card": "x" * 300},
        {"outcome": ...},
        {"outcome": "ignored"},
        {"outcomeTimestamp": ...},
        {"outcomeTimestamp": "yesterday"},
        {"outcomeTimestamp": "2026-03-01"},
        {"outcomeTimestamp": "2026-03-01T12:00:00"},
        {"outcomeTimestamp": "2026-02-30T12:00:00Z"},
        {"outcomeTimestamp": "0001-01-01T00:00:00+14:00"},
        {"outcome": "accepted"},
        {"outcome": "accepted", "acceptedSuggestions": []},
        {"outcome": "accepted", "acceptedSuggestions": [{"id": ""}]},
        {"outcome": "accepted", "acceptedSuggestions": [{"uuid": "x"}]},
        {"overrideReason": {}},
        {"overrideReason": {"reason": {"display": "no code"}}},
        {"overrideReason": {"reason": {"code": ""}}},
        {"overrideReasons": [{}]},
        {"overrideReason": "no object"},
    ],
)
def test_an_entry_that_is_not_as_it_should_be_is_named_and_not_repeated(service, members):
    """CH-B-03 to B-12, CH-Z-13."""
    answer = service.say(entry(**{"overrideReason": {"userComment": "nachtwander"}, **members}))

    assert "feedback[0]" in outcome_of(answer, 422)
    assert "nachtwander" not in answer.text
    assert service.count(tables.feedback) == 0


@pytest.mark.parametrize(
    ("members", "reason", "comment"),
    [
        ({}, None, None),
        ({"overrideReason": None, "acceptedSuggestions": None}, None, None),
        ({"overrideReason": {"reason": {"code": "a"}}}, "a", None),
        ({"overrideReason": {"reason": {"code": "a", "system": "http://x", "display": "A"}}}, "a", None),
        ({"overrideReason": {"userComment": "so"}}, None, "so"),
        ({"overrideReasons": {"reason": {"code": "a"}, "userComment": "so"}}, "a", "so"),
        ({"overrideReasons": [{"reason": {"code": "a"}}, {"userComment": "so"}]}, "a", "so"),
        ({"overrideReason": {"reason": {"code": "of the client's own"}}}, "of the client's own", None),
        ({"topic": {"code": "rls"}, "extension": {"com.epic.x": 1}}, None, None),
    ],
)
def test_every_spelling_of_a_reason_is_understood(members, reason, comment):
    """CH-B-06 to B-11, B-16."""
    (said,) = read(entry(**members))

    assert (said.reason, said.comment) == (reason, comment)


def test_the_words_of_a_reason_may_stand_in_an_extension():
    words = {"com.epic.cdshooks.request.overrideReason.reasonDisplay": "Seen elsewhere"}

    (said,) = read(entry(overrideReasons={"extension": words}))

    assert (said.reason, said.reason_display) == (None, "Seen elsewhere")


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-03-01T12:00:00Z", 0),
        ("2026-03-01T12:00:00.5Z", 500),
        ("2026-03-01t12:00:00.123456789012z", 123),
        ("2026-03-01T13:00:00.010+01:00", 10),
        ("2026-03-01 07:30:00-04:30", 0),
    ],
)
def test_a_moment_may_have_any_zone_and_precision(text, milliseconds):
    """CH-B-09, B-20."""
    (said,) = read(entry(outcomeTimestamp=text))

    assert said.at == 1_772_366_400_000 + milliseconds


def test_of_contradictory_feedback_what_was_said_last_counts(service):
    (card,) = service.cards()
    accepted = {"outcome": "accepted", "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}]}
    service.now += 10
    service.say(entry(card["uuid"], outcomeTimestamp=stamp(service.now - 5)))
    service.say(entry(card["uuid"], outcomeTimestamp=stamp(service.now - 6), **accepted))

    line = service.line()
    assert (line.accepted, line.overridden, line.unanswered) == (0, 1, 0)
    assert service.count(tables.feedback) == 2


def test_a_moment_that_is_yet_to_come_counts_as_that_of_its_receipt(service):
    (card,) = service.cards()
    accepted = {"outcome": "accepted", "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}]}
    service.say(entry(card["uuid"], outcomeTimestamp=stamp(service.now + 400 * DAY)))
    service.now += 10
    service.say(entry(card["uuid"], outcomeTimestamp=stamp(service.now - 1), **accepted))

    assert service.line().accepted == 1


def test_the_card_of_another_client_is_not_known(service):
    (card,) = service.cards()
    service.becomes(name="somebody else")
    service.set_aside(card)

    assert service.line().unanswered == 1
    assert service.report().unknown_cards == 1


def test_a_hundred_thousand_entries_are_kept_all_once(service):
    """CH-N-03."""
    now = stamp(time.time())
    said = [entry(str(uuid.UUID(int=number)), outcomeTimestamp=now) for number in range(route.MOST_ENTRIES)]

    assert service.say(*said).json()["kept"] == len(said)
    assert service.say(*said[:10]).json()["kept"] == 10
    assert service.count(tables.feedback) == len(said)


def test_more_entries_than_a_message_may_have_are_refused(service, monkeypatch):
    monkeypatch.setattr(route, "MOST_ENTRIES", 3)

    outcome_of(service.say(*(entry() for _ in range(4))), 413)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"\xff", 400), (b"[]", 422), (b"{}", 422), (b'{"feedback": {}}', 422)],
)
def test_a_body_that_is_no_feedback_is_refused(service, body, status):
    outcome_of(service.http.post(FEEDBACK, content=body), status)


def test_an_empty_message_is_no_fault(service):
    assert service.say().json() == {"received": 0, "kept": 0}


def test_feedback_that_cannot_be_kept_is_not_said_to_be(service, caplog):
    with service.store.begin() as connection:
        tables.feedback.drop(connection)

    answer = service.say(entry(overrideReason={"userComment": "nachtwander"}))

    outcome_of(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert "nachtwander" not in caplog.text + answer.text


def test_without_a_database_feedback_is_checked_and_not_kept(client):
    assert client.post(FEEDBACK, json={"feedback": [entry()]}).json() == {"received": 1, "kept": 0}
    outcome_of(client.post(FEEDBACK, json={"feedback": [entry(outcome="ignored")]}), 422)


def test_no_zero_character_keeps_a_message_out(service):
    assert service.say(entry("\0", overrideReason={"userComment": "a\0b"})).status_code == 200

    (row,) = service.rows(tables.feedback)
    assert words_of(row["said"], PatientKey.at(service.settings.patient_key)).comment == "a\N{REPLACEMENT CHARACTER}b"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = ("card", "outcome", "outcomeTimestamp", "acceptedSuggestions", "overrideReason", "overrideReasons")


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_entry_is_read_or_refused(members):
    try:
        (said,) = read(entry(**members))
    except CallError:
        return
    assert said.outcome in {"accepted", "overridden"}
