"""Calcium, magnesium and potassium, in criteria that several topics share.

Limits and look-backs: plan.toml. Codes: valuesets/.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cds.knowledge.patient.criteria import advanced_kidney_disease
from cds.reasoning import (
    ADJUSTED_CALCIUM,
    Criterion,
    Knowledge,
    Measure,
    all_of,
    any_of,
    computed,
    deciding,
    latest,
    latest_even_preliminary,
    latest_near,
)

L = TypeVar("L")
"""The limits of a kind."""

k = Knowledge.beside(__file__)

lookback, around = k.period("lookback"), k.period("around")
egfr = latest(k.codes("egfr"), within=k.period("egfr_lookback"))
kidneys_fail = any_of(egfr.below(k.threshold("egfr_least")), advanced_kidney_disease)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calcium:
    """The kinds of calcium result: of the newest and those within a day of it, the most trusted kind decides.

    Attributes:
        measured: the newest result of each measured kind, whether it decides or not; total calcium comes last.
        ionised: at pH 7.4, and as measured.
        by_laboratory: corrected by the laboratory.
        adjusted: computed from total calcium and albumin, where that holds.
        total: as measured, corrected for nothing.
        albumin: of the same time as the newest total calcium.
    """

    measured: tuple[Measure, ...]
    ionised: tuple[Measure, Measure]
    by_laboratory: Measure
    adjusted: Measure
    total: Measure
    albumin: Measure

    @property
    def kinds(self) -> tuple[Measure, ...]:
        """All kinds."""
        return (*self.ionised, self.by_laboratory, self.adjusted, self.total)

    def missing(self) -> Criterion:
        """No calcium of any kind; a card names total calcium alone, where there never was another."""
        *kinds, total = self.measured
        return all_of(*(kind.missing(aside=True) for kind in kinds), total.missing())

    def decides(self, test: Callable[[Measure, L], Criterion], whole: L, ionised: L) -> Criterion:
        """The calcium that decides passes a test against the limits for all calcium, or for the ionised part."""
        return any_of(
            *(test(kind, whole) for kind in (self.by_laboratory, self.adjusted, self.total)),
            *(test(kind, ionised) for kind in self.ionised),
        )


def _calcium(newest: Callable[..., Measure]) -> Calcium:
    total = newest(k.codes("calcium"), within=lookback)
    at_normal_ph = newest(k.codes("ionised-calcium-at-normal-ph"), within=lookback)
    ionised = newest(k.codes("ionised-calcium"), within=lookback)
    by_laboratory = newest(k.codes("corrected-calcium"), within=lookback)
    albumin = latest_near(k.codes("albumin"), within=lookback, near=total, near_within=around)
    no_formula = any_of(
        kidneys_fail, albumin.below(k.threshold("albumin_least")), albumin.above(k.threshold("albumin_most"))
    )
    adjusted = computed(k.codes("adjusted-calcium"), ADJUSTED_CALCIUM, total, albumin, unless=no_formula)
    decide = deciding(at_normal_ph, ionised, by_laboratory, adjusted, total, around=around)
    return Calcium(
        measured=(at_normal_ph, ionised, by_laboratory, total),
        ionised=(decide[0], decide[1]),
        by_laboratory=decide[2],
        adjusted=decide[3],
        total=decide[4],
        albumin=albumin,
    )


calcium = _calcium(latest)
calcium_even_preliminary = _calcium(latest_even_preliminary)

_lower, _upper = k.threshold("calcium_lower"), k.threshold("calcium_upper")
_ionised_lower, _ionised_upper = k.threshold("ionised_lower"), k.threshold("ionised_upper")
calcium_low = calcium.decides(Measure.below_range, _lower, _ionised_lower)
calcium_high = calcium.decides(Measure.above_range, _upper, _ionised_upper)
adjusted_calcium_low = any_of(
    *(kind.below_range(_ionised_lower) for kind in calcium.ionised),
    *(kind.below_range(_lower) for kind in (calcium.by_laboratory, calcium.adjusted)),
)
"""Low, and not for want of albumin."""

magnesium = latest(k.codes("magnesium"), within=lookback)
magnesium_low = magnesium.below_range(k.threshold("magnesium_lower"))
potassium = latest(k.codes("potassium"), within=lookback)
potassium_low = potassium.below_range(k.threshold("potassium_lower"))
