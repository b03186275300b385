"""Measures: which result of an analyte is asked, and what may be asked of it.

The newest valid result decides (DS-5), inside the plan's look-back (DS-6). A result that could not be read is not
replaced by an older one: the value is then unknown (DS-16).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace as changed
from decimal import Decimal

from msgspec.structs import replace

from cds.chart.chart import Area, Chart
from cds.chart.dates import Day, days_ago
from cds.chart.facts import Flag, Indicator, Measurement
from cds.reasoning.calculations import Derivation
from cds.reasoning.comparisons import (
    Chosen,
    Compared,
    Fallen,
    Flagged,
    Haemolysed,
    Known,
    Missing,
    PersistentlyBelow,
    Risen,
    SidesDiffer,
    TakenWithin,
    Unreadable,
    Unreleased,
    both,
    by_laboratory,
    fixed,
    is_above_own_range,
    is_at_most,
    is_below,
    most_preferred,
    opposite,
    ranged,
    rounded,
)
from cds.reasoning.criteria import Criterion
from cds.reasoning.knowledge import Codes, Period, Threshold

_LOW = frozenset({Flag.LOW, Flag.VERY_LOW})
_HIGH = frozenset({Flag.HIGH, Flag.VERY_HIGH})

_DAY = 86_400.0
"""One day [s]."""


class Measure:
    """An analyte, looked at within a look-back: the newest valid result decides."""

    preliminary = False
    """Whether a result that is not released yet may decide (DS-1)."""

    def __init__(self, codes: Codes, within: Period) -> None:
        """Look at an analyte within a look-back."""
        self.codes, self.within, self.reads = codes, within, frozenset({codes.name})

    @property
    def title(self) -> str:
        """The analyte's name."""
        return self.codes.title

    def choose(self, chart: Chart) -> Chosen:
        """Pick the result that decides, once per chart; where the chart holds none, once for all such charts."""
        chosen: Chosen | None = chart.findings.get(self)
        if chosen is None:
            if chart.holds.isdisjoint(self.reads):
                chart = chart.bare
                chosen = chart.findings.get(self)
            if chosen is None:
                chosen = chart.findings[self] = self._choose(chart)
        return chosen

    def _choose(self, chart: Chart) -> Chosen:
        inside: list[Measurement] = []
        undated: list[Measurement] = []
        last: Measurement | None = None
        for m in chart.record.measurements(self.codes.name):
            if m.absent or not (m.final or self.preliminary):
                continue
            if m.on is None:
                undated.append(m)
            elif inside and not self._belongs(m.on, inside[0].on):
                break
            elif self._counts(m.on, chart):
                if days_ago(m.on, chart.today) > self.within.days:
                    last = m
                    break
                inside.append(m)
        if inside:
            return self._pick(inside)
        if undated and last is None:
            picked = self._pick(undated)
            return replace(picked, result=_without_date(picked.result or undated[0]))
        area = Area.LABORATORY if self.codes.category == "laboratory" else Area.OBSERVATIONS
        if reason := chart.unknown.get(area):
            return Chosen(unknown=f"{self.title} ({area}: {reason})")
        return Chosen(last=last)

    def history(self, chart: Chart) -> Iterator[Measurement]:
        """Give every dated result of the look-back, newest first."""
        for m in chart.record.measurements(self.codes.name):
            if m.on is None or days_ago(m.on, chart.today) > self.within.days:
                return
            if m.final and not m.absent:
                yield m

    def _counts(self, on: Day, chart: Chart) -> bool:  # noqa: ARG002 - measures of other kinds look at both
        """Whether a dated result counts for this measure at all."""
        return True

    def _belongs(self, on: Day, newest: Day | None) -> bool:
        """Whether a result is to be looked at together with the newest one."""
        return newest is not None and on.moment == newest.moment

    def _pick(self, inside: Sequence[Measurement]) -> Chosen:
        """Pick the newest; among results of the very same time that differ, the card shows both (DS-5)."""
        first, *rest = most_preferred(inside) if len(inside) > 1 else inside
        ties = [m for m in rest if m.issued == first.issued and m.amended == first.amended]
        different = tuple(m for m in ties if (m.value, m.unit) != (first.value, first.unit) and not _is_equal(m, first))
        if not different:
            return Chosen(first)
        notes = (*first.notes, "another result of the same time differs")
        return Chosen(replace(first, cap=min(first.cap, Indicator.WARNING), notes=notes), different)

    # --- what may be asked ---------------------------------------------------------------------------------------

    def below(self, limit: Threshold) -> Criterion:
        """Less than the limit."""
        return Compared(self, f"below {limit}", lambda m: is_below(m, fixed(m, limit)), (limit,))

    def at_least(self, limit: Threshold) -> Criterion:
        """The limit or more."""
        return Compared(self, f"at least {limit}", lambda m: opposite(is_below(m, fixed(m, limit))), (limit,))

    def at_most(self, limit: Threshold) -> Criterion:
        """The limit or less."""
        return Compared(self, f"at most {limit}", lambda m: is_at_most(m, fixed(m, limit)), (limit,))

    def above(self, limit: Threshold) -> Criterion:
        """More than the limit."""
        return Compared(self, f"above {limit}", lambda m: opposite(is_at_most(m, fixed(m, limit))), (limit,))

    def between(self, low: Threshold, high: Threshold) -> Criterion:
        """At least the lower limit and less than the higher one."""

        def test(m: Measurement) -> bool | None:
            return both(opposite(is_below(m, fixed(m, low))), is_below(m, fixed(m, high)))

        return Compared(self, f"at least {low} and below {high}", test, (low, high))

    def below_range(self, default: Threshold) -> Criterion:
        """Less than the laboratory's lower limit, or than the default where the laboratory states none (DS-12)."""
        return Compared(
            self, f"below the laboratory's limit (else {default})",
            lambda m: by_laboratory(m, m.range_low, _LOW, is_below(m, ranged(m, m.range_low, default))),
            (default,), flags=_LOW,
        )  # fmt: skip

    def above_range(self, default: Threshold) -> Criterion:
        """More than the laboratory's upper limit, or than the default where the laboratory states none (DS-12)."""
        return Compared(
            self, f"above the laboratory's limit (else {default})",
            lambda m: by_laboratory(
                m, m.range_high, _HIGH, opposite(is_at_most(m, ranged(m, m.range_high, default)))
            ), (default,),
            flags=_HIGH,
        )  # fmt: skip

    def above_own_range(self) -> Criterion:
        """More than the upper limit that came with the result; without one, or a flag, nobody can tell."""
        return Compared(self, "above the range that came with it", is_above_own_range, (), flags=_HIGH)

    def within_own_range(self) -> Criterion:
        """Not more than the upper limit that came with the result; without one, or a flag, nobody can tell."""
        return Compared(
            self, "not above the range that came with it", lambda m: opposite(is_above_own_range(m)), (),
            flags=frozenset({Flag.NORMAL}),
        )  # fmt: skip

    def sides_differ_by(self, limit: Threshold) -> Criterion:
        """Left and right of one day are so far apart, in the canonical unit; for a measure of all results of a day."""
        return SidesDiffer(self, limit)

    def at_least_times_range(self, times: Threshold, default: Threshold) -> Criterion:
        """So many times the laboratory's upper limit or more; the default stands in where it states none."""
        return Compared(
            self, f"at least {times} times the laboratory's upper limit (else {default})",
            lambda m: opposite(is_below(m, times.value * ranged(m, m.range_high, default))), (_times(times, default),),
        )  # fmt: skip

    def above_times_range(self, times: Threshold, default: Threshold) -> Criterion:
        """More than so many times the laboratory's upper limit; the default stands in where it states none."""
        return Compared(
            self, f"above {times} times the laboratory's upper limit (else {default})",
            lambda m: opposite(is_at_most(m, times.value * ranged(m, m.range_high, default))),
            (_times(times, default),),
        )  # fmt: skip

    def persistently_below(self, limit: Threshold, period: Period) -> Criterion:
        """Less than the limit, so long before as well, and never the limit or more between."""
        return PersistentlyBelow(self, limit, period)

    def risen(self, times: Threshold, within: Period) -> Criterion:
        """Some result of the look-back is so many times an earlier one, or more, within the period."""
        return Risen(self, times, within)

    def above_pregnancy_range(self, default: Threshold) -> Criterion:
        """More than the upper limit that the laboratory states for pregnancy, or than the default."""
        return Compared(
            self, f"above the laboratory's limit for pregnancy (else {default})",
            lambda m: opposite(is_at_most(m, ranged(m, m.pregnancy_high, default))), (default,),
        )  # fmt: skip

    def flagged(self, *flags: Flag) -> Criterion:
        """Flagged so by the laboratory, with no number that could be compared (DS-11)."""
        return Flagged(self, flags)

    def missing(self, *, aside: bool = False) -> Criterion:
        """No result that can be interpreted in the look-back, though results were supplied.

        Args:
            aside: whether a card leaves it out where there never was one, for another measure beside it says it all.
        """
        return Missing(self, aside=aside)

    def known(self) -> Criterion:
        """A result that can be interpreted in the look-back."""
        return Known(self)

    def taken_within(self, period: Period) -> Criterion:
        """The result is dated, to the day, and at most so old."""
        return TakenWithin(self, period)

    def haemolysed(self) -> Criterion:
        """The result is from a sample that is said to be haemolysed."""
        return Haemolysed(self)

    def unreleased(self) -> Criterion:
        """The result is preliminary; only where the measure takes such ones at all."""
        return Unreleased(self)

    def fell_by_more_than(self, fall: Threshold) -> Criterion:
        """The number is lower than that of the result before by more than so much, in the canonical unit."""
        return Fallen(self, fall)


def _is_equal(one: Measurement, other: Measurement) -> bool:
    """Whether two results are one number, said in two units."""
    return one.number is not None and one.number == other.number


def _times(times: Threshold, limit: Threshold) -> Threshold:
    quantity = changed(limit.quantity, value=times.value * limit.value)
    return changed(limit, quantity=quantity, also=())


def _without_date(m: Measurement) -> Measurement:
    """A result without a date counts for a routine card at most (DS-4)."""
    return replace(m, cap=min(m.cap, Indicator.INFO), notes=(*m.notes, "date not recorded"))


class _Near(Measure):
    """An analyte around the time of another measure's result."""

    def __init__(self, codes: Codes, within: Period, other: Measure, span: Period) -> None:
        super().__init__(codes, within)
        self.other, self.span, self.preliminary = other, span, other.preliminary
        self.reads |= other.reads

    def _counts(self, on: Day, chart: Chart) -> bool:
        other = self.other.choose(chart).result
        if other is None or other.on is None:
            return False
        return abs(on.moment - other.on.moment) <= self.span.days * _DAY


class _Early(Measure):
    """An analyte, released or preliminary: of one time, what is released decides."""

    preliminary = True

    @property
    def title(self) -> str:
        return f"{self.codes.title}, preliminary or released"

    def _pick(self, inside: Sequence[Measurement]) -> Chosen:
        return super()._pick([m for m in inside if m.final] or inside)


class _OfDay(Measure):
    """One of the results of the newest day that has any."""

    def __init__(self, codes: Codes, within: Period, pick: Callable[..., Measurement]) -> None:
        super().__init__(codes, within)
        self.pick = pick

    def _belongs(self, on: Day, newest: Day | None) -> bool:
        return newest is not None and on.first == newest.first

    def _pick(self, inside: Sequence[Measurement]) -> Chosen:
        readable = [m for m in inside if m.scale is not None]
        if not readable:
            return Chosen(inside[0])
        picked = self.pick(most_preferred(readable), key=_size)
        return Chosen(picked, tuple(m for m in inside if m is not picked))


class _OfSpan(_OfDay):
    """One of all results of the look-back."""

    def _belongs(self, on: Day, newest: Day | None) -> bool:  # noqa: ARG002 - any result of the look-back does
        return True

    def _pick(self, inside: Sequence[Measurement]) -> Chosen:
        return Chosen(super()._pick(inside).result)  # the others of some days are no news


def _size(m: Measurement) -> Decimal:
    bound = m.low if m.low is not None else m.high
    return m.scale.to_canonical(bound) if m.scale and bound is not None else Decimal(0)


class _Derived(Measure):
    """An analyte as measured, or else as it follows from others of one day or one draw."""

    def __init__(self, codes: Codes, within: Period, derivations: Sequence[Derivation]) -> None:
        super().__init__(codes, within)
        self.derivations = derivations
        self.reads |= {name for derivation in derivations for name in derivation.inputs}

    def _choose(self, chart: Chart) -> Chosen:
        measured = super()._choose(chart)
        derived: Measurement | None = None
        for derivation in self.derivations:
            one = self._derive(chart, derivation)
            if (
                one is not None
                and one.on is not None
                and (derived is None or derived.on is None or one.on.last > derived.on.last)
            ):
                derived = one
        if derived is None or derived.on is None:
            return measured
        on = measured.result.on if measured.result is not None else None
        return measured if on is not None and on.last >= derived.on.last else Chosen(derived)

    def _derive(self, chart: Chart, derivation: Derivation) -> Measurement | None:
        by_draw: list[dict[float, Measurement]] = []
        for name in derivation.inputs:
            draws: dict[float, Measurement] = {}
            for m in chart.record.measurements(name):
                if m.final and m.number is not None and m.on and m.on.exact:
                    draws.setdefault(m.on.moment if derivation.same_draw else m.on.first.toordinal(), m)
            by_draw.append(draws)
        shared = set(by_draw[0]).intersection(*by_draw[1:])
        for draw in sorted(shared, reverse=True):
            inputs = [draws[draw] for draws in by_draw]
            on = inputs[0].on
            if on is None or not 0 <= (chart.today - on.first).days <= self.within.days:
                continue
            if (derived := self._computed(inputs, derivation)) is not None:
                return derived
        return None

    def _computed(self, inputs: Sequence[Measurement], derivation: Derivation) -> Measurement | None:
        analyte = self.codes.analyte
        value = derivation.formula(*(m.number for m in inputs))
        if value is None or analyte is None:
            return None
        value = rounded(value, derivation.decimals)
        if analyte.plausible and not analyte.plausible[0] <= value <= analyte.plausible[1]:
            return None
        said = _and(f"{m.name} {m.said}" for m in inputs)
        return Measurement(
            name=self.title,
            reference=inputs[0].reference,
            on=inputs[0].on,
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


def _and(parts: Iterable[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}"


def latest(codes: Codes, within: Period, *, derivations: Sequence[Derivation] = ()) -> Measure:
    """The newest result of an analyte, or else derived from others of one day, in one of several ways."""
    return _Derived(codes, within, derivations) if derivations else Measure(codes, within)


def latest_even_preliminary(codes: Codes, within: Period) -> Measure:
    """The newest result of an analyte, released or not: for values that nobody may wait with (DS-1).

    A preliminary result holds a card at `warning`; ask the released one beside it, which this one hides.
    """
    return _Early(codes, within)


def latest_near(codes: Codes, within: Period, *, near: Measure, near_within: Period) -> Measure:
    """The newest result of an analyte taken around the time of another result."""
    return _Near(codes, within, near, near_within)


def lowest_of_latest_day(codes: Codes, within: Period) -> Measure:
    """The lowest result of the newest day that has any: of two legs, the worse one."""
    return _OfDay(codes, within, min)


def highest_of_latest_day(codes: Codes, within: Period) -> Measure:
    """The highest result of the newest day that has any: of two legs, the stiffer one."""
    return _OfDay(codes, within, max)


def highest(codes: Codes, within: Period) -> Measure:
    """The highest result of the look-back: a fever counts although it has come down since."""
    return _OfSpan(codes, within, max)


def unreadable(*measures: Measure) -> Criterion:
    """The newest result of some of these could not be interpreted (DS-16); unknown only when none of them is known."""
    return Unreadable(measures)
