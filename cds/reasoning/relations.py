"""What one fact says of another: results computed from others or standing in for them, and samples after a drug."""

from collections.abc import Sequence

from cds.chart.chart import Chart
from cds.chart.facts import Drug, Measurement
from cds.reasoning.calculations import Derivation
from cds.reasoning.comparisons import Chosen, rounded
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import Finding, met, not_met, unknown
from cds.reasoning.knowledge import Codes, Period, Threshold
from cds.reasoning.measures import Measure

_DAY = 86_400.0
"""One day [s]."""


class _Computed(Measure):
    """An analyte as it follows from other results, unless the formula is known not to hold for this patient."""

    def __init__(
        self, codes: Codes, derivation: Derivation, inputs: Sequence[Measure], unless: Criterion | None
    ) -> None:
        super().__init__(codes, inputs[0].within)
        self.derivation, self.inputs, self.unless = derivation, inputs, unless
        self.reads = self.reads.union(*(one.reads for one in inputs), unless.reads if unless else ())

    def _choose(self, chart: Chart) -> Chosen:
        chosen = [one.choose(chart) for one in self.inputs]
        if lacking := next((one.unknown for one in chosen if one.unknown), ""):
            return Chosen(unknown=lacking)
        results = [one.result for one in chosen if one.result is not None and one.result.number is not None]
        if len(results) < len(self.inputs) or (self.unless is not None and self.unless.holds(chart)):
            return Chosen()
        return Chosen(self._computed(results))

    def _computed(self, inputs: Sequence[Measurement]) -> Measurement | None:
        analyte, first = self.codes.analyte, inputs[0]
        value = self.derivation.formula(*(m.number for m in inputs))
        if value is None or analyte is None:
            return None
        value = rounded(value, self.derivation.decimals)
        if analyte.plausible and not analyte.plausible[0] <= value <= analyte.plausible[1]:
            return None
        said = " and ".join(f"{m.name} {m.said}" for m in inputs)
        # What is computed takes the place of the first input, and so is held against that one's range.
        low, high = (
            first.scale.to_canonical(bound) if first.scale and bound is not None else None
            for bound in (first.range_low, first.range_high)
        )
        return Measurement(
            name=self.title,
            reference=first.reference,
            on=first.on,
            value=str(value),
            unit=analyte.unit,
            notes=(f"computed from {said}",),
            cap=min(m.cap for m in inputs),
            analyte=analyte,
            low=value,
            high=value,
            range_low=low,
            range_high=high,
            scale=analyte.units[analyte.unit],
            sources=tuple(inputs),
        )


def computed(codes: Codes, derivation: Derivation, *inputs: Measure, unless: Criterion | None = None) -> Measure:
    """An analyte that follows from the results which decide for its inputs; none where the formula does not hold."""
    return _Computed(codes, derivation, inputs, unless)


class _Deciding(Measure):
    """One kind of several that tell the same: it has a result only where it is the kind that decides."""

    def __init__(self, kind: Measure, kinds: Sequence[Measure], around: Period) -> None:
        super().__init__(kind.codes, kind.within)
        self.kind, self.kinds, self.around = kind, kinds, around
        self.reads = self.reads.union(*(one.reads for one in kinds))

    @property
    def title(self) -> str:
        return self.kind.title

    def _choose(self, chart: Chart) -> Chosen:
        own = self.kind.choose(chart)
        return own if own.result is None or self._decides(chart) else Chosen()

    def _decides(self, chart: Chart) -> bool:
        found = [(one, m) for one in self.kinds if (m := one.choose(chart).result) is not None]
        dated = [(m.on.moment, one, m) for one, m in found if m.on is not None]
        if dated:
            newest = max(moment for moment, _, _ in dated)
            found = [(one, m) for moment, one, m in dated if newest - moment <= self.around.days * _DAY]
        readable = [one for one, m in found if not m.unreadable]
        return self.kind is (readable[0] if readable else found[0][0])


def deciding(*kinds: Measure, around: Period) -> tuple[Measure, ...]:
    """Several kinds of result that tell the same, the most trusted first: of the newest and those around, one decides.

    The others are as if they had no result.
    """
    return tuple(_Deciding(kind, kinds, around) for kind in kinds)


class _TakenAfterStart(Criterion):
    def __init__(self, measure: Measure, drug: Criterion, by: Period) -> None:
        self.measure, self.drug, self.by = measure, drug, by
        self.reads, self.parts = measure.reads | drug.reads, (drug,)

    def _test(self, chart: Chart) -> Finding:
        taken = self.drug.check(chart)
        if not taken.is_met:
            return taken
        chosen = self.measure.choose(chart)
        m, starts = chosen.result, [d.start for d in taken.basis if isinstance(d, Drug) and d.start is not None]
        if m is None or m.on is None:
            return unknown(chosen.unknown or f"{self.measure.title} (when it was taken)")
        if not starts:
            return unknown(f"{taken.basis[0].name} (since when)")
        long = (m.on.first - min(start.last for start in starts)).days >= self.by.days
        return met(*taken.basis, m) if long else not_met(*taken.basis, m)

    def sentence(self) -> str:
        return f"{self.measure.title} taken at least {self.by} after the start of: {self.drug}"


def taken_after_start(measure: Measure, drug: Criterion, *, by: Period) -> Criterion:
    """The sample was taken so long after the drug was begun: unknown without either day."""
    return _TakenAfterStart(measure, drug, by)


class _UnitUnconfirmed(Criterion):
    def __init__(self, measure: Measure, limit: Threshold) -> None:
        self.measure, self.limit, self.reads = measure, limit, measure.reads

    def _test(self, chart: Chart) -> Finding:
        m = self.measure.choose(chart).result
        if m is None or m.scale is None:
            return unknown(f"{self.measure.title} (no usable result within {self.measure.within})")
        bare = m.range_low is None and m.range_high is None and m.scale.code == self.limit.quantity.unit
        return met(m) if bare else not_met(m)

    def sentence(self) -> str:
        return f"{self.measure.title} stated in {self.limit.quantity.unit}, without a range that would confirm the unit"


def unit_unconfirmed(measure: Measure, *, unit_of: Threshold) -> Criterion:
    """The result is stated in the unit of a limit, and the laboratory gives no range by which that could be checked."""
    return _UnitUnconfirmed(measure, unit_of)
