"""Dehydration and disorders of sodium: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative, pregnant
from cds.knowledge.symptoms.criteria import cramp, metabolic_gate
from cds.reasoning import (
    OSMOLARITY,
    OSMOLARITY_FASTING,
    POSTURAL_PRESSURE_FALL,
    Flag,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    age_known,
    aged,
    all_of,
    answered,
    any_of,
    complains_of,
    has,
    latest,
    latest_even_preliminary,
    latest_near,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

of_known_age = age_known()
"""With children set aside by the plan, an adult."""

recent, lookback = k.period("recent"), k.period("lookback")
sodium = latest(k.codes("sodium"), within=recent)
sodium_of_months = latest(k.codes("sodium"), within=lookback)
early = latest_even_preliminary(k.codes("sodium"), within=lookback)
osmolality = latest(k.codes("osmolality"), within=recent)
osmolarity, osmolarity_fasting = (
    latest(k.codes("calculated-osmolarity"), within=recent, derivations=(derivation,))
    for derivation in (OSMOLARITY, OSMOLARITY_FASTING)
)
glucose, fasting_glucose = (
    latest_near(k.codes(name), within=recent, near=osmolality, near_within=k.period("same_sample"))
    for name in ("glucose", "fasting-glucose")
)
egfr = latest(k.codes("egfr"), within=k.period("egfr_lookback"))
ratio = latest(k.codes("urea-creatinine-ratio"), within=recent)
creatinine = latest(k.codes("creatinine"), within=recent)
pressure_fall = latest(k.codes("postural-pressure-fall"), within=recent, derivations=(POSTURAL_PRESSURE_FALL,))
temperature = latest(k.codes("body-temperature"), within=recent)

sodium_high = sodium.above(k.threshold("sodium_high"))
sodium_low = sodium.below(k.threshold("sodium_low"))
severely_high = sodium_of_months.at_least(k.threshold("sodium_severely_high"))
severely_low = sodium_of_months.at_most(k.threshold("sodium_severely_low"))
on_a_recent_day = sodium_of_months.taken_within(recent)
# DS-1: a preliminary result counts in the critical band only, and never above a warning.
preliminary_high = all_of(early.unreleased(), early.at_least(k.threshold("sodium_severely_high")))
preliminary_low = all_of(early.unreleased(), early.at_most(k.threshold("sodium_severely_low")))

diuretic = any_of(taking(k.codes("potassium-lowering")), taking(k.codes("potassium-sparing-diuretic")))
draining = any_of(diuretic, taking(k.codes("dehydration-risk-drug")))
losses = complains_of(k.codes("dehydration-vomiting-or-diarrhoea"), within=recent)
fever = any_of(
    temperature.at_least(k.threshold("fever")),
    complains_of(k.codes("fever"), within=recent),
    answered("fever", within=recent),
)
risk = any_of(
    draining,
    losses,
    fever,
    has(k.codes("dehydration-dementia")),
    complains_of(k.codes("dehydration-poor-intake"), within=recent),
)

sugar_high = any_of(
    glucose.at_least(k.threshold("glucose_high")), affirmed(fasting_glucose.at_least(k.threshold("glucose_high")))
)
kidneys_suffice = egfr.at_least(k.threshold("egfr"))
concentrated = all_of(osmolality.above(k.threshold("osmolality")), kidneys_suffice)

of_anybody = {
    "pregnant": pregnant,
    "kidney-injury": creatinine.risen(k.threshold("injury"), k.period("injury_span")),
}
of_lost_water = {
    "heart-failure": has(k.codes("heart-failure")),
    "ratio": ratio.above(k.threshold("ratio")),  # supports, but is no reason by itself (DH-0)
    **of_anybody,
}
of_dehydration = {"draining": draining, **of_lost_water}
of_low_sodium = {"draining": draining, "heart-failure": has(k.codes("heart-failure")), **of_anybody}
in_comfort_care = {"goals": palliative}
osmolality_due = {"osmolality": osmolality.missing()}
electrolytes_due = {"basic-metabolic-panel": sodium.missing()}

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,  # where the age is unknown, the critical band alone is weighed: all else asks for an adult
    context=metabolic_gate,
    mutes=palliative,
    shows={
        "sodium": sodium_of_months,
        "early": early,
        "measured": osmolality,
        "calculated": (osmolarity, osmolarity_fasting),
        "fall": pressure_fall,
        "draining": draining,
        "risk": risk,
        "ratio_found": ratio,
    },
    recommends=(
        Recommendation(
            name="sodium-severely-high",
            when=all_of(severely_high, on_a_recent_day),
            notes={**of_dehydration, **in_comfort_care},
            only=osmolality_due,
        ),
        Recommendation(
            name="sodium-severely-low",
            when=all_of(severely_low, on_a_recent_day),
            notes={**of_low_sodium, **in_comfort_care},
            only=osmolality_due,
        ),
        Recommendation(
            name="sodium-severely-high-preliminary",
            when=preliminary_high,
            unless=affirmed(all_of(severely_high, on_a_recent_day)),
            notes=of_anybody,
        ),
        Recommendation(
            name="sodium-severely-low-preliminary",
            when=preliminary_low,
            unless=affirmed(all_of(severely_low, on_a_recent_day)),
            notes=of_anybody,
        ),
        Recommendation(
            name="sodium-severely-high-not-recent",
            when=all_of(severely_high, not_(on_a_recent_day)),
            notes=of_dehydration,
            only=osmolality_due,
        ),
        Recommendation(
            name="sodium-severely-low-not-recent",
            when=all_of(severely_low, not_(on_a_recent_day)),
            notes=of_low_sodium,
            only=osmolality_due,
        ),
        Recommendation(
            name="osmolality-high",
            when=all_of(concentrated, of_known_age),
            unless=sugar_high,
            notes=of_dehydration,
            only=electrolytes_due,
        ),
        Recommendation(
            name="osmolality-flagged-high",
            when=all_of(osmolality.flagged(Flag.HIGH, Flag.VERY_HIGH), kidneys_suffice, of_known_age),
            unless=sugar_high,
            raises=(("warning", osmolality.flagged(Flag.VERY_HIGH)),),
            notes=of_dehydration,
            only=electrolytes_due,
        ),
        Recommendation(
            name="sodium-high",
            when=all_of(sodium_high, of_known_age),
            unless=severely_high,
            raises=(("warning", sodium.above(k.threshold("sodium_very_high"))),),
            notes=of_dehydration,
            only=osmolality_due,
        ),
        Recommendation(
            name="sodium-low",
            when=all_of(sodium_low, diuretic, cramp, of_known_age),
            unless=severely_low,
            raises=(("warning", sodium.below(k.threshold("sodium_very_low"))),),
            notes=of_low_sodium,
            only=osmolality_due,
        ),
        Recommendation(
            name="sodium-flagged-high",
            when=all_of(sodium.flagged(Flag.HIGH, Flag.VERY_HIGH), of_known_age),
            raises=(("warning", sodium.flagged(Flag.VERY_HIGH)),),
            notes=of_dehydration,
        ),
        Recommendation(
            name="sodium-flagged-low",
            when=all_of(sodium.flagged(Flag.LOW, Flag.VERY_LOW), diuretic, cramp, of_known_age),
            raises=(("warning", sodium.flagged(Flag.VERY_LOW)),),
            notes=of_low_sodium,
        ),
        Recommendation(
            name="osmolarity-high",
            when=all_of(
                aged(k.threshold("old")),
                any_of(
                    osmolarity.above(k.threshold("osmolarity")), osmolarity_fasting.above(k.threshold("osmolarity"))
                ),
                risk,
            ),
            unless=affirmed(concentrated),
            notes=of_lost_water,  # the drugs stand among the risks
            only=osmolality_due,
        ),
        Recommendation(
            name="dehydration-on-record",
            when=all_of(has(k.codes("dehydration-diagnosis"), within=recent, dated=True), of_known_age),
            unless=all_of(
                ordered(k.codes("sodium"), within=k.period("pending")),
                ordered(k.codes("osmolality"), within=k.period("pending")),
            ),
            notes=of_dehydration,
        ),
        Recommendation(
            name="pressure-falls-on-standing",
            when=all_of(pressure_fall.at_least(k.threshold("pressure_fall")), any_of(diuretic, losses), of_known_age),
            notes=of_dehydration,
            only={**electrolytes_due, **osmolality_due},
        ),
    ),
)
