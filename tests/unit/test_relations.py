"""Relations: what one fact says of another; the unknown row included."""

from decimal import Decimal
from typing import Any

import pytest

from cds.chart.chart import Area
from cds.chart.facts import Indicator
from cds.chart.units import Quantity
from cds.reasoning.calculations import ADJUSTED_CALCIUM, adjusted_calcium
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import State
from cds.reasoning.knowledge import Period, Threshold
from cds.reasoning.listed import begun_or_given, taking
from cds.reasoning.measures import Measure, latest, latest_even_preliminary, latest_near
from cds.reasoning.relations import computed, deciding, taken_after_start, unit_unconfirmed
from cds.services import knowledge
from tests.unit.fhir import MAGNESIUM, RXNORM, chart_of, coded, observation, prescription, quantity

MET, NOT_MET, UNKNOWN = State.MET, State.NOT_MET, State.UNKNOWN
YEAR, QUARTER, DAY = Period("year", 365, "proposed"), Period("quarter", 90, "proposed"), Period("day", 1, "proposed")
CALCIUM, CORRECTED, IONISED, ALBUMIN, VITAMIN_D = "2000-8", "29265-6", "1994-3", "1751-7", "68438-1"
NO_LABORATORY = {Area.LABORATORY: "not supplied"}
NO_MEDICATIONS = {Area.MEDICATIONS: "not supplied"}


def _limit(value: str, unit: str = "mmol/L") -> Threshold:
    return Threshold("limit", Quantity(Decimal(value), unit), "proposed")


def _measure(analyte: str, newest: Any = latest) -> Measure:
    measure: Measure = newest(knowledge().concepts[analyte], within=YEAR)
    return measure


def _result(code: str, value: float, unit: str, on: Any = "2026-05-19", **members: Any) -> dict[str, Any]:
    return observation(code, valueQuantity=quantity(value, unit), effectiveDateTime=on, **members)


def _state(criterion: Criterion, *resources: dict[str, Any], **options: Any) -> State:
    return criterion.check(chart_of(*resources, **options)).state


# --- computed from other results -----------------------------------------------------------------------------------


def _adjusted(newest: Any = latest, unless: Criterion | None = None) -> Measure:
    total = _measure("calcium", newest)
    albumin = latest_near(knowledge().concepts["albumin"], within=YEAR, near=total, near_within=DAY)
    return computed(knowledge().concepts["adjusted-calcium"], ADJUSTED_CALCIUM, total, albumin, unless=unless)


@pytest.mark.parametrize(
    ("calcium", "albumin", "expected"),
    [("2.00", "40", "2.00"), ("2.00", "30", "2.20"), ("2.00", "50", "1.80"), ("2.41", "24.5", "2.720")],
)
def test_calcium_is_adjusted_by_a_fiftieth_for_each_gram_of_albumin(calcium: str, albumin: str, expected: str) -> None:
    assert adjusted_calcium(Decimal(calcium), Decimal(albumin)) == Decimal(expected)


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ((), UNKNOWN),
        ((_result(CALCIUM, 1.8, "mmol/L"),), UNKNOWN),
        ((_result(ALBUMIN, 3.6, "g/dL"),), UNKNOWN),
        ((_result(CALCIUM, 1.75, "mmol/L"), _result(ALBUMIN, 3.6, "g/dL")), MET),
        ((_result(CALCIUM, 1.80, "mmol/L"), _result(ALBUMIN, 35, "g/L")), NOT_MET),
        ((_result(CALCIUM, 7.0, "mg/dL"), _result(ALBUMIN, 3.6, "g/dL")), MET),
        ((_result(CALCIUM, 1.75, "mmol/L"), _result(ALBUMIN, 36, "g/L", on="2026-05-18")), MET),
        ((_result(CALCIUM, 1.75, "mmol/L"), _result(ALBUMIN, 36, "g/L", on="2026-05-17")), UNKNOWN),
        ((_result(CALCIUM, 1.75, "mmol/L", on=...), _result(ALBUMIN, 36, "g/L")), UNKNOWN),
    ],
)
def test_a_computed_result_needs_all_that_it_is_computed_from(
    resources: tuple[dict[str, Any], ...], state: State
) -> None:
    assert _state(_adjusted().below(_limit("1.90")), *resources) is state


def test_a_computed_result_is_of_its_first_input_and_says_so() -> None:
    calcium = _result(CALCIUM, 2.16, "mmol/L", id="ca", referenceRange=[{"low": quantity(2.15, "mmol/L")}])
    chart = chart_of(calcium, _result(ALBUMIN, 42, "g/L"))
    result = _adjusted().choose(chart).result

    assert result is not None
    assert (result.name, result.said, result.reference) == ("Adjusted calcium", "2.12 mmol/L", "Observation/ca")
    assert result.notes == ("computed from Calcium, total 2.16 mmol/L and Albumin 42 g/L",)
    assert result.range_low == Decimal("2.15")
    assert _state(_adjusted().below_range(_limit("1.90")), calcium, _result(ALBUMIN, 42, "g/L")) is MET


def test_nothing_is_computed_where_the_formula_does_not_hold() -> None:
    results = (_result(CALCIUM, 1.75, "mmol/L"), _result(ALBUMIN, 36, "g/L"))
    kidneys_fail = _measure("egfr").below(_limit("30", "mL/min/{1.73_m2}"))
    adjusted = _adjusted(unless=kidneys_fail).below(_limit("1.90"))

    assert _state(adjusted, *results) is MET
    assert _state(adjusted, *results, _result("98979-8", 30, "mL/min/{1.73_m2}")) is MET
    assert _state(adjusted, *results, _result("98979-8", 29, "mL/min/{1.73_m2}")) is UNKNOWN
    assert _state(adjusted, unknown=NO_LABORATORY) is UNKNOWN


def test_a_preliminary_result_is_computed_with_what_is_preliminary_beside_it() -> None:
    results = tuple(
        _result(code, value, unit, status="preliminary")
        for code, value, unit in ((CALCIUM, 1.75, "mmol/L"), (ALBUMIN, 36, "g/L"))
    )
    early = _adjusted(latest_even_preliminary).below(_limit("1.90"))

    assert _state(_adjusted().below(_limit("1.90")), *results) is UNKNOWN
    assert _state(early, *results) is MET
    assert early.check(chart_of(*results)).cap is Indicator.WARNING


# --- which kind decides ----------------------------------------------------------------------------------------------


def _kinds() -> tuple[Measure, ...]:
    return deciding(_measure("ionised-calcium"), _measure("corrected-calcium"), _measure("calcium"), around=DAY)


NORMAL_IONISED = _result(IONISED, 1.2, "mmol/L")
LOW_CORRECTED = _result(CORRECTED, 1.8, "mmol/L")


@pytest.mark.parametrize(
    ("resources", "deciding_kind"),
    [
        ((), None),
        ((NORMAL_IONISED,), 0),
        ((LOW_CORRECTED,), 1),
        ((_result(CALCIUM, 1.8, "mmol/L"),), 2),
        ((LOW_CORRECTED, NORMAL_IONISED), 0),
        ((LOW_CORRECTED, _result(IONISED, 1.2, "mmol/L", on="2026-05-18")), 0),
        ((LOW_CORRECTED, _result(IONISED, 1.2, "mmol/L", on="2026-05-17")), 1),
        ((_result(CORRECTED, 1.8, "mmol/L", on="2026-05-17"), NORMAL_IONISED), 0),
        ((LOW_CORRECTED, _result(IONISED, 99, "mmol/L")), 1),
        ((_result(CORRECTED, 1.8, "mmol/L", on="2026-05-10"), _result(CALCIUM, 9.2, "mmol/L")), 2),
        ((_result(CORRECTED, 1.8, "mmol/L"), _result(IONISED, 1.2, "mmol/L", on=...)), 1),
        ((_result(CORRECTED, 1.8, "mmol/L", on=...), _result(IONISED, 1.2, "mmol/L", on=...)), 0),
    ],
)
def test_of_the_newest_and_those_around_it_the_most_trusted_kind_decides(
    resources: tuple[dict[str, Any], ...], deciding_kind: int | None
) -> None:
    chart = chart_of(*resources)
    speaking = [number for number, kind in enumerate(_kinds()) if kind.choose(chart).result is not None]

    assert speaking == ([] if deciding_kind is None else [deciding_kind])


def test_a_kind_that_does_not_decide_is_as_if_it_had_no_result() -> None:
    ionised, corrected, total = _kinds()
    results = (LOW_CORRECTED, NORMAL_IONISED)

    assert _state(corrected.below(_limit("1.90")), *results) is UNKNOWN
    assert _state(corrected.known(), *results) is NOT_MET
    assert _state(ionised.known(), *results) is MET
    assert _state(total.below(_limit("1.90")), unknown=NO_LABORATORY) is UNKNOWN
    assert str(corrected.below(_limit("1.90"))).startswith("Calcium, corrected by the laboratory (newest within")


# --- samples and drugs -----------------------------------------------------------------------------------------------

CHOLECALCIFEROL = coded("2418", RXNORM, display="cholecalciferol")
DENOSUMAB = coded("993449", RXNORM, display="denosumab")
OMEPRAZOLE = coded("7646", RXNORM, display="omeprazole")


def _drug(code: dict[str, Any], on: Any, **members: Any) -> dict[str, Any]:
    return prescription(medicationCodeableConcept=code, authoredOn=on, **members)


@pytest.mark.parametrize(
    ("start", "sample", "state"),
    [
        ("2026-01-01", "2026-04-01", MET),
        ("2026-01-02", "2026-04-01", NOT_MET),
        ("2026-05-01", "2026-04-01", NOT_MET),
        (..., "2026-04-01", UNKNOWN),
        ("2026-01-01", ..., UNKNOWN),
    ],
)
def test_a_sample_is_taken_so_long_after_a_drug_was_begun(start: Any, sample: Any, state: State) -> None:
    criterion = taken_after_start(
        _measure("vitamin-d"), taking(knowledge().concepts["vitamin-d-replacement"]), by=QUARTER
    )
    result = _result(VITAMIN_D, 20, "nmol/L", on=sample)

    assert _state(criterion, result, _drug(CHOLECALCIFEROL, start)) is state
    assert _state(criterion, result) is NOT_MET
    assert _state(criterion, result, unknown=NO_MEDICATIONS) is UNKNOWN
    assert _state(criterion, _drug(CHOLECALCIFEROL, "2026-01-01")) is UNKNOWN
    assert str(criterion).startswith("25-OH vitamin D taken at least 90 days after the start of: Vitamin D among")


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ((), NOT_MET),
        ((_drug(OMEPRAZOLE, "2025-05-20"),), MET),
        ((_drug(OMEPRAZOLE, "2025-05-21"),), NOT_MET),
        ((_drug(OMEPRAZOLE, ...),), UNKNOWN),
        ((_drug(OMEPRAZOLE, "2026-04-01"), _drug(OMEPRAZOLE, "2026-01-01", status="stopped")), NOT_MET),
        ((_drug(OMEPRAZOLE, "2026-04-01"), _drug(OMEPRAZOLE, "2025-05-01", status="completed")), MET),
        ((_drug(OMEPRAZOLE, "2026-05-19"), _drug(OMEPRAZOLE, "2025-05-18", status="completed")), NOT_MET),
        ((_drug(OMEPRAZOLE, "2025-05-01", status="stopped"),), NOT_MET),
        (
            (
                _drug(OMEPRAZOLE, "2025-04-01", status="completed"),
                _drug(OMEPRAZOLE, "2026-05-19"),
                _drug(OMEPRAZOLE, "2025-12-01", status="stopped"),
            ),
            MET,
        ),
    ],
)
def test_prescriptions_that_follow_each_other_are_one_treatment(
    resources: tuple[dict[str, Any], ...], state: State
) -> None:
    criterion = taking(knowledge().concepts["ppi"]).for_at_least(YEAR, renewed_within=YEAR)

    assert _state(criterion, *resources) is state
    assert _state(criterion, unknown=NO_MEDICATIONS) is UNKNOWN
    assert str(criterion).endswith("for at least 12 months, prescriptions up to 12 months apart being one")


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ((), NOT_MET),
        ((_drug(DENOSUMAB, "2026-02-19"),), MET),
        ((_drug(DENOSUMAB, "2026-02-18"),), NOT_MET),
        ((_drug(DENOSUMAB, ...),), NOT_MET),
        ((_drug(DENOSUMAB, "2026-04-01", status="stopped"),), NOT_MET),
    ],
)
def test_a_drug_of_long_effect_counts_from_when_it_was_begun_or_given(
    resources: tuple[dict[str, Any], ...], state: State
) -> None:
    criterion = begun_or_given(knowledge().concepts["calcium-antiresorptive"], within=QUARTER)
    dose = {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": DENOSUMAB,
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-03-01",
    }

    assert _state(criterion, *resources) is state
    assert _state(criterion, *resources, dose) is MET
    assert _state(criterion, unknown=NO_MEDICATIONS) is UNKNOWN


# --- units -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "state"),
    [
        ((), UNKNOWN),
        ((_result(MAGNESIUM, 1.9, "mmol/L"),), MET),
        ((_result(MAGNESIUM, 1.9, "mg/dL"),), NOT_MET),
        ((_result(MAGNESIUM, 1.9, "mmol/L", referenceRange=[{"high": quantity(1.0, "mmol/L")}]),), NOT_MET),
        ((_result(MAGNESIUM, 1.9, "mmol/L", referenceRange=[{"high": quantity(2.6, "mmol/L")}]),), NOT_MET),
        ((_result(MAGNESIUM, 19, "mmol/L"),), UNKNOWN),
    ],
)
def test_a_unit_is_unconfirmed_where_no_range_bears_it_out(resources: tuple[dict[str, Any], ...], state: State) -> None:
    criterion = unit_unconfirmed(_measure("magnesium"), unit_of=_limit("1.6"))

    assert _state(criterion, *resources) is state
    assert str(criterion) == "Magnesium stated in mmol/L, without a range that would confirm the unit"
