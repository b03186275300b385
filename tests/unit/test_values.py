"""Where the value of a result stands, and how it is written (DS-7 to DS-10)."""

from decimal import Decimal
from typing import Any

import pytest

from cds.chart.facts import Flag, Indicator
from tests.unit.fhir import (
    B12,
    FERRITIN,
    LOINC,
    POTASSIUM,
    SNOMED,
    coded,
    ferritin,
    observation,
    quantity,
    result,
    results,
)


def _said(text: str, code: str = FERRITIN, **members: Any) -> dict[str, Any]:
    return observation(code, valueString=text, **members)


# --- DS-7: where the value stands ---


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
    parts = [
        {"code": coded("8480-6"), "valueQuantity": quantity(140, "mm[Hg]")},
        {"code": coded("8462-4"), "valueQuantity": quantity(90, "mm[Hg]")},  # the other pressure, which nobody asks for
    ]
    pressure = observation("85354-9", component=parts)

    assert result("systolic-pressure", pressure).number == 140


def test_components_that_repeat_the_panels_code_are_told_apart_by_their_own() -> None:
    """DS-7: Cerner puts the panel's code on each part."""
    both = {"coding": [{"system": LOINC, "code": "85354-9"}, {"system": LOINC, "code": "8480-6"}]}
    pressure = observation("85354-9", component=[{"code": both, "valueQuantity": quantity(140, "mm[Hg]")}])

    assert [r.number for r in results("systolic-pressure", pressure)] == [140]


def test_a_component_under_the_panels_code_counts_only_where_the_panel_has_no_value() -> None:
    """DS-7."""
    part = {"code": coded(FERRITIN), "valueQuantity": quantity(5, "ng/mL")}

    assert [r.number for r in results("ferritin", observation(FERRITIN, component=[part]))] == [5]
    assert [r.number for r in results("ferritin", ferritin(20, component=[part]))] == [20]


ABI = {"coding": [{"system": LOINC, "code": "77194-9", "display": "Ankle-brachial index"}]}


@pytest.mark.parametrize("words", ["Right", "right leg", "ABI right"])
def test_a_component_named_by_its_side_is_of_what_its_panel_is(words: str) -> None:
    """4.1: each component holds the index of one leg."""
    part = {"code": {"text": words}, "valueQuantity": quantity(0.62)}

    (index,) = results("ankle-brachial-index", observation(ABI, component=[part]))

    assert (index.number, index.side, index.cap) == (Decimal("0.62"), "right", Indicator.CRITICAL)


@pytest.mark.parametrize("words", ["Pulse right", "Right arm", "Comment", ""])
def test_a_component_named_otherwise_is_not(words: str) -> None:
    part = {"code": {"text": words}, "valueQuantity": quantity(0.62)}

    assert results("ankle-brachial-index", observation(ABI, component=[part])) == []


def test_a_side_under_a_panel_named_in_words_is_as_sure_as_these() -> None:
    """DS-17."""
    part = {"code": {"text": "Left"}, "valueQuantity": quantity(0.62)}

    assert result("ankle-brachial-index", observation({"text": "ABPI"}, component=[part])).cap is Indicator.INFO


def test_members_of_a_panel_count_inside_it_and_beside_it() -> None:
    """DS-7."""
    inside = observation(
        "75689-0",
        id="panel",
        hasMember=[{"reference": "#m"}],
        contained=[ferritin(7, id="m", subject=..., effectiveDateTime=...)],
    )
    beside = observation("75689-0", id="other", hasMember=[{"reference": "Observation/n"}])

    read = results("ferritin", inside, beside, ferritin(8, id="n", effectiveDateTime="2026-04-01"))

    assert [r.number for r in read] == [7, 8]
    assert [(str(r.on), r.reference) for r in read] == [
        ("2026-05-19", "Observation/panel#m"),
        ("2026-04-01", "Observation/n"),
    ]


def test_a_panel_alone_is_no_result() -> None:
    """DS-7."""
    assert results("ferritin", observation("75689-0", valueQuantity=quantity(5, "ng/mL"))) == []


def test_a_range_leaves_the_number_open_between_its_ends() -> None:
    read = result(
        "egfr", observation("33914-3", valueRange={"low": quantity(60, "mL/min"), "high": quantity(89, "mL/min")})
    )

    assert (read.low, read.high) == (Decimal(60), Decimal(89))
    assert read.number is None


def test_a_ratio_of_equal_units_is_a_number() -> None:
    read = result(
        "ankle-brachial-index",
        observation("77194-9", valueRatio={"numerator": {"value": 90}, "denominator": {"value": 120}}),
    )

    assert read.number == Decimal("0.75")


@pytest.mark.parametrize(("numerator", "denominator", "shown"), [
    (quantity(40, "mg"), quantity(1, "g"), "40"),
    (quantity(400, "mg", text="mg"), quantity(10, "g", text="g"), "40"),
    (quantity(3, "mg", comparator="<"), quantity(1, "g"), "<3"),
])  # fmt: skip
def test_a_ratio_of_two_units_has_their_ratio_for_a_unit(numerator: Any, denominator: Any, shown: str) -> None:
    value = {"numerator": numerator, "denominator": denominator}

    read = result("urine-albumin-creatinine", observation("9318-7", valueRatio=value))

    assert (read.value, read.unit, read.unreadable) == (shown, "mg/g", "")


# --- DS-8: values as text ---


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("12", "12", ""),
        (" 12.5 ", "12.5", ""),
        ("12,5", "12.5", ""),
        ("12,55 ng/mL", "12.55", "ng/mL"),
        ("1,200", "1200", ""),
        ("1,200 ug/L", "1200", "ug/L"),
        ("12 ng/mL", "12", "ng/mL"),
        ("12ng/mL", "12", "ng/mL"),
        ("12 NG/ML", "12", "NG/ML"),
        ("12 L", "12", ""),
        ("12 ng/mL L", "12", "ng/mL"),
        ("12 µg/L*", "12", "µg/L"),
        ("12 HH", "12", ""),
        ("12H", "12", ""),
        ("12 (L)", "12", ""),
        ("12 ng/mL (H)", "12", "ng/mL"),
        ("31 pmol/L", "31", "pmol/L"),
    ],
)
def test_a_number_written_as_text_is_read(text: str, number: str, unit: str) -> None:
    """DS-8."""
    read = result("ferritin", _said(text))

    assert (read.low, read.high, read.unit) == (Decimal(number), Decimal(number), unit)
    assert "reported as text" in read.notes


@pytest.mark.parametrize(
    "text",
    [
        "hemolyzed",
        "see note",
        "QNS",
        "pending",
        "12-15",
        "12 - 15",
        "",
        "   ",
        "___",
        "-3",
        "12 see note",
        "12 (see note)",
        "12 (H",
        "about 12",
        "12 furlongs",
        "1,2,3",
        "12,3456",
        "1234,567",
        "12..5",
        "1.234.567",
        "twelve",
        "12 ng/mL please",
        "1e5",
        "12 13",
        "NaN",
        "<",
        "1 / 160",
    ],
)
def test_any_other_text_is_no_value(text: str) -> None:
    """DS-8, DS-9: it neither counts nor stands in the way of an older result."""
    assert [
        r.number for r in results("ferritin", _said(text, id="t"), ferritin(9, effectiveDateTime="2026-01-01"))
    ] == [9]


def test_the_flag_in_a_text_is_the_laboratorys() -> None:
    """DS-8."""
    assert [result("ferritin", _said(text)).flag for text in ("12 L", "12 ng/mL LL", "12 H", "12 HH", "12")] == [
        Flag.LOW,
        Flag.VERY_LOW,
        Flag.HIGH,
        Flag.VERY_HIGH,
        None,
    ]


def test_a_comma_after_a_nought_can_only_be_a_point() -> None:
    """DS-8."""
    assert result("methylmalonate", _said("0,250 umol/L", "13964-2")).low == Decimal("0.250")


def test_a_capital_l_at_the_end_of_a_unit_is_no_flag() -> None:
    """DS-8."""
    assert result("potassium", _said("4.0 mmol/L", POTASSIUM)).flag is None


def test_a_text_without_a_unit_takes_that_of_the_range() -> None:
    """DS-8, DS-14."""
    read = result(
        "b12", _said("200", B12, referenceRange=[{"low": quantity(133, "pmol/L"), "high": quantity(600, "pmol/L")}])
    )

    assert read.number == pytest.approx(Decimal("271"), rel=Decimal("0.01"))
    assert "unit not stated, assumed pmol/L as in the reference range" in read.notes


# --- DS-9: no value ---


@pytest.mark.parametrize(
    "members",
    [
        {"valueQuantity": ..., "dataAbsentReason": {"coding": [{"code": "not-performed"}]}},
        {"valueQuantity": ..., "dataAbsentReason": {"text": "lost in transit"}},
        {"dataAbsentReason": {"coding": [{"code": "error"}]}},
        {
            "valueQuantity": ...,
            "dataAbsentReason": {"coding": [{"code": "masked"}]},
            "interpretation": [{"coding": [{"code": "L"}]}],
        },
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


# --- DS-10: comparators ---


@pytest.mark.parametrize(
    ("comparator", "low", "high"),
    [("<", None, 5), ("<=", None, 5), (">", 5, None), (">=", 5, None), ("≤", None, 5), (" < ", None, 5)],
)
def test_a_comparator_leaves_one_side_open(comparator: str, low: int | None, high: int | None) -> None:
    """DS-10."""
    for resource in (
        ferritin(5, comparator=...) | {"valueQuantity": quantity(5, "ng/mL", comparator=comparator)},
        _said(f"{comparator}5 ng/mL"),
    ):
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


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (6.966112341499184, "6.966"),
        (5.6893, "5.6893"),
        (72.50, "72.5"),
        (0.00001234, "0.00001234"),
        (12.00000001, "12"),
    ],
)
def test_digits_that_only_a_computer_writes_are_not_shown(written: float, shown: str) -> None:
    value = observation(FERRITIN, valueQuantity={"value": written, "unit": "ng/mL"})

    assert result("ferritin", value).value == shown
