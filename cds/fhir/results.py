"""Observations as results: whether they count, when they were so, in which unit, and how far they may be trusted.

The rules, DS-1 to DS-19, are the knowledge base's "data selection and value handling"; each is named where it is kept.
A value that cannot be understood for certain becomes an unreadable result, never a number.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from msgspec import Struct

from cds.chart.dates import Day, is_future, parse_day
from cds.chart.facts import CodedResult, Fact, Flag, Indicator, Measurement
from cds.chart.text import words_of
from cds.chart.units import Unit
from cds.fhir.judgement import NO_INTERVAL, Interval, flag_of, intervals
from cds.fhir.recognition import Recognised
from cds.fhir.resources import DiagnosticReport, Observation, Period, Range, Specimen, codes, items, texts
from cds.fhir.samples import is_haemolysed, is_other_specimen
from cds.fhir.scales import is_plausible, scale_of
from cds.fhir.values import Valued, has_value, value_of

_RELEASED = frozenset({"final", "amended", "corrected", "appended"})
_PRELIMINARY = "preliminary"
_UNDER_WAY = frozenset({"registered", _PRELIMINARY})
_AMENDED = frozenset({"amended", "corrected", "appended"})
_NOT_KNOWN = "unknown"
VOID = frozenset({"entered-in-error", "cancelled"})
"""Statuses of what was never so: neither it nor anything inside it counts."""

_NOT_PERFORMED = frozenset({"not performed", "not done", "not-performed", "not-done", "262008008"})
"""A coded value that says that there is none (DS-9)."""

_LONGEST_SHOWN = 40


def day(text: str | None) -> Day | None:
    """Read a date that may be missing."""
    return parse_day(text) if text else None


def newest_first(fact: Fact) -> tuple[bool, float]:
    """Sort key: newest first, undated last."""
    return (fact.on is None, -(fact.on.moment if fact.on else 0.0))


def is_released(observation: Observation) -> bool:
    """Whether the laboratory stands by a result (DS-1)."""
    return observation.status in _RELEASED


def is_stated(observation: Observation) -> bool:
    """Whether somebody stands by it, if only for now."""
    return observation.status in _RELEASED or observation.status == _PRELIMINARY


def clinical_date(observation: Observation, report: DiagnosticReport | None = None) -> Day | None:
    """Say when a result was so, by the first of the places where that may stand (DS-2).

    Args:
        observation: the result.
        report: the report that lists it.
    """
    for text in _date_texts(observation, report):
        if text and (found := parse_day(text)):
            return found
    return None


def _date_texts(observation: Observation, report: DiagnosticReport | None) -> Iterator[str | None]:
    yield observation.effective_date_time
    yield observation.effective_instant
    yield from _end_then_start(observation.effective_period)
    if observation.effective_timing and observation.effective_timing.event:
        yield observation.effective_timing.event[-1]
    yield observation.issued
    if report is not None:
        yield report.effective_date_time
        yield from _end_then_start(report.effective_period)
        yield report.issued


def _end_then_start(period: Period | None) -> Iterator[str | None]:
    if period is not None:
        yield period.end
        yield period.start


Order = tuple[bool, float, float, bool, float]
"""A sort key of results."""


def order_of(observation: Observation, on: Day | None) -> Order:
    """Sort key of results: newest clinical date, issued, amended before final, last updated; undated last (DS-5)."""
    return (
        on is None,
        -(on.moment if on else 0.0),
        -_moment(observation.issued),
        observation.status not in _AMENDED,
        -_moment(observation.meta.last_updated if observation.meta else None),
    )


def _moment(text: str | None) -> float:
    found = day(text)
    return found.moment if found else 0.0


class Surroundings(Struct, frozen=True, gc=False):
    """What the rest of the record says of a result.

    Attributes:
        today: the day of the call.
        on: when the result was so.
        sex: of the patient.
        age: of the patient [a].
        specimen: what it was measured in.
        haemolysed: whether another result says so of the same sample.
    """

    today: date
    on: Day | None
    sex: str | None = None
    age: int | None = None
    specimen: Specimen | None = None
    haemolysed: bool = False

    @property
    def ahead(self) -> bool:
        """Whether the result is dated more than a day ahead (DS-3)."""
        return self.on is not None and is_future(self.on, self.today)


def measurement(
    observation: Observation, valued: Valued, recognised: Recognised, around: Surroundings
) -> Measurement | None:
    """Read a result of an analyte; None when it does not count at all.

    Args:
        observation: the resource.
        valued: the resource again, or the component that holds the value.
        recognised: what it measures, and how surely.
        around: what the rest of the record says of it.
    """
    analyte = recognised.analyte
    vital = analyte.category == "vital-signs"
    final = observation.status in _RELEASED or (vital and observation.status == _PRELIMINARY)
    if not is_stated(observation):
        return None  # DS-1
    if around.ahead or recognised.contradicted or is_other_specimen(observation, valued, analyte, around.specimen):
        return None  # DS-3, DS-17, DS-18
    notes = [recognised.use.caution] if recognised.use.caution else []
    cap = Indicator.CRITICAL
    if not recognised.coded:
        notes.append("test named in words only")
        cap = Indicator.INFO
    if not final:
        notes.append("preliminary result")
        cap = min(cap, Indicator.WARNING)
    haemolysed = around.haemolysed or is_haemolysed(observation, valued, around.specimen)
    if haemolysed:
        notes.append("sample reported as haemolysed")  # DS-19
    reading = _read(valued, recognised, around)
    if reading.flag_only:
        notes.append(f"flagged {reading.flag} by the laboratory, value not available")
        strong = reading.flag in {Flag.VERY_LOW, Flag.VERY_HIGH}
        cap = min(cap, Indicator.WARNING if strong else Indicator.INFO)
    return Measurement(
        name=analyte.title,
        reference=_reference(observation),
        on=around.on,
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
        issued=_moment(observation.issued),
        updated=_moment(observation.meta.last_updated if observation.meta else None),
        preferred=recognised.use.preferred,
        side=_side(observation, valued, recognised),
        haemolysed=haemolysed,
    )


def set_aside(
    observation: Observation, valued: Valued, recognised: Recognised, around: Surroundings, *, newest: bool
) -> Fact | None:
    """Say of a result that does not count why somebody should look at it (DS-1, DS-3, DS-17); None of any other.

    Of results whose status is not known, as old records have them by the hundred, only the newest one is named.
    """
    value = value_of(valued, bool)
    if observation.status == _NOT_KNOWN and newest and value is not None:
        reason = "its status is not known"
    elif observation.status not in _RELEASED:
        return None
    elif around.ahead:
        reason = "dated ahead"
    elif recognised.contradicted:
        reason = "the code and its name do not agree"
    else:
        return None
    return Fact(
        name=recognised.analyte.title,
        reference=_reference(observation),
        on=around.on,
        value=value.shown if value else "",
        unit=(value.unit_text or value.unit_code) if value else "",
        notes=(f"not used: {reason}",),
    )


def _reference(observation: Observation) -> str:
    return f"Observation/{observation.id}" if observation.id else ""


class _Reading(Struct, frozen=True, gc=False):
    """What could be made of a value."""

    shown: str = ""
    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False
    scale: Unit | None = None
    normal: Interval = NO_INTERVAL
    pregnancy: Interval = NO_INTERVAL
    flag: Flag | None = None
    unreadable: str = ""
    absent: bool = False
    flag_only: bool = False
    notes: tuple[str, ...] = ()


def _read(valued: Valued, recognised: Recognised, around: Surroundings) -> _Reading:
    analyte, use = recognised.analyte, recognised.use
    flag = flag_of(valued)
    if _is_absent(valued):
        return _Reading(flag=flag, absent=True)  # DS-9
    value = value_of(valued, lambda text: analyte.unit_for(text, use) is not None)
    if value is None:
        shown = (valued.value_string or "").strip()[:_LONGEST_SHOWN]
        flag_only = flag not in {None, Flag.ABNORMAL}
        return _Reading(shown=shown, flag=flag, flag_only=flag_only, absent=not flag_only)  # DS-11
    flag = flag or value.flag
    shown, unit_shown = value.shown, value.unit_text or value.unit_code
    ranges = [entry for entry in items(valued.reference_range) if isinstance(entry, Range)]
    scale = scale_of(value, recognised, ranges)
    unit = scale.unit
    if unit is None:
        return _Reading(shown=shown, unit=unit_shown, unreadable=scale.trouble)
    normal, pregnancy = intervals(ranges, unit, lambda text: analyte.unit_for(text, use), around.sex, around.age)
    if analyte.reference and not normal.overlaps(*(unit.from_canonical(bound) for bound in analyte.reference)):
        reason = "the reference range does not fit the unit"
        return _Reading(shown=shown, unit=unit_shown, normal=normal, unreadable=reason)  # DS-13
    bounds = [value.number] if value.upper is None else [value.number, value.upper]
    if not all(is_plausible(unit.to_canonical(bound), analyte) for bound in bounds):
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
        notes=tuple(text for text in (scale.note, value.note) if text),
    )


def _is_absent(valued: Valued) -> bool:
    """Whether a resource says that there is no value (DS-9)."""
    if codes(valued.data_absent_reason):
        return True
    said = {
        *codes(valued.value_codeable_concept),
        *(text.strip().lower() for text in texts(valued.value_codeable_concept)),
    }
    return not said.isdisjoint(_NOT_PERFORMED)


def _side(observation: Observation, valued: Valued, recognised: Recognised) -> str:
    """Say of which side a finding of the body is; a laboratory result has none."""
    if recognised.analyte.category != "exam":
        return ""
    elements = (valued.code, observation.body_site, observation.code)
    said = (recognised.use.display, *(text for element in elements for text in texts(element)))
    words = {word for text in said for word in words_of(text)}
    sides = words & {"left", "right"}
    return sides.pop() if len(sides) == 1 else ""


def is_under_way(observation: Observation) -> bool:
    """Whether a result is registered or preliminary."""
    return observation.status in _UNDER_WAY


def under_way(observation: Observation, title: str, around: Surroundings) -> Fact | None:
    """Read a result that is registered or preliminary as what it says for certain: that a test is under way."""
    if not is_under_way(observation) or around.ahead:
        return None
    return Fact(name=title, reference=_reference(observation), on=around.on, value="under way")


def coded_result(
    observation: Observation, valued: Valued, title: str, means: frozenset[str], around: Surroundings
) -> CodedResult | None:
    """Read a result by what it says instead of by its number; None when it does not count or says nothing."""
    if observation.status not in _RELEASED or around.ahead or _is_absent(valued) or not has_value(valued):
        return None
    return CodedResult(
        name=title,
        reference=_reference(observation),
        on=around.on,
        value=_said(valued),
        means=means,
        boolean=valued.value_boolean,
    )


def _said(valued: Valued) -> str:
    if valued.value_boolean is not None:
        return "yes" if valued.value_boolean else "no"
    words = (valued.value_string or valued.value_date_time or "").strip()
    said: Iterable[str] = (*texts(valued.value_codeable_concept), words)
    return next((text[:_LONGEST_SHOWN] for text in said if text), "")
