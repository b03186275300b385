"""What the laboratory says of its result: flags and reference ranges (DS-11 to DS-13)."""

from decimal import Decimal
from typing import Any

import pytest

from cds.chart.facts import Flag, Indicator
from tests.unit.fhir import (
    FERRITIN,
    MAGNESIUM,
    PATIENT,
    TSH,
    ferritin,
    observation,
    quantity,
    result,
    results,
)


def _flagged(*codes: str, **members: Any) -> dict[str, Any]:
    return observation(FERRITIN, interpretation=[{"coding": [{"code": code} for code in codes]}], **members)


# --- DS-11: the flag alone ---


@pytest.mark.parametrize(
    ("codes", "flag", "cap"),
    [
        (["L"], Flag.LOW, Indicator.INFO),
        (["LU"], Flag.LOW, Indicator.INFO),
        (["<"], Flag.LOW, Indicator.INFO),
        (["LL"], Flag.VERY_LOW, Indicator.WARNING),
        (["H"], Flag.HIGH, Indicator.INFO),
        (["HU"], Flag.HIGH, Indicator.INFO),
        ([">"], Flag.HIGH, Indicator.INFO),
        (["HH"], Flag.VERY_HIGH, Indicator.WARNING),
        (["N"], Flag.NORMAL, Indicator.INFO),
        (["A", "L"], Flag.LOW, Indicator.INFO),
        (["L", "A"], Flag.LOW, Indicator.INFO),
        (["L", "LL"], Flag.VERY_LOW, Indicator.WARNING),
    ],
)
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
    [
        ("Low", Flag.LOW),
        ("Below low normal", Flag.LOW),
        ("CRITICAL LOW", Flag.VERY_LOW),
        ("High", Flag.HIGH),
        ("Above upper panic limits", Flag.VERY_HIGH),
    ],
)
def test_a_flag_may_stand_in_words(words: str, flag: Flag) -> None:
    """DS-11: as text, and as the display of another system's code; STU3 sends no list."""
    assert result("ferritin", observation(FERRITIN, interpretation=[{"text": words}])).flag is flag
    assert (
        result("ferritin", observation(FERRITIN, interpretation={"coding": [{"code": "77", "display": words}]})).flag
        is flag
    )


def test_beside_a_number_the_flag_is_kept() -> None:
    """DS-11."""
    read = result("ferritin", ferritin(interpretation=[{"coding": [{"code": "H"}]}]))

    assert (read.number, read.flag, read.cap) == (Decimal(20), Flag.HIGH, Indicator.CRITICAL)


# --- DS-12, DS-13: reference ranges ---


def _range(low: float | None, high: float | None, unit: str | None = None, **members: Any) -> dict[str, Any]:
    bounds = {name: quantity(value, unit) for name, value in (("low", low), ("high", high)) if value is not None}
    return {**bounds, **members}


def _type(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/referencerange-meaning", "code": code}]}


def _chosen(*ranges: dict[str, Any], patient: dict[str, Any] = PATIENT) -> Any:
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
    years = [
        _range(1, 2, age=_range(0, 17, "a")),
        _range(10, 300, age=_range(18, 60, "a")),
        _range(3, 4, age=_range(61, None, "a")),
    ]
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
    assert _chosen(_range(22.47, 674.2, "pmol/L")) == (
        pytest.approx(Decimal(10), rel=Decimal("0.01")),
        pytest.approx(Decimal(300), rel=Decimal("0.01")),
    )
    assert _chosen(_range(10, 300, "furlong")) == (None, None)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("10-300", 10, 300),
        ("[10 - 300]", 10, 300),
        ("10 \u2013 300 ng/mL", 10, 300),
        ("10 to 300 ug/L", 10, 300),
        ("<300", None, 300),
        ("\u2265 10 ng/mL", 10, None),
    ],
)
def test_a_range_that_is_only_words_is_read(text: str, low: int | None, high: int | None) -> None:
    """DS-12."""
    assert _chosen({"text": text}) == (low, high)


@pytest.mark.parametrize("text", ["", "see report", "10-300 furlong", "300-10", "10,5-300", "up to 10 months: 5-20"])
def test_other_words_are_no_range(text: str) -> None:
    """DS-12."""
    assert _chosen({"text": text}) == (None, None)


def test_a_range_has_one_end_or_words_only() -> None:
    """DS-12."""
    assert _chosen(_range(10, None)) == (10, None)
    assert result("ferritin", ferritin(referenceRange=[{"text": "10-300"}])).range_text == "10-300"
    assert result("ferritin", ferritin(referenceRange=[_range(10, 300)])).range_text == "10-300"


@pytest.mark.parametrize(
    ("code", "analyte", "value", "unit", "normal"),
    [
        (MAGNESIUM, "magnesium", 1.9, "mmol/L", (1.6, 2.6)),
        ("17861-6", "calcium", 1.2, "mmol/L", (1.15, 1.30)),
        ("718-7", "haemoglobin", 13.5, "g/L", (12, 16)),
        ("2498-4", "iron", 12, "ug/dL", (10, 30)),
    ],
)
def test_a_range_that_belongs_to_another_unit_makes_the_value_unreadable(
    code: str, analyte: str, value: float, unit: str, normal: tuple[float, float]
) -> None:
    """DS-13."""
    ranges = [_range(*normal, unit)]

    read = result(analyte, observation(code, valueQuantity=quantity(value, unit), referenceRange=ranges))

    assert read.unreadable == "the reference range does not fit the unit"
    assert read.scale is None


def test_a_range_that_fits_the_unit_does_not() -> None:
    """DS-13."""
    read = result(
        "magnesium",
        observation(MAGNESIUM, valueQuantity=quantity(0.9, "mmol/L"), referenceRange=[_range(0.7, 1.1, "mmol/L")]),
    )

    assert read.number == Decimal("0.9")
