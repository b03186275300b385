"""The words for red flags: truth tables, and what they ask of a chart."""

from decimal import Decimal
from typing import Any

import pytest

from cds.chart.chart import Area, Chart
from cds.chart.dates import parse_day
from cds.chart.facts import Absence, Fact, Flag, Indicator
from cds.chart.units import Quantity
from cds.reasoning.alarms import aged_answers, alarming, charted, not_charted, weak_alone
from cds.reasoning.answered import answered, scored
from cds.reasoning.criteria import Criterion, all_of, any_of, at_least
from cds.reasoning.findings import Finding, State, met, not_met, unknown
from cds.reasoning.knowledge import Codes, Period, Threshold
from cds.reasoning.listed import complains_of, ever_had, in_hospital, ordered, stayed_in_hospital
from cds.reasoning.measures import highest_of_latest_day, latest
from cds.services import knowledge
from tests.unit.fhir import ICD, SNOMED, SUBJECT, active, chart_of, coded, condition, observation, quantity

MET, NOT_MET, UNKNOWN = State.MET, State.NOT_MET, State.UNKNOWN
WEEK, MONTH, YEAR = Period("week", 7, "proposed"), Period("month", 30, "proposed"), Period("year", 365, "proposed")
STRONG, WEAK = Indicator.CRITICAL, Indicator.INFO


class _Fixed(Criterion):
    """A criterion whose answer is known beforehand."""

    reads = frozenset({"patient"})

    def __init__(self, state: State, cap: Indicator = STRONG, on: str = "", name: str = "it") -> None:
        self.fact = Fact(name=name, cap=cap, on=parse_day(on) if on else None)
        self.state, self.name = state, name

    def _test(self, chart: Chart) -> Finding:
        return {MET: met(self.fact), NOT_MET: not_met(self.fact), UNKNOWN: unknown(self.name)}[self.state]

    def sentence(self) -> str:
        return self.name


def _codes(name: str) -> Codes:
    return knowledge().concepts[name]


def _find(criterion: Criterion, *resources: dict[str, Any], lacking: Area | None = None) -> Finding:
    return criterion.check(chart_of(*resources, unknown={lacking: "not supplied"} if lacking else {}))


def _state(criterion: Criterion, *resources: dict[str, Any], lacking: Area | None = None) -> State:
    return _find(criterion, *resources, lacking=lacking).state


def _limit(value: str, unit: str = "1") -> Threshold:
    return Threshold("limit", Quantity(Decimal(value), unit), "proposed")


# --- free text and old answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [MET, NOT_MET, UNKNOWN])
def test_an_alarm_is_as_true_as_its_part(state: State) -> None:
    assert _state(alarming(_Fixed(state))) is state


def test_words_weigh_as_much_as_codes_in_an_alarm() -> None:
    """2.5: text alone never makes a critical card, beside a code it does its part."""
    weak, strong = _Fixed(MET, WEAK), _Fixed(MET, STRONG)

    assert _find(all_of(weak, strong)).cap is WEAK
    assert _find(all_of(alarming(weak), strong)).cap is STRONG


@pytest.mark.parametrize("word", ["coded", "in words"])
@pytest.mark.parametrize(
    ("onset", "recorded", "cap"),
    [
        ("2026-05-20", None, STRONG),
        ("2026-05", None, Indicator.WARNING),
        ("2026", None, Indicator.WARNING),
        ("2026", "2026-05-20", STRONG),
        ("2026", "2026-05", Indicator.WARNING),
    ],
)
def test_a_month_or_a_year_proves_nothing_acute(word: str, onset: str, recorded: str | None, cap: Indicator) -> None:
    """DS-2: the last day counts for the look-back, never for a critical card."""
    code = {"text": "leg pain"} if word == "in words" else coded("10601006", SNOMED)
    symptom = active(code, onsetDateTime=onset, recordedDate=recorded)

    assert _find(alarming(complains_of(_codes("leg-ache"), within=MONTH, dated=True)), symptom).cap is cap


@pytest.mark.parametrize(
    ("part", "state"),
    [
        (_Fixed(MET, WEAK), MET),
        (_Fixed(MET, Indicator.WARNING), NOT_MET),
        (_Fixed(MET, STRONG), NOT_MET),
        (_Fixed(NOT_MET, WEAK), NOT_MET),
        (_Fixed(UNKNOWN), UNKNOWN),
        (all_of(alarming(_Fixed(MET, WEAK)), _Fixed(MET, STRONG)), NOT_MET),
        (at_least(1, _Fixed(MET, WEAK), _Fixed(UNKNOWN)), MET),
    ],
)
def test_weak_alone(part: Criterion, state: State) -> None:
    assert _state(weak_alone(part)) is state


def test_that_something_is_absent_makes_no_finding_stronger() -> None:
    class Absent(_Fixed):
        def _test(self, chart: Chart) -> Finding:
            return met(Absence(name="it", value="not there"))

    assert _state(weak_alone(all_of(_Fixed(MET, WEAK), Absent(MET)))) is MET


def _form(on: str | None, answer: dict[str, Any], item: str = "sudden") -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "subject": SUBJECT,
        "authored": on,
        "item": [{"linkId": item, "answer": [answer]}],
    }


@pytest.mark.parametrize(
    ("on", "state", "cap"),
    [
        ("2026-05-13", MET, Indicator.CRITICAL),
        ("2026-05-12", MET, Indicator.WARNING),
        ("2026-04-20", MET, Indicator.WARNING),
        ("2026-04-19", UNKNOWN, None),
        (None, UNKNOWN, None),
    ],
)
def test_an_answer_ages(on: str | None, state: State, cap: Indicator | None) -> None:
    """2.3: red-flag answers older than seven days drop to a warning."""
    criterion = answered("sudden", within=MONTH, fresh=WEEK)
    finding = _find(criterion, _form(on, {"valueBoolean": True}))

    assert finding.state is state
    assert cap is None or finding.cap is cap
    assert _state(aged_answers(criterion), _form(on, {"valueBoolean": True})) is (
        UNKNOWN if state is UNKNOWN else MET if cap is Indicator.WARNING else NOT_MET
    )


def test_an_aged_answer_that_is_not_needed_weakens_nothing() -> None:
    aged, fresh = answered("sudden", within=MONTH, fresh=WEEK), _Fixed(MET)
    form = _form("2026-05-01", {"valueBoolean": True})

    assert _state(aged_answers(any_of(aged, fresh)), form) is NOT_MET
    assert _state(aged_answers(at_least(1, aged, fresh)), form) is NOT_MET
    assert _state(aged_answers(all_of(aged, fresh)), form) is MET


def test_an_aged_answer_is_one_fact_for_all_who_ask() -> None:
    one, other = answered("sudden", within=MONTH, fresh=WEEK), answered("sudden", within=YEAR, fresh=WEEK)
    chart = chart_of(_form("2026-05-01", {"valueBoolean": True}))

    assert one.check(chart).basis == other.check(chart).basis


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"valueInteger": 8}, MET),
        ({"valueInteger": 7}, NOT_MET),
        ({"valueDecimal": 8.0}, MET),
        ({"valueString": "bad"}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_an_answer_may_be_a_number(answer: dict[str, Any], state: State) -> None:
    criterion = scored("pain-score", at_least=_limit("8"), within=MONTH)

    assert _state(criterion, _form("2026-05-19", answer, "pain-score")) is state


# --- what came after what ----------------------------------------------------------------------------------------


def test_items_are_named_as_charted_or_not() -> None:
    parts = (_Fixed(MET, name="one"), _Fixed(NOT_MET, name="two"), _Fixed(UNKNOWN, name="three"))

    assert [fact.name for fact in _find(charted(*parts)).basis] == ["one"]
    assert [fact.name for fact in _find(not_charted(*parts)).basis] == ["two", "three"]
    assert _state(charted(*parts[1:])) is NOT_MET
    assert _state(not_charted(parts[0])) is NOT_MET


@pytest.mark.parametrize(
    ("criterion", "sentence"),
    [
        (alarming(_Fixed(MET)), "it"),
        (weak_alone(_Fixed(MET)), "(it) by free text or other weak facts alone"),
        (aged_answers(_Fixed(MET)), "(it) not without answers that are no longer fresh"),
        (charted(_Fixed(MET), _Fixed(MET, name="that")), "charted of: it; that"),
        (
            scored("pain-score", at_least=_limit("8"), within=MONTH),
            "intake answer “pain-score” is at least 8 (at most 30 days old)",
        ),
    ],
)
def test_a_red_flag_reads_as_a_sentence(criterion: Criterion, sentence: str) -> None:
    assert str(criterion) == sentence


# --- sides -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "left", "one"),
    [
        ({"code": {"text": "Pain in left leg"}}, MET, MET),
        ({"code": {"text": "Pain in right leg"}}, NOT_MET, MET),
        ({"code": {"text": "Leg pain, left and right"}}, NOT_MET, NOT_MET),
        ({"code": {"text": "Pain in both legs"}}, NOT_MET, NOT_MET),
        ({"code": {"text": "Leg pain"}}, NOT_MET, NOT_MET),
        ({"bodySite": [{"text": "Left lower leg"}]}, MET, MET),
    ],
)
def test_a_symptom_may_have_to_be_of_one_side(members: dict[str, Any], left: State, one: State) -> None:
    chart = active(**members)

    assert _state(complains_of(_codes("leg-ache"), within=YEAR, side=("left",)), chart) is left
    assert _state(complains_of(_codes("leg-ache"), within=YEAR, side=("left", "right")), chart) is one
    assert _state(complains_of(_codes("leg-ache"), within=YEAR), chart) is MET


def test_a_complaint_may_have_to_be_dated() -> None:
    undated = active(recordedDate=...)

    assert _state(complains_of(_codes("leg-ache"), within=YEAR), undated) is MET
    assert _state(complains_of(_codes("leg-ache"), within=YEAR, dated=True), undated) is NOT_MET
    assert _state(complains_of(_codes("leg-ache"), within=YEAR, dated=True), lacking=Area.PROBLEMS) is UNKNOWN


def test_left_and_right_of_one_day_stay_apart() -> None:
    chart = chart_of(
        active(coded("M79.604", ICD) | {"text": "right"}, id="r"),
        active(coded("M79.605", ICD) | {"text": "left"}, id="l"),
    )

    assert {problem.side for problem in chart.record.problems("leg-ache")} == {"left", "right"}


def _calf(side: str, value: float, on: str = "2026-05-19", unit: str = "cm") -> dict[str, Any]:
    return observation(
        {"text": f"{side} calf circumference"}, id=side, effectiveDateTime=on, valueQuantity=quantity(value, unit)
    )


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ([_calf("left", 40), _calf("right", 37)], MET),
        ([_calf("left", 37), _calf("right", 40)], MET),
        ([_calf("left", 39.9), _calf("right", 37)], NOT_MET),
        ([_calf("left", 400, unit="mm"), _calf("right", 37)], MET),
        ([_calf("left", 40), _calf("right", 37, "2026-05-18")], UNKNOWN),
        ([_calf("left", 40)], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_sides_are_compared_on_one_day(resources: list[dict[str, Any]], state: State) -> None:
    calf = highest_of_latest_day(_codes("calf-circumference"), within=MONTH)

    assert _state(calf.sides_differ_by(_limit("3", "cm")), *resources) is state


# --- a range that came with the result -----------------------------------------------------------------------------


def _d_dimer(value: float, **members: Any) -> dict[str, Any]:
    return observation(
        coded("48065-7"), effectiveDateTime="2026-05-19", valueQuantity=quantity(value, "ng/mL"), **members
    )


def _range(high: int) -> dict[str, Any]:
    return {"referenceRange": [{"high": {"value": high, "unit": "ng/mL"}}]}


def _flag(code: str) -> dict[str, Any]:
    return {"interpretation": [{"coding": [{"code": code}]}]}


@pytest.mark.parametrize(
    ("resource", "above"),
    [
        (_d_dimer(501, **_range(500)), MET),
        (_d_dimer(500, **_range(500)), NOT_MET),
        (_d_dimer(5000), UNKNOWN),
        (_d_dimer(5000, **_flag("H")), MET),
        (_d_dimer(100, **_flag("N")), NOT_MET),
        (_d_dimer(5000, **_flag("A")), UNKNOWN),
        (_d_dimer(400, **_range(500), **_flag("H")), NOT_MET),
    ],
)
def test_a_result_is_judged_by_its_own_range_only(resource: dict[str, Any], above: State) -> None:
    """2.6: D-dimer."""
    measure = latest(_codes("d-dimer"), within=MONTH)
    within = {MET: NOT_MET, NOT_MET: MET, UNKNOWN: UNKNOWN}[above]

    assert _state(measure.above_own_range(), resource) is above
    assert _state(measure.within_own_range(), resource) is within


def test_a_flag_without_a_number_is_judged_as_flagged() -> None:
    flagged = observation(coded("48065-7"), effectiveDateTime="2026-05-19", **_flag("H"))
    measure = latest(_codes("d-dimer"), within=MONTH)

    assert _find(measure.above_own_range(), flagged).cap is Indicator.INFO
    assert _state(measure.flagged(Flag.HIGH), flagged) is MET
    assert _state(measure.within_own_range(), flagged) is NOT_MET


# --- orders, history, stays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("priority", "state"), [("stat", MET), ("asap", MET), ("urgent", MET), ("routine", NOT_MET), (None, NOT_MET)]
)
def test_an_order_may_have_to_be_urgent(priority: str | None, state: State) -> None:
    order = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "priority": priority,
        "code": coded("39420-5"),
        "subject": SUBJECT,
        "authoredOn": "2026-05-19",
    }

    assert _state(ordered(_codes("venous-duplex"), within=MONTH, urgent=True), order) is state
    assert _state(ordered(_codes("venous-duplex"), within=MONTH), order) is MET
    assert _state(ordered(_codes("venous-duplex"), within=MONTH, urgent=True), lacking=Area.ORDERS) is UNKNOWN


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"onsetDateTime": "2026-05-01"}, MET),
        ({"onsetDateTime": "2020-05-01"}, NOT_MET),
        ({"onsetDateTime": "2020-05-01", "abatementDateTime": "2026-05-01"}, MET),
        ({"onsetDateTime": "2020-05-01", "recordedDate": "2026-05-01"}, MET),
        ({}, NOT_MET),
    ],
)
def test_something_of_the_past_may_have_to_be_lately(members: dict[str, Any], state: State) -> None:
    assert _state(ever_had(_codes("leg-ache"), within=MONTH), condition(**members)) is state


def _stay(**members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": SUBJECT,
        **members,
    }


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"reasonCode": [{"coding": [{"system": ICD, "code": "I74.3"}]}]}, MET),
        ({"reasonReference": [{"reference": "Condition/c1"}]}, MET),
        ({"diagnosis": [{"condition": {"reference": "Condition/c1"}}]}, MET),
        ({"reasonReference": [{"reference": "Condition/other"}]}, NOT_MET),
        ({"class": {"code": "AMB"}, "reasonReference": [{"reference": "Condition/c1"}]}, NOT_MET),
        ({}, NOT_MET),
    ],
)
def test_a_stay_may_have_to_be_about_something(members: dict[str, Any], state: State) -> None:
    occlusion = condition(coded("735574006", SNOMED), id="c1", recordedDate="2026-05-19")

    assert _state(in_hospital(_codes("ali-ischaemia")), occlusion, _stay(**members)) is state
    assert _state(in_hospital(_codes("ali-ischaemia")), lacking=Area.ENCOUNTERS) is UNKNOWN


@pytest.mark.parametrize(("service", "state"), [("Vascular surgery", MET), ("Cardiology", NOT_MET)])
def test_a_stay_is_about_the_service_that_cares(service: str, state: State) -> None:
    for element in ({"serviceType": {"text": service}}, {"type": [{"text": service}]}):
        assert _state(in_hospital(_codes("ali-vascular-service")), _stay(**element)) is state


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"status": "finished", "period": {"start": "2026-05-10", "end": "2026-05-13"}}, MET),
        ({"status": "finished", "period": {"start": "2026-05-10", "end": "2026-05-12"}}, NOT_MET),
        ({"status": "finished", "period": {"start": "2026-04-10", "end": "2026-04-20"}}, MET),
        ({"status": "finished", "period": {"start": "2026-04-10", "end": "2026-04-19"}}, NOT_MET),
        ({"status": "finished", "period": {"start": "2026-05-10"}}, NOT_MET),
        ({"status": "cancelled", "period": {"start": "2026-05-10", "end": "2026-05-15"}}, NOT_MET),
        (
            {"class": {"code": "AMB"}, "status": "finished", "period": {"start": "2026-05-10", "end": "2026-05-15"}},
            NOT_MET,
        ),
        ({"period": {"start": "2026-05-17"}}, MET),
        ({"period": {"start": "2026-05-18"}}, NOT_MET),
    ],
)
def test_how_long_a_stay_in_hospital_was(members: dict[str, Any], state: State) -> None:
    criterion = stayed_in_hospital(Period("bed", 3, "proposed"), within=MONTH)

    assert _state(criterion, _stay(**members)) is state
    assert _state(criterion) is NOT_MET
    assert _state(criterion, lacking=Area.ENCOUNTERS) is UNKNOWN
    assert _state(any_of(criterion), _stay(**members)) is state
