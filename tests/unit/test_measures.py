"""Measures: which result decides, and what a limit says of it (DS-4 to DS-6, DS-10 to DS-12, DS-16, DS-24)."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.chart.chart import Area
from cds.chart.facts import Absence, Flag, Indicator
from cds.chart.units import Quantity
from cds.reasoning.calculations import OSMOLARITY, POSTURAL_PRESSURE_FALL, TRANSFERRIN_SATURATION
from cds.reasoning.comparisons import Chosen
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import Finding, State
from cds.reasoning.knowledge import Period, Threshold
from cds.reasoning.measures import (
    Measure,
    highest,
    highest_of_latest_day,
    latest,
    latest_even_preliminary,
    latest_near,
    lowest_of_latest_day,
    unreadable,
)
from cds.services import knowledge
from tests.unit.fhir import B12, FERRITIN, HBA1C, LOINC, POTASSIUM, TSH, chart_of, ferritin, observation, quantity

MET, NOT_MET, UNKNOWN = State.MET, State.NOT_MET, State.UNKNOWN
YEAR, MONTH = Period("year", 365, "proposed"), Period("month", 30, "proposed")


def _limit(value: Any, unit: str) -> Threshold:
    return Threshold("limit", Quantity(Decimal(str(value)), unit), "proposed")


def _measure(analyte: str = "ferritin", **options: Any) -> Measure:
    return latest(knowledge().concepts[analyte], within=YEAR, **options)


def _find(criterion: Criterion, *resources: dict[str, Any], **options: Any) -> Finding:
    return criterion.check(chart_of(*resources, **options))


def _state(criterion: Criterion, *resources: dict[str, Any], **options: Any) -> State:
    return _find(criterion, *resources, **options).state


def _chosen(measure: Measure, *resources: dict[str, Any], **options: Any) -> Chosen:
    return measure.choose(chart_of(*resources, **options))


SEVENTY_FIVE = _limit(75, "ng/mL")

# --- at the limit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "below", "at_most"),
    [("74.9", MET, MET), ("75", NOT_MET, MET), ("75.0", NOT_MET, MET), ("75.1", NOT_MET, NOT_MET)],
)
def test_a_number_at_the_limit_is_at_most_and_at_least_it(value: str, below: State, at_most: State) -> None:
    opposite = {MET: NOT_MET, NOT_MET: MET}
    resource = ferritin(float(value))

    assert _state(_measure().below(SEVENTY_FIVE), resource) is below
    assert _state(_measure().at_least(SEVENTY_FIVE), resource) is opposite[below]
    assert _state(_measure().at_most(SEVENTY_FIVE), resource) is at_most
    assert _state(_measure().above(SEVENTY_FIVE), resource) is opposite[at_most]


@pytest.mark.parametrize(
    ("text", "below", "at_most"),
    [
        ("<74", MET, MET),
        ("<75", MET, MET),
        ("<=75", MET, MET),
        ("<76", UNKNOWN, UNKNOWN),
        ("<=76", UNKNOWN, UNKNOWN),
        (">76", NOT_MET, NOT_MET),
        (">75", NOT_MET, NOT_MET),
        (">=75", NOT_MET, NOT_MET),
        (">74", UNKNOWN, UNKNOWN),
        (">=74", UNKNOWN, UNKNOWN),
    ],
)
def test_a_comparator_settles_only_what_it_can(text: str, below: State, at_most: State) -> None:
    """DS-10: `x < T` is true of `<v` if v <= T, `x > T` of `>v` if v >= T; else nobody can tell."""
    resource = observation(FERRITIN, valueString=f"{text} ng/mL")
    opposite = {MET: NOT_MET, NOT_MET: MET, UNKNOWN: UNKNOWN}

    assert _state(_measure().below(SEVENTY_FIVE), resource) is below
    assert _state(_measure().at_least(SEVENTY_FIVE), resource) is opposite[below]
    assert _state(_measure().at_most(SEVENTY_FIVE), resource) is at_most
    assert _state(_measure().above(SEVENTY_FIVE), resource) is opposite[at_most]


@pytest.mark.parametrize(
    ("analyte", "code", "text", "question", "state"),
    [
        ("ferritin", FERRITIN, "<5 ng/mL", ("at_most", 75, "ng/mL"), MET),
        ("egfr", "33914-3", ">60", ("below", 60, "mL/min/{1.73_m2}"), NOT_MET),
        ("egfr", "33914-3", ">90", ("below", 60, "mL/min/{1.73_m2}"), NOT_MET),
        ("tsh", TSH, "<20 mIU/L", ("above", 10, "m[IU]/L"), UNKNOWN),
        ("b12", B12, ">2000 ng/L", ("below", 180, "ng/L"), NOT_MET),
    ],
)
def test_the_examples_of_the_rule_hold(
    analyte: str, code: str, text: str, question: tuple[str, int, str], state: State
) -> None:
    """DS-10."""
    word, value, unit = question
    criterion = getattr(_measure(analyte), word)(_limit(value, unit))

    assert _state(criterion, observation(code, valueString=text)) is state


@pytest.mark.parametrize(
    ("value", "state"),
    [(14.9, NOT_MET), (15, MET), (29.9, MET), (30, NOT_MET), ("<10", NOT_MET), ("<20", UNKNOWN), (">30", NOT_MET)],
)
def test_between_takes_the_lower_limit_and_leaves_the_higher_one(value: Any, state: State) -> None:
    resource = observation(FERRITIN, valueString=f"{value} ng/mL")

    assert _state(_measure().between(_limit(15, "ng/mL"), _limit(30, "ng/mL")), resource) is state


@pytest.mark.parametrize(
    ("analyte", "code", "limit", "at", "under"),
    [
        ("hba1c", HBA1C, "48 mmol/mol", "6.5 %", "6.4 %"),
        ("hba1c", HBA1C, "48 mmol/mol", "48 mmol/mol", "47 mmol/mol"),
        ("vitamin-d", "1989-3", "50 nmol/L", "20 ng/mL", "19.9 ng/mL"),
        ("magnesium", "19123-9", "0.70 mmol/L", "1.7 mg/dL", "1.6 mg/dL"),
        ("b12", "14685-2", "180 ng/L", "133 pmol/L", "132.9 pmol/L"),
        ("glucose", "2345-7", "7.0 mmol/L", "126 mg/dL", "125 mg/dL"),
        ("haemoglobin", "718-7", "120 g/L", "12.0 g/dL", "11.9 g/dL"),
    ],
)
def test_a_limit_holds_in_the_unit_of_the_result(analyte: str, code: str, limit: str, at: str, under: str) -> None:
    """DS-24: each of these lands on the wrong side when it is converted."""
    low = _measure(analyte).below(_limit(*limit.split()))

    assert _state(low, observation(code, valueString=at)) is NOT_MET
    assert _state(low, observation(code, valueString=under)) is MET


def test_an_index_is_compared_as_it_is_rounded() -> None:
    """Vascular 4.1: on two decimals."""
    low = _measure("ankle-brachial-index").at_most(_limit("0.90", "1"))

    assert _state(low, observation("77194-9", valueQuantity=quantity(0.904, "1"))) is MET
    assert _state(low, observation("77194-9", valueQuantity=quantity(0.905, "1"))) is NOT_MET
    assert _state(low, observation("77194-9", valueQuantity=quantity(90.4, "%"))) is MET


_values = st.decimals(min_value=Decimal("0.6"), max_value=Decimal(9999), places=2)
_forms = st.tuples(st.sampled_from(["", "<", "<=", ">", ">="]), _values, st.sampled_from(["ng/mL", "ug/L", "pmol/L"]))


@given(_forms, _values)
def test_no_result_is_both_below_a_limit_and_at_least_it(form: tuple[str, Decimal, str], limit: Decimal) -> None:
    comparator, value, unit = form
    resource = observation(FERRITIN, valueQuantity=quantity(str(value), unit, comparator=comparator))
    measure, threshold = _measure(), _limit(limit, "ng/mL")

    states = [_state(getattr(measure, word)(threshold), resource) for word in ("below", "at_least", "at_most", "above")]

    below, at_least, at_most, above = states
    assert {below, at_least} in ({MET, NOT_MET}, {UNKNOWN})
    assert {at_most, above} in ({MET, NOT_MET}, {UNKNOWN})
    assert not (below is MET and above is MET)
    assert not (below is MET and at_most is NOT_MET)


# --- which result decides ----------------------------------------------------------------------------------------


def test_the_newest_result_in_the_look_back_decides() -> None:
    """DS-5, DS-6."""
    new, old = (
        ferritin(10, id="n", effectiveDateTime="2026-05-01"),
        ferritin(99, id="o", effectiveDateTime="2026-04-01"),
    )
    chosen = _chosen(_measure(), old, new)

    assert chosen.result is not None
    assert (chosen.result.number, chosen.others) == (Decimal(10), ())


@pytest.mark.parametrize(
    ("on", "inside"), [("2025-05-20", True), ("2025-05-19", False), ("2025", True), ("2024", False)]
)
def test_a_result_older_than_the_look_back_was_only_last_measured(on: str, inside: bool) -> None:
    """DS-6: a year counts as its last day."""
    chosen = _chosen(_measure(), ferritin(effectiveDateTime=on))

    assert (chosen.result is not None) is inside
    assert (chosen.last is not None) is not inside


def test_an_old_result_satisfies_no_limit_and_counts_as_not_done() -> None:
    """DS-6."""
    old = ferritin(10, effectiveDateTime="2020-01-01")

    assert _state(_measure().below(SEVENTY_FIVE), old) is UNKNOWN
    (absence,) = _find(_measure().missing(), old).basis
    assert absence.notes == ("last measured 2020-01-01: 10 ng/mL",)


def test_a_test_left_aside_is_named_only_where_it_was_once_done() -> None:
    """Four kinds of calcium that were never measured are one line on a card."""
    (never,) = _find(_measure().missing(aside=True)).basis
    (once,) = _find(_measure().missing(aside=True), ferritin(10, effectiveDateTime="2020-01-01")).basis

    assert isinstance(never, Absence)
    assert isinstance(once, Absence)
    assert (never.worth_saying, once.worth_saying) == (False, True)


def test_an_undated_result_counts_only_alone_and_for_information() -> None:
    """DS-4."""
    undated = ferritin(10, id="u", effectiveDateTime=...)
    alone = _chosen(_measure(), undated).result

    assert alone is not None
    assert (alone.number, alone.cap) == (Decimal(10), Indicator.INFO)
    assert "date not recorded" in alone.notes
    assert _chosen(_measure(), undated, ferritin(effectiveDateTime="2020-01-01")).result is None


def test_results_of_the_same_time_that_differ_are_both_cited_and_never_critical() -> None:
    """DS-5."""
    at_ten = {"effectiveDateTime": "2026-05-19T10:00:00Z"}
    chosen = _chosen(_measure(), ferritin(10, id="a", **at_ten), ferritin(12, id="b", **at_ten))

    assert chosen.result is not None
    assert chosen.result.cap is Indicator.WARNING
    assert "another result of the same time differs" in chosen.result.notes
    assert len(chosen.others) == 1


def test_equal_results_of_the_same_time_are_one() -> None:
    """DS-5."""
    at_ten = {"effectiveDateTime": "2026-05-19T10:00:00Z"}
    chosen = _chosen(_measure(), ferritin(10, id="a", **at_ten), ferritin(10, id="b", **at_ten))

    assert chosen.result is not None
    assert (chosen.result.cap, chosen.others) == (Indicator.CRITICAL, ())


def test_an_unreadable_result_is_not_replaced_by_an_older_one() -> None:
    """DS-16."""
    broken = ferritin(20, "furlong", id="b")
    resources = (broken, ferritin(10, id="o", effectiveDateTime="2026-04-01"))

    finding = _find(_measure().below(SEVENTY_FIVE), *resources)

    assert finding.state is UNKNOWN
    assert finding.unknown == ("Ferritin (unit 'furlong' not understood)",)
    assert _state(_measure().missing(), *resources) is MET
    assert _state(_measure().known(), *resources) is NOT_MET
    assert _state(unreadable(_measure(), _measure("tsh")), *resources) is MET


def test_results_set_aside_are_named_where_nothing_else_is_wrong() -> None:
    """DS-3, DS-17."""
    ahead = ferritin(id="a", effectiveDateTime="2027-01-01")
    misnamed = observation({"coding": [{"system": LOINC, "code": FERRITIN, "display": "Albumin"}]}, id="m")
    old = misnamed | {"id": "o", "effectiveDateTime": "2020-01-01"}

    finding = _find(unreadable(_measure()), ahead, misnamed, old)

    assert finding.is_met
    assert [fact.reference for fact in finding.basis] == ["Observation/a", "Observation/m"]


@pytest.mark.parametrize(
    "members", [{"valueQuantity": ...}, {"status": "entered-in-error"}, {"effectiveDateTime": "2027-01-01"}]
)
def test_a_result_that_does_not_count_is_replaced_by_an_older_one(members: dict[str, Any]) -> None:
    """DS-1, DS-3, DS-9."""
    chosen = _chosen(_measure(), ferritin(id="b", **members), ferritin(10, id="o", effectiveDateTime="2026-04-01"))

    assert chosen.result is not None
    assert chosen.result.number == 10


def test_without_results_a_limit_is_unknown_and_the_test_not_done() -> None:
    assert _state(_measure().below(SEVENTY_FIVE)) is UNKNOWN
    assert _state(_measure().missing()) is MET
    assert _state(_measure().known()) is NOT_MET
    assert _state(unreadable(_measure())) is NOT_MET


def test_where_results_were_not_supplied_nothing_is_known() -> None:
    lacking = {"unknown": {Area.LABORATORY: "not supplied"}}

    for criterion in (
        _measure().below(SEVENTY_FIVE),
        _measure().missing(),
        _measure().known(),
        unreadable(_measure()),
        _measure().flagged(Flag.LOW),
        _measure().taken_within(MONTH),
    ):
        finding = _find(criterion, **lacking)
        assert finding.state is UNKNOWN
        assert finding.unknown == ("Ferritin (laboratory results: not supplied)",)


def test_what_was_supplied_counts_although_not_all_was() -> None:
    assert (
        _state(_measure().below(SEVENTY_FIVE), ferritin(), unknown={Area.LABORATORY: "only a part was supplied"}) is MET
    )


@pytest.mark.parametrize(
    ("on", "state"),
    [("2026-05-20", MET), ("2026-04-20", MET), ("2026-04-19", NOT_MET), ("2026-05", NOT_MET), (..., NOT_MET)],
)
def test_taken_within_wants_the_day(on: Any, state: State) -> None:
    """DS-2: a partial date is never today."""
    assert _state(_measure().taken_within(MONTH), ferritin(effectiveDateTime=on)) is state


# --- the laboratory's own judgement ------------------------------------------------------------------------------

_DEFAULT = _limit(30, "ng/mL")


def _ranged(value: float, low: float | None = None, flag: str | None = None) -> dict[str, Any]:
    ranges = [{"low": quantity(low, "ng/mL")}] if low is not None else []
    flags = [{"coding": [{"code": flag}]}] if flag else []
    return ferritin(value, referenceRange=ranges, interpretation=flags)


@pytest.mark.parametrize(
    ("resource", "state"),
    [
        (_ranged(25), MET),
        (_ranged(30), NOT_MET),
        (_ranged(25, low=20), NOT_MET),
        (_ranged(19, low=20), MET),
        (_ranged(40, low=50), MET),
        (_ranged(25, flag="N"), NOT_MET),
        (_ranged(40, flag="L"), MET),
        (_ranged(25, low=20, flag="L"), NOT_MET),
    ],
)
def test_the_laboratorys_limit_goes_before_ours(resource: dict[str, Any], state: State) -> None:
    """DS-12: its range, else its flag, else our limit."""
    assert _state(_measure().below_range(_DEFAULT), resource) is state


@pytest.mark.parametrize(
    ("codes", "low", "high"),
    [
        (["L"], MET, NOT_MET),
        (["LL"], MET, NOT_MET),
        (["H"], NOT_MET, MET),
        (["N"], NOT_MET, NOT_MET),
        (["A"], UNKNOWN, UNKNOWN),
    ],
)
def test_the_flag_alone_decides_by_its_direction(codes: list[str], low: State, high: State) -> None:
    """DS-11."""
    flagged = observation(FERRITIN, interpretation=[{"coding": [{"code": code} for code in codes]}])

    assert _state(_measure().below_range(_DEFAULT), flagged) is low
    assert _state(_measure().above_range(_DEFAULT), flagged) is high
    assert _state(_measure().below(_DEFAULT), flagged) is UNKNOWN


def test_flagged_asks_for_the_flag_without_a_number() -> None:
    """DS-11."""
    low = _measure().flagged(Flag.LOW, Flag.VERY_LOW)
    flagged = observation(FERRITIN, interpretation=[{"coding": [{"code": "L"}]}])

    assert _find(low, flagged).cap is Indicator.INFO
    assert _state(low, flagged) is MET
    assert _state(low, _ranged(10, flag="L")) is NOT_MET


def test_the_range_for_pregnancy_is_asked_for_by_name() -> None:
    """DS-12, G-5."""
    pregnant = {"low": quantity(0.1, "mIU/L"), "high": quantity(3, "mIU/L"), "appliesTo": [{"text": "pregnancy"}]}
    resource = observation(TSH, valueQuantity=quantity(3.5, "mIU/L"), referenceRange=[pregnant])

    assert _state(_measure("tsh").above_pregnancy_range(_limit(4, "m[IU]/L")), resource) is MET
    assert _state(_measure("tsh").above_range(_limit(4, "m[IU]/L")), resource) is NOT_MET


# --- measures of other kinds -------------------------------------------------------------------------------------


# --- results that are not released yet (DS-1) -----------------------------------------------------------------------


def _potassium(value: Any, on: Any = "2026-05-19", status: str = "preliminary", **members: Any) -> dict[str, Any]:
    member = {"valueString": value} if isinstance(value, str) else {"valueQuantity": quantity(value, "mmol/L")}
    return observation(POTASSIUM, effectiveDateTime=on, status=status, **member, **members)


VERY_LOW = _limit("2.5", "mmol/L")


@pytest.mark.parametrize(
    ("resources", "released", "early"),
    [
        ((), UNKNOWN, UNKNOWN),
        ((_potassium(2.4),), UNKNOWN, MET),
        ((_potassium(2.5),), UNKNOWN, NOT_MET),
        ((_potassium("see note"),), UNKNOWN, UNKNOWN),
        ((_potassium(2.4, status="registered"),), UNKNOWN, UNKNOWN),
        ((_potassium(2.4, status="cancelled"),), UNKNOWN, UNKNOWN),
        ((_potassium(2.4), _potassium(4.0, on="2026-05-18", status="final")), NOT_MET, MET),
        ((_potassium(2.4, on="2026-05-18"), _potassium(4.0, status="final")), NOT_MET, NOT_MET),
        ((_potassium(4.0), _potassium(2.4, on="2026-05-18", status="final")), MET, NOT_MET),
        ((_potassium(2.4, issued="2026-05-20T09:00:00Z"), _potassium(4.0, status="corrected")), NOT_MET, NOT_MET),
        ((_potassium(2.4, on="2025-05-20"),), UNKNOWN, MET),
        ((_potassium(2.4, on="2025-05-19"),), UNKNOWN, UNKNOWN),
    ],
)
def test_a_preliminary_result_counts_where_it_is_asked_for(
    resources: tuple[dict[str, Any], ...], released: State, early: State
) -> None:
    potassium = knowledge().concepts["potassium"]

    assert _state(_measure("potassium").below(VERY_LOW), *resources) is released
    assert _state(latest_even_preliminary(potassium, within=YEAR).below(VERY_LOW), *resources) is early


def test_a_preliminary_result_says_so_and_holds_the_card_down() -> None:
    measure = latest_even_preliminary(knowledge().concepts["potassium"], within=YEAR)
    finding = _find(measure.below(VERY_LOW), _potassium(2.4))

    assert finding.cap is Indicator.WARNING
    assert finding.basis[0].notes == ("preliminary result",)
    assert _state(measure.missing(), chart := _potassium(2.4)) is NOT_MET
    assert _state(_measure("potassium").missing(), chart) is MET
    assert _state(measure.below(VERY_LOW), unknown={Area.LABORATORY: "not supplied"}) is UNKNOWN
    assert str(measure.below(VERY_LOW)).startswith("Potassium, preliminary or released (newest within 12 months)")


def test_whether_a_result_is_released_can_be_asked() -> None:
    measure = latest_even_preliminary(knowledge().concepts["potassium"], within=YEAR)

    assert _state(measure.unreleased(), _potassium(2.4)) is MET
    assert _state(measure.unreleased(), _potassium(2.4, status="final")) is NOT_MET
    assert _state(measure.unreleased(), _potassium(2.4), _potassium(2.4, on="2026-05-20", status="final")) is NOT_MET
    assert _state(measure.unreleased()) is UNKNOWN


# --- haemolysis, and what was before ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ((), UNKNOWN),
        ((_potassium(6.8, status="final"),), NOT_MET),
        ((_potassium(6.8, status="final", note=[{"text": "haemolysed"}]),), MET),
        ((_potassium(6.8, status="final", note=[{"text": "not haemolysed"}]),), NOT_MET),
        ((_potassium(6.8, note=[{"text": "haemolysed"}]),), UNKNOWN),
    ],
)
def test_whether_the_sample_was_haemolysed_can_be_asked(resources: tuple[dict[str, Any], ...], state: State) -> None:
    assert _state(_measure("potassium").haemolysed(), *resources) is state


def _released(value: Any, on: Any) -> dict[str, Any]:
    return _potassium(value, on=on, status="final")


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ((), UNKNOWN),
        ((_released(3.3, "2026-05-19"),), UNKNOWN),
        ((_released(3.3, "2026-05-19"), _released(3.9, "2026-05-01")), MET),
        ((_released(3.4, "2026-05-19"), _released(3.9, "2026-05-01")), NOT_MET),
        ((_released(3.9, "2026-05-19"), _released(3.3, "2026-05-01")), NOT_MET),
        ((_released(3.3, "2026-05-19"), _released(3.4, "2026-05-10"), _released(3.9, "2026-05-01")), NOT_MET),
        ((_released(3.3, "2026-05-19"), _released(">3.9 mmol/L", "2026-05-01")), UNKNOWN),
        ((_released("<3.3 mmol/L", "2026-05-19"), _released(3.9, "2026-05-01")), UNKNOWN),
        ((_released(3.3, "2026-05-19"), _released(3.9, "2025-05-19")), UNKNOWN),
        ((_released(3.3, "2026-05-19"), _released(3.9, ...)), UNKNOWN),
    ],
)
def test_a_fall_is_measured_from_the_result_before(resources: tuple[dict[str, Any], ...], state: State) -> None:
    fell = _measure("potassium").fell_by_more_than(_limit("0.5", "mmol/L"))

    assert _state(fell, *resources) is state
    assert str(fell) == "Potassium fell by more than 0.5 mmol/L since the result before"


def test_nothing_is_compared_where_results_were_not_supplied() -> None:
    lost = {Area.LABORATORY: "not supplied"}
    fell = _measure("potassium").fell_by_more_than(_limit("0.5", "mmol/L"))

    assert _find(fell, unknown=lost).unknown == ("Potassium (laboratory results: not supplied)",)
    assert _find(fell, _released(3.3, "2026-05-19"), unknown=lost).state is UNKNOWN


def _abi(value: float, side: str, **members: Any) -> dict[str, Any]:
    return observation("77194-9", id=side, valueQuantity=quantity(value, "1"), bodySite={"text": side}, **members)


def test_of_two_legs_the_worse_one_decides_and_both_are_cited() -> None:
    """Vascular 4.1."""
    codes = knowledge().concepts["ankle-brachial-index"]
    legs = (_abi(0.7, "left"), _abi(1.5, "right"), _abi(0.4, "before", effectiveDateTime="2026-01-01"))

    lowest, highest = (
        _chosen(lowest_of_latest_day(codes, YEAR), *legs),
        _chosen(highest_of_latest_day(codes, YEAR), *legs),
    )

    assert lowest.result is not None
    assert highest.result is not None
    assert (lowest.result.side, highest.result.side) == ("left", "right")
    assert [m.side for m in lowest.others] == ["right"]


def test_the_highest_of_a_look_back_counts_although_the_newest_is_lower() -> None:
    most = highest(knowledge().concepts["ferritin"], MONTH)
    values = (("2026-05-19", 30), ("2026-05-10", 90), ("2026-04-19", 400), ("2026-05-15", 60))
    results = [ferritin(value, effectiveDateTime=on) for on, value in values]

    found = _chosen(most, *results)

    assert found.result is not None
    assert found.result.value == "90"
    assert found.others == ()
    assert _state(most.at_least(SEVENTY_FIVE), *results) is MET
    assert _state(most.at_least(SEVENTY_FIVE)) is UNKNOWN


def test_a_result_near_another_is_looked_for_on_both_sides() -> None:
    near = latest_near(knowledge().concepts["crp"], YEAR, near=_measure(), near_within=MONTH)

    def crp(on: str) -> dict[str, Any]:
        return observation("1988-5", id=on, valueQuantity=quantity(9, "mg/L"), effectiveDateTime=on)

    then = ferritin(effectiveDateTime="2026-03-01")

    assert _chosen(near, then, crp("2026-03-20")).result is not None
    assert _chosen(near, then, crp("2026-02-10")).result is not None
    assert _chosen(near, then, crp("2026-05-10")).result is None
    assert _chosen(near, crp("2026-03-20")).result is None


def _iron(value: float, code: str = "2498-4", on: str = "2026-05-19") -> dict[str, Any]:
    return observation(code, id=f"{code}-{on}", valueQuantity=quantity(value, "ug/dL"), effectiveDateTime=on)


def test_saturation_is_computed_from_iron_and_capacity_of_one_day() -> None:
    derived = _measure("transferrin-saturation", derivations=TRANSFERRIN_SATURATION)
    computed = _chosen(derived, _iron(60), _iron(400, "2500-7")).result

    assert computed is not None
    assert computed.number == Decimal("15.0")
    assert {source.name for source in computed.sources} == {"Iron", "Iron-binding capacity"} or len(
        computed.sources
    ) == 2
    assert _chosen(derived, _iron(60), _iron(400, "2500-7", on="2026-05-18")).result is None


def test_the_newer_of_a_measured_and_a_computed_value_decides() -> None:
    derived = _measure("transferrin-saturation", derivations=TRANSFERRIN_SATURATION)
    pair = (_iron(60), _iron(400, "2500-7"))

    def measured(on: str) -> dict[str, Any]:
        return observation("2502-3", id=on, valueQuantity=quantity(30, "%"), effectiveDateTime=on)

    newer, older = (
        _chosen(derived, *pair, measured("2026-05-19")).result,
        _chosen(derived, *pair, measured("2026-05-01")).result,
    )

    assert newer is not None
    assert older is not None
    assert (newer.number, older.number) == (Decimal(30), Decimal("15.0"))


def test_a_value_computed_from_impossible_ones_is_none() -> None:
    derived = _measure("transferrin-saturation", derivations=TRANSFERRIN_SATURATION)

    assert _chosen(derived, _iron(1999), _iron(51, "2500-7")).result is None


def _draw(code: str, value: float, at: str) -> dict[str, Any]:
    return observation(code, valueQuantity=quantity(value, "mmol/L"), effectiveDateTime=at)


def test_osmolarity_is_computed_from_one_draw_only() -> None:
    """1.86 (144 + 4.2) + 1.15 x 7 + 9 + 14 = 306.7, rounded before it is compared."""
    measure = _measure("calculated-osmolarity", derivations=(OSMOLARITY,))
    morning, evening = "2026-05-19T08:00:00Z", "2026-05-19T18:00:00Z"
    salts = [_draw("2951-2", 144, morning), _draw(POTASSIUM, 4.2, morning), _draw("22664-7", 9, morning)]
    together = [*salts, _draw("14749-6", 7, morning)]

    chosen = _chosen(measure, *together).result
    assert chosen is not None
    assert chosen.said == "307 mosm/L"
    assert chosen.notes == (
        "computed from Sodium 144 mmol/L, Potassium 4.2 mmol/L, Glucose 7 mmol/L and Urea 9 mmol/L",
    )
    assert _chosen(measure, *salts, _draw("14749-6", 7, evening)).result is None
    assert _chosen(measure, *salts).result is None


def test_a_fall_of_pressure_is_computed_from_one_day() -> None:
    measure = _measure("postural-pressure-fall", derivations=(POSTURAL_PRESSURE_FALL,))

    def pressures(standing: float) -> list[dict[str, Any]]:
        return [
            observation(
                {"text": f"systolic blood pressure, {posture}"},
                valueQuantity=quantity(value, "mm[Hg]"),
                effectiveDateTime=f"2026-05-19T08:0{minute}:00Z",
            )
            for minute, (posture, value) in enumerate((("lying", 140), ("standing", standing)))
        ]

    chosen = _chosen(measure, *pressures(118)).result
    assert chosen is not None
    assert chosen.value == "22"
    assert chosen.cap is Indicator.INFO
    assert _state(measure.at_least(_limit(20, "mm[Hg]")), *pressures(121)) is NOT_MET


def test_a_measure_reads_as_a_sentence() -> None:
    assert str(_measure().below(SEVENTY_FIVE)) == "Ferritin (newest within 12 months) below 75 ng/mL"


# --- multiples of the laboratory's limit -------------------------------------------------------------------------

CK_UPPER, FOUR, TEN = _limit(200, "U/L"), _limit(4, "1"), _limit(10, "1")


def _ck(value: Any, high: int | None = None) -> dict[str, Any]:
    bounds = {"referenceRange": [{"high": quantity(high, "U/L")}]} if high else {}
    return observation("2157-6", valueQuantity=quantity(value, "U/L"), **bounds)


@pytest.mark.parametrize(
    ("value", "high", "at_least_four", "above_ten"),
    [
        (799, None, NOT_MET, NOT_MET),
        (800, None, MET, NOT_MET),
        (2000, None, MET, NOT_MET),
        (2001, None, MET, MET),
        (800, 201, NOT_MET, NOT_MET),
        (2001, 170, MET, MET),
        (2001, 250, MET, NOT_MET),
    ],
)
def test_multiples_are_of_the_laboratory_s_limit_or_else_of_the_default(
    value: int, high: int | None, at_least_four: State, above_ten: State
) -> None:
    """DS-12."""
    measure = _measure("creatine-kinase")

    assert _state(measure.at_least_times_range(FOUR, CK_UPPER), _ck(value, high)) is at_least_four
    assert _state(measure.above_times_range(TEN, CK_UPPER), _ck(value, high)) is above_ten
    assert _state(measure.above_times_range(TEN, CK_UPPER)) is UNKNOWN


# --- results over time -------------------------------------------------------------------------------------------

SIXTY, TWICE, WEEK = _limit(60, "mL/min/{1.73_m2}"), _limit(2, "1"), Period("week", 7, "proposed")


def _egfr(value: Any, on: Any, number: int = 0) -> dict[str, Any]:
    said = {"valueString": value} if isinstance(value, str) else {"valueQuantity": quantity(value, SIXTY.quantity.unit)}
    return observation("33914-3", id=f"{on}-{number}", effectiveDateTime=on, **said)


def _creatinine(value: Any, on: str) -> dict[str, Any]:
    return observation("14682-9", id=on, effectiveDateTime=on, valueQuantity=quantity(value, "umol/L"))


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ([(50, "2026-05-01"), (50, "2026-04-01")], MET),
        ([(50, "2026-05-01"), (50, "2026-04-02")], NOT_MET),
        ([(60, "2026-05-01"), (50, "2026-01-01")], NOT_MET),
        ([(50, "2026-05-01"), (60, "2026-01-01")], NOT_MET),
        ([(50, "2026-05-01"), (60, "2026-04-20"), (50, "2026-01-01")], NOT_MET),
        ([(50, "2026-05-01"), (">60", "2026-04-20"), (50, "2026-01-01")], NOT_MET),
        ([(50, "2026-05-01"), (">45", "2026-04-20"), (50, "2026-01-01")], UNKNOWN),
        ([(50, "2026-05-01"), (999, "2026-04-20"), (50, "2026-01-01")], MET),
        ([("<60", "2026-05-01"), ("<60", "2026-01-01")], MET),
        ([(">45", "2026-05-01"), (50, "2026-01-01")], UNKNOWN),
        ([(999, "2026-05-01"), (50, "2026-01-01")], UNKNOWN),
        ([(50, "2026-05-01"), (50, ...)], NOT_MET),
        ([(50, ...)], UNKNOWN),
        ([(50, "2026-05-01"), (50, "2026-03")], MET),
        ([(50, "2026-05-01"), (50, "2026-04")], NOT_MET),
        ([(50, "2026-05-01"), (50, "2025-01-01")], NOT_MET),
        ([(50, "2026-05-01"), (70, "2026-05-01"), (70, "2026-01-01"), (50, "2026-01-01")], MET),
        ([], UNKNOWN),
    ],
)
def test_low_twice_and_nothing_else_between_is_persistent(results: list[tuple[Any, Any]], state: State) -> None:
    persistent = _measure("egfr").persistently_below(SIXTY, MONTH)

    assert _state(persistent, *(_egfr(value, on, number) for number, (value, on) in enumerate(results))) is state


def test_what_was_not_supplied_is_not_persistent_but_unknown() -> None:
    lacking = {Area.LABORATORY: "not supplied"}

    assert _state(_measure("egfr").persistently_below(SIXTY, MONTH), unknown=lacking) is UNKNOWN
    assert _state(_measure("creatinine").risen(TWICE, WEEK), unknown=lacking) is UNKNOWN


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ([(200, "2026-05-08"), (100, "2026-05-01")], MET),
        ([(200, "2026-05-09"), (100, "2026-05-01")], NOT_MET),
        ([(199, "2026-05-08"), (100, "2026-05-01")], NOT_MET),
        ([(100, "2026-05-08"), (200, "2026-05-01")], NOT_MET),
        ([(150, "2026-05-10"), (210, "2026-05-06"), (100, "2026-05-01")], MET),
        ([(200, "2026-05-08T18:00:00Z"), (100, "2026-05-08T06:00:00Z")], MET),
        ([(100, "2026-05-08T18:00:00Z"), (200, "2026-05-08T06:00:00Z")], NOT_MET),
        ([(200, "2026-05"), (100, "2026-05-01")], NOT_MET),
        ([(200, "2026-05-08")], NOT_MET),
        ([], NOT_MET),
    ],
)
def test_a_rise_is_a_multiple_of_an_earlier_result_within_the_period(
    results: list[tuple[int, str]], state: State
) -> None:
    assert _state(_measure("creatinine").risen(TWICE, WEEK), *(_creatinine(*result) for result in results)) is state
