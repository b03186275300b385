"""Measures: which result of an analyte is asked, and what may be asked of it.

The newest valid result decides (DS-5), inside the plan's look-back (DS-6). A result that could not be read is not
replaced by an older one: the value is then unknown (DS-16).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

from cds.chart.chart import Area, Chart
from cds.chart.dates import days_ago
from cds.chart.facts import Absence, Fact, Flag, Indicator, Measurement
from cds.reasoning.calculations import Derivation
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import Finding, State, merged_words, met, met_by_any, not_met, unknown
from cds.reasoning.knowledge import Codes, Period, Threshold


_DAY = 86_400.0
"""One day [s]."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The result that decides, or why there is none."""

    result: Measurement | None = None
    others: tuple[Measurement, ...] = ()
    """Further results that a card cites beside it: the other leg, a second value of the same time."""
    last: Measurement | None = None
    """The newest result outside the look-back, when there is none inside."""
    unknown: str = ""


class Measure:
    """An analyte, looked at within a look-back."""

    def __init__(
        self,
        codes: Codes,
        within: Period,
        *,
        derivation: Derivation | None = None,
        of_day: Callable[[Iterable[Measurement]], Measurement] | None = None,
        near: "Measure | None" = None,
        near_within: Period | None = None,
        preliminary: bool = False,
    ) -> None:
        self.codes, self.within, self.derivation, self.of_day = codes, within, derivation, of_day
        self.near, self.near_within, self.preliminary = near, near_within, preliminary

    @property
    def title(self) -> str:
        """The analyte's name."""
        return self.codes.title

    def choose(self, chart: Chart) -> Chosen:
        """Pick the result that decides, once per chart."""
        chosen: Chosen | None = chart.findings.get(id(self))
        if chosen is None:
            chosen = chart.findings[id(self)] = self._choose(chart)
        return chosen

    def _choose(self, chart: Chart) -> Chosen:
        inside: list[Measurement] = []
        undated: Measurement | None = None
        last: Measurement | None = None
        for m in chart.record.measurements(self.codes.name):
            if m.absent or not (m.final or (self.preliminary and not m.unreadable)):
                continue
            if m.on is None:
                undated = undated or m
                continue
            if inside and not self._belongs(m, inside[0]):
                break
            if not self._is_near(m, chart):
                continue
            if days_ago(m.on, chart.today) > self.within.days:
                last = last or m
                break
            inside.append(m)
        if inside:
            return _of_day(inside, self.of_day) if self.of_day else _newest(inside)
        if self.derivation and (derived := self._derive(chart)):
            return Chosen(derived)
        if undated is not None and last is None and self.near is None:
            notes = (*undated.notes, "date not recorded")
            return Chosen(replace(undated, cap=min(undated.cap, Indicator.INFO), notes=notes))  # DS-4
        area = Area.LABORATORY if self.codes.category == "laboratory" else Area.OBSERVATIONS
        if reason := chart.unknown.get(area):
            return Chosen(unknown=f"{self.title} ({area}: {reason})")
        return Chosen(last=last)

    def _belongs(self, m: Measurement, first: Measurement) -> bool:
        """Whether a result is to be looked at together with the newest one."""
        if m.on is None or first.on is None:
            return False
        return m.on.first == first.on.first if self.of_day else m.on.moment == first.on.moment

    def _is_near(self, m: Measurement, chart: Chart) -> bool:
        if self.near is None or self.near_within is None:
            return True
        other = self.near.choose(chart).result
        if other is None or other.on is None or m.on is None:
            return False
        return abs(m.on.moment - other.on.moment) <= self.near_within.days * _DAY

    def _derive(self, chart: Chart) -> Measurement | None:
        if self.derivation is None:
            return None
        by_day: list[dict[date, Measurement]] = []
        for name in self.derivation.inputs:
            days: dict[date, Measurement] = {}
            for m in chart.record.measurements(name):
                if m.final and m.number is not None and m.on and m.on.exact:
                    days.setdefault(m.on.first, m)
            by_day.append(days)
        for day in sorted(set.intersection(*(set(d) for d in by_day)), reverse=True):
            inputs = [d[day] for d in by_day]
            on = inputs[0].on
            if on is None or not 0 <= days_ago(on, chart.today) <= self.within.days:
                continue
            value = self.derivation.formula(*(m.number for m in inputs))
            analyte = self.codes.analyte
            if value is None or analyte is None:
                continue
            value = _rounded(value, self.derivation.decimals)
            if analyte.plausible and not analyte.plausible[0] <= value <= analyte.plausible[1]:
                continue
            said = " and ".join(f"{m.name} {m.value} {m.unit}".strip() for m in inputs)
            return Measurement(
                name=self.title,
                reference=inputs[0].reference,
                on=on,
                value=str(value),
                unit=analyte.unit,
                notes=(f"computed from {said}",),
                cap=min(m.cap for m in inputs),
                analyte=analyte,
                low=value,
                high=value,
                scale=analyte.units[analyte.unit],
                sources=tuple(inputs),
            )
        return None

    # --- what may be asked ---------------------------------------------------------------------------------------

    def below(self, limit: Threshold) -> Criterion:
        """Less than the limit."""
        return _Compared(self, f"below {limit}", lambda m: _is_below(m, _fixed(m, limit)), (limit,))

    def at_least(self, limit: Threshold) -> Criterion:
        """The limit or more."""
        return _Compared(self, f"at least {limit}", lambda m: _opposite(_is_below(m, _fixed(m, limit))), (limit,))

    def at_most(self, limit: Threshold) -> Criterion:
        """The limit or less."""
        return _Compared(self, f"at most {limit}", lambda m: _is_at_most(m, _fixed(m, limit)), (limit,))

    def above(self, limit: Threshold) -> Criterion:
        """More than the limit."""
        return _Compared(self, f"above {limit}", lambda m: _opposite(_is_at_most(m, _fixed(m, limit))), (limit,))

    def between(self, low: Threshold, high: Threshold) -> Criterion:
        """At least the lower limit and less than the higher one."""

        def test(m: Measurement) -> bool | None:
            return _both(_opposite(_is_below(m, _fixed(m, low))), _is_below(m, _fixed(m, high)))

        return _Compared(self, f"at least {low} and below {high}", test, (low, high))

    def below_range(self, default: Threshold) -> Criterion:
        """Less than the laboratory's lower limit, or than the default where the laboratory states none (DS-12)."""
        return _Compared(
            self, f"below the laboratory's limit (else {default})",
            lambda m: _is_below(m, _ranged(m, m.range_low, default)), (default,), flags={Flag.LOW, Flag.VERY_LOW},
        )  # fmt: skip

    def above_range(self, default: Threshold) -> Criterion:
        """More than the laboratory's upper limit, or than the default where the laboratory states none (DS-12)."""
        return _Compared(
            self, f"above the laboratory's limit (else {default})",
            lambda m: _opposite(_is_at_most(m, _ranged(m, m.range_high, default))), (default,),
            flags={Flag.HIGH, Flag.VERY_HIGH},
        )  # fmt: skip

    def above_pregnancy_range(self, default: Threshold) -> Criterion:
        """More than the upper limit that the laboratory states for pregnancy, or than the default."""
        return _Compared(
            self, f"above the laboratory's limit for pregnancy (else {default})",
            lambda m: _opposite(_is_at_most(m, _ranged(m, m.pregnancy_high, default))), (default,),
        )  # fmt: skip

    def flagged(self, *flags: Flag) -> Criterion:
        """Flagged so by the laboratory, with no number that could be compared (DS-11)."""
        return _Flagged(self, flags)

    def missing(self) -> Criterion:
        """No result that can be interpreted in the look-back, though results were supplied."""
        return _Missing(self)

    def known(self) -> Criterion:
        """A result that can be interpreted in the look-back."""
        return _Known(self)

    def taken_within(self, period: Period) -> Criterion:
        """The result is dated, to the day, and at most so old."""
        return _TakenWithin(self, period)


def latest(codes: Codes, within: Period, *, derivation: Derivation | None = None, preliminary: bool = False) -> Measure:
    """The newest result of an analyte, or else derived from others of one day."""
    return Measure(codes, within, derivation=derivation, preliminary=preliminary)


def latest_near(codes: Codes, within: Period, *, near: Measure, near_within: Period) -> Measure:
    """The newest result of an analyte taken around the time of another result."""
    return Measure(codes, within, near=near, near_within=near_within)


def lowest_of_latest_day(codes: Codes, within: Period) -> Measure:
    """The lowest result of the newest day that has any: of two legs, the worse one."""
    return Measure(codes, within, of_day=partial(min, key=_size))


def highest_of_latest_day(codes: Codes, within: Period) -> Measure:
    """The highest result of the newest day that has any: of two legs, the stiffer one."""
    return Measure(codes, within, of_day=partial(max, key=_size))


def unreadable(*measures: Measure) -> Criterion:
    """The newest result of some of these could not be interpreted (DS-16); unknown only when none of them is known."""
    return _Unreadable(measures)


def _newest(inside: Sequence[Measurement]) -> Chosen:
    """Pick the newest; among results of the very same time that differ, the card shows both (DS-5)."""
    first = inside[0]
    ties = [
        m for m in inside[1:]
        if m.on and first.on and m.on.moment == first.on.moment and m.issued == first.issued and m.amended == first.amended
    ]  # fmt: skip
    different = tuple(m for m in ties if (m.value, m.unit) != (first.value, first.unit))
    if not different:
        return Chosen(first)
    note = "another result of the same time differs"
    return Chosen(replace(first, cap=min(first.cap, Indicator.WARNING), notes=(*first.notes, note)), different)


def _of_day(inside: Sequence[Measurement], pick: Callable[[Iterable[Measurement]], Measurement]) -> Chosen:
    """Pick one of the results of the newest day; the others are cited beside it."""
    readable = [m for m in inside if m.scale is not None]
    if not readable:
        return Chosen(inside[0])
    picked = pick(readable)
    return Chosen(picked, tuple(m for m in inside if m is not picked))


def _size(m: Measurement) -> Decimal:
    bound = m.low if m.low is not None else m.high
    return m.scale.to_canonical(bound) if m.scale and bound is not None else Decimal(0)


# --- comparisons, three-valued: a comparator leaves one side open (DS-10) --------------------------------------------


def _fixed(m: Measurement, limit: Threshold) -> Decimal:
    """Give a limit in the unit of the result (DS-24)."""
    return m.analyte.limit(limit.quantity, m.scale or m.analyte.units[m.analyte.unit])


def _ranged(m: Measurement, bound: Decimal | None, default: Threshold) -> Decimal:
    return bound if bound is not None else _fixed(m, default)


def _bounds(m: Measurement) -> tuple[Decimal | None, Decimal | None]:
    decimals = m.analyte.decimals
    if decimals is None or m.scale is None:
        return m.low, m.high
    step = m.scale.factor  # rounding is meant in the canonical unit
    low, high = (None if b is None else _rounded(b * step, decimals) / step for b in (m.low, m.high))
    return low, high


def _rounded(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _is_below(m: Measurement, limit: Decimal) -> bool | None:
    low, high = _bounds(m)
    if high is not None and (high < limit or (high == limit and low is None)):
        return True  # "<5" and "<=5" are both below 5, as DS-10 words it
    return False if low is not None and low >= limit else None


def _is_at_most(m: Measurement, limit: Decimal) -> bool | None:
    low, high = _bounds(m)
    if low is not None and (low > limit or (low == limit and high is None)):
        return False
    return True if high is not None and high <= limit else None


def _opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _both(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


class _OfMeasure(Criterion):
    def __init__(self, measure: Measure) -> None:
        self.measure = measure

    def _without_result(self, chosen: Chosen) -> Finding:
        if chosen.unknown:
            return unknown(chosen.unknown)
        return unknown(f"{self.measure.title} (no result within {self.measure.within})")


class _Compared(_OfMeasure):
    def __init__(
        self,
        measure: Measure,
        words: str,
        test: Callable[[Measurement], bool | None],
        limits: Sequence[Threshold],
        flags: set[Flag] | None = None,
    ) -> None:
        super().__init__(measure)
        self.words, self.test, self.limits, self.flags = words, test, limits, flags or set()

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        m = chosen.result
        if m is None:
            return self._without_result(chosen)
        if m.scale is None:
            if self.flags and m.flag and m.flag is not Flag.ABNORMAL and not m.unreadable:
                return met(m) if m.flag in self.flags else not_met(m)
            return unknown(f"{m.name} ({m.unreadable or 'no value'})")
        answer = self.test(m)
        if answer is None:
            return Finding(State.UNKNOWN, (m,), (f"{m.name} (only known as {m.value} {m.unit}".rstrip() + ")",))
        basis: tuple[Fact, ...] = (m, *chosen.others, *m.sources)
        return Finding(State.MET if answer else State.NOT_MET, basis, cap=m.cap)

    def __str__(self) -> str:
        return f"{self.measure.title} (newest within {self.measure.within}) {self.words}"


class _Flagged(_OfMeasure):
    def __init__(self, measure: Measure, flags: Sequence[Flag]) -> None:
        super().__init__(measure)
        self.flags = flags

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        m = chosen.result
        if m is None:
            return self._without_result(chosen)
        return met(m) if m.scale is None and not m.unreadable and m.flag in self.flags else not_met(m)

    def __str__(self) -> str:
        return f"{self.measure.title} flagged {' or '.join(self.flags)} without a number"


class _Missing(_OfMeasure):
    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        if chosen.result is not None and not chosen.result.unreadable:
            return not_met(chosen.result)
        if chosen.unknown:
            return unknown(chosen.unknown)
        notes: tuple[str, ...] = ()
        if chosen.result is not None:
            notes = (f"{_said(chosen.result)} could not be interpreted: {chosen.result.unreadable}",)
        elif chosen.last is not None:
            notes = (f"last measured {chosen.last.on}: {_said(chosen.last)}",)
        value = f"no usable result within {self.measure.within}"
        return met(Absence(name=self.measure.title, value=value, notes=notes, worth_saying=True))

    def __str__(self) -> str:
        return f"no usable {self.measure.title} within {self.measure.within}"


def _said(m: Measurement) -> str:
    return f"{m.value} {m.unit}".strip() or "no value"


class _Known(_OfMeasure):
    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        if chosen.result is not None and chosen.result.scale is not None:
            return met(chosen.result, *chosen.others)
        if chosen.unknown:
            return unknown(chosen.unknown)
        return not_met(Absence(name=self.measure.title, value=f"no usable result within {self.measure.within}"))

    def __str__(self) -> str:
        return f"{self.measure.title} known within {self.measure.within}"


class _TakenWithin(_OfMeasure):
    def __init__(self, measure: Measure, period: Period) -> None:
        super().__init__(measure)
        self.period = period

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        m = chosen.result
        if m is None:
            return self._without_result(chosen)
        recent = m.on is not None and m.on.exact and 0 <= days_ago(m.on, chart.today) <= self.period.days
        return met(m) if recent else not_met(m)

    def __str__(self) -> str:
        return f"{self.measure.title} at most {self.period} old"


class _Unreadable(Criterion):
    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = measures

    def _test(self, chart: Chart) -> Finding:
        chosen = [measure.choose(chart) for measure in self.measures]
        found = [m for one in chosen for m in (one.result, *one.others) if m is not None and m.unreadable]
        if found:
            return met_by_any(_as_written(m) for m in found)
        lacking = merged_words((one.unknown,) for one in chosen if one.unknown)
        if lacking and all(one.unknown for one in chosen):
            return unknown(*lacking)
        return not_met(Absence(name="Result that could not be interpreted", value="none"))

    def __str__(self) -> str:
        return f"newest result of {', '.join(measure.title for measure in self.measures)} could not be interpreted"


def _as_written(m: Measurement) -> Fact:
    """Give a result that holds no value as what was written, and why it could not be read."""
    side = (m.side,) if m.side else ()
    notes = (*side, *m.notes, f"could not be interpreted: {m.unreadable}")
    return Fact(name=m.name, reference=m.reference, on=m.on, value=m.value, unit=m.unit, notes=notes, cap=m.cap)
