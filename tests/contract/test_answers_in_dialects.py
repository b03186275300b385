"""Answers in the dialect of each client, as far as its EHR goes: https://cds-hooks.hl7.org/2.0/#cds-service-response."""

from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from cards.dialects import OWN_CODES, SHAPES
from cds.app import create_app
from cds.clients import Client, Dialect, check_orders
from cds.errors import SettingsError
from cds.services import knowledge
from tests.contract.calls import REVIEW, call, rich
from tests.contract.shapes import advised, cards_of, resources_of, told
from tests.contract.tokens import bearer, deployment

PREFERENCE_LIST = "urn:com.epic.cdshooks.action.code.system.preference-list-item"
in_every_dialect = pytest.mark.parametrize("dialect", SHAPES)


def issuer(name: str) -> str:
    return f"https://{name}.example.org/fhir"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Run a service with a client of every dialect, and one of Epic's without any codes of orders."""
    clients = [
        f'[{name}]\nissuer = "{issuer(name)}"\njwks = "ehr.jwks.json"\ndialect = "{dialect}"\n'
        for name, dialect in [*((dialect, dialect) for dialect in SHAPES), ("bare", "epic")]
    ]
    codes = '[epic.orders]\nferritin = "LEG-FERRITIN"\n'
    settings = deployment(tmp_path_factory.mktemp("clients"), "\n".join([*clients, codes]))
    with TestClient(create_app(settings)) as running:
        yield running


def answer(service: TestClient, client: str, made: Any = None) -> list[dict[str, Any]]:
    headers = bearer(REVIEW, iss=issuer(client))
    return cards_of(service.post(REVIEW, json=call() if made is None else made, headers=headers))


def suggested(cards: list[dict[str, Any]]) -> list[str]:
    return [suggestion["label"] for card in cards for suggestion in card.get("suggestions", ())]


def test_each_dialect_of_the_clients_file_has_its_shape():
    assert set(SHAPES) == set(get_args(Dialect))


@in_every_dialect
def test_every_dialect_is_told_the_same(service, dialect):
    plain, shaped = answer(service, "generic", rich()), answer(service, dialect, rich())

    assert advised(shaped) == advised(plain) != []
    assert [card["detail"] for card in shaped] == [card["detail"] for card in plain]


@in_every_dialect
def test_a_suggestion_is_one_action_and_a_topic_is_alphanumeric(service, dialect):
    """CH-S-05, C-09: the shapes of `cards_of` hold every topic; sandbox: none without actions."""
    for card in answer(service, dialect):
        assert card["source"]["topic"]["code"].isalnum()
        assert all(len(suggestion["actions"]) == 1 for suggestion in card.get("suggestions", ()))


@pytest.mark.parametrize(
    ("dialect", "behaviour"), [("generic", "any"), ("epic", "any"), ("oracle", "at-most-one"), ("sandbox", "any")]
)
def test_a_client_is_given_a_selection_behaviour_that_it_knows(service, dialect, behaviour):
    """CH-C-10, C-11: it treats a card with any other as an error."""
    (card,) = answer(service, dialect)

    assert card["suggestions"]
    assert card["selectionBehavior"] == behaviour


@pytest.mark.parametrize(("dialect", "kept"), [("generic", True), ("epic", True), ("oracle", False), ("sandbox", True)])
def test_links_that_an_ehr_would_take_out_are_not_sent(service, dialect, kept):
    """CH-L-08."""
    cards = answer(service, dialect, rich())

    assert {"links" in card for card in cards} == {kept}


def test_an_order_has_the_clients_own_code_and_no_other(service):
    """CH-A-07."""
    cards = answer(service, "epic")

    (resource,) = resources_of(cards)
    coding = {"system": PREFERENCE_LIST, "code": "LEG-FERRITIN", "display": "Ferritin"}
    assert resource["code"]["coding"] == [coding]


def test_an_order_without_a_code_that_the_client_takes_stays_advice_in_words(service):
    plain, without = answer(service, "generic"), answer(service, "bare")

    assert suggested(plain) == ["Ferritin", "Iron, binding capacity and saturation"]
    assert suggested(answer(service, "epic")) == ["Ferritin"]
    assert suggested(without) == []
    assert all("selectionBehavior" not in card for card in without)
    assert [card["detail"] for card in without] == [card["detail"] for card in plain]


def test_a_dialect_without_anything_of_its_own_is_answered_as_everybody(service):
    assert told(answer(service, "sandbox", rich())) == told(answer(service, "generic", rich()))


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (Client(dialect="epic", orders={"feritin": "X"}), "north.orders.feritin: there is no such order"),
        (
            Client(dialect="oracle", orders={"ferritin": "X"}),
            "north.orders: of no use to the dialect oracle, only to epic",
        ),
    ],
)
def test_codes_of_orders_that_would_never_be_used_stop_the_start(client, words):
    with pytest.raises(SettingsError) as fault:
        check_orders({"north": client}, knowledge().orders, OWN_CODES)

    assert words in str(fault.value)
