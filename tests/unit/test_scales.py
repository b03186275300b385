"""In which unit a value is, and whether it can be (DS-14 to DS-16)."""

import json
from decimal import Decimal

import pytest

from tests.unit.fhir import (
    B12,
    FERRITIN,
    HBA1C,
    LOINC,
    MAGNESIUM,
    POTASSIUM,
    TSH,
    ferritin,
    observation,
    quantity,
    record_of,
    result,
)


@pytest.mark.parametrize(
    ("analyte", "code", "value", "unit"),
    [
        ("ferritin", FERRITIN, 20, "ng/mL"),
        ("ferritin", "14723-1", 45, "pmol/L"),
        ("tsh", TSH, 2.5, "m[IU]/L"),
        ("potassium", POTASSIUM, 4.1, "mmol/L"),
        ("egfr", "33914-3", 70, "mL/min/{1.73_m2}"),
        ("mcv", "787-2", 88, "fL"),
        ("hba1c", HBA1C, 5.1, "%"),
        ("hba1c", HBA1C, 53, "mmol/mol"),
        ("transferrin-saturation", "2502-3", 0.22, "1"),
        ("active-b12", "72160-5", 40, "pmol/L"),
        ("body-temperature", "8310-5", 100.4, "[degF]"),
        ("body-temperature", "8310-5", 38, "Cel"),
    ],
)
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
        ("b12", B12, 200),
        ("vitamin-d", "1989-3", 40),
        ("magnesium", MAGNESIUM, 1.0),
        ("urea", "3094-0", 7),
        ("free-t4", "3024-7", 12),
        ("transferrin-saturation", "2502-3", 22),
        ("body-temperature", "8310-5", 60),
    ],
)
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


@pytest.mark.parametrize("name", ["Calcidiol", "Calcidiol [Moles/volume] in Serum or Plasma", "25-Hydroxyvitamin D3"])
def test_a_code_that_tells_no_unit_may_bear_the_name_that_loinc_gives_the_analyte(name: str) -> None:
    """Vitamin D, Use = U."""
    named = {"coding": [{"system": LOINC, "code": "55814-8", "display": name}]}

    assert result("vitamin-d", observation(named, valueQuantity=quantity(28, "nmol/L"))).number == 28


def test_two_units_of_one_value_that_agree_are_one() -> None:
    """DS-15."""
    assert result("ferritin", observation(FERRITIN, valueQuantity=quantity(20, "ng/mL", text="µg/L"))).number == 20


def test_two_units_of_one_value_that_differ_make_it_unreadable() -> None:
    """DS-15."""
    read = result("vitamin-d", observation("1989-3", valueQuantity=quantity(40, "ng/mL", text="nmol/L")))

    assert read.unreadable == "two units that do not agree"


def test_of_two_units_the_one_that_is_a_unit_counts() -> None:
    """DS-15."""
    assert (
        result(
            "ferritin", observation(FERRITIN, valueQuantity=quantity(20, "ng/mL", text="nanograms of ferritin"))
        ).number
        == 20
    )
    assert (
        result("ferritin", observation(FERRITIN, valueQuantity=quantity(20, "{whatever}", text="ng/mL"))).number == 20
    )


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
        ("potassium", POTASSIUM, 41, "mmol/L"),
        ("potassium", POTASSIUM, 4.1, "mg/dL"),
        ("tsh", TSH, 6.8, "mIU/mL"),
        ("hba1c", HBA1C, 53, "%"),
        ("hba1c", HBA1C, 7.2, "mmol/mol"),
        ("haemoglobin", "718-7", 13.5, "g/L"),
        ("calcium", "17861-6", 9.2, "mmol/L"),
        ("glucose", "2345-7", 5.4, "mg/dL"),
        ("creatinine", "2160-0", 88, "mg/dL"),
        ("albumin", "1751-7", 42, "g/dL"),
        ("methylmalonate", "13964-2", 280, "umol/L"),
        ("transferrin-saturation", "2502-3", 0.14, "%"),
        ("ankle-brachial-index", "77194-9", 91, "1"),
        ("ferritin", FERRITIN, -5, "ng/mL"),
    ],
)
def test_an_impossible_value_is_unreadable_and_shown_as_written(
    analyte: str, code: str, value: float, unit: str
) -> None:
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
    raw = json.dumps(ferritin(0)).replace('"value": 0', f'"value": {number}')
    record = record_of()

    record.take(raw.encode())

    assert [m for m in record.measurements("ferritin") if not m.absent] == []


@pytest.mark.parametrize(
    ("analyte", "code", "value", "converted"),
    [
        ("potassium", "22760-3", quantity(9.7, "mg/dL"), "2.48 mmol/L"),
        ("creatine-kinase", "2157-6", quantity(40, "ukat/L"), "2400 U/L"),
        ("egfr", "33914-3", quantity(0.25, "mL/s", comparator="<"), "<15.0 mL/min/1.73 m²"),
        ("potassium", POTASSIUM, quantity(2.4, "meq/L"), ""),
        ("magnesium", MAGNESIUM, quantity(1.2, "mg/dL"), ""),
    ],
)
def test_a_value_is_given_in_the_canonical_unit_too_where_limits_are_not_stated_in_its_own(
    analyte: str, code: str, value: dict[str, object], converted: str
) -> None:
    """7, f-common. Magnesium's limits are stated in mg/dL as well: 1.2 converted would seem to lie below 0.50."""
    assert result(analyte, observation(code, valueQuantity=value)).converted == converted
