"""Observations as results: which value counts, in which unit, and how far it may be trusted.

The rules, DS-1 to DS-18, are the knowledge base's "data selection and value handling"; each is named where it is kept.
A value that cannot be understood for certain becomes an unreadable result, never a number.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from msgspec import Raw

from cds.chart.analytes import Analyte, CodeUse, Use
from cds.chart.dates import Day, is_future, parse_day
from cds.chart.facts import CodedResult, Fact, Flag, Indicator, Measurement, Problem
from cds.chart.text import words_of
from cds.chart.units import Unit
from cds.fhir.resources import (
    Component,
    DiagnosticReport,
    Observation,
    Period,
    Quantity,
    Range,
    codes,
    codings,
    items,
    texts,
)

Valued = Observation | Component
"""What holds a value: an observation, or a component of one."""

_RELEASED = frozenset({"final", "amended", "corrected", "appended"})
_UNDER_WAY = frozenset({"registered", "preliminary"})
_AMENDED = frozenset({"amended", "corrected", "appended"})

_OTHER_SPECIMEN = re.compile(
    r"\b(urin(e|ary)|csf|cerebrospinal|stool|fa?ec(es|al)|dialysate|pleural|ascit(es|ic)|peritoneal|synovial|saliva|sweat|fluid)\b",
    re.IGNORECASE,
)
"""Words of a code or specimen that make a result one of something else than blood (DS-18)."""

_NUMBER = re.compile(
    r"\s*(?P<comparator><=|>=|<|>|≤|≥)?\s*(?P<number>-?\d{1,12}(?:[.,]\d{1,10})?)\s*"
    r"(?P<unit>[^\d\s].*?)??\s*(?P<flag>HH|LL|H|L|\*)?\s*",
    re.ASCII,
)
"""A result written as text (DS-8)."""
_THOUSANDS = re.compile(r"\d{1,3},\d{3}", re.ASCII)
_COMPARATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">="}
_HAEMOLYSIS = re.compile(r"ha?emoly", re.IGNORECASE)

_FLAGS = {
    "n": Flag.NORMAL,
    "l": Flag.LOW, "lu": Flag.LOW, "<": Flag.LOW, "low": Flag.LOW,
    "ll": Flag.VERY_LOW, "critical low": Flag.VERY_LOW, "critically low": Flag.VERY_LOW,
    "h": Flag.HIGH, "hu": Flag.HIGH, ">": Flag.HIGH, "high": Flag.HIGH,
    "hh": Flag.VERY_HIGH, "critical high": Flag.VERY_HIGH, "critically high": Flag.VERY_HIGH,
    "normal": Flag.NORMAL, "a": Flag.ABNORMAL, "aa": Flag.ABNORMAL, "abnormal": Flag.ABNORMAL,
}  # fmt: skip
"""v3-ObservationInterpretation, v2-0078 and their words (DS-11)."""

_NOT_NORMAL_RANGES = frozenset({"therapeutic", "recommended", "treatment", "pre", "post", "critical", "absolute"})
_PREGNANCY_WORDS = frozenset({"pregnant", "pregnancy", "trimester", "gestation", "77386006"})
_LONGEST_NUMBER = 30


def day(text: str | None) -> Day | None:
    """Read a date that may be missing."""
    return parse_day(text) if text else None


def newest_first(fact: Fact) -> tuple[bool, float]:
    """Sort key: newest first, undated last."""
    return (fact.on is None, -(fact.on.moment if fact.on else 0.0))


def has_value(valued: Valued) -> bool:
    """Whether a resource holds a value of its own, of any form."""
    return any(
        value is not None
        for value in (
            valued.value_quantity, valued.value_codeable_concept, valued.value_string, valued.value_boolean,
            valued.value_integer, valued.value_range, valued.value_ratio,
        )
    )  # fmt: skip


Reports = Callable[[Observation], DiagnosticReport | None]
"""Finds the report that lists a result."""


def order_of(observation: Observation, report: Reports) -> tuple[bool, float, float, bool, float]:
    """Sort key of results: newest clinical date, then issued, amended before final, last updated; undated last (DS-5)."""
    on = clinical_date(observation, report)
    issued, updated = day(observation.issued), day(observation.meta.last_updated) if observation.meta else None
    return (
        on is None,
        -(on.moment if on else 0.0),
        -(issued.moment if issued else 0.0),
        observation.status not in _AMENDED,
        -(updated.moment if updated else 0.0),
    )


def clinical_date(observation: Observation, report: Reports) -> Day | None:
    """Say when a result was so, by the first of the places where that may stand (DS-2)."""
    for text in _date_texts(observation, report):
        if text and (found := parse_day(text)):
            return found
    return None


def _date_texts(observation: Observation, report: Reports) -> Iterator[str | None]:
    yield observation.effective_date_time
    yield observation.effective_instant
    yield from _end_then_start(observation.effective_period)
    if observation.effective_timing and observation.effective_timing.event:
        yield observation.effective_timing.event[-1]
    yield observation.issued
    listing = report(observation)
    if listing is not None:
        yield listing.effective_date_time
        yield from _end_then_start(listing.effective_period)
        yield listing.issued


def _end_then_start(period: Period | None) -> Iterator[str | None]:
    if period is not None:
        yield period.end
        yield period.start


@dataclass(frozen=True, slots=True)
class _Value:
    """A value as written: its number, comparator and unit, before they are judged."""

    number: Decimal
    comparator: str
    shown: str
    unit_text: str
    unit_code: str
    upper: Decimal | None = None
    note: str = ""
    flag: Flag | None = None


def decimal_of(raw: Raw) -> Decimal | None:
    """Read a number as written in JSON, in quotes or not; None when it is none."""
    text = bytes(memoryview(raw)).decode("utf-8", "replace").strip().strip('"').strip()
    if not text or len(text) > _LONGEST_NUMBER:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and -15 < number.adjusted() < 15 else None


def measurement(
    observation: Observation,
    valued: Valued,
    analyte: Analyte,
    *,
    use: CodeUse,
    contradicted: bool,
    coded: bool,
    report: Reports,
    patient: tuple[str | None, int | None],
    today: date,
) -> Measurement | None:
    """Read a result of an analyte; None when it does not count at all.

    Args:
        observation: the resource.
        valued: the resource again, or the component that holds the value.
        analyte: what it measures.
        use: how far its code is to be trusted.
        contradicted: whether the words beside the code name another analyte.
        coded: whether the analyte was recognised by a code, not by its words alone.
        report: finds the report that lists the result.
        patient: sex and age [a], for the choice among several reference ranges.
        today: the day of the call.
    """
    vital = analyte.category == "vital-signs"
    final = observation.status in _RELEASED or (vital and observation.status == "preliminary")
    if not final and observation.status not in _UNDER_WAY:
        return None  # DS-1
    if _is_other_specimen(observation, valued, analyte):
        return None
    on = clinical_date(observation, report)
    if on is not None and is_future(on, today):
        return None  # DS-3
    issued, updated = day(observation.issued), day(observation.meta.last_updated) if observation.meta else None
    notes = [use.caution] if use.caution else []
    cap = Indicator.CRITICAL
    if not coded:
        notes.append("test named in words only")
        cap = Indicator.INFO
    if observation.status == "preliminary" and not vital:
        notes.append("preliminary result")
        cap = min(cap, Indicator.WARNING)
    haemolysed = _is_haemolysed(observation, valued)
    if haemolysed:
        notes.append("sample reported as haemolysed")
    reading = _read(valued, analyte, use, contradicted=contradicted, patient=patient)
    if reading.flag_only:
        notes.append(f"flagged {reading.flag} by the laboratory, value not available")
        strong = reading.flag in {Flag.VERY_LOW, Flag.VERY_HIGH}
        cap = min(cap, Indicator.WARNING if strong else Indicator.INFO)
    return Measurement(
        name=analyte.title,
        reference=f"Observation/{observation.id}" if observation.id else "",
        on=on,
        value=reading.shown,
        unit=reading.unit,
        notes=(*notes, *reading.notes),
        cap=cap,
        analyte=analyte,
        low=reading.low,
        high=reading.high,
        low_open=reading.low_open,
        high_open=reading.high_open,
        scale=reading.scale,
        range_low=reading.normal.low,
        range_high=reading.normal.high,
        range_text=reading.normal.text,
        pregnancy_high=reading.pregnancy.high,
        pregnancy_low=reading.pregnancy.low,
        flag=reading.flag,
        unreadable=reading.unreadable,
        absent=reading.absent,
        final=final,
        amended=observation.status in _AMENDED,
        issued=issued.moment if issued else 0.0,
        updated=updated.moment if updated else 0.0,
        side=_side(observation, valued, analyte),
        haemolysed=haemolysed,
    )


@dataclass(frozen=True, slots=True)
class _Interval:
    """A reference interval in the unit of its result."""

    low: Decimal | None = None
    high: Decimal | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What could be made of a value."""

    shown: str = ""
    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False
    scale: Unit | None = None
    normal: _Interval = _Interval()
    pregnancy: _Interval = _Interval()
    flag: Flag | None = None
    unreadable: str = ""
    absent: bool = False
    flag_only: bool = False
    notes: tuple[str, ...] = ()


def _read(
    valued: Valued,
    analyte: Analyte,
    use: CodeUse,
    *,
    contradicted: bool,
    patient: tuple[str | None, int | None],
) -> _Reading:
    flag = _flag(valued)
    value = None if codes(valued.data_absent_reason) else _value(valued)
    if value is None:
        shown = (valued.value_string or "").strip()[:40]
        if contradicted or flag in {None, Flag.ABNORMAL}:
            return _Reading(shown=shown, flag=flag, absent=True)  # DS-9
        return _Reading(shown=shown, flag=flag, flag_only=True)  # DS-11
    flag = flag or value.flag
    shown, unit_shown = value.shown, value.unit_text or value.unit_code
    if contradicted:
        return _Reading(shown=shown, unit=unit_shown, unreadable="the code and its name do not agree")
    ranges = [entry for entry in items(valued.reference_range) if isinstance(entry, Range)]
    unit, note, trouble = _unit(value, analyte, use, ranges)
    if unit is None:
        return _Reading(shown=shown, unit=unit_shown, unreadable=trouble)
    normal, pregnancy = _normal(ranges, analyte, use, unit, patient)
    if analyte.reference and not _overlaps(normal, analyte.reference, unit):
        reason = "the reference range does not fit the unit"
        return _Reading(shown=shown, unit=unit_shown, normal=normal, unreadable=reason)  # DS-13
    bounds = [value.number] if value.upper is None else [value.number, value.upper]
    if not all(_is_plausible(unit.to_canonical(bound), analyte) for bound in bounds):
        return _Reading(shown=shown, unit=unit_shown, normal=normal, unreadable="not plausible in this unit")  # DS-16
    upward, downward = value.comparator.startswith(">"), value.comparator.startswith("<")
    return _Reading(
        shown=shown,
        unit=unit_shown,
        low=None if downward else value.number,
        high=None if upward else value.upper if value.upper is not None else value.number,
        low_open=value.comparator == ">",
        high_open=value.comparator == "<",
        scale=unit,
        normal=normal,
        pregnancy=pregnancy,
        flag=flag,
        notes=tuple(text for text in (note, value.note) if text),
    )


def _value(valued: Valued) -> _Value | None:
    """Find the number of a result (DS-7, DS-8, DS-10)."""
    quantity = valued.value_quantity
    if quantity is not None:
        return _of_quantity(quantity)
    if valued.value_integer is not None:
        return _Value(Decimal(valued.value_integer), "", str(valued.value_integer), "", "")
    if valued.value_string is not None:
        return _of_text(valued.value_string)
    if valued.value_range is not None:
        return _of_range(valued.value_range)
    if valued.value_ratio is not None:
        above = _of_quantity(valued.value_ratio.numerator)
        below = _of_quantity(valued.value_ratio.denominator)
        if above and below and below.number and not above.comparator and above.unit_text == below.unit_text:
            ratio = above.number / below.number
            return _Value(ratio, "", f"{above.number}/{below.number}", "", "1")
    return None


def _of_quantity(quantity: Quantity | None) -> _Value | None:
    if quantity is None or not memoryview(quantity.value):
        return None
    comparator = _COMPARATORS.get(quantity.comparator or "", "")
    if quantity.comparator and not comparator:
        return None  # R5's `ad` and whatever else: not a bound that can be used
    unit, code = (quantity.unit or "").strip(), (quantity.code or "").strip()
    number = decimal_of(quantity.value)
    if number is None:
        inner = _of_text(bytes(memoryview(quantity.value)).decode("utf-8", "replace").strip('"'))
        if inner is None or comparator:
            return None
        return _Value(inner.number, inner.comparator, inner.shown, inner.unit_text or unit, code, note=inner.note)
    return _Value(number, comparator, f"{comparator}{number}", unit, code)


def _of_text(text: str) -> _Value | None:
    match = _NUMBER.fullmatch(text) if len(text) <= 80 else None
    if match is None:
        return None
    digits = match["number"]
    digits = digits.replace(",", "") if _THOUSANDS.fullmatch(digits.lstrip("-")) else digits.replace(",", ".")
    comparator = _COMPARATORS.get(match["comparator"] or "", "")
    flag = _FLAGS.get((match["flag"] or "").lower())
    shown = f"{comparator}{match['number']}"
    return _Value(Decimal(digits), comparator, shown, match["unit"] or "", "", note="reported as text", flag=flag)


def _of_range(range_: Range) -> _Value | None:
    low, high = _of_quantity(range_.low), _of_quantity(range_.high)
    if low and high:
        unit, code = low.unit_text or high.unit_text, low.unit_code or high.unit_code
        return _Value(low.number, "", f"{low.shown}-{high.shown}", unit, code, upper=high.number)
    if low:
        return _Value(low.number, ">=", f">={low.shown}", low.unit_text, low.unit_code)
    if high:
        return _Value(high.number, "<=", f"<={high.shown}", high.unit_text, high.unit_code)
    return None


def _unit(
    value: _Value, analyte: Analyte, use: CodeUse, ranges: list[Range]
) -> tuple[Unit | None, str, str]:
    """Decide on a unit: the unit, a note for the card, and the trouble when there is none (DS-14, DS-15)."""
    stated = [text for text in (value.unit_code, value.unit_text) if text]
    units = [unit for text in stated if (unit := analyte.unit_for(text, use)) is not None]
    if stated and not units:
        return None, "", f"unit {stated[-1]!r} not understood"
    if units:
        return _agreed(units, value, analyte)
    if use.use is Use.UNIT_REQUIRED:
        return None, "", "no unit, and the code does not tell it"
    for entry in ranges:
        for bound in (entry.low, entry.high):
            text = (bound.unit or bound.code or "") if bound else ""
            if text and (unit := analyte.unit_for(text, use)):
                return unit, f"unit not stated, assumed {unit.code} as in the reference range", ""
    assumed = use.missing_unit or analyte.missing_unit or analyte.unit_by_size(value.number)
    if assumed is None:
        return None, "", "no unit"
    note = "" if assumed == "1" else f"unit not stated, assumed {assumed}"
    return (use.units or analyte.units)[assumed], note, ""


def _agreed(units: list[Unit], value: _Value, analyte: Analyte) -> tuple[Unit | None, str, str]:
    first, last = units[0], units[-1]
    if first.same_numbers(last):
        return first, "", ""
    plausible = [unit for unit in units if _is_plausible(unit.to_canonical(value.number), analyte)]
    if len(plausible) == 1:
        return plausible[0], "", ""
    one, other = first.to_canonical(value.number), last.to_canonical(value.number)
    if abs(one - other) * 20 > max(abs(one), abs(other)):
        return None, "", "two units that do not agree"
    return first, "", ""


def _is_plausible(canonical: Decimal, analyte: Analyte) -> bool:
    return analyte.plausible is None or analyte.plausible[0] <= canonical <= analyte.plausible[1]


def _normal(
    ranges: list[Range], analyte: Analyte, use: CodeUse, unit: Unit, patient: tuple[str | None, int | None]
) -> tuple[_Interval, _Interval]:
    """Choose the laboratory's normal range, and the one it states for pregnancy (DS-12)."""
    normal: _Interval | None = None
    pregnancy = _Interval()
    for entry in ranges:
        kinds = frozenset(word for text in _said(entry.type) for word in words_of(text))
        if kinds & _NOT_NORMAL_RANGES:
            continue
        about = frozenset(word for text in (*_said(entry.applies_to), entry.text or "") for word in words_of(text))
        interval = _Interval(
            _bound(entry.low, analyte, use, unit), _bound(entry.high, analyte, use, unit), _range_text(entry)
        )
        if about & _PREGNANCY_WORDS:
            pregnancy = interval
        elif normal is None and _fits(entry, about, patient):
            normal = interval
    return normal or _Interval(), pregnancy


def _said(value: object) -> Iterator[str]:
    yield from texts(value)
    for coding in codings(value):
        if coding.code:
            yield coding.code


def _fits(entry: Range, about: frozenset[str], patient: tuple[str | None, int | None]) -> bool:
    sex, age = patient
    if sex in {"male", "female"} and about & {"male", "female"} and sex not in about:
        return False
    if entry.age is None or age is None:
        return True
    low, high = (decimal_of(q.value) if q and memoryview(q.value) else None for q in (entry.age.low, entry.age.high))
    return (low is None or age >= low) and (high is None or age <= high)


def _bound(quantity: Quantity | None, analyte: Analyte, use: CodeUse, unit: Unit) -> Decimal | None:
    """Give a bound of a range in the unit of the value; without a unit of its own it has the value's."""
    if quantity is None or not memoryview(quantity.value) or (number := decimal_of(quantity.value)) is None:
        return None
    text = quantity.unit or quantity.code or ""
    own = analyte.unit_for(text, use) if text else None
    if own is None or own.same_numbers(unit):
        return number
    return unit.from_canonical(own.to_canonical(number))


def _range_text(entry: Range) -> str:
    low, high = (_of_quantity(bound) for bound in (entry.low, entry.high))
    if low and high:
        return f"{low.shown}-{high.shown}"
    if low or high:
        return f"from {low.shown}" if low else f"up to {high.shown}" if high else ""
    return (entry.text or "").strip()[:40]


def _overlaps(normal: _Interval, reference: tuple[Decimal, Decimal], unit: Unit) -> bool:
    low, high = (unit.from_canonical(bound) for bound in reference)
    return not ((normal.low is not None and normal.low > high) or (normal.high is not None and normal.high < low))


def _flag(valued: Valued) -> Flag | None:
    for text in (*codes(valued.interpretation), *(text.strip().lower() for text in texts(valued.interpretation))):
        if flag := _FLAGS.get(text):
            return flag
    return None


def _is_other_specimen(observation: Observation, valued: Valued, analyte: Analyte) -> bool:
    if analyte.category != "laboratory" or "urine" in analyte.name:
        return False
    if observation.specimen and observation.specimen.display and _OTHER_SPECIMEN.search(observation.specimen.display):
        return True
    return any(_OTHER_SPECIMEN.search(text) for text in texts(valued.code))


def _is_haemolysed(observation: Observation, valued: Valued) -> bool:
    said: Iterable[str | None] = (
        *(note.text for note in items(observation.note)),
        observation.comment,
        *texts(valued.interpretation),
        *texts(valued.data_absent_reason),
        valued.value_string,
    )
    return any(text and _HAEMOLYSIS.search(text) for text in said)


def _side(observation: Observation, valued: Valued, analyte: Analyte) -> str:
    """Say of which side a finding of the body is; a laboratory result has none."""
    if analyte.category != "exam":
        return ""
    elements = (valued.code, observation.body_site, observation.code)
    words = {word for element in elements for text in texts(element) for word in words_of(text)}
    sides = words & {"left", "right"}
    return sides.pop() if len(sides) == 1 else ""


def under_way(observation: Observation, title: str, today: date) -> Fact | None:
    """Read a result that is registered or preliminary as what it says for certain: that a test is under way."""
    if observation.status not in _UNDER_WAY:
        return None
    on = clinical_date(observation, lambda _: None)
    if on is not None and is_future(on, today):
        return None
    return Fact(name=title, reference=f"Observation/{observation.id}" if observation.id else "", on=on, value="under way")


def coded_result(
    observation: Observation, valued: Valued, title: str, *, means: frozenset[str], today: date
) -> CodedResult | None:
    """Read a result whose value is a concept or a yes/no; None when it does not count or has no such value."""
    if observation.status not in _RELEASED or codes(valued.data_absent_reason):
        return None
    words = next(texts(valued.value_codeable_concept), "")
    if not words and not means and valued.value_boolean is None:
        return None
    on = clinical_date(observation, lambda _: None)
    if on is not None and is_future(on, today):
        return None
    yes_no = "" if valued.value_boolean is None else "yes" if valued.value_boolean else "no"
    return CodedResult(
        name=title,
        reference=f"Observation/{observation.id}" if observation.id else "",
        on=on,
        value=words or yes_no,
        means=means,
        boolean=valued.value_boolean,
    )


def complaint(observation: Observation, title: str, *, today: date) -> Problem | None:
    """Read a chief complaint as a problem of that day."""
    if observation.status not in _RELEASED and observation.status != "preliminary":
        return None
    on = clinical_date(observation, lambda _: None)
    if on is not None and is_future(on, today):
        return None
    return Problem(
        name=title,
        reference=f"Observation/{observation.id}" if observation.id else "",
        on=on,
        onset=on,
        notes=("complaint, from free text",),
        cap=Indicator.INFO,
        coded=False,
    )
