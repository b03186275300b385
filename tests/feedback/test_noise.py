"""Less noise: what is held back from a client, for how long, and what lifts it."""

import asyncio
import json
import threading
import time

import pytest

from cds.clients import RegisteredClient
from cds.errors import SettingsError
from cds.services import check_topics
from cds.store import memory, tables
from tests.contract.calls import DIABETES, PATIENT, RESTLESS_LEGS, bundle, call, ferritin, prefetch
from tests.contract.shapes import advised
from tests.feedback import month
from tests.feedback.month import Call, body_of
from tests.feedback.service import DAY
from tests.patients.reading import FIXTURES

IRON_KNOWN = {"labs": bundle(ferritin(20)), "observations": bundle(ferritin(20))}
CAUDA_EQUINA = next(n for n, path in enumerate(FIXTURES) if path.name == "cauda-equina-tonight")
SEVERAL = prefetch(RESTLESS_LEGS, DIABETES)


def topics(cards):
    return [card["source"]["topic"]["code"] for card in cards]


def in_encounter(encounter, values=None):
    made = call(values)
    return {**made, "context": {**made["context"], "encounterId": encounter}}


def test_by_default_a_card_that_was_set_aside_comes_again(service):
    service.set_aside(service.cards()[0])

    assert topics(service.cards()) == ["rls"]


def test_a_card_that_was_set_aside_stays_away_for_the_time_the_client_chose(service):
    service.becomes(snooze_days=30)
    (card,) = service.cards()
    service.set_aside(card)

    assert service.cards() == []
    service.now += 29 * DAY
    assert service.cards() == []
    service.now += 2 * DAY
    assert topics(service.cards()) == ["rls"]


def test_each_card_that_is_held_back_is_counted_and_names_the_one_it_is_held_back_for(service):
    service.becomes(snooze_days=30)
    (card,) = service.cards()
    service.set_aside(card)
    service.cards()
    service.cards()

    held = [row for row in service.rows(tables.advice) if row["fate"] == "snoozed"]
    assert (service.line().fired, service.line().shown, service.line().snoozed) == (3, 1, 2)
    assert {(row["because"], row["card"]) for row in held} == {(card["uuid"], None)}


def test_a_new_fact_brings_it_back(service):
    service.becomes(snooze_days=30)
    service.set_aside(service.cards()[0])

    assert "rls" in topics(service.cards(call(prefetch(RESTLESS_LEGS, **IRON_KNOWN))))


def test_a_fact_that_is_gone_does_not(service):
    service.becomes(snooze_days=30)
    two = prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20, 10), ferritin(22, 40)))
    service.set_aside(service.cards(call(two))[0])

    assert "rls" not in topics(service.cards(call(prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20, 10))))))


def test_the_same_resource_under_another_id_is_no_news(service):
    service.becomes(snooze_days=30)
    service.set_aside(service.cards(call(prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20, 10)))))[0])

    again = prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20, 10, id="another")))
    assert "rls" not in topics(service.cards(call(again)))


def test_a_birthday_is_no_news(service):
    service.becomes(snooze_days=30)
    older = PATIENT | {"birthDate": "1967-05-17"}
    service.set_aside(service.cards()[0])

    assert service.cards(call(prefetch(RESTLESS_LEGS, patient=older))) == []


def test_critical_cards_always_come(service):
    service.becomes(snooze_days=30, once_per_encounter=True)
    body = json.loads(body_of(Call("development", "p-9", CAUDA_EQUINA, "e-1", 0)))
    service.now = month.midnight(0)
    critical = [card for card in service.cards(body) if card["indicator"] == "critical"]
    for card in critical:
        service.set_aside(card)

    again = [card for card in service.cards(body) if card["indicator"] == "critical"]
    assert topics(again) == topics(critical) != []


def test_whoever_will_do_it_later_is_asked_again(service):
    service.becomes(snooze_days=30)
    service.set_aside(service.cards()[0], "will-do-later")

    assert topics(service.cards()) == ["rls"]


def test_a_card_that_was_accepted_after_all_is_not_held_back(service):
    service.becomes(snooze_days=30)
    (card,) = service.cards()
    service.set_aside(card)
    service.now += 5
    service.set_aside(card, outcome="accepted", acceptedSuggestions=[{"id": "x"}])

    assert topics(service.cards()) == ["rls"]


def test_what_was_set_aside_for_one_patient_is_not_for_another(service):
    service.becomes(snooze_days=30)
    service.set_aside(service.cards()[0])
    other = {**PATIENT, "id": "p-2"}
    body = call(prefetch(patient=other, conditions=bundle({**RESTLESS_LEGS, "subject": {"reference": "Patient/p-2"}})))
    body["context"]["patientId"] = "p-2"

    assert topics(service.cards(body)) == ["rls"]


def test_what_was_set_aside_at_one_client_is_not_at_another(service):
    service.becomes(snooze_days=30)
    service.set_aside(service.cards()[0])
    service.becomes(snooze_days=30, name="another")

    assert topics(service.cards()) == ["rls"]


def test_a_card_comes_once_in_an_encounter_where_the_client_wants_it(service):
    service.becomes(once_per_encounter=True)

    assert topics(service.cards(in_encounter("e-1"))) == ["rls"]
    assert service.cards(in_encounter("e-1")) == []
    assert topics(service.cards(in_encounter("e-2"))) == ["rls"]
    assert topics(service.cards()) == ["rls"]
    assert service.line().repeated == 1


def test_a_new_fact_brings_it_back_in_the_same_encounter(service):
    service.becomes(once_per_encounter=True)
    service.cards(in_encounter("e-1"))

    assert "rls" in topics(service.cards(in_encounter("e-1", prefetch(RESTLESS_LEGS, **IRON_KNOWN))))


def test_the_card_that_several_share_stays_away_too_when_it_was_set_aside(service):
    service.becomes(snooze_days=30, max_cards=1)
    cards = service.cards(call(SEVERAL))
    service.set_aside(next(card for card in cards if topics([card]) == ["differential"]))

    assert topics(service.cards(call(SEVERAL))) == [topic for topic in topics(cards) if topic != "differential"]


def test_a_plan_that_a_client_has_turned_off_says_nothing_to_it(service):
    service.becomes(plans_off=frozenset({"rls"}))

    assert service.cards() == []
    assert (service.line().off, service.line().fired) == (1, 1)


def test_a_topic_that_there_is_not_cannot_be_turned_off():
    client = RegisteredClient(name="ehr", issuer="x", jwks="x", plans_off=frozenset({"rsl"}))

    with pytest.raises(SettingsError, match=r"ehr\.plans_off: no topic is rsl"):
        check_topics([client])


def test_a_client_may_want_fewer_cards(service):
    service.becomes(max_cards=1)

    assert len(service.cards(call(SEVERAL))) == 2
    assert "differential" in topics(service.cards(call(SEVERAL)))


def test_a_silent_client_is_shown_nothing_and_its_report_says_what_it_would_have_been(service):
    service.becomes(silent=True)

    assert service.cards() == []
    line = service.line()
    assert (line.silent, line.fired, line.shown, line.unanswered) == (True, 1, 1, 0)


def test_a_silent_client_hears_of_no_failure_either(service):
    service.becomes(silent=True)

    assert service.cards(call({})) == []
    assert service.line("all").unevaluated == 1


def test_a_database_that_is_slow_holds_up_no_card(service, monkeypatch):
    service.becomes(snooze_days=30)
    service.set_aside(service.cards()[0])
    release = threading.Event()
    monkeypatch.setattr(memory, "seen", lambda *_: release.wait(20))

    start = time.monotonic()
    answers = [advised(service.cards()) for _ in range(3)]
    taken = time.monotonic() - start
    release.set()

    assert all(answers)
    assert taken < 5
    assert service.journal.unlooked >= 1


def test_a_look_asks_nothing_where_nothing_is_to_be_held_back(service):
    asked = asyncio.run(service.journal.restraint(service.client, "p-1", "e-1"))

    assert (asked.known, service.journal.unlooked) == ({}, 0)
