"""fixtures/requests: calls to try the service with, whatever the date."""

import json
from collections import Counter

import pytest

from tests.contract.calls import FIXTURES, NO_INDEX, NO_IRON_STUDIES, SERVICES
from tests.contract.shapes import advised, cards_of, outcome_of, resources_of, unknowns

REQUESTS = {path.stem: path for path in FIXTURES.glob("requests/*.json")}


def sent(client, name):
    body = REQUESTS[name].read_bytes()
    return client.post(SERVICES[json.loads(body)["hook"]], content=body)


def test_the_first_call_that_anybody_tries_gets_an_interesting_card(client):
    cards = cards_of(sent(client, "patient-view"), "restless-legs")

    assert {NO_IRON_STUDIES, "dopaminergic-drug"} <= set(advised(cards))
    assert "Pramipexole" in cards[0]["detail"]
    assert len(cards[0]["suggestions"]) == 2


def test_the_start_of_an_encounter_gives_orders_for_that_encounter(client):
    cards = cards_of(sent(client, "encounter-start"), "restless-legs")

    assert advised(cards) == [NO_IRON_STUDIES]
    assert [r["encounter"] for r in resources_of(cards)] == [{"reference": "Encounter/visit-1"}] * 2


def test_a_patient_whose_legs_do_not_ache_gets_no_card(client):
    assert cards_of(sent(client, "no-cards")) == []


def test_an_order_that_is_signed_gets_a_card_about_it(client):
    (card,) = cards_of(sent(client, "order-sign"), "stockings")

    assert advised([card]) == [NO_INDEX]


def test_nothing_chosen_yet_gets_no_card(client):
    assert cards_of(sent(client, "order-select-nothing-chosen")) == []


@pytest.mark.parametrize(("name", "key"), [("missing-patient", "patient"), ("failed-query", "conditions")])
def test_what_is_missing_is_named(client, name, key):
    assert f"prefetch.{key}" in outcome_of(sent(client, name), 412)


def test_what_is_incomplete_is_named_on_the_card(client):
    cards = cards_of(sent(client, "first-page-only"), "restless-legs")

    assert unknowns(cards) >= {"problem list (only a part was supplied)"}


def test_each_example_is_a_call_of_its_own():
    instances = Counter(json.loads(path.read_bytes())["hookInstance"] for path in REQUESTS.values())

    assert len(instances) == len(REQUESTS)
