"""What one more datum would change: a plan is asked again, of the same chart with one result or answer added.

Nothing is inferred about the rules: they are executed. A span of values is only spoken of where every value that was
tried in it gives the same advice.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any, cast

from cds.chart.analytes import Analyte
from cds.chart.chart import Chart, Record
from cds.chart.dates import Day, parse_day
from cds.chart.facts import Answer, Fact, Indicator, Measurement
from cds.chart.units import shown
from cds.reasoning.answered import answered_items
from cds.reasoning.comparisons import compared
from cds.reasoning.files import IntakeFile, IntakeItem
from cds.reasoning.plans import Plan

_TRIED = tuple(map(Decimal, ("0.001", "0.02", "0.1", "0.25", "0.5", "0.75", "0.98")))
"""Where in a span between two limits values are tried, as shares of its width."""
_BEYOND = 3
"""How far beyond the highest limit values are tried where an analyte has no plausible range, as its multiple."""

Outcome = Mapping[str, Indicator]
"""The recommendations that a plan makes, each with its indicator."""


@dataclass(frozen=True, slots=True)
class Supposition:
    """One datum that the chart lacks, and what a plan would then say that it does not say now, or no longer say.

    Attributes:
        datum: the result or the question.
        value: the values of it that do this, in words.
        replaces: whether the chart holds one already, which this would be newer than.
        added: recommendations that it brings, or makes more or less urgent.
        removed: recommendations that it takes away.
    """

    datum: str
    value: str
    replaces: bool
    added: Mapping[str, Indicator]
    removed: tuple[str, ...]


def suppositions(plan: Plan, chart: Chart, form: IntakeFile) -> list[Supposition]:
    """Find each single datum that would change what a plan says of a chart."""
    now = _outcome(plan, chart)
    return [*_results(plan, chart, now), *_answers(plan, chart, now, form)]


class _Supposing:
    """A record that holds one fact more."""

    def __init__(self, record: Record, concept: str, fact: Fact) -> None:
        self._record, self._concept, self._fact = record, concept, fact

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)

    def concepts(self) -> frozenset[str]:
        return self._record.concepts() | {self._concept}

    def measurements(self, analyte: str) -> Iterable[Measurement]:
        if analyte == self._concept and isinstance(self._fact, Measurement):
            yield self._fact
        yield from self._record.measurements(analyte)

    def answers(self, item: str) -> tuple[Answer, ...]:
        new = (self._fact,) if item == self._concept and isinstance(self._fact, Answer) else ()
        return (*new, *self._record.answers(item))


def _supposed(plan: Plan, chart: Chart, concept: str, fact: Fact) -> Outcome:
    record = cast(Record, _Supposing(chart.record, concept, fact))
    return _outcome(plan, Chart(chart.today, chart.patient, record, chart.unknown))


def _outcome(plan: Plan, chart: Chart) -> Outcome:
    return {advice.name: advice.indicator for advice in plan.advise(chart)}


def _change(datum: str, value: str, now: Outcome, then: Outcome, *, replaces: bool) -> Supposition:
    added = {name: indicator for name, indicator in then.items() if now.get(name) != indicator}
    return Supposition(datum, value, replaces, added, tuple(name for name in now if name not in then))


def _today(chart: Chart) -> Day | None:
    return parse_day(chart.today.isoformat())


# --- results ----------------------------------------------------------------------------------------------------------


def _results(plan: Plan, chart: Chart, now: Outcome) -> Iterator[Supposition]:
    limits: dict[Analyte, set[Decimal]] = {}
    for criterion in plan.criteria():
        for codes, thresholds in compared(criterion):
            if codes.analyte is not None:
                known = limits.setdefault(codes.analyte, set())
                known |= {codes.analyte.units[t.quantity.unit].to_canonical(t.value) for t in thresholds}
    for analyte, found in limits.items():
        replaces = any(m.on is not None for m in chart.record.measurements(analyte.name))
        for value, then in _spans(plan, chart, analyte, sorted(found)):
            if then is not None and then != now:
                yield _change(analyte.title, value, now, then, replaces=replaces)


@dataclass(frozen=True, slots=True)
class _Span:
    """A limit itself, or what lies open between two."""

    low: Decimal | None
    high: Decimal | None
    tried: tuple[Decimal, ...]

    @property
    def is_limit(self) -> bool:
        return self.low is not None and self.low == self.high


def _spans(plan: Plan, chart: Chart, analyte: Analyte, limits: list[Decimal]) -> Iterator[tuple[str, Outcome | None]]:
    """Give each widest span of values that gives one outcome, in words; None where the values tried disagree."""
    if not limits:
        return
    tried = [(span, _agreed(plan, chart, analyte, span)) for span in _between(analyte, limits)]
    for outcome, run in groupby(tried, key=lambda pair: pair[1]):
        spans = [span for span, _ in run]
        yield _in_words(analyte, spans[0], spans[-1]), outcome


def _between(analyte: Analyte, limits: list[Decimal]) -> Iterator[_Span]:
    lowest, highest = analyte.plausible or (Decimal(0), limits[-1] * _BEYOND)
    edges = [min(lowest, limits[0]), *limits, max(highest, limits[-1])]
    for low, high in pairwise(edges):
        if low in limits:
            yield _Span(low, low, (low,))
        if low < high:
            values = tuple(low + (high - low) * share for share in _TRIED)
            yield _Span(low if low in limits else None, high if high in limits else None, values)


def _agreed(plan: Plan, chart: Chart, analyte: Analyte, span: _Span) -> Outcome | None:
    outcomes = [_supposed(plan, chart, analyte.name, _result(analyte, value, chart)) for value in span.tried]
    return outcomes[0] if all(outcome == outcomes[0] for outcome in outcomes) else None


def _result(analyte: Analyte, value: Decimal, chart: Chart) -> Measurement:
    return Measurement(
        name=analyte.title,
        on=_today(chart),
        value=str(value),
        unit=analyte.unit,
        analyte=analyte,
        low=value,
        high=value,
        scale=analyte.units[analyte.unit],
    )


def _in_words(analyte: Analyte, first: _Span, last: _Span) -> str:
    def said(value: Decimal) -> str:
        return f"{value.normalize():f} {'' if analyte.unit == '1' else shown(analyte.unit)}".strip()

    if first.is_limit and first is last and first.low is not None:
        return f"exactly {said(first.low)}"
    parts = []
    if first.low is not None:
        parts.append(f"{'at least' if first.is_limit else 'above'} {said(first.low)}")
    if last.high is not None:
        parts.append(f"{'at most' if last.is_limit else 'below'} {said(last.high)}")
    return " and ".join(parts) or "any value"


# --- answers ----------------------------------------------------------------------------------------------------------


def _answers(plan: Plan, chart: Chart, now: Outcome, form: IntakeFile) -> Iterator[Supposition]:
    asked = {link for criterion in plan.criteria() for link, _ in answered_items(criterion)}
    for item in form.item:
        if item.link not in asked or chart.record.answers(item.link):
            continue
        tried = [(answer.value, _supposed(plan, chart, item.link, answer)) for answer in _possible(item, chart)]
        told: list[Outcome] = []
        for _, then in tried:
            if then != now and then not in told:
                told.append(then)
                values = [value for value, outcome in tried if outcome == then]
                yield _change(item.text, _or(item, values), now, then, replaces=False)


def _possible(item: IntakeItem, chart: Chart) -> Iterator[Answer]:
    on = _today(chart)
    if item.options:
        for code, display in item.options:
            yield Answer(name=item.text, on=on, value=display, codes=frozenset({code}))
    elif item.score is not None:
        for number in range(item.score[0], item.score[1] + 1):
            yield Answer(name=item.text, on=on, value=str(number), number=Decimal(number))
    else:
        for boolean in (True, False):
            yield Answer(name=item.text, on=on, value="Yes" if boolean else "No", boolean=boolean)


def _or(item: IntakeItem, values: list[str]) -> str:
    if item.score is not None and len(values) > 1:
        return f"{values[0]} to {values[-1]}"
    return " or ".join(f"“{value}”" for value in values)
