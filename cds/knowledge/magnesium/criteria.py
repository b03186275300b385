"""Magnesium: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.minerals.criteria import (
    calcium,
    calcium_low,
    kidneys_fail,
    magnesium,
    potassium,
    potassium_low,
)
from cds.knowledge.patient.criteria import cared_for, child, dialysis, palliative, pregnant
from cds.knowledge.symptoms.criteria import cramp, leg_weakness, metabolic_gate, neuropathic
from cds.reasoning import (
    Flag,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    age_known,
    all_of,
    any_of,
    complains_of,
    has,
    latest,
    latest_even_preliminary,
    not_,
    ordered,
    taking,
    unit_unconfirmed,
)

k = Knowledge.beside(__file__)

of_known_age = age_known()

lookback, recent = k.period("lookback"), k.period("recent")
magnesium_of_year = latest(k.codes("magnesium"), within=k.period("test_lookback"))
early = latest_even_preliminary(k.codes("magnesium"), within=lookback)
egfr = latest(k.codes("egfr"), within=k.period("egfr_lookback"))
drinks = latest(k.codes("alcoholic-drinks"), within=k.period("test_lookback"))

extremely_low = magnesium.below(k.threshold("extremely_low"))
severely_low = magnesium.below(k.threshold("severely_low"))
low = all_of(magnesium.at_least(k.threshold("severely_low")), magnesium.below_range(k.threshold("lower")))
high = all_of(magnesium.at_most(k.threshold("severely_high")), magnesium.above_range(k.threshold("upper")))
severely_high = magnesium.above(k.threshold("severely_high"))
flagged_low = magnesium.flagged(Flag.LOW, Flag.VERY_LOW)
flagged_high = magnesium.flagged(Flag.HIGH, Flag.VERY_HIGH)
flagged_very_high = magnesium.flagged(Flag.VERY_HIGH)
lately = magnesium.taken_within(recent)

# DS-1: a preliminary result counts in the critical band only, and never above a warning.
severely_low_preliminary = all_of(early.unreleased(), early.below(k.threshold("severely_low")))
severely_high_preliminary = all_of(early.unreleased(), early.above(k.threshold("severely_high")))

on_magnesium = taking(k.codes("magnesium-replacement"))
kidney_disease = any_of(has(k.codes("chronic-kidney-disease")), dialysis, kidneys_fail)
retaining = any_of(kidney_disease, on_magnesium)

# 1.9 is normal in mg/dL and toxic in mmol/L: without a range or a reason to be that high, the unit is doubted.
no_reason_to_be_high = all_of(egfr.at_least(k.threshold("egfr_sufficient")), not_(on_magnesium))
unit_not_confirmed = unit_unconfirmed(magnesium, unit_of=k.threshold("doubtful"))
unit_doubtful = all_of(magnesium.above(k.threshold("doubtful")), unit_not_confirmed, no_reason_to_be_high)
early_unit_doubtful = all_of(unit_unconfirmed(early, unit_of=k.threshold("doubtful")), no_reason_to_be_high)

digoxin = taking(k.codes("digoxin"))
prolonging_qt = taking(k.codes("potassium-qt-drug"))
diuretic = any_of(taking(k.codes("loop-diuretic")), taking(k.codes("thiazide-diuretic")))
inhibitor = taking(k.codes("ppi"))
long_inhibitor = inhibitor.for_at_least(k.period("long_inhibitor"), renewed_within=k.period("renewal"))
wasting = taking(k.codes("magnesium-wasting-drug"))
lowering = any_of(inhibitor, diuretic, wasting)
alcohol = has(k.codes("alcohol-use-disorder"))
drinks_much = all_of(any_of(alcohol, drinks.at_least(k.threshold("heavy_drinking"))), any_of(neuropathic, cramp))

low_potassium_unexplained = all_of(potassium_low, not_(taking(k.codes("potassium-lowering"))))
low_calcium_unexplained = all_of(
    calcium_low,
    not_(has(k.codes("calcium-hypoparathyroidism"))),
    not_(taking(k.codes("calcium-lowering"))),
    not_(affirmed(kidneys_fail)),
)
drug_or_alcohol = any_of(long_inhibitor, all_of(inhibitor, any_of(diuretic, digoxin)), wasting, alcohol)
risk = any_of(drug_or_alcohol, low_potassium_unexplained, low_calcium_unexplained)
weak = any_of(leg_weakness, complains_of(k.codes("magnesium-weakness"), within=k.period("symptom_lookback")))

of_low = {"lowering": lowering, "pregnant": pregnant, "alcohol": drinks_much}
of_high = {"kidneys": kidney_disease, "on-magnesium": on_magnesium, "pregnant": pregnant}
in_comfort_care = {"goals": palliative}
beside = {"basic-metabolic-panel": potassium.missing(), "calcium": calcium.missing()}

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,  # where the age is unknown, the critical band alone is weighed: all else asks for a birth date
    context=metabolic_gate,
    mutes=palliative,
    shows={
        "magnesium": magnesium,
        "early": early,
        "lowering": lowering,
        "retaining": (retaining,),
        "risk": (drug_or_alcohol, potassium_low, calcium_low),  # not what was looked at for an explanation, and is none
    },
    recommends=(
        Recommendation(
            name="extremely-low",
            when=all_of(extremely_low, lately),
            notes={**of_low, **in_comfort_care},
            only=beside,
        ),
        Recommendation(
            name="severely-low",
            when=all_of(severely_low, lately),
            unless=affirmed(extremely_low),
            notes={**of_low, **in_comfort_care},
            only=beside,
        ),
        Recommendation(
            name="severely-high",
            when=all_of(severely_high, lately),
            unless=affirmed(unit_doubtful),
            notes={"unit": unit_not_confirmed, **of_high, **in_comfort_care},
        ),
        Recommendation(
            name="severely-low-preliminary",
            when=severely_low_preliminary,
            unless=affirmed(all_of(severely_low, lately)),
            notes=of_low,
            only=beside,
        ),
        Recommendation(
            name="severely-high-preliminary",
            when=severely_high_preliminary,
            unless=any_of(affirmed(all_of(severely_high, lately)), affirmed(early_unit_doubtful)),
            notes=of_high,
        ),
        Recommendation(
            name="severely-low-not-recent", when=all_of(severely_low, not_(lately)), notes=of_low, only=beside
        ),
        Recommendation(
            name="severely-high-not-recent",
            when=all_of(severely_high, not_(lately)),
            unless=affirmed(unit_doubtful),
            notes={"unit": unit_not_confirmed, **of_high},
        ),
        Recommendation(
            name="low",
            when=all_of(low, of_known_age),
            raises=(
                ("warning", potassium_low),
                ("warning", calcium_low),
                ("warning", digoxin),
                ("warning", prolonging_qt),
            ),
            notes={"rhythm": any_of(digoxin, prolonging_qt), **of_low},
            only=beside,
        ),
        Recommendation(
            name="flagged-low",
            when=all_of(flagged_low, of_known_age),
            raises=(("warning", magnesium.flagged(Flag.VERY_LOW)),),
            notes=of_low,
            only=beside,
        ),
        Recommendation(
            name="high",
            when=all_of(high, retaining, of_known_age),
            unless=affirmed(unit_doubtful),
            notes={"pregnant": pregnant},
        ),
        Recommendation(
            name="flagged-high",
            when=all_of(any_of(all_of(flagged_high, retaining), flagged_very_high), of_known_age),
            raises=(("warning", flagged_very_high),),
            notes={"pregnant": pregnant},
        ),
        Recommendation(name="verify-unit", when=all_of(unit_doubtful, any_of(of_known_age, severely_high))),
        Recommendation(
            name="untested",
            context=any_of(cramp, weak),
            when=all_of(risk, magnesium_of_year.missing(), of_known_age),
            unless=ordered(k.codes("magnesium"), within=k.period("pending")),
            notes={"pregnant": pregnant, "alcohol": all_of(drinks_much, not_(affirmed(alcohol)))},
        ),
    ),
)
