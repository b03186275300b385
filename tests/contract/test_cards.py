"""Cards: https://cds-hooks.hl7.org/2.0/#cds-service-response. Their closed shape is checked by `cards_of` each time."""

import re
import time
from pathlib import Path

import pytest

from tests.contract.calls import (
    NO_IRON_STUDIES,
    PATIENT,
    PATIENT_ID,
    RESTLESS_LEGS,
    REVIEW,
    SNOMED,
    bundle,
    call,
    coded,
    condition,
    ferritin,
    fixture_call,
    fixture_patients,
    prefetch,
    rich,
)
from tests.contract.shapes import advised, cards_of, resources_of, told

URGENCY = {"critical": 0, "warning": 1, "info": 2}
CARDS_BESIDE_CRITICAL_ONES = 3 + 1  # and the one that holds the rest


def answer(client, values=None):
    return cards_of(client.post(REVIEW, json=call(values)))


@pytest.fixture(scope="module")
def rich_cards(client):
    return cards_of(client.post(REVIEW, json=rich()))


@pytest.mark.parametrize("folder", fixture_patients(), ids=lambda folder: folder.name)
def test_every_patient_of_the_fixtures_gets_a_valid_answer(client, folder: Path):
    """CH-G-01 to G-08, R-01, R-05 to R-08, C-01 to C-16, S-01 to S-04, A-01 to A-07, L-01 to L-08, O-01 to O-03."""
    made = fixture_call(folder)

    cards = cards_of(client.post(REVIEW, json=made), made["context"]["patientId"])

    indicators = [card["indicator"] for card in cards]
    assert indicators == sorted(indicators, key=URGENCY.__getitem__)
    assert len(cards) - indicators.count("critical") <= CARDS_BESIDE_CRITICAL_ONES


def test_a_card_says_what_why_on_whose_authority_and_what_to_do(client):
    """CH-R-01, C-03 to C-07, C-14, S-01, S-02, A-02, L-01, O-01."""
    (card,) = answer(client)

    assert advised([card]) == [NO_IRON_STUDIES]
    assert "Restless legs" in card["detail"]
    assert card["source"]["url"] in [link["url"] for link in card["links"]]
    assert {s["label"] for s in card["suggestions"]} == {"Ferritin", "Iron, binding capacity and saturation"}
    assert card["overrideReasons"]


def test_there_are_no_system_actions(client):
    """CH-R-03, Y-01 to Y-04: none is agreed with any client."""
    assert list(client.post(REVIEW, json=rich()).json()) == ["cards"]


def test_equal_calls_get_equal_advice_in_equal_order(client):
    """CH-R-06, N-04: only uuids are new."""
    made = rich()

    answers = [told(cards_of(client.post(REVIEW, json=made))) for _ in range(5)]

    assert answers == [answers[0]] * 5


def test_uuids_are_new_for_each_answer(client):
    """CH-C-01, S-02."""
    seen: set[str] = set()
    for _ in range(5):
        cards = cards_of(client.post(REVIEW, json=rich()))
        uuids = [c["uuid"] for c in cards] + [s["uuid"] for c in cards for s in c.get("suggestions", ())]

        assert not seen.intersection(uuids)
        seen.update(uuids)


def test_the_most_urgent_card_comes_first(client):
    """CH-R-07, N-08."""
    cards = answer(client, prefetch(RESTLESS_LEGS, labs=bundle(ferritin(4))))

    assert [card["indicator"] for card in cards] == ["warning", "info"]


def test_an_ordinary_call_is_answered_well_within_half_a_second(client):
    """CH-R-04, N-01."""
    made, times = rich(), []
    for _ in range(5):
        start = time.perf_counter()
        client.post(REVIEW, json=made)
        times.append(time.perf_counter() - start)

    assert min(times) < 0.25


def test_orders_are_drafts_for_the_patient_of_the_call_with_the_reason(client):
    """CH-R-08, A-01, A-03, A-06, A-07, S-05: one action for each suggestion."""
    (card,) = answer(client)

    assert all(len(suggestion["actions"]) == 1 for suggestion in card["suggestions"])
    for resource in resources_of([card]):
        assert resource["reasonReference"] == [{"reference": "Condition/rls"}]
        assert resource["code"]["text"]
    assert {a["type"] for s in card["suggestions"] for a in s["actions"]} == {"create"}


def test_nothing_is_proposed_that_needs_a_resource_of_the_client(rich_cards):
    """CH-A-04, A-05, A-08, A-09: no update and no delete."""
    assert all("id" not in resource for resource in resources_of(rich_cards))


def test_suggestions_may_be_taken_in_any_number(rich_cards):
    """CH-C-10 to C-12, S-03, S-06: `any`, since Epic takes nothing else; and no member of 3.0."""
    behaviours = {card["selectionBehavior"] for card in rich_cards if "suggestions" in card}

    assert behaviours == {"any"}


def test_every_link_is_absolute_complete_and_free_of_the_patient(client, rich_cards):
    """CH-L-02, L-03, L-04, L-06 to L-09, N-07."""
    for link in (link for card in rich_cards for link in card["links"]):
        assert link["type"] == "absolute"
        assert PATIENT_ID not in link["url"]
        assert "?" not in link["url"].replace("/intake?ask=", "/intake/")  # the items to ask, no more


def test_links_to_ourselves_lead_somewhere(client, rich_cards):
    """CH-L-02."""
    own = {
        link["url"] for card in rich_cards for link in card["links"] if link["url"].startswith("http://127.0.0.1:8000/")
    }

    assert own
    assert {client.get(url).status_code for url in own} == {200}


def test_the_source_is_the_publisher_and_never_a_page_about_this_patient(rich_cards):
    """CH-C-05 to C-07."""
    for card in rich_cards:
        assert card["source"]["label"]
        assert "127.0.0.1" not in card["source"].get("url", "")


def test_topics_are_static_codes_one_for_each_card(client, rich_cards):
    """CH-C-09, C-16."""
    codes = [card["source"]["topic"]["code"] for card in rich_cards]
    again = [card["source"]["topic"]["code"] for card in cards_of(client.post(REVIEW, json=rich()))]

    assert len(set(codes)) == len(codes)
    assert again == codes


def test_override_reasons_are_few_and_distinct(rich_cards):
    """CH-O-01 to O-05."""
    for reasons in (card.get("overrideReasons", []) for card in rich_cards):
        assert len({(reason["system"], reason["code"]) for reason in reasons}) == len(reasons)
        assert len(reasons) <= 10


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "https://evil.example/",
    "www.evil.example",
    "mail@evil.example",
    "# heading\n\n- list\n\n| a | b |\n|---|---|",
    "`code` **bold** __bold__ ~~gone~~ *x*",
    "&lt;script&gt; &amp; &#60;",
    "{summary} {0} {egfr.__class__} %s",
    "\u202egnitirw desrever\u2066 \u200b\u0000\u0007\r\n",
    "x" * 5000,
    "\U0001f9b5" * 300,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_the_chart_is_only_text_on_a_card(client, text):
    """CH-C-02, C-13, C-15."""
    code = {"coding": [{"system": SNOMED, "code": "32914008", "display": text}], "text": text}
    result = ferritin(20, note=[{"text": text}], interpretation=[{"text": text}])
    result["referenceRange"] = [{"text": text, "low": {"value": 30, "unit": text}}]
    drug = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "subject": {"reference": "Patient/p-1"}}
    values = prefetch(
        condition(code, id="rls", note=[{"text": text}]),
        labs=bundle(result),
        medications=bundle({**drug, "medicationCodeableConcept": {"text": f"pramipexole {text}"}}),
        patient={**PATIENT, "name": [{"text": text}]},
    )

    cards = answer(client, values)

    assert cards
    for card in cards:
        assert not re.search(r"<[a-z/!]", card["detail"], re.IGNORECASE)
        assert not re.search(r"(?<!\\)\]\(|(?<!\\)!\[|(?<!\\)`|(?<!\\)://|www\.|(?<!\\)@", card["detail"])
        assert not re.search("[\u200b\u202e\u2066\x00\x07\r]", card["detail"])
        assert not any(line.startswith(("# ", "| a", "|---")) for line in card["detail"].splitlines())
        assert len(card["detail"]) < 6000


def test_the_summary_holds_no_escapes(client):
    """CH-C-15: it is shown as it is."""
    for card in answer(client, prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20)))):
        assert not re.search(r"\\|&[a-z]+;|\*\*", card["summary"])


def test_many_topics_at_once_are_folded_into_a_few_cards(client):
    """CH-N-08."""
    folder = next(folder for folder in fixture_patients() if folder.name == "many-causes-at-once")

    cards = cards_of(client.post(REVIEW, json=fixture_call(folder)), "many")

    assert len(cards) - [c["indicator"] for c in cards].count("critical") <= CARDS_BESIDE_CRITICAL_ONES
    assert len(advised(cards)) >= len(cards)


def test_a_card_knows_which_advice_it_carries(client):
    """CH-E-01 to E-03, R-05: what audits read."""
    problems = [RESTLESS_LEGS, condition(coded(SNOMED, "161882006", "Stiff neck"), id="neck")]

    ((card),) = answer(client, prefetch(*problems))

    (advice,) = card["extension"]["org.legwork.advice"]
    assert advice["topic"] == card["source"]["topic"]["code"]
    assert {"fact": "Restless legs", "reference": "Condition/rls"} in advice["basis"]
