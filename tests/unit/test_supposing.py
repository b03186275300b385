"""What one more datum would change: found by asking the plan again, and true of every value that is named."""

from decimal import Decimal
from typing import Any

from cds.chart.chart import Chart
from cds.reasoning.plans import Plan
from cds.reasoning.supposing import Supposition, suppositions
from cds.services import differential, plans
from tests.unit.fhir import RESTLESS_LEGS, active, chart_of, ferritin

INTAKE = differential().intake


def _plan(topic: str) -> Plan:
    return next(plan for plan in plans() if plan.topic == topic)


def _found(topic: str, datum: str, *resources: Any) -> dict[str, Supposition]:
    found = suppositions(_plan(topic), chart_of(*resources), INTAKE)
    return {one.value: one for one in found if one.datum == datum}


def _said(chart: Chart) -> set[str]:
    return {advice.name for advice in _plan("iron").advise(chart)}


def test_a_missing_result_is_named_with_the_values_that_would_make_the_plan_speak() -> None:
    found = _found("iron", "Ferritin", active())

    assert list(found) == ["below 15 ng/mL", "at least 15 ng/mL and below 30 ng/mL"]
    assert list(found["below 15 ng/mL"].added) == ["depleted-stores"]
    assert not found["below 15 ng/mL"].replaces


def test_a_newer_result_may_take_away_what_is_said() -> None:
    found = _found("iron", "Ferritin", active(), ferritin(10))

    assert found["at least 30 ng/mL"].removed == ("depleted-stores",)
    assert found["at least 30 ng/mL"].replaces


def test_every_value_that_is_named_does_what_is_said_of_it() -> None:
    without = _said(chart_of(active(RESTLESS_LEGS)))
    effects = {
        value: _said(chart_of(active(RESTLESS_LEGS), ferritin(float(Decimal(value))))) - without
        for value in ("1", "14.9", "15", "29", "30", "75", "75.1", "100", "100.1", "2000")
    }

    found = _found("iron", "Ferritin", active(RESTLESS_LEGS))

    assert {value: set(one.added) for value, one in found.items()} == {
        "below 15 ng/mL": effects["1"] | effects["14.9"],
        "at least 15 ng/mL and below 30 ng/mL": effects["15"] | effects["29"],
        "at least 30 ng/mL and at most 75 ng/mL": effects["30"] | effects["75"],
        "above 75 ng/mL and at most 100 ng/mL": effects["75.1"] | effects["100"],
    }
    assert not effects["100.1"] | effects["2000"]


def test_a_multiple_of_the_laboratorys_limit_is_a_limit_too() -> None:
    statin = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "83367"}]}
    drug = {
        "resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2026-03-01",
        "medicationCodeableConcept": statin, "subject": {"reference": "Patient/p"},
    }  # fmt: skip

    found = _found("druginduced", "Creatine kinase", active(), drug)

    assert "above 2000 U/L" in found
    assert "above 200 U/L" not in found


def test_an_unanswered_question_is_named_with_its_answers() -> None:
    found = _found("radiculopathy", "Does pain run from the back or buttock to below the knee?", active())

    assert list(found) == ["“Yes”"]


def test_where_nobody_complains_no_result_would_change_anything_but_a_complaint_may() -> None:
    assert not _found("iron", "Ferritin")


def test_the_chart_is_left_as_it_was() -> None:
    chart = chart_of(active(), ferritin(10))
    before = _said(chart)

    suppositions(_plan("iron"), chart, INTAKE)

    assert _said(chart) == before
