"""Iron: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import adult_in_care, advanced_kidney_disease, dialysis, female, male, palliative, pregnant
from cds.knowledge.symptoms.criteria import gate, rls
from cds.reasoning import (
    TRANSFERRIN_SATURATION,
    Flag,
    Knowledge,
    Plan,
    Recommendation,
    all_of,
    any_of,
    has,
    latest,
    latest_near,
    not_,
    taking,
)

k = Knowledge.beside(__file__)

lookback = k.period("lookback")
ferritin = latest(k.codes("ferritin"), within=lookback)
saturation = latest(k.codes("transferrin-saturation"), within=lookback, derivation=TRANSFERRIN_SATURATION)
haemoglobin = latest(k.codes("haemoglobin"), within=lookback)
egfr = latest(k.codes("egfr"), within=k.period("egfr_lookback"))
crp = latest_near(k.codes("crp"), within=lookback, near=ferritin, near_within=k.period("around_ferritin"))

anaemia = any_of(
    all_of(pregnant, haemoglobin.below(k.threshold("anaemia_pregnant"))),
    all_of(female, not_(pregnant), haemoglobin.below(k.threshold("anaemia_woman"))),
    all_of(male, haemoglobin.below(k.threshold("anaemia_man"))),
)
inflamed = any_of(
    crp.above_range(k.threshold("crp_raised")),
    crp.above(k.threshold("crp_raised")),
    has(k.codes("inflammatory-or-malignant-disease")),
    has(k.codes("ckd-stage-3b")),
    advanced_kidney_disease,
    egfr.below(k.threshold("egfr_reduced")),
    has(k.codes("heart-failure")),
    has(k.codes("chronic-liver-disease")),
)

depleted, low, below_45, up_to_75, up_to_100 = (
    ferritin.below(k.threshold("depleted")),
    ferritin.below(k.threshold("low")),
    ferritin.below(k.threshold("low_in_anaemia")),
    ferritin.at_most(k.threshold("low_for_restless_legs")),
    ferritin.at_most(k.threshold("intravenous_only")),
)
saturation_low = saturation.below(k.threshold("saturation_low"))

overload = any_of(
    has(k.codes("iron-overload")),
    all_of(
        saturation.above(k.threshold("saturation_high")),
        any_of(
            all_of(female, ferritin.above(k.threshold("high_woman"))),
            all_of(male, ferritin.above(k.threshold("high_man"))),
        ),
    ),
)

iron = taking(k.codes("iron-replacement"))
newly_on_iron = iron.for_less_than(k.period("iron_takes_effect"))
long_on_iron = iron.for_at_least(k.period("iron_takes_effect"))
severe_anaemia = haemoglobin.below(k.threshold("severe_anaemia"))
low_for_this_patient = any_of(low, all_of(anaemia, below_45), all_of(rls, any_of(up_to_75, saturation_low)))

PLAN = Plan(
    knowledge=k,
    for_whom=adult_in_care,
    context=gate,
    unless=overload,
    mutes=palliative,
    shows={"ferritin": ferritin, "saturation": saturation, "haemoglobin": haemoglobin},
    recommends=(
        Recommendation(
            name="depleted-stores",
            when=depleted,
            unless=any_of(all_of(newly_on_iron, not_(severe_anaemia)), long_on_iron),
            notes={"on-iron": newly_on_iron, "pregnant": pregnant},
        ),
        Recommendation(
            name="low-stores",
            when=all_of(not_(depleted), low),
            unless=iron,
            raises=(("warning", anaemia),),
            notes={"pregnant": pregnant},
        ),
        Recommendation(name="low-in-anaemia", when=all_of(not_(low), below_45, anaemia), unless=iron),
        Recommendation(
            name="low-for-restless-legs", when=all_of(rls, any_of(up_to_75, saturation_low)), unless=iron, notes={"pregnant": pregnant}
        ),
        Recommendation(
            name="intravenous-range",
            when=all_of(rls, not_(up_to_75), up_to_100),
            unless=any_of(iron, saturation_low),
        ),
        Recommendation(
            name="restless-legs-in-dialysis",
            when=all_of(rls, dialysis, ferritin.below(k.threshold("low_in_dialysis")), saturation_low),
            unless=iron,
        ),
        Recommendation(
            name="inflammation-may-hide",
            when=all_of(not_(low), ferritin.below(k.threshold("intravenous_only")), inflamed, any_of(saturation_low, saturation.missing())),
            unless=any_of(iron, rls),
        ),
        Recommendation(
            name="saturation-without-ferritin",
            when=all_of(ferritin.missing(), saturation.below(k.threshold("saturation_very_low"))),
            unless=any_of(iron, inflamed),
        ),
        Recommendation(name="flagged-low", when=ferritin.flagged(Flag.LOW, Flag.VERY_LOW), unless=iron),
        Recommendation(name="still-low-on-iron", when=all_of(long_on_iron, low_for_this_patient)),
    ),
)
