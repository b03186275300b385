"""Values as they were written: number, comparator and unit, before anybody judges them (DS-7, DS-8, DS-10).

What is no number that a laboratory can have meant ("hemolyzed", "12-15", "see note") is no value at all.
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from msgspec import Raw, Struct
from msgspec.structs import replace

from cds.chart.facts import Flag
from cds.fhir.resources import Component, Observation, Quantity, Range, Ratio

Valued = Observation | Component
"""What holds a value: an observation, or a component of one."""
IsUnit = Callable[[str], bool]
"""Tells whether a text is a unit of the analyte."""

_LONGEST_NUMBER = 30
_MAGNITUDE = 15
"""Decimal places either side of the point beyond which a number is no result [1]."""
_DECIMALS = 4
"""Decimals that a laboratory may mean [1]."""
_LONGEST_TEXT = 80
_TEXT = re.compile(
    r"\s*(?P<comparator><=|>=|<|>|≤|≥)?\s*(?P<number>\d{1,12}(?:\.\d{1,10}|,\d{1,3})?)(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
_FLAGGED = re.compile(r"(?P<unit>.*?)\s*(?P<opened>\()?(?P<flag>HH|LL|H|L|\*)(?(opened)\))", re.DOTALL)
_GROUP = 3
_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}", re.ASCII)
_COMPARATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">="}
_FLAGS = {"H": Flag.HIGH, "HH": Flag.VERY_HIGH, "L": Flag.LOW, "LL": Flag.VERY_LOW}


class Value(Struct, frozen=True, gc=False):
    """A value as written.

    Attributes:
        number: the number, or the lower one of a range.
        comparator: `<`, `<=`, `>`, `>=`, or empty.
        shown: number and comparator as a card prints them.
        unit_text: the unit for people.
        unit_code: the unit for machines.
        upper: the higher number of a range.
        note: what a reader of the card should know.
        flag: the laboratory's flag, where it stands in the text of the value.
    """

    number: Decimal
    comparator: str
    shown: str
    unit_text: str = ""
    unit_code: str = ""
    upper: Decimal | None = None
    note: str = ""
    flag: Flag | None = None


def has_value(valued: Valued) -> bool:
    """Whether a resource holds a value of its own, of any form."""
    return not (
        valued.value_quantity is None
        and valued.value_codeable_concept is None
        and valued.value_string is None
        and valued.value_boolean is None
        and valued.value_integer is None
        and valued.value_range is None
        and valued.value_ratio is None
        and valued.value_date_time is None
    )


def value_of(valued: Valued, is_unit: IsUnit) -> Value | None:
    """Find the number of a result; None when it has none."""
    if valued.value_quantity is not None:
        return _of_quantity(valued.value_quantity, is_unit)
    if valued.value_integer is not None:
        number = _sane(Decimal(valued.value_integer))
        return None if number is None else Value(number, "", str(number))
    if valued.value_string is not None:
        return _of_text(valued.value_string, is_unit)
    if valued.value_range is not None:
        return _of_range(valued.value_range, is_unit)
    return _of_ratio(valued.value_ratio, is_unit) if valued.value_ratio is not None else None


def number_of(quantity: Quantity | None) -> Decimal | None:
    """Read the bare number of a quantity that may be missing."""
    return decimal_of(quantity.value) if quantity is not None else None


def decimal_of(raw: Raw) -> Decimal | None:
    """Read a number as written in JSON, in quotes or not; None when it is none."""
    text = _text_of(raw)
    if not text or len(text) > _LONGEST_NUMBER:
        return None
    try:
        return _sane(Decimal(text))
    except InvalidOperation:
        return None


def _sane(number: Decimal) -> Decimal | None:
    return number if number.is_finite() and -_MAGNITUDE < number.adjusted() < _MAGNITUDE else None


def _text_of(raw: Raw) -> str:
    return bytes(memoryview(raw)).decode("utf-8", "replace").strip().strip('"').strip()


def _of_quantity(quantity: Quantity | None, is_unit: IsUnit) -> Value | None:
    if quantity is None or not memoryview(quantity.value):
        return None
    written = (quantity.comparator or "").strip()
    comparator = _COMPARATORS.get(written, "")
    if written and not comparator:
        return None  # R5's `ad` and whatever else: not a bound that can be used
    unit, code = (quantity.unit or "").strip(), (quantity.code or "").strip()
    number = decimal_of(quantity.value)
    if number is not None:
        return Value(number, comparator, f"{comparator}{_legible(number)}", unit, code)
    inner = _of_text(_text_of(quantity.value), is_unit)
    if inner is None or comparator:
        return None
    return replace(inner, unit_text=inner.unit_text or unit, unit_code=code)


def _legible(number: Decimal) -> str:
    """Give a number as recorded, but not with the many digits that only a computer writes (6.966112341499184)."""
    if -int(number.as_tuple().exponent) <= _DECIMALS:
        return str(number)
    rounded = round(number, _DECIMALS - 1)
    return f"{rounded.normalize():f}" if rounded else str(number)


def _of_text(text: str, is_unit: IsUnit) -> Value | None:
    match = _TEXT.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    number = _number(match["number"]) if match else None
    if match is None or number is None:
        return None
    rest = match["rest"].strip()
    unit, flag = rest, ""
    if rest and not is_unit(rest):
        flagged = _FLAGGED.fullmatch(rest)
        if flagged is None or (flagged["unit"] and not is_unit(flagged["unit"])):
            return None
        unit, flag = flagged["unit"], flagged["flag"]
    comparator = _COMPARATORS.get(match["comparator"] or "", "")
    shown = f"{comparator}{match['number']}"
    return Value(number, comparator, shown, unit, note="reported as text", flag=_FLAGS.get(flag))


def _number(digits: str) -> Decimal | None:
    """Read a number with a point or a comma; before one or two digits the comma is a point, before three it groups."""
    whole, comma, rest = digits.partition(",")
    if not comma:
        return Decimal(digits)
    if _THOUSANDS.fullmatch(digits):
        return Decimal(whole + rest)
    # No thousands begin with a nought: "0,250" can only be a quarter.
    return Decimal(f"{whole}.{rest}") if len(rest) < _GROUP or whole == "0" else None


def _of_range(range_: Range, is_unit: IsUnit) -> Value | None:
    low, high = _of_quantity(range_.low, is_unit), _of_quantity(range_.high, is_unit)
    if low and high:
        if low.number > high.number:
            return None
        unit, code = low.unit_text or high.unit_text, low.unit_code or high.unit_code
        return Value(low.number, "", f"{low.shown}-{high.shown}", unit, code, upper=high.number)
    if low:
        return Value(low.number, ">=", f">={low.shown}", low.unit_text, low.unit_code)
    if high:
        return Value(high.number, "<=", f"<={high.shown}", high.unit_text, high.unit_code)
    return None


def _of_ratio(ratio: Ratio, is_unit: IsUnit) -> Value | None:
    above, below = _of_quantity(ratio.numerator, is_unit), _of_quantity(ratio.denominator, is_unit)
    if not above or not below or not below.number or below.comparator:
        return None
    number = _sane(above.number / below.number)
    if number is None:
        return None
    units = (above.unit_text or above.unit_code, below.unit_text or below.unit_code)
    if all(units) and units[0] != units[1]:
        shown = f"{above.comparator}{_legible(number)}"
        return Value(number, above.comparator, shown, unit_text="/".join(units))
    if above.comparator or above.unit_text != below.unit_text:
        return None
    return Value(number, "", f"{above.number}/{below.number}", unit_code="1")
