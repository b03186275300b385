"""Calcium: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cds.knowledge.minerals.criteria import (
    calcium,
    calcium_even_preliminary,
    kidneys_fail,
    magnesium,
    magnesium_low,
)
from cds.knowledge.patient.criteria import cared_for, child, palliative, pregnant
from cds.knowledge.symptoms.criteria import cramp, metabolic_gate
from cds.reasoning import (
    Criterion,
    Flag,
    Knowledge,
    Measure,
    Plan,
    Recommendation,
    Threshold,
    affirmed,
    age_known,
    all_of,
    any_of,
    begun_or_given,
    done,
    has,
    latest,
    latest_near,
    not_,
    ordered,
)

k = Knowledge.beside(__file__)

of_known_age = age_known()

lookback, pending, recent = k.period("lookback"), k.period("pending"), k.period("recent")
egfr = latest(k.codes("egfr"), within=k.period("egfr_lookback"))
albumin = latest(k.codes("albumin"), within=lookback)
parathyrin = latest(k.codes("parathyrin"), within=k.period("cause_lookback"))
vitamin_d = latest(k.codes("vitamin-d"), within=k.period("cause_lookback"))
potassium, phosphatase = (
    latest_near(k.codes(name), within=lookback, near=calcium.measured[-1], near_within=k.period("same_sample"))
    for name in ("potassium", "alkaline-phosphatase")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a kind of calcium; `lower` and `upper` stand in where the laboratory states none."""

    severely_low: Threshold
    low: Threshold
    lower: Threshold
    mildly_lower: Threshold
    mildly_upper: Threshold
    upper: Threshold
    high: Threshold
    severely_high: Threshold


whole = Limits(
    severely_low=k.threshold("severely_low"),
    low=k.threshold("low"),
    lower=k.threshold("lower"),
    mildly_lower=k.threshold("lower"),
    mildly_upper=k.threshold("upper"),
    upper=k.threshold("upper"),
    high=k.threshold("high"),
    severely_high=k.threshold("severely_high"),
)
# Between these limits and its usual range, ionised calcium is low or high by the laboratory's own range only.
ionised = Limits(
    severely_low=k.threshold("ionised_severely_low"),
    low=k.threshold("ionised_low"),
    lower=k.threshold("ionised_lower"),
    mildly_lower=k.threshold("ionised_low"),
    mildly_upper=k.threshold("ionised_high"),
    upper=k.threshold("ionised_upper"),
    high=k.threshold("ionised_high"),
    severely_high=k.threshold("ionised_severely_high"),
)

Test = Callable[[Measure, Limits], Criterion]


def _severely_low(kind: Measure, limits: Limits) -> Criterion:
    return kind.below(limits.severely_low)


def _severely_high(kind: Measure, limits: Limits) -> Criterion:
    return kind.above(limits.severely_high)


# Outside the critical band the laboratory's own range decides what is low or high at all (DS-12).
def _moderately_low(kind: Measure, limits: Limits) -> Criterion:
    return all_of(kind.between(limits.severely_low, limits.low), kind.below_range(limits.lower))


def _moderately_high(kind: Measure, limits: Limits) -> Criterion:
    return all_of(kind.at_least(limits.high), kind.at_most(limits.severely_high), kind.above_range(limits.upper))


def _mildly_low(kind: Measure, limits: Limits) -> Criterion:
    return all_of(kind.at_least(limits.low), kind.below_range(limits.mildly_lower))


def _mildly_high(kind: Measure, limits: Limits) -> Criterion:
    return all_of(kind.below(limits.high), kind.above_range(limits.mildly_upper))


# Asked first: most charts hold no calcium, and all that follows hangs on many things beside it.
there_is_calcium = not_(calcium_even_preliminary.missing())


def _given(test: Criterion) -> Criterion:
    return all_of(there_is_calcium, test)


def _lately(test: Test) -> Criterion:
    return _given(
        calcium.decides(lambda kind, limits: all_of(test(kind, limits), kind.taken_within(recent)), whole, ionised)
    )


def _before(test: Test) -> Criterion:
    return _given(
        calcium.decides(
            lambda kind, limits: all_of(test(kind, limits), not_(kind.taken_within(recent))), whole, ionised
        )
    )


def _preliminary(test: Test) -> Criterion:
    return _given(
        calcium_even_preliminary.decides(
            lambda kind, limits: all_of(test(kind, limits), kind.unreleased()), whole, ionised
        )
    )


def _flagged(*flags: Flag) -> Criterion:
    return _given(any_of(*(kind.flagged(*flags) for kind in calcium.kinds)))


severely_low_lately, severely_high_lately = _lately(_severely_low), _lately(_severely_high)
severely_low_before, severely_high_before = _before(_severely_low), _before(_severely_high)
severely_low_preliminary, severely_high_preliminary = _preliminary(_severely_low), _preliminary(_severely_high)
emergency = any_of(
    *(kind.above(k.threshold("emergency_high")) for kind in (calcium.by_laboratory, calcium.adjusted, calcium.total))
)
moderately_low = _given(calcium.decides(_moderately_low, whole, ionised))
moderately_high = _given(calcium.decides(_moderately_high, whole, ionised))
mildly_low = _given(calcium.decides(_mildly_low, whole, ionised))
mildly_high = _given(calcium.decides(_mildly_high, whole, ionised))
flagged_low, flagged_high = _flagged(Flag.LOW, Flag.VERY_LOW), _flagged(Flag.HIGH, Flag.VERY_HIGH)

uncorrected = calcium.total.known()
corrected = any_of(calcium.by_laboratory.known(), calcium.adjusted.known())
# Adjusting does worse than not adjusting where the kidneys fail or albumin is far from normal.
adjustment_doubtful = all_of(
    corrected,
    any_of(
        egfr.below(k.threshold("egfr_doubtful")),
        kidneys_fail,
        calcium.albumin.below(k.threshold("albumin_doubtful")),
    ),
)
kidneys_unknown = all_of(calcium.adjusted.known(), egfr.missing(), not_(affirmed(kidneys_fail)))
contaminated = all_of(  # EDTA binds calcium and brings potassium with it (DS-19)
    potassium.at_least(k.threshold("potassium_high")),
    any_of(phosphatase.below_range(k.threshold("phosphatase_low")), phosphatase.missing()),
)

risk = any_of(
    done(k.codes("calcium-neck-surgery"), within=k.period("after_surgery")),
    has(k.codes("calcium-neck-surgery"), within=k.period("after_surgery"), dated=True),
    begun_or_given(k.codes("calcium-antiresorptive"), within=k.period("after_antiresorptive")),
    has(k.codes("calcium-hypoparathyroidism")),
    kidneys_fail,
    magnesium_low,
    vitamin_d.below(k.threshold("vitamin_d_low")),
)
calcium_ordered = any_of(
    *(ordered(k.codes(name), within=pending) for name in ("calcium", "corrected-calcium", "ionised-calcium"))
)

too_much_vitamin_d = vitamin_d.above(k.threshold("vitamin_d_high"))

of_corrected = {
    "adjustment-doubtful": adjustment_doubtful,
    "kidneys-unknown": kidneys_unknown,
    "pregnant": pregnant,
}
as_uncorrected = {"uncorrected": uncorrected}
of_any = {**as_uncorrected, **of_corrected}
of_high = {"vitamin-d": too_much_vitamin_d, **of_corrected}
of_severely_low = {"contaminated": contaminated, **of_corrected}
in_comfort_care = {"goals": palliative}
workup = {
    "albumin": any_of(uncorrected, albumin.missing()),
    "magnesium": magnesium.missing(),
    "parathyrin": parathyrin.missing(),
    "vitamin-d": vitamin_d.missing(),
}
very_flagged = (("warning", _flagged(Flag.VERY_LOW, Flag.VERY_HIGH)),)

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,  # where the age is unknown, the critical band alone is weighed: all else asks for a birth date
    context=metabolic_gate,
    mutes=palliative,
    shows={
        "calcium": calcium.kinds,
        "early": calcium_even_preliminary.kinds,
        "calcium_total": calcium.total,
        "risk": (risk,),
    },
    recommends=(
        Recommendation(
            name="severely-low",
            when=severely_low_lately,
            unless=affirmed(uncorrected),
            notes={**of_severely_low, **in_comfort_care},
            only=workup,
        ),
        Recommendation(
            name="emergency-high",
            when=all_of(severely_high_lately, emergency),
            unless=affirmed(uncorrected),
            notes={**of_high, **in_comfort_care},
            only=workup,
        ),
        Recommendation(
            name="severely-high",
            when=severely_high_lately,
            unless=any_of(affirmed(uncorrected), affirmed(emergency)),
            notes={**of_high, **in_comfort_care},
            only=workup,
        ),
        Recommendation(
            name="severely-low-uncorrected",
            when=all_of(severely_low_lately, uncorrected),
            notes={"contaminated": contaminated, "pregnant": pregnant},
            only=workup,
        ),
        Recommendation(
            name="severely-high-uncorrected",
            when=all_of(severely_high_lately, uncorrected),
            notes={"vitamin-d": too_much_vitamin_d, "pregnant": pregnant},
            only=workup,
        ),
        Recommendation(
            name="severely-low-preliminary",
            when=severely_low_preliminary,
            unless=affirmed(severely_low_lately),
            notes={"pregnant": pregnant},
            only=workup,
        ),
        Recommendation(
            name="severely-high-preliminary",
            when=severely_high_preliminary,
            unless=affirmed(severely_high_lately),
            notes={"pregnant": pregnant},
            only=workup,
        ),
        Recommendation(
            name="severely-low-not-recent",
            when=severely_low_before,
            notes={**as_uncorrected, **of_severely_low},
            only=workup,
        ),
        Recommendation(
            name="severely-high-not-recent", when=severely_high_before, notes={**as_uncorrected, **of_high}, only=workup
        ),
        Recommendation(name="low", when=all_of(moderately_low, of_known_age), notes=of_any, only=workup),
        Recommendation(
            name="high", when=all_of(moderately_high, of_known_age), notes={**as_uncorrected, **of_high}, only=workup
        ),
        Recommendation(name="mildly-low", when=all_of(mildly_low, of_known_age), notes=of_any, only=workup),
        Recommendation(
            name="mildly-high", when=all_of(mildly_high, of_known_age), notes={**as_uncorrected, **of_high}, only=workup
        ),
        Recommendation(
            name="flagged-low",
            when=all_of(flagged_low, of_known_age),
            raises=very_flagged,
            notes={"pregnant": pregnant},
            only=workup,
        ),
        Recommendation(
            name="flagged-high",
            when=all_of(flagged_high, of_known_age),
            raises=very_flagged,
            notes={"pregnant": pregnant},
            only=workup,
        ),
        Recommendation(
            name="untested",
            context=cramp,
            when=all_of(risk, calcium.missing(), of_known_age),
            unless=calcium_ordered,
            notes={"pregnant": pregnant},
            only={"magnesium": magnesium.missing(), "parathyrin": parathyrin.missing()},
        ),
    ),
)
