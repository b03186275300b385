"""What the laboratory itself says of a result: its reference ranges and its flag (DS-11, DS-12)."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from msgspec import Struct

from cds.chart.facts import Flag
from cds.chart.text import words_of
from cds.chart.units import Unit
from cds.fhir.resources import Concepts, Quantity, Range, codes, codings, texts
from cds.fhir.values import Valued, number_of

UnitOf = Callable[[str], Unit | None]
"""Finds the unit of the analyte that a spelling stands for."""

_WORDS = {
    Flag.NORMAL: ("n", "normal"),
    Flag.LOW: ("l", "lu", "<", "low", "significantly low", "off scale low", "below low normal"),
    Flag.VERY_LOW: ("ll", "critical low", "critically low", "below lower panic limits"),
    Flag.HIGH: ("h", "hu", ">", "high", "significantly high", "off scale high", "above high normal"),
    Flag.VERY_HIGH: ("hh", "critical high", "critically high", "above upper panic limits"),
    Flag.ABNORMAL: ("a", "aa", "abnormal", "very abnormal", "critical abnormal"),
}
_FLAGS = {word: flag for flag, words in _WORDS.items() for word in words}
"""v3-ObservationInterpretation, v2-0078 and their words."""
_LOW = (Flag.VERY_LOW, Flag.LOW)
_HIGH = (Flag.VERY_HIGH, Flag.HIGH)

_NORMAL = "normal"
_NOT_NORMAL = frozenset({"therapeutic", "recommended", "treatment", "pre", "post", "critical", "absolute", "panic"})
_PREGNANCY = frozenset({"pregnant", "pregnancy", "trimester", "gestation", "77386006"})
_NOT = frozenset({"not", "non"})
_SEXES = {
    "male": "male", "males": "male", "man": "male", "men": "male", "m": "male", "248153007": "male",
    "female": "female", "females": "female", "woman": "female", "women": "female", "f": "female", "248152002": "female",
}  # fmt: skip
"""How a range says for whom it is: words, HL7's administrative gender, SNOMED CT."""
_YEARS = {"a": 1.0, "y": 1.0, "mo": 1 / 12, "w": 1 / 52, "d": 1 / 365}
"""Beginning of a unit of age -> years [a]."""


def flag_of(valued: Valued) -> Flag | None:
    """Read the flag; of several the one that says which way, the most urgent first."""
    said = {*codes(valued.interpretation), *(text.strip().lower() for text in texts(valued.interpretation))}
    flags = {_FLAGS[word] for word in said if word in _FLAGS}
    low, high = flags.intersection(_LOW), flags.intersection(_HIGH)
    if low and high:
        return Flag.ABNORMAL
    if low or high:
        return next(flag for flag in (*_LOW, *_HIGH) if flag in flags)
    return next((flag for flag in (Flag.ABNORMAL, Flag.NORMAL) if flag in flags), None)


class Interval(Struct, frozen=True, gc=False):
    """A reference interval in the unit of its result."""

    low: Decimal | None = None
    high: Decimal | None = None
    text: str = ""

    def overlaps(self, low: Decimal, high: Decimal) -> bool:
        """Whether it has a number in common with another interval."""
        return not ((self.low is not None and self.low > high) or (self.high is not None and self.high < low))


NO_INTERVAL = Interval()
"""What a laboratory that states no range has stated."""


def intervals(
    ranges: Iterable[Range], unit: Unit, unit_of: UnitOf, sex: str | None, age: int | None
) -> tuple[Interval, Interval]:
    """Choose the laboratory's normal range for this patient, and the one it states for pregnancy.

    A range that names the patient's sex or age goes before one for everybody, and that before one that may not fit.
    """
    fitting: list[tuple[int, Interval]] = []
    pregnancy = NO_INTERVAL
    for entry in ranges:
        if not _is_normal(entry.type):
            continue
        low, high = _bound(entry.low, unit, unit_of), _bound(entry.high, unit, unit_of)
        if entry.low is None and entry.high is None:
            low, high = _bounds_in_words(entry.text or "", unit, unit_of)
        interval = Interval(low, high, _text(entry))
        about = _words(entry.applies_to) | set(words_of(entry.text or "")) - {"m", "f"}
        if about & _PREGNANCY and not about & _NOT:
            pregnancy = interval
        elif (rank := _rank(entry, about, sex, age)) is not None:
            fitting.append((rank, interval))
    return min(fitting, key=lambda ranked: ranked[0], default=(0, NO_INTERVAL))[1], pregnancy


def _is_normal(kind: Concepts) -> bool:
    """Whether a range is what is usual, by its code or else by its words; it is where nothing is said."""
    said = codes(kind)
    coded = {coding.code for coding in codings(kind) if coding.code}
    return _NORMAL in said or not (coded or _words(kind) & _NOT_NORMAL)


def _words(value: Concepts) -> set[str]:
    return {word for text in _said(value) for word in words_of(text)}


def _said(value: Concepts) -> Iterator[str]:
    yield from texts(value)
    for coding in codings(value):
        if coding.code:
            yield coding.code


_SPECIFIC, _GENERAL, _UNCERTAIN = range(3)


def _rank(entry: Range, about: set[str], sex: str | None, age: int | None) -> int | None:
    """Say how well a range fits the patient; None when it does not."""
    sexes = {_SEXES[word] for word in about if word in _SEXES}
    if len(sexes) == 1 and sex not in sexes:
        return None
    if entry.age is not None:
        if age is None:
            return _UNCERTAIN
        low, high = _years(entry.age.low), _years(entry.age.high)
        if (low is not None and age < low) or (high is not None and age > high):
            return None
        return _SPECIFIC
    if len(sexes) == 1:
        return _SPECIFIC
    return _UNCERTAIN if next(_said(entry.applies_to), "") and not sexes else _GENERAL


def _years(quantity: Quantity | None) -> float | None:
    number = number_of(quantity)
    if quantity is None or number is None:
        return None
    unit = (quantity.code or quantity.unit or "a").strip().lower()
    return float(number) * next((years for start, years in _YEARS.items() if unit.startswith(start)), 1.0)


def _bound(quantity: Quantity | None, unit: Unit, unit_of: UnitOf) -> Decimal | None:
    """Give a bound of a range in the unit of the value; without a unit of its own it has the value's."""
    number = number_of(quantity)
    if quantity is None or number is None:
        return None
    spellings = [text for text in (quantity.code, quantity.unit) if text]
    if not spellings:
        return number
    own = next((found for text in spellings if (found := unit_of(text))), None)
    if own is None:
        return None
    return number if own.same_numbers(unit) else unit.from_canonical(own.to_canonical(number))


_WORDED = re.compile(
    r"\s*(?:(?P<low>\d{1,9}(?:\.\d{1,9})?)\s*(?:-|\u2013|to)\s*|(?P<sign><=?|\u2264|>=?|\u2265)\s*)"
    r"(?P<last>\d{1,9}(?:\.\d{1,9})?)\s*(?P<unit>\S.*)?",
)


def _bounds_in_words(text: str, unit: Unit, unit_of: UnitOf) -> tuple[Decimal | None, Decimal | None]:
    """Read a range that is only words, "0.4 - 4.5 mIU/L"; anything else in it, and it is none."""
    match = _WORDED.fullmatch(text.strip().strip("[]()"))
    if not match:
        return None, None
    own = unit_of(match["unit"].strip()) if match["unit"] else unit
    if own is None:
        return None, None

    def bound(digits: str | None) -> Decimal | None:
        if digits is None:
            return None
        number = Decimal(digits)
        return number if own.same_numbers(unit) else unit.from_canonical(own.to_canonical(number))

    low, last = bound(match["low"]), bound(match["last"])
    if match["sign"]:
        return (last, None) if match["sign"] in {">", ">=", "\u2265"} else (None, last)
    return (low, last) if low is not None and last is not None and low <= last else (None, None)


def _text(entry: Range) -> str:
    low, high = number_of(entry.low), number_of(entry.high)
    if low is not None and high is not None:
        return f"{low}-{high}"
    if low is not None or high is not None:
        return f"from {low}" if low is not None else f"up to {high}"
    return (entry.text or "").strip()[:40]
