"""From advice to cards: ranked, capped, folded, each thing said once."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cards.rendering import Press
from cards.suggestions import Desk
from cards.wording import WORDING
from cds.chart.facts import Indicator
from cds.offline import Opened, open_bundle
from cds.reasoning.assessment import Assessment
from cds.reasoning.plans import Advice, Plan
from cds.services import assess, knowledge

MANY = Path(__file__).parents[2] / "fixtures/patients/many-causes-uscore/bundle.json"
TODAY = dt.date(2026, 5, 15)
URL = "https://legwork.example"


def _opened() -> Opened:
    return open_bundle(MANY.read_bytes(), TODAY)


def _answer(advice: list[Advice] | None = None, max_cards: int = 3, **rest: Any) -> list[dict[str, Any]]:
    chart = _opened().chart
    given = list(assess(chart).advice) if advice is None else advice
    desk = Desk(chart, knowledge().orders, knowledge().vocabulary.analytes, None)
    answer = Press(desk, knowledge().overrides, URL, max_cards).answer(Assessment(given, **rest))
    cards: list[dict[str, Any]] = json.loads(msgspec.json.encode(answer))["cards"]
    return cards


def _advice() -> list[Advice]:
    return list(assess(_opened().chart).advice)


def _topics(card: dict[str, Any]) -> list[str]:
    return [advice["topic"] for advice in card["extension"]["org.legwork.advice"]]


def test_there_are_at_most_max_cards_and_one_for_the_rest() -> None:
    cards = _answer(max_cards=2)

    assert len(cards) == 3
    assert cards[-1]["source"]["topic"]["code"] == "differential"


def test_folding_loses_no_advice() -> None:
    folded = [topic for card in _answer(max_cards=1) for topic in _topics(card)]

    assert sorted(folded) == sorted(advice.plan.topic for advice in _advice())


def test_what_is_folded_keeps_its_second_advice_in_a_line() -> None:
    folded = _answer(max_cards=1)[-1]
    seconds = [a for a in _advice() if a.plan.topic in _topics(folded)]

    assert len(seconds) > len(set(_topics(folded)))
    assert folded["detail"].count("Also: ") == len(seconds) - len(set(_topics(folded)))


def test_of_what_is_folded_the_more_urgent_stands_above_and_is_named() -> None:
    urgent = [replace(a, indicator=Indicator.WARNING) if a.plan.topic == "thyroid" else a for a in _advice()]

    first, folded = _answer(urgent, max_cards=1)

    assert (first["source"]["topic"]["code"], folded["indicator"]) == ("thyroid", "warning")
    assert folded["summary"].endswith("causes to weigh, within days: Magnesium")
    assert folded["detail"].split("\n\n")[1].splitlines()[0].startswith("- **Low magnesium")


def test_a_topic_speaks_once() -> None:
    codes = [card["source"]["topic"]["code"] for card in _answer(max_cards=9)]

    assert len(codes) == len(set(codes))


def test_the_most_urgent_comes_first() -> None:
    advice = _advice()
    last = replace(advice[-1], indicator=Indicator.WARNING)

    cards = _answer([*advice[:-1], last])

    assert cards[0]["indicator"] == "warning"


def test_critical_cards_are_never_folded() -> None:
    critical = [replace(advice, indicator=Indicator.CRITICAL) for advice in _advice()]

    cards = _answer(critical, max_cards=1)

    assert len(cards) == len({advice.plan.topic for advice in critical})
    assert all(WORDING.critical in card["detail"] for card in cards)


def test_the_same_order_is_suggested_once() -> None:
    labels = [s["label"] for card in _answer(max_cards=9) for s in card.get("suggestions", [])]

    assert len(labels) == len(set(labels))


def test_an_order_that_is_open_is_not_suggested_again() -> None:
    bundle = json.loads(MANY.read_bytes())
    patient = next(e["resource"]["id"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    bundle["entry"].append(
        {
            "resource": {
                "resourceType": "ServiceRequest",
                "id": "open",
                "status": "active",
                "intent": "order",
                "subject": {"reference": f"Patient/{patient}"},
                "authoredOn": "2026-05-01",
                "code": {"text": "diabetic foot examination"},
            }
        }
    )
    chart = open_bundle(json.dumps(bundle).encode(), TODAY).chart
    desk = Desk(chart, knowledge().orders, knowledge().vocabulary.analytes, None)
    answer = Press(desk, knowledge().overrides, URL, 9).answer(assess(chart))

    assert "Diabetic foot examination" not in [s.label for card in answer.cards for s in card.suggestions]


def test_draft_orders_are_valid_fhir_for_this_patient() -> None:
    resources = [
        action["resource"]
        for card in _answer(max_cards=9)
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
    ]
    patient = _opened().chart.patient.reference

    assert resources
    for resource in resources:
        ServiceRequest.model_validate(resource)
        assert resource["status"] == "draft"
        assert resource["intent"] == "proposal"
        assert resource["subject"]["reference"] == patient


def test_equal_charts_give_equal_cards_but_for_uuids() -> None:
    def without_uuids(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: without_uuids(value) for key, value in node.items() if key != "uuid"}
        return [without_uuids(item) for item in node] if isinstance(node, list) else node

    assert without_uuids(_answer()) == without_uuids(_answer())


def test_uuids_are_new_for_every_answer() -> None:
    first, second = ({card["uuid"] for card in _answer()} for _ in range(2))

    assert not first & second


def test_every_card_says_that_it_is_draft_and_no_diagnosis() -> None:
    for card in _answer(max_cards=9, view=assess(_opened().chart).view):
        assert "not a diagnosis" in card["detail"]
        assert "not yet approved by a clinician" in card["detail"]


def test_every_fact_of_a_card_is_in_its_extension_with_its_reference() -> None:
    for card in _answer(max_cards=9):
        for advice in card["extension"]["org.legwork.advice"]:
            assert any("reference" in fact for fact in advice["basis"])


def test_a_plan_that_breaks_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(plan: Plan, chart: object, **how: bool) -> list[Advice]:
        if plan.topic == "iron":
            raise ZeroDivisionError
        return sound(plan, chart, **how)  # type: ignore[arg-type]  # the chart is passed on as it came

    sound = Plan.advise
    monkeypatch.setattr(Plan, "advise", broken)

    assessment = assess(_opened().chart)

    assert assessment.failed == ["Iron"]
    assert "thyroid" in {advice.plan.topic for advice in assessment.advice}


def test_a_broken_plan_is_admitted_on_the_first_card() -> None:
    cards = _answer(failed=["Iron"])

    assert "The check “Iron” could not be completed." in cards[0]["detail"]


def test_lost_data_are_admitted_on_a_card_of_their_own_where_there_is_no_other() -> None:
    (card,) = _answer([], lost=["laboratory results (the query failed)"])

    assert "laboratory results (the query failed)" in card["detail"]
    assert card["indicator"] == "info"


def _cards_of(slug: str) -> list[dict[str, Any]]:
    return _cards((MANY.parents[1] / slug / "bundle.json").read_bytes())


def _cards(bundle: bytes) -> list[dict[str, Any]]:
    opened = open_bundle(bundle, dt.date(2026, 11, 22))
    desk = Desk(opened.chart, knowledge().orders, knowledge().vocabulary.analytes, None)
    answer = Press(desk, knowledge().overrides, URL).answer(assess(opened.chart))
    cards: list[dict[str, Any]] = json.loads(msgspec.json.encode(answer))["cards"]
    return cards


def test_a_topic_that_would_repeat_a_card_above_has_no_card_of_its_own() -> None:
    cards = _cards_of("potassium-low-on-thiazide")

    assert [card["source"]["topic"]["code"] for card in cards] == ["potassium", "nocturnalcramps", "differential"]
    assert _topics(cards[-1]) == ["druginduced"]


def test_one_resource_read_as_the_narrower_and_the_wider_thing_is_said_once() -> None:
    first, *_ = _cards_of("potassium-low-on-thiazide")

    assert first["detail"].count("reason for the visit") == 1


def test_a_result_in_a_unit_without_limits_of_its_own_is_converted_beside_it() -> None:
    details = [card["detail"] for card in _cards_of("kidneys-unnoticed")]

    assert any("**12.4 mg/mmol** (= 110 mg/g; " in detail for detail in details)


def test_a_drug_is_dated_from_the_first_of_its_prescriptions() -> None:
    bundle = json.loads((MANY.parents[1] / "potassium-low-on-thiazide" / "bundle.json").read_bytes())
    written = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "MedicationRequest"]
    renewed = [one | {"id": f"renewed-{one['id']}", "authoredOn": "2026-11-21"} for one in written]
    bundle["entry"] += [{"resource": one} for one in renewed]

    first, *_ = _cards(json.dumps(bundle).encode())

    assert "2025-03-10" in first["detail"]
    assert "2026-11-21" not in first["detail"]


def test_what_two_recommendations_of_a_topic_say_is_said_once() -> None:
    bundle = json.loads((MANY.parents[1] / "potassium-low-on-thiazide" / "bundle.json").read_bytes())
    results = [e["resource"] for e in bundle["entry"] if e["resource"].get("code", {}).get("text") == "Potassium"]
    newest = max(results, key=lambda one: str(one["effectiveDateTime"]))
    newest["valueQuantity"]["value"] = 3.3
    early = newest | {"id": "early", "status": "preliminary", "effectiveDateTime": "2026-11-21T07:00:00Z"}
    bundle["entry"].append({"resource": early | {"valueQuantity": newest["valueQuantity"] | {"value": 2.3}}})

    first, *_ = _cards(json.dumps(bundle).encode())

    assert "Also: Potassium 3.3" in first["detail"]
    assert first["detail"].count("Potassium imbalance can cause cramps and aching of the legs") == 1


def test_self_care_is_said_once() -> None:
    details = [card["detail"] for card in _cards_of("answers-only")]

    assert sum(detail.count("Stretching calves and thighs before bed.") for detail in details) == 1


def test_the_differential_says_what_speaks_for_a_cause_and_asks_what_would_part_them() -> None:
    differential = _cards_of("many-causes-at-once")[-1]

    assert "For it: abnormal ankle-brachial index (0.58, 2026-10-20)" in differential["detail"]
    assert "What eases it?" in differential["detail"]
    assert any(link["url"].startswith(f"{URL}/intake?ask=") for link in differential["links"])
