"""Data selection and value handling, DS-1 to DS-19, through the record with FHIR as it comes."""

from decimal import Decimal
from typing import Any

import pytest

from cds.chart.facts import Flag, Indicator
from cds.services import knowledge
from tests.unit.fhir import (
    B12,
    FERRITIN,
    HBA1C,
    LOINC,
    MAGNESIUM,
    PATIENT,
    POTASSIUM,
    SNOMED,
    SUBJECT,
    TSH,
    coded,
    ferritin,
    observation,
    quantity,
    record_of,
    result,
    results,
)


def _said(text: str, code: str = FERRITIN, **members: Any) -> dict[str, Any]:
    return observation(code, valueString=text, **members)


def _flagged(*codes: str, **members: Any) -> dict[str, Any]:
    return observation(FERRITIN, interpretation=[{"coding": [{"code": code} for code in codes]}], **members)


# --- DS-1: status ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "appended"])
def test_a_released_result_counts(status: str) -> None:
    """DS-1."""
    assert result("ferritin", ferritin(status=status)).final


@pytest.mark.parametrize("status", ["registered", "cancelled", "entered-in-error", "unknown", "", "FINAL?", ...])
def test_a_result_of_any_other_status_does_not(status: Any) -> None:
    """DS-1."""
    assert results("ferritin", ferritin(status=status)) == []


def test_a_preliminary_result_is_marked_and_never_critical() -> None:
    """DS-1."""
    read = result("potassium", observation(POTASSIUM, valueQuantity=quantity(6.8, "mmol/L"), status="preliminary"))

    assert not read.final
    assert "preliminary result" in read.notes
    assert read.cap is Indicator.WARNING


def test_a_preliminary_vital_sign_counts_in_full() -> None:
    """2.3."""
    read = result("body-temperature", observation("8310-5", valueQuantity=quantity(38.2, "Cel"), status="preliminary"))

    assert read.final
    assert read.cap is Indicator.CRITICAL


@pytest.mark.parametrize("status", ["registered", "preliminary"])
def test_an_open_result_says_that_a_test_is_under_way(status: str) -> None:
    """DS-1, DS-20."""
    (open_one,) = record_of(ferritin(status=status)).under_way("ferritin")

    assert open_one.value == "under way"
    assert record_of(ferritin()).under_way("ferritin") == ()


# --- DS-2 to DS-5: dates and the newest --------------------------------------------------------------------------

_EVERYWHERE = [
    ("effectiveDateTime", "2026-01-01", "2026-01-01"),
    ("effectiveInstant", "2026-01-02T10:00:00Z", "2026-01-02"),
    ("effectivePeriod", {"start": "2025-12-31", "end": "2026-01-03"}, "2026-01-03"),
    ("effectivePeriod", {"start": "2026-01-04"}, "2026-01-04"),
    ("effectiveTiming", {"event": ["2025-12-01", "2026-01-05"]}, "2026-01-05"),
    ("issued", "2026-01-06T10:00:00Z", "2026-01-06"),
]


@pytest.mark.parametrize(("element", "value", "day"), _EVERYWHERE)
def test_a_result_is_dated_by_whichever_element_is_there(element: str, value: Any, day: str) -> None:
    """DS-2."""
    read = result("ferritin", ferritin(**{"effectiveDateTime": ..., element: value}))

    assert str(read.on) == day


def test_when_a_sample_was_taken_goes_before_when_the_result_was_issued() -> None:
    """DS-2."""
    read = result("ferritin", ferritin(effectiveDateTime="2026-01-01", issued="2026-01-06T10:00:00Z"))

    assert str(read.on) == "2026-01-01"


def test_an_unreadable_date_gives_way_to_the_next() -> None:
    """DS-2."""
    read = result("ferritin", ferritin(effectiveDateTime="yesterday", issued="2026-01-06T10:00:00Z"))

    assert str(read.on) == "2026-01-06"


@pytest.mark.parametrize("reference", ["Observation/f", "urn:uuid:f", "https://ehr.example.org/fhir/Observation/f/_history/2"])
def test_the_report_that_lists_a_result_dates_it(reference: str) -> None:
    """DS-2."""
    report = {
        "resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": SUBJECT, "effectiveDateTime": "2026-01-07",
        "code": {"text": "panel"}, "result": [{"reference": reference}],
    }  # fmt: skip

    assert str(result("ferritin", report, ferritin(id="f", effectiveDateTime=...)).on) == "2026-01-07"
    assert result("ferritin", report | {"status": "entered-in-error"}, ferritin(id="f", effectiveDateTime=...)).on is None


def test_a_result_inside_a_report_has_its_date_and_its_patient() -> None:
    """DS-2, DS-7."""
    inner = ferritin(id="x", effectiveDateTime=..., subject=...)
    report = {
        "resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": SUBJECT, "issued": "2026-01-08",
        "code": {"text": "panel"}, "result": [{"reference": "#x"}], "contained": [inner],
    }  # fmt: skip
    later = report | {"id": "s", "issued": "2026-02-08"}

    assert sorted(str(r.on) for r in results("ferritin", report, later)) == ["2026-01-08", "2026-02-08"]


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_nothing_inside_a_void_report_or_panel_counts(status: str) -> None:
    """DS-1."""
    inner = ferritin(id="x", subject=...)
    report = {"resourceType": "DiagnosticReport", "id": "r", "status": status, "subject": SUBJECT, "contained": [inner]}
    panel = observation("75689-0", id="panel", status=status, contained=[inner])

    assert results("ferritin", report, panel) == []


def test_a_result_of_the_future_is_left_aside_and_named() -> None:
    """DS-3."""
    record = record_of(ferritin(id="f", effectiveDateTime="2026-05-22"))

    (aside,) = record.set_aside("ferritin")

    assert list(record.measurements("ferritin")) == []
    assert (aside.name, aside.reference, aside.notes) == ("Ferritin", "Observation/f", ("not used: dated ahead: 2026-05-22",))


def test_a_result_of_tomorrow_counts() -> None:
    """DS-3: clocks and zones differ by up to a day."""
    assert result("ferritin", ferritin(effectiveDateTime="2026-05-21T08:00:00Z")).number == 20


def test_undated_results_come_last() -> None:
    """DS-4."""
    undated, old = ferritin(10, id="u", effectiveDateTime=...), ferritin(30, id="o", effectiveDateTime="1999")

    assert [r.number for r in results("ferritin", undated, old)] == [30, 10]


def _numbers(*resources: dict[str, Any]) -> list[Decimal | None]:
    return [r.number for r in results("ferritin", *resources)]


def test_the_newest_result_comes_first() -> None:
    """DS-5."""
    days = ["2026-01-01", "2026-03-01T10:00:00Z", "2026-03-01T09:00:00+02:00", "2025"]

    assert _numbers(*(ferritin(n, id=f"{n}", effectiveDateTime=day) for n, day in enumerate(days, 1))) == [2, 3, 1, 4]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"issued": "2026-05-19T12:00:00Z"}, {"issued": "2026-05-19T11:00:00Z"}),
        ({"status": "corrected"}, {"status": "final"}),
        ({"status": "amended"}, {"status": "final"}),
        ({"meta": {"lastUpdated": "2026-05-20T01:00:00Z"}}, {"meta": {"lastUpdated": "2026-05-19T01:00:00Z"}}),
        ({"issued": "2026-05-19T12:00:00Z", "status": "final"}, {"issued": "2026-05-19T11:00:00Z", "status": "corrected"}),
    ],
)
def test_of_one_day_the_later_word_comes_first(first: dict[str, Any], second: dict[str, Any]) -> None:
    """DS-5: issued, then a correction, then the last update."""
    assert _numbers(ferritin(2, id="b", **second), ferritin(1, id="a", **first)) == [1, 2]


# --- DS-7: where the value stands --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ({"valueQuantity": quantity(12.5, "ng/mL")}, "12.5"),
        ({"valueQuantity": quantity("12.5", "ng/mL")}, "12.5"),
        ({"valueQuantity": quantity("12,5", "ng/mL")}, "12.5"),
        ({"valueInteger": 12}, "12"),
        ({"valueString": "12.5 ng/mL"}, "12.5"),
    ],
)
def test_a_number_is_read_wherever_it_stands(value: dict[str, Any], number: str) -> None:
    """DS-7."""
    assert result("ferritin", observation(FERRITIN, **value)).number == Decimal(number)


def test_a_component_holds_the_value_of_its_own_code() -> None:
    """DS-7."""
    parts = [{"code": coded("8480-6"), "valueQuantity": quantity(140, "mm[Hg]")}, {"code": coded("8462-4"), "valueQuantity": quantity(90, "mm[Hg]")}]
    pressure = observation("85354-9", component=parts)

    assert result("systolic-pressure", pressure).number == 140
    assert result("diastolic-pressure", pressure).number == 90


def test_components_that_repeat_the_panels_code_are_told_apart_by_their_own() -> None:
    """DS-7: Cerner puts the panel's code on each part."""
    both = {"coding": [{"system": LOINC, "code": "85354-9"}, {"system": LOINC, "code": "8480-6"}]}
    pressure = observation("85354-9", component=[{"code": both, "valueQuantity": quantity(140, "mm[Hg]")}])

    assert [r.number for r in results("systolic-pressure", pressure)] == [140]


def test_a_component_under_the_panels_code_counts_only_where_the_panel_has_no_value() -> None:
    """DS-7."""
    part = {"code": coded(FERRITIN), "valueQuantity": quantity(5, "ng/mL")}

    assert _numbers(observation(FERRITIN, component=[part])) == [5]
    assert _numbers(ferritin(20, component=[part])) == [20]


def test_members_of_a_panel_count_inside_it_and_beside_it() -> None:
    """DS-7."""
    inside = observation("75689-0", id="panel", hasMember=[{"reference": "#m"}], contained=[ferritin(7, id="m", subject=..., effectiveDateTime=...)])
    beside = observation("75689-0", id="other", hasMember=[{"reference": "Observation/n"}])

    read = results("ferritin", inside, beside, ferritin(8, id="n", effectiveDateTime="2026-04-01"))

    assert [(r.number, str(r.on), r.reference) for r in read] == [
        (7, "2026-05-19", "Observation/panel#m"),
        (8, "2026-04-01", "Observation/n"),
    ]


def test_a_panel_alone_is_no_result() -> None:
    """DS-7."""
    assert results("ferritin", observation("75689-0", valueQuantity=quantity(5, "ng/mL"))) == []


def test_a_range_leaves_the_number_open_between_its_ends() -> None:
    read = result("egfr", observation("33914-3", valueRange={"low": quantity(60, "mL/min"), "high": quantity(89, "mL/min")}))

    assert (read.low, read.high, read.number) == (60, 89, None)


def test_a_ratio_of_equal_units_is_a_number() -> None:
    read = result("ankle-brachial-index", observation("77194-9", valueRatio={"numerator": {"value": 90}, "denominator": {"value": 120}}))

    assert read.number == Decimal("0.75")


# --- DS-8: values as text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("12", "12", ""), (" 12.5 ", "12.5", ""), ("12,5", "12.5", ""), ("12,55 ng/mL", "12.55", "ng/mL"), ("1,200", "1200", ""),
        ("1,200 ug/L", "1200", "ug/L"), ("12 ng/mL", "12", "ng/mL"), ("12ng/mL", "12", "ng/mL"),
        ("12 NG/ML", "12", "NG/ML"), ("12 L", "12", ""), ("12 ng/mL L", "12", "ng/mL"), ("12 µg/L*", "12", "µg/L"), ("12 HH", "12", ""),
        ("12H", "12", ""), ("31 pmol/L", "31", "pmol/L"),
    ],
)  # fmt: skip
def test_a_number_written_as_text_is_read(text: str, number: str, unit: str) -> None:
    """DS-8."""
    read = result("ferritin", _said(text))

    assert (read.low, read.high, read.unit) == (Decimal(number), Decimal(number), unit)
    assert "reported as text" in read.notes


@pytest.mark.parametrize(
    "text",
    [
        "hemolyzed", "see note", "QNS", "pending", "12-15", "12 - 15", "", "   ", "___", "-3", "12 see note", "about 12", "12 furlongs",
        "1,2,3", "12,3456", "1234,567", "12..5", "1.234.567", "twelve", "12 ng/mL please", "1e5", "12 13", "NaN", "<", "1 / 160",
    ],
)  # fmt: skip
def test_any_other_text_is_no_value(text: str) -> None:
    """DS-8, DS-9: it neither counts nor stands in the way of an older result."""
    assert [r.number for r in results("ferritin", _said(text, id="t"), ferritin(9, effectiveDateTime="2026-01-01"))] == [9]


def test_the_flag_in_a_text_is_the_laboratorys() -> None:
    """DS-8."""
    assert [result("ferritin", _said(text)).flag for text in ("12 L", "12 ng/mL LL", "12 H", "12 HH", "12")] == [
        Flag.LOW, Flag.VERY_LOW, Flag.HIGH, Flag.VERY_HIGH, None,
    ]  # fmt: skip


def test_a_comma_after_a_nought_can_only_be_a_point() -> None:
    """DS-8."""
    assert result("methylmalonate", _said("0,250 umol/L", "13964-2")).low == Decimal("0.250")


def test_a_capital_l_at_the_end_of_a_unit_is_no_flag() -> None:
    """DS-8."""
    assert result("potassium", _said("4.0 mmol/L", POTASSIUM)).flag is None


def test_a_text_without_a_unit_takes_that_of_the_range() -> None:
    """DS-8, DS-14."""
    read = result("b12", _said("200", B12, referenceRange=[{"low": quantity(133, "pmol/L"), "high": quantity(600, "pmol/L")}]))

    assert read.number == pytest.approx(Decimal("271"), rel=Decimal("0.01"))
    assert "unit not stated, assumed pmol/L as in the reference range" in read.notes


# --- DS-9: no value ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"valueQuantity": ..., "dataAbsentReason": {"coding": [{"code": "not-performed"}]}},
        {"valueQuantity": ..., "dataAbsentReason": {"text": "lost in transit"}},
        {"dataAbsentReason": {"coding": [{"code": "error"}]}},
        {"valueQuantity": ..., "dataAbsentReason": {"coding": [{"code": "masked"}]}, "interpretation": [{"coding": [{"code": "L"}]}]},
        {"valueQuantity": ..., "valueCodeableConcept": {"text": "Not performed"}},
        {"valueQuantity": ..., "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "262008008"}]}},
        {"valueQuantity": ...},
        {"valueQuantity": {}},
        {"valueQuantity": {"unit": "ng/mL"}},
        {"valueQuantity": {"value": None, "unit": "ng/mL"}},
    ],
)
def test_a_missing_value_is_as_if_the_test_was_not_done(members: dict[str, Any]) -> None:
    """DS-9."""
    assert results("ferritin", ferritin(**members)) == []


# --- DS-10: comparators ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comparator", "low", "high"), [("<", None, 5), ("<=", None, 5), (">", 5, None), (">=", 5, None), ("≤", None, 5), (" < ", None, 5)]
)
def test_a_comparator_leaves_one_side_open(comparator: str, low: int | None, high: int | None) -> None:
    """DS-10."""
    for resource in (ferritin(5, comparator=...) | {"valueQuantity": quantity(5, "ng/mL", comparator=comparator)}, _said(f"{comparator}5 ng/mL")):
        read = result("ferritin", resource)
        assert (read.low, read.high, read.number) == (low, high, None)


def test_a_comparator_is_shown() -> None:
    """DS-10."""
    assert result("ferritin", _said("< 5 ng/mL")).value == "<5"


def test_a_comparator_inside_a_quantity_counts_too() -> None:
    """DS-10: eCQM-like data write the value as text."""
    assert result("ferritin", ferritin("<5")).high == 5


@pytest.mark.parametrize("comparator", ["ad", "~", "about"])
def test_an_unusable_comparator_leaves_no_value(comparator: str) -> None:
    """DS-10."""
    assert results("ferritin", observation(FERRITIN, valueQuantity=quantity(5, "ng/mL", comparator=comparator))) == []


# --- DS-11: the flag alone ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "flag", "cap"),
    [
        (["L"], Flag.LOW, Indicator.INFO), (["LU"], Flag.LOW, Indicator.INFO), (["<"], Flag.LOW, Indicator.INFO),
        (["LL"], Flag.VERY_LOW, Indicator.WARNING), (["H"], Flag.HIGH, Indicator.INFO), (["HU"], Flag.HIGH, Indicator.INFO),
        ([">"], Flag.HIGH, Indicator.INFO), (["HH"], Flag.VERY_HIGH, Indicator.WARNING), (["N"], Flag.NORMAL, Indicator.INFO),
        (["A", "L"], Flag.LOW, Indicator.INFO), (["L", "A"], Flag.LOW, Indicator.INFO), (["L", "LL"], Flag.VERY_LOW, Indicator.WARNING),
    ],
)  # fmt: skip
def test_without_a_number_the_laboratorys_flag_counts(codes: list[str], flag: Flag, cap: Indicator) -> None:
    """DS-11."""
    read = result("ferritin", _flagged(*codes))

    assert (read.flag, read.scale, read.cap) == (flag, None, cap)
    assert f"flagged {flag} by the laboratory, value not available" in read.notes


@pytest.mark.parametrize("codes", [["A"], ["AA"], ["H", "L"], ["S"], []])
def test_a_flag_without_a_direction_is_no_result(codes: list[str]) -> None:
    """DS-11."""
    assert results("ferritin", _flagged(*codes)) == []


@pytest.mark.parametrize(
    ("words", "flag"),
    [("Low", Flag.LOW), ("Below low normal", Flag.LOW), ("CRITICAL LOW", Flag.VERY_LOW), ("High", Flag.HIGH), ("Above upper panic limits", Flag.VERY_HIGH)],
)
def test_a_flag_may_stand_in_words(words: str, flag: Flag) -> None:
    """DS-11: as text, and as the display of another system's code; STU3 sends no list."""
    assert result("ferritin", observation(FERRITIN, interpretation=[{"text": words}])).flag is flag
    assert result("ferritin", observation(FERRITIN, interpretation={"coding": [{"code": "77", "display": words}]})).flag is flag


def test_beside_a_number_the_flag_is_kept() -> None:
    """DS-11."""
    read = result("ferritin", ferritin(interpretation=[{"coding": [{"code": "H"}]}]))

    assert (read.number, read.flag, read.cap) == (20, Flag.HIGH, Indicator.CRITICAL)


# --- DS-12, DS-13: reference ranges ------------------------------------------------------------------------------


def _range(low: float | None, high: float | None, unit: str | None = None, **members: Any) -> dict[str, Any]:
    bounds = {name: quantity(value, unit) for name, value in (("low", low), ("high", high)) if value is not None}
    return {**bounds, **members}


def _type(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/referencerange-meaning", "code": code}]}


def _chosen(*ranges: dict[str, Any], patient: dict[str, Any] = PATIENT) -> tuple[Decimal | None, Decimal | None]:
    read = result("ferritin", ferritin(referenceRange=list(ranges)), patient=patient)
    return read.range_low, read.range_high


@pytest.mark.parametrize("kind", ["therapeutic", "recommended", "treatment", "pre-therapeutic", "post", "critical"])
def test_only_a_normal_range_is_the_laboratorys_limit(kind: str) -> None:
    """DS-12."""
    assert _chosen(_range(1, 2, type=_type(kind)), _range(10, 300, type=_type("normal"))) == (10, 300)
    assert _chosen(_range(1, 2, type={"text": f"{kind} range"}), _range(10, 300)) == (10, 300)


@pytest.mark.parametrize(
    ("male", "female"),
    [
        ([{"text": "Male"}], [{"text": "Female"}]),
        ([{"coding": [{"code": "248153007"}]}], [{"coding": [{"code": "248152002"}]}]),
        ([{"coding": [{"code": "M"}]}], [{"coding": [{"code": "F"}]}]),
        ({"text": "men"}, {"text": "women"}),
    ],
)
def test_the_range_of_the_patients_sex_is_chosen(male: Any, female: Any) -> None:
    """DS-12."""
    ranges = (_range(30, 400, appliesTo=male), _range(15, 150, appliesTo=female))

    assert _chosen(*ranges) == (15, 150)
    assert _chosen(*ranges, patient=PATIENT | {"gender": "male"}) == (30, 400)
    assert _chosen(*ranges, patient=PATIENT | {"gender": "unknown"}) == (None, None)


def test_the_range_of_the_patients_age_is_chosen() -> None:
    """DS-12: of a woman of fifty."""
    years = [_range(1, 2, age=_range(0, 17, "a")), _range(10, 300, age=_range(18, 60, "a")), _range(3, 4, age=_range(61, None, "a"))]
    months = _range(5, 6, age=_range(0, 60, "mo"))

    assert _chosen(months, *years) == (10, 300)


def test_a_range_for_this_patient_goes_before_one_for_all() -> None:
    """DS-12."""
    assert _chosen(_range(10, 400), _range(15, 150, appliesTo=[{"text": "Female"}])) == (15, 150)


def test_a_range_for_pregnancy_is_kept_apart() -> None:
    """DS-12, G-5."""
    pregnant = _range(0.1, 3.0, appliesTo=[{"text": "Pregnant, second trimester"}])
    not_pregnant = _range(0.4, 4.0, appliesTo=[{"text": "Non-pregnant"}])

    read = result("tsh", observation(TSH, valueQuantity=quantity(2, "mIU/L"), referenceRange=[pregnant, not_pregnant]))

    assert (read.range_high, read.pregnancy_high) == (Decimal("4.0"), Decimal("3.0"))


def test_a_range_without_a_unit_has_that_of_the_value_and_another_is_converted() -> None:
    """DS-12."""
    assert _chosen(_range(10, 300)) == (10, 300)
    assert _chosen(_range(22.47, 674.2, "pmol/L")) == (pytest.approx(Decimal(10), rel=Decimal("0.01")), pytest.approx(Decimal(300), rel=Decimal("0.01")))
    assert _chosen(_range(10, 300, "furlong")) == (None, None)


def test_a_range_has_one_end_or_words_only() -> None:
    """DS-12."""
    assert _chosen(_range(10, None)) == (10, None)
    assert result("ferritin", ferritin(referenceRange=[{"text": "10-300"}])).range_text == "10-300"
    assert result("ferritin", ferritin(referenceRange=[_range(10, 300)])).range_text == "10-300"


@pytest.mark.parametrize(
    ("code", "analyte", "value", "unit", "low", "high"),
    [
        (MAGNESIUM, "magnesium", 1.9, "mmol/L", 1.6, 2.6), ("17861-6", "calcium", 1.2, "mmol/L", 1.15, 1.30),
        ("718-7", "haemoglobin", 13.5, "g/L", 12, 16), ("2498-4", "iron", 12, "ug/dL", 10, 30),
    ],
)  # fmt: skip
def test_a_range_that_belongs_to_another_unit_makes_the_value_unreadable(
    code: str, analyte: str, value: float, unit: str, low: float, high: float
) -> None:
    """DS-13."""
    read = result(analyte, observation(code, valueQuantity=quantity(value, unit), referenceRange=[_range(low, high, unit)]))

    assert read.unreadable == "the reference range does not fit the unit"
    assert read.scale is None


def test_a_range_that_fits_the_unit_does_not() -> None:
    """DS-13."""
    read = result("magnesium", observation(MAGNESIUM, valueQuantity=quantity(0.9, "mmol/L"), referenceRange=[_range(0.7, 1.1, "mmol/L")]))

    assert read.number == Decimal("0.9")


# --- DS-14, DS-15, DS-16: units ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("analyte", "code", "value", "unit"),
    [
        ("ferritin", FERRITIN, 20, "ng/mL"), ("ferritin", "14723-1", 45, "pmol/L"), ("tsh", TSH, 2.5, "m[IU]/L"),
        ("potassium", POTASSIUM, 4.1, "mmol/L"), ("egfr", "33914-3", 70, "mL/min/{1.73_m2}"), ("mcv", "787-2", 88, "fL"),
        ("hba1c", HBA1C, 5.1, "%"), ("hba1c", HBA1C, 53, "mmol/mol"), ("transferrin-saturation", "2502-3", 0.22, "1"),
        ("active-b12", "72160-5", 40, "pmol/L"), ("body-temperature", "8310-5", 100.4, "[degF]"), ("body-temperature", "8310-5", 38, "Cel"),
    ],
)  # fmt: skip
def test_a_missing_unit_is_assumed_where_it_can_only_be_one(analyte: str, code: str, value: float, unit: str) -> None:
    """DS-14."""
    read = result(analyte, observation(code, valueQuantity={"value": value}))

    assert read.scale is not None
    assert read.scale.code == unit
    assert read.unit == ""
    assert unit == "1" or f"unit not stated, assumed {unit}" in read.notes


@pytest.mark.parametrize(
    ("analyte", "code", "value"),
    [
        ("b12", B12, 200), ("vitamin-d", "1989-3", 40), ("magnesium", MAGNESIUM, 1.0), ("urea", "3094-0", 7), ("free-t4", "3024-7", 12),
        ("transferrin-saturation", "2502-3", 22), ("body-temperature", "8310-5", 60),
    ],
)  # fmt: skip
def test_a_missing_unit_is_never_guessed(analyte: str, code: str, value: float) -> None:
    """DS-14."""
    read = result(analyte, observation(code, valueQuantity={"value": value}))

    assert read.unreadable == "no unit"
    assert read.number is None


def test_a_code_that_tells_no_unit_needs_one_and_a_name() -> None:
    """DS-14, Use = U: Ferritin of mass or moles."""
    named = {"coding": [{"system": LOINC, "code": "35209-6", "display": "Ferritin (component)"}]}

    assert result("ferritin", observation(named, valueQuantity=quantity(20, "ng/mL"))).number == 20
    assert result("ferritin", observation(named, valueQuantity={"value": 20})).unreadable
    assert result("ferritin", observation("35209-6", valueQuantity=quantity(20, "ng/mL"))).unreadable


def test_two_units_of_one_value_that_agree_are_one() -> None:
    """DS-15."""
    assert result("ferritin", observation(FERRITIN, valueQuantity=quantity(20, "ng/mL", text="µg/L"))).number == 20


def test_two_units_of_one_value_that_differ_make_it_unreadable() -> None:
    """DS-15."""
    read = result("vitamin-d", observation("1989-3", valueQuantity=quantity(40, "ng/mL", text="nmol/L")))

    assert read.unreadable == "two units that do not agree"


def test_of_two_units_the_one_that_is_a_unit_counts() -> None:
    """DS-15."""
    assert result("ferritin", observation(FERRITIN, valueQuantity=quantity(20, "ng/mL", text="nanograms of ferritin"))).number == 20
    assert result("ferritin", observation(FERRITIN, valueQuantity=quantity(20, "{whatever}", text="ng/mL"))).number == 20


def test_of_two_units_the_plausible_one_counts() -> None:
    """DS-15, DS-16: 4.0 mg/dL of potassium is none."""
    read = result("potassium", observation(POTASSIUM, valueQuantity=quantity(4.0, "mg/dL", text="mmol/L")))

    assert read.number == Decimal("4.0")


def test_a_unit_that_contradicts_the_code_is_trusted_and_noted() -> None:
    """DS-15: moles under a code for mass."""
    read = result("ferritin", observation(FERRITIN, valueQuantity=quantity(45, "pmol/L")))

    assert read.number == pytest.approx(Decimal(20), rel=Decimal("0.01"))
    assert "the unit does not fit the code; the unit was trusted" in read.notes
    assert result("ferritin", ferritin()).notes == ()


@pytest.mark.parametrize(
    ("analyte", "code", "value", "unit"),
    [
        ("potassium", POTASSIUM, 41, "mmol/L"), ("potassium", POTASSIUM, 4.1, "mg/dL"), ("tsh", TSH, 6.8, "mIU/mL"), ("hba1c", HBA1C, 53, "%"),
        ("hba1c", HBA1C, 7.2, "mmol/mol"), ("haemoglobin", "718-7", 13.5, "g/L"), ("calcium", "17861-6", 9.2, "mmol/L"), ("glucose", "2345-7", 5.4, "mg/dL"),
        ("creatinine", "2160-0", 88, "mg/dL"), ("albumin", "1751-7", 42, "g/dL"), ("methylmalonate", "13964-2", 280, "umol/L"),
        ("transferrin-saturation", "2502-3", 0.14, "%"), ("ankle-brachial-index", "77194-9", 91, "1"), ("ferritin", FERRITIN, -5, "ng/mL"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_unreadable_and_shown_as_written(analyte: str, code: str, value: float, unit: str) -> None:
    """DS-16."""
    read = result(analyte, observation(code, valueQuantity=quantity(value, unit)))

    assert read.unreadable == "not plausible in this unit"
    assert (read.value, read.unit) == (str(value), unit)
    assert read.number is None


def test_an_unknown_unit_is_unreadable() -> None:
    """DS-16."""
    assert result("ferritin", ferritin(20, "furlong")).unreadable == "unit 'furlong' not understood"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "99999999999999999999999999999999999999", "NaN", "Infinity"])
def test_a_number_beyond_all_measure_is_no_value(number: str) -> None:
    """DS-16."""
    raw = f'{{"resourceType":"Observation","status":"final","subject":{{"reference":"Patient/p"}},"code":{{"coding":[{{"system":"{LOINC}","code":"2276-4"}}]}},"valueQuantity":{{"value":{number},"unit":"ng/mL"}}}}'
    record = record_of()

    record.take(raw.encode())

    assert [m for m in record.measurements("ferritin") if not m.absent] == []


# --- DS-17: codes and names --------------------------------------------------------------------------------------


def _named(text: str, *codings: dict[str, str]) -> dict[str, Any]:
    return observation({"coding": list(codings), "text": text}, valueQuantity=quantity(20, "ng/mL"))


def test_loinc_may_be_any_of_several_codings() -> None:
    """DS-17: Cerner's own code comes first."""
    read = result("ferritin", _named("Ferritin Lvl", {"system": "urn:local", "code": "1"}, {"system": LOINC, "code": FERRITIN}))

    assert read.cap is Indicator.CRITICAL


@pytest.mark.parametrize("display", ["Ferritin", "Ferritin [Mass/volume] in Serum or Plasma", "ferritin, serum by assay"])
def test_a_code_without_a_system_counts_beside_the_right_name(display: str) -> None:
    """DS-17."""
    assert result("ferritin", _named("", {"code": FERRITIN, "display": display})).number == 20


@pytest.mark.parametrize("display", ["", "Albumin", "Lab test", "Ferritinuria"])
def test_a_code_without_a_system_does_not_count_beside_another_name(display: str) -> None:
    """DS-17."""
    assert results("ferritin", _named("", {"code": FERRITIN, "display": display})) == []


@pytest.mark.parametrize("display", ["Albumin", "Albumin [Mass/volume] in Serum or Plasma", "TSH"])
def test_a_code_whose_name_contradicts_it_is_left_aside_and_named(display: str) -> None:
    """DS-17."""
    record = record_of(_named(display, {"system": LOINC, "code": FERRITIN}), ferritin(9, id="older", effectiveDateTime="2026-01-01"))

    assert [m.number for m in record.measurements("ferritin")] == [9]
    assert [fact.notes for fact in record.set_aside("ferritin")] == [("not used: the code and its name do not agree",)]


def test_a_name_that_we_do_not_know_contradicts_nothing() -> None:
    """DS-17."""
    assert result("ferritin", _named("Fe storage protein", {"system": LOINC, "code": FERRITIN})).number == 20


@pytest.mark.parametrize("text", ["Ferritin", "FERRITIN", " serum  ferritin "])
def test_an_exact_name_without_a_code_counts_for_information(text: str) -> None:
    """DS-17."""
    read = result("ferritin", _named(text))

    assert (read.number, read.cap) == (20, Indicator.INFO)
    assert "test named in words only" in read.notes


@pytest.mark.parametrize("text", ["Ferritin index", "ferritins", ""])
def test_another_name_without_a_code_does_not(text: str) -> None:
    """DS-17."""
    assert results("ferritin", _named(text)) == []


def test_the_words_of_a_known_code_do_not_overrule_it() -> None:
    """DS-17: the code says bilirubin."""
    assert results("ferritin", _named("Ferritin", {"system": LOINC, "code": "1975-2"})) == []


# --- DS-18, DS-19: samples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"specimen": {"display": "Urine, random"}},
        {"code": {"coding": [{"system": LOINC, "code": "2160-0", "display": "Creatinine"}], "text": "Creatinine, urine"}},
        {"specimen": {"reference": "#s"}, "contained": [{"resourceType": "Specimen", "id": "s", "type": {"text": "CSF"}}]},
        {"specimen": {"reference": "Specimen/s"}},
        {"specimen": {"reference": "urn:uuid:s"}},
    ],
)
def test_a_result_of_another_fluid_is_no_blood_test(members: dict[str, Any]) -> None:
    """DS-18."""
    specimen = {"resourceType": "Specimen", "id": "s", "type": {"coding": [{"display": "Urine specimen"}]}}
    resource = observation("2160-0", valueQuantity=quantity(1.1, "mg/dL")) | members

    assert results("creatinine", specimen, resource) == []


def test_blood_is_blood() -> None:
    """DS-18."""
    specimen = {"resourceType": "Specimen", "id": "s", "type": {"coding": [{"display": "Venous blood specimen"}]}}

    assert result("creatinine", specimen, observation("2160-0", valueQuantity=quantity(1.1, "mg/dL"), specimen={"reference": "Specimen/s"})).scale


def _potassium(**members: Any) -> dict[str, Any]:
    return observation(POTASSIUM, **{"valueQuantity": quantity(6.4, "mmol/L"), "id": "k", **members})


@pytest.mark.parametrize(
    "members",
    [
        {"note": [{"text": "Specimen hemolyzed."}]}, {"note": {"text": "Sample slightly haemolysed; no repeat possible"}},
        {"comment": "HEMOLYSIS PRESENT"}, {"interpretation": [{"text": "haemolysed"}]}, {"note": [{"text": "Hemolysis index: 3"}]},
        {"specimen": {"reference": "#s"}, "contained": [{"resourceType": "Specimen", "id": "s", "condition": [{"text": "Hemolyzed"}]}]},
    ],
)  # fmt: skip
def test_a_haemolysed_sample_is_known_as_one(members: dict[str, Any]) -> None:
    """DS-19."""
    read = result("potassium", _potassium(**members))

    assert read.haemolysed
    assert "sample reported as haemolysed" in read.notes


@pytest.mark.parametrize(
    "text", ["No hemolysis", "not haemolysed", "Sample non-hemolyzed", "Haemolysis: none", "hemolysis index: 0", "without visible haemolysis", "repeat"]
)
def test_a_sample_free_of_haemolysis_is_not(text: str) -> None:
    """DS-19."""
    assert not result("potassium", _potassium(note=[{"text": text}])).haemolysed


def _haemolysis(**members: Any) -> dict[str, Any]:
    return observation("20393-5", **{"id": "h", "valueCodeableConcept": {"text": "Positive"}, **members})


_AT_TEN = "2026-05-19T10:00:00Z"


def test_another_result_of_the_same_sample_may_say_that_it_is_haemolysed() -> None:
    """DS-19."""
    tube, other = {"reference": "Specimen/1"}, {"reference": "Specimen/2"}

    assert result("potassium", _potassium(specimen=tube), _haemolysis(specimen=tube)).haemolysed
    assert result("potassium", _potassium(effectiveDateTime=_AT_TEN), _haemolysis(effectiveDateTime=_AT_TEN)).haemolysed
    assert not result("potassium", _potassium(specimen=tube), _haemolysis(specimen=other)).haemolysed
    assert not result("potassium", _potassium(), _haemolysis()).haemolysed
    assert not result("potassium", _potassium(specimen=tube), _haemolysis(specimen=tube, valueCodeableConcept={"text": "Negative"})).haemolysed
    assert not result("potassium", _potassium(specimen=tube), _haemolysis(specimen=tube, status="entered-in-error")).haemolysed


# --- DS-23: whose it is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p", "Patient/p/_history/3", "https://ehr.example.org/fhir/Patient/p", "https://ehr.example.org/fhir/Patient/p/_history/1",
        "http://other.example.org/Patient/p", "urn:uuid:p",
    ],
)  # fmt: skip
def test_a_resource_about_the_patient_counts(reference: str) -> None:
    """DS-23."""
    assert result("ferritin", ferritin(subject={"reference": reference})).number == 20


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/q"}, {"reference": "Patient/pp"}, {"reference": "https://ehr.example.org/fhir/Patient/q"}, {"reference": "p"},
        {"reference": "Group/p"}, {"reference": "#p"}, {"reference": ""}, {"display": "Jane"}, {"identifier": {"value": "p"}}, ..., None, "Patient/p",
    ],
)  # fmt: skip
def test_a_resource_about_somebody_else_or_nobody_is_left_out_and_counted(subject: Any) -> None:
    """DS-23."""
    record = record_of(ferritin(subject=subject))

    assert list(record.measurements("ferritin")) == []
    assert record.left_out["about another or an unnamed patient"] == 1


def test_a_copy_about_somebody_else_does_not_hide_the_patients_own() -> None:
    """DS-23."""
    assert _numbers(ferritin(1, id="x", subject={"reference": "Patient/q"}), ferritin(2, id="x")) == [2]


# --- DS-24 and repeats -------------------------------------------------------------------------------------------


def test_a_limit_is_given_in_the_unit_of_the_result() -> None:
    """DS-24."""
    read = result("hba1c", observation(HBA1C, valueQuantity=quantity(6.5, "%")))
    pair = next(pair for pair in knowledge().vocabulary.analytes["hba1c"].pairs if pair[0].value == 48)

    assert read.scale is not None
    assert read.analyte.limit(pair[0], read.scale) == Decimal("6.5")


def test_the_same_resource_twice_is_one() -> None:
    """2.7: it came under two prefetch keys."""
    assert len(results("ferritin", ferritin(id="x"), ferritin(id="x"))) == 1


def test_the_side_of_a_finding_is_in_its_code_its_site_or_its_words() -> None:
    def side(**members: Any) -> str:
        return result("ankle-brachial-index", observation("77194-9", valueQuantity=quantity(0.8, "1")) | members).side

    assert side(bodySite={"text": "Left leg"}) == "left"
    assert side(code={"text": "ABI, right"}) == "right"
    assert side(code=coded("8580-3")) == "right"
    assert side(bodySite={"text": "left and right"}) == ""
    assert side() == ""


# --- results that say something instead of a number --------------------------------------------------------------


def test_a_coded_result_means_the_concepts_of_its_answer() -> None:
    pregnant = observation("82810-3", valueCodeableConcept={"coding": [{"system": SNOMED, "code": "77386006", "display": "Pregnant"}]})

    (read,) = record_of(pregnant).coded_results("pregnancy-status")

    assert "pregnancy" in read.means
    assert read.value == "Pregnant"


def test_coded_results_come_newest_first_and_an_answer_that_we_do_not_know_is_one() -> None:
    old = observation("82810-3", id="a", effectiveDateTime="2026-01-01", valueCodeableConcept=coded("77386006", SNOMED))
    new = observation("82810-3", id="b", valueCodeableConcept=coded("LA26683-5"))

    newest, oldest = record_of(old, new).coded_results("pregnancy-status")

    assert not newest.means
    assert "pregnancy" in oldest.means


@pytest.mark.parametrize(
    "members",
    [
        {"status": "preliminary"}, {"valueCodeableConcept": {"text": "Not done"}}, {"valueCodeableConcept": ...},
        {"effectiveDateTime": "2027-01-01"}, {"dataAbsentReason": {"coding": [{"code": "unknown"}]}},
    ],
)  # fmt: skip
def test_a_coded_result_that_does_not_count(members: dict[str, Any]) -> None:
    """DS-1, DS-3, DS-9."""
    usual = {"valueCodeableConcept": coded("77386006", SNOMED)}

    assert record_of(observation("82810-3", **(usual | members))).coded_results("pregnancy-status") == ()
