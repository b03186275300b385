"""What may be asked of a result, three-valued: a comparator leaves one side open (DS-10)."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Protocol

from msgspec import Struct

from cds.chart.chart import Chart
from cds.chart.dates import days_ago
from cds.chart.facts import Absence, Fact, Flag, Measurement
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import Finding, State, merged_words, met, met_by_any, not_met, unknown
from cds.reasoning.knowledge import Codes, Period, Threshold


class Chosen(Struct, frozen=True, gc=False):
    """The result that decides, or why there is none."""

    result: Measurement | None = None
    others: tuple[Measurement, ...] = ()
    """Further results that a card cites beside it: the other leg, a second value of the same time."""
    last: Measurement | None = None
    """The newest result outside the look-back, when there is none inside."""
    unknown: str = ""


class Chooser(Protocol):
    """What has a result to compare: a measure (cds.reasoning.measures)."""

    codes: Codes
    within: Period
    reads: frozenset[str]

    @property
    def title(self) -> str:
        """The analyte's name."""

    def choose(self, chart: Chart) -> Chosen:
        """Pick the result that decides."""

    def history(self, chart: Chart) -> Iterator[Measurement]:
        """Give every dated result of the look-back, newest first."""


def fixed(m: Measurement, limit: Threshold) -> Decimal:
    """Give a limit in the unit of the result (DS-24)."""
    return m.analyte.limit(limit.quantity, m.scale or m.analyte.units[m.analyte.unit])


def ranged(m: Measurement, bound: Decimal | None, default: Threshold) -> Decimal:
    """Give the laboratory's own bound, or the default limit where it states none (DS-12)."""
    return bound if bound is not None else fixed(m, default)


def _bounds(m: Measurement) -> tuple[Decimal | None, Decimal | None]:
    decimals = m.analyte.decimals
    if decimals is None or m.scale is None:
        return m.low, m.high
    step = m.scale.factor  # rounding is meant in the canonical unit
    low, high = (None if b is None else rounded(b * step, decimals) / step for b in (m.low, m.high))
    return low, high


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Round half up, as laboratories do."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def is_below(m: Measurement, limit: Decimal) -> bool | None:
    """Whether the true value is less than a limit; None when the result does not settle it."""
    low, high = _bounds(m)
    if high is not None and (high < limit or (high == limit and low is None)):
        return True  # "<5" and "<=5" are both below 5, as DS-10 words it
    return False if low is not None and low >= limit else None


def is_at_most(m: Measurement, limit: Decimal) -> bool | None:
    """Whether the true value is the limit or less; None when the result does not settle it."""
    low, high = _bounds(m)
    if low is not None and (low > limit or (low == limit and high is None)):
        return False
    return True if high is not None and high <= limit else None


def by_laboratory(m: Measurement, bound: Decimal | None, flags: Collection[Flag], answer: bool | None) -> bool | None:
    """Let the laboratory's flag decide where it states no range: it knows the limit that it does not print (DS-12)."""
    if bound is not None or m.flag is None or m.flag is Flag.ABNORMAL:
        return answer
    return m.flag in flags


def is_above_own_range(m: Measurement) -> bool | None:
    """Whether a result is above the range that came with it, or flagged so; None where neither tells."""
    if m.range_high is not None:
        return opposite(is_at_most(m, m.range_high))
    if m.flag in {Flag.HIGH, Flag.VERY_HIGH}:
        return True
    return False if m.flag is Flag.NORMAL else None


def opposite(answer: bool | None) -> bool | None:
    """Negate, in three values."""
    return None if answer is None else not answer


def both(one: bool | None, other: bool | None) -> bool | None:
    """Conjoin, in three values."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def most_preferred(results: Sequence[Measurement]) -> Sequence[Measurement]:
    """Give those of results of one time whose codes stand highest."""
    highest = max(m.preferred for m in results)
    return [m for m in results if m.preferred == highest]


class _OfMeasure(Criterion):
    limits: Sequence[Threshold] = ()
    """The limits that a result is held against, where there are any."""

    def __init__(self, measure: Chooser) -> None:
        self.measure, self.reads = measure, measure.reads
        self.nothing = unknown(f"{measure.title} (no result within {measure.within})")

    def _without_result(self, chosen: Chosen) -> Finding:
        return unknown(chosen.unknown) if chosen.unknown else self.nothing


class Compared(_OfMeasure):
    """A comparison of the result that decides with a limit."""

    def __init__(
        self,
        measure: Chooser,
        words: str,
        test: Callable[[Measurement], bool | None],
        limits: Sequence[Threshold],
        flags: Collection[Flag] = (),
    ) -> None:
        super().__init__(measure)
        self.words, self.test, self.limits, self.flags = words, test, limits, flags

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
            return unknown(f"{m.name} (only known as {m.said})", facts=(m,))
        basis: tuple[Fact, ...] = (m, *chosen.others, *m.sources)
        return Finding(State.MET if answer else State.NOT_MET, basis, cap=m.cap)

    def sentence(self) -> str:
        """Say it in full."""
        return f"{self.measure.title} (newest within {self.measure.within}) {self.words}"


class SidesDiffer(_OfMeasure):
    """The left and the right result of one day are so far apart."""

    def __init__(self, measure: Chooser, limit: Threshold) -> None:
        super().__init__(measure)
        self.limit = limit

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        if chosen.result is None:
            return self._without_result(chosen)
        by_side = {m.side: m for m in (chosen.result, *chosen.others) if m.on is not None and m.number is not None}
        left, right = by_side.get("left"), by_side.get("right")
        if left is None or right is None or left.number is None or right.number is None:
            return unknown(f"{self.measure.title} of both sides on one day")
        apart = abs(left.number - right.number) >= self.limit.value
        return met(left, right) if apart else not_met(left, right)

    def sentence(self) -> str:
        """Say it in full."""
        return f"{self.measure.title} of one side at least {self.limit} more than of the other on that day"


class Flagged(_OfMeasure):
    """A result that is only flagged by the laboratory."""

    def __init__(self, measure: Chooser, flags: Sequence[Flag]) -> None:
        super().__init__(measure)
        self.flags = flags

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        m = chosen.result
        if m is None:
            return self._without_result(chosen)
        return met(m) if m.scale is None and not m.unreadable and m.flag in self.flags else not_met(m)

    def sentence(self) -> str:
        """Say it in full."""
        return f"{self.measure.title} flagged {' or '.join(self.flags)} without a number"


class Missing(_OfMeasure):
    """No result that can be interpreted."""

    def __init__(self, measure: Chooser, *, aside: bool) -> None:
        super().__init__(measure)
        self.aside = aside

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        if chosen.result is not None and not chosen.result.unreadable:
            return not_met(chosen.result)
        if chosen.unknown:
            return unknown(chosen.unknown)
        notes: tuple[str, ...] = ()
        if chosen.result is not None:
            notes = (f"{chosen.result.said or 'no value'} could not be interpreted: {chosen.result.unreadable}",)
        elif chosen.last is not None:
            notes = (f"last measured {chosen.last.on}: {chosen.last.said or 'no value'}",)
        value = f"no usable result within {self.measure.within}"
        return met(
            Absence(name=self.measure.title, value=value, notes=notes, worth_saying=bool(notes) or not self.aside)
        )

    def sentence(self) -> str:
        """Say it in full."""
        return f"no usable {self.measure.title} within {self.measure.within}"


class Known(_OfMeasure):
    """A result that can be interpreted."""

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        if chosen.result is not None and chosen.result.scale is not None:
            return met(chosen.result, *chosen.others)
        if chosen.unknown:
            return unknown(chosen.unknown)
        return not_met(Absence(name=self.measure.title, value=f"no usable result within {self.measure.within}"))

    def sentence(self) -> str:
        """Say it in full."""
        return f"{self.measure.title} known within {self.measure.within}"


class TakenWithin(_OfMeasure):
    """A result of known date that is recent enough."""

    def __init__(self, measure: Chooser, period: Period) -> None:
        super().__init__(measure)
        self.period = period

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        m = chosen.result
        if m is None:
            return self._without_result(chosen)
        recent = m.on is not None and m.on.exact and 0 <= days_ago(m.on, chart.today) <= self.period.days
        return met(m) if recent else not_met(m)

    def sentence(self) -> str:
        """Say it in full."""
        return f"{self.measure.title} at most {self.period} old"


class Haemolysed(_OfMeasure):
    """A result from a sample that is said to be haemolysed (DS-19)."""

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        m = chosen.result
        if m is None:
            return self._without_result(chosen)
        return met(m) if m.haemolysed else not_met(m)

    def sentence(self) -> str:
        """Say it in full."""
        return f"{self.measure.title} from a haemolysed sample"


class Unreleased(_OfMeasure):
    """A result that the laboratory does not stand by yet."""

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        m = chosen.result
        if m is None:
            return self._without_result(chosen)
        return not_met(m) if m.final else met(m)

    def sentence(self) -> str:
        """Say it in full."""
        return f"{self.measure.title}: the newest is not released yet"


class Fallen(_OfMeasure):
    """A number that is lower than that of the result before; unknown unless both are known."""

    def __init__(self, measure: Chooser, fall: Threshold) -> None:
        super().__init__(measure)
        self.fall = fall

    def _test(self, chart: Chart) -> Finding:
        chosen = self.measure.choose(chart)
        now = chosen.result
        if now is None or now.on is None:
            return self._without_result(chosen)
        moment = now.on.moment
        then = next((m for m in self.measure.history(chart) if m.on and m.on.moment < moment), None)
        if then is None:
            return unknown(f"{self.measure.title} (no earlier result within {self.measure.within})")
        if now.number is None or then.number is None:
            return unknown(f"{self.measure.title} (no two numbers to compare)", facts=(then, now))
        return met(then, now) if then.number - now.number > self.fall.value else not_met(then, now)

    def sentence(self) -> str:
        """Say it in full."""
        return f"{self.measure.title} fell by more than {self.fall} since the result before"


class PersistentlyBelow(_OfMeasure):
    """Low now and low some time before, with nothing else between; of several results of one day the lowest counts."""

    def __init__(self, measure: Chooser, limit: Threshold, period: Period) -> None:
        super().__init__(measure)
        self.limit, self.period, self.limits = limit, period, (limit,)

    def _test(self, chart: Chart) -> Finding:
        newest: Measurement | None = None
        settled = True
        for _, day in groupby(self.measure.history(chart), key=_last_day):
            below, m = self._of_day(list(day))
            if newest is None:
                if below is not True:
                    return not_met(m) if below is False else unknown(f"{m.name} ({m.unreadable or m.said})", facts=(m,))
                newest = m
            elif below is False:
                return not_met(newest, m)
            elif below is None:
                settled = settled and m.scale is None  # what cannot be read is passed over
            elif _days_between(m, newest) >= self.period.days:
                return met(newest, m) if settled else unknown(f"{m.name} between {m.on} and {newest.on}")
        chosen = self.measure.choose(chart)
        if newest is None or chosen.unknown:
            return self._without_result(chosen)
        return not_met(newest)

    def _of_day(self, results: Sequence[Measurement]) -> tuple[bool | None, Measurement]:
        readable = [m for m in results if m.scale is not None]
        if not readable:
            return None, results[0]
        answers = {is_below(m, fixed(m, self.limit)): m for m in reversed(most_preferred(readable))}
        answer = True if True in answers else None if None in answers else False
        return answer, answers[answer]

    def sentence(self) -> str:
        """Say it in full."""
        return (
            f"{self.measure.title} below {self.limit}, at least {self.period} before as well (within "
            f"{self.measure.within}), and none between at that limit or above"
        )


class Risen(_OfMeasure):
    """A result that is a multiple of an earlier one; known not to be where there is nothing to compare."""

    def __init__(self, measure: Chooser, times: Threshold, span: Period) -> None:
        super().__init__(measure)
        self.times, self.span = times, span

    def _test(self, chart: Chart) -> Finding:
        days: dict[date, list[Measurement]] = {}
        for m in self.measure.history(chart):
            if m.number is not None and m.on is not None and m.on.exact:
                days.setdefault(m.on.first, []).append(m)
        lowest = {day: min(results, key=_number) for day, results in days.items()}
        for day, results in days.items():
            high = max(results, key=_number)
            before = (m for d, m in lowest.items() if 0 <= (day - d).days <= self.span.days and _is_later(high, m))
            low = min(before, key=_number, default=None)
            if low is not None and _number(high) >= self.times.value * _number(low):
                return met(high, low)
        chosen = self.measure.choose(chart)
        if chosen.unknown:
            return unknown(chosen.unknown)
        return not_met(Absence(name=f"Rise of {self.measure.title}", value="none found"))

    def sentence(self) -> str:
        """Say it in full."""
        return (
            f"{self.measure.title} rose to {self.times} times or more within {self.span} "
            f"(in the last {self.measure.within})"
        )


def _last_day(m: Measurement) -> date | None:
    return m.on.last if m.on is not None else None


def _days_between(earlier: Measurement, later: Measurement) -> int:
    """Count the days that surely lie between two results."""
    return (later.on.first - earlier.on.last).days if earlier.on and later.on else 0


def _number(m: Measurement) -> Decimal:
    return m.number or Decimal(0)


def _is_later(one: Measurement, other: Measurement) -> bool:
    return one.on is not None and other.on is not None and one.on.moment > other.on.moment


class Unreadable(Criterion):
    """Results that could not be interpreted."""

    def __init__(self, measures: Sequence[Chooser]) -> None:
        self.measures, self.reads = measures, frozenset().union(*(measure.reads for measure in measures))

    def _test(self, chart: Chart) -> Finding:
        chosen = [measure.choose(chart) for measure in self.measures]
        found = [_as_written(m) for one in chosen for m in (one.result, *one.others) if m is not None and m.unreadable]
        for measure in self.measures:  # results that do not count for their date or their name (DS-3, DS-17)
            if measure.codes.name in chart.holds:
                found += chart.record.set_aside(measure.codes.name, measure.within.days)
        if found:
            return met_by_any(tuple(found))
        lacking = merged_words((one.unknown,) for one in chosen if one.unknown)
        if lacking and all(one.unknown for one in chosen):
            return unknown(*lacking)
        return not_met(Absence(name="Result that could not be interpreted", value="none"))

    def sentence(self) -> str:
        """Say it in full."""
        return f"newest result of {', '.join(measure.title for measure in self.measures)} could not be interpreted"


def _as_written(m: Measurement) -> Fact:
    """Give a result that holds no value as what was written, and why it could not be read."""
    side = (m.side,) if m.side else ()
    notes = (*side, *m.notes, f"could not be interpreted: {m.unreadable}")
    return Fact(name=m.name, reference=m.reference, on=m.on, value=m.value, unit=m.unit, notes=notes, cap=m.cap)


def compared(criterion: Criterion) -> Iterator[tuple[Codes, Sequence[Threshold]]]:
    """Give the analytes whose results a criterion looks at, each with the limits that it holds them against."""
    if isinstance(criterion, _OfMeasure):
        yield criterion.measure.codes, criterion.limits
    for part in criterion.parts:
        yield from compared(part)
