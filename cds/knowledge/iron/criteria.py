"""Iron: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import (
    adult_in_care,
    advanced_kidney_disease,
    dialysis,
    female,
    male,
    palliative,
    pregnant,
)
from cds.knowledge.symptoms.criteria import irlssg_met, metabolic_gate, restless_legs_diagnosed, rls
from cds.reasoning import (
    TRANSFERRIN_SATURATION,
    Flag,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    any_of,
    has,
    latest,
    latest_near,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

lookback, recent = k.period("lookback"), k.period("recent")
ferritin = latest(k.codes("ferritin"), within=lookback)
saturation = latest(k.codes("transferrin-saturation"), within=lookback, derivations=TRANSFERRIN_SATURATION)
haemoglobin = latest(k.codes("haemoglobin"), within=lookback)
egfr = latest(k.codes("egfr"), within=k.period("egfr_lookback"))
crp = latest_near(k.codes("crp"), within=lookback, near=ferritin, near_within=k.period("crp_around"))
crp_beside_saturation = latest_near(
    k.codes("crp"), within=lookback, near=saturation, near_within=k.period("crp_around")
)
gestation = latest_near(
    k.codes("gestational-age"), within=lookback, near=haemoglobin, near_within=k.period("gestation_around")
)

depleted, low, below_45, up_to_75, up_to_100, below_200 = (
    ferritin.below(k.threshold("depleted")),
    ferritin.below(k.threshold("low")),
    ferritin.below(k.threshold("low_in_anaemia")),
    ferritin.at_most(k.threshold("low_for_restless_legs")),
    ferritin.at_most(k.threshold("intravenous_only")),
    ferritin.below(k.threshold("low_in_end_stage")),
)
flagged_low = ferritin.flagged(Flag.LOW, Flag.VERY_LOW)
saturation_low = saturation.below(k.threshold("saturation_low"))

second_trimester = gestation.between(k.threshold("second_trimester"), k.threshold("third_trimester"))
anaemia = any_of(  # each limit where it is certain to hold, so that a sex recorded as other or unknown hides nothing
    haemoglobin.below(k.threshold("anaemia_second_trimester")),
    all_of(
        pregnant,
        any_of(gestation.missing(), not_(second_trimester)),
        haemoglobin.below(k.threshold("anaemia_pregnant")),
    ),
    all_of(not_(pregnant), haemoglobin.below(k.threshold("anaemia"))),
    all_of(male, haemoglobin.below(k.threshold("anaemia_man"))),
)
severe_anaemia = haemoglobin.below(k.threshold("severe_anaemia"))

inflammatory_disease = any_of(
    has(k.codes("inflammatory-or-malignant-disease")),
    has(k.codes("ckd-stage-3b")),
    advanced_kidney_disease,
    affirmed(egfr.below(k.threshold("egfr_reduced"))),  # a stand-in for the stage: not to have one is no doubt
    has(k.codes("heart-failure")),
    has(k.codes("chronic-liver-disease")),
)
inflamed, inflamed_beside_saturation = (
    any_of(c.above_range(k.threshold("crp_raised")), c.above(k.threshold("crp_raised")), inflammatory_disease)
    for c in (crp, crp_beside_saturation)
)

overload = any_of(
    has(k.codes("iron-overload")),
    all_of(
        not_(flagged_low),
        saturation.above(k.threshold("saturation_high")),
        any_of(
            ferritin.above(k.threshold("high")),
            all_of(female, ferritin.above(k.threshold("high_woman"))),
        ),
    ),
)

# An infusion within the period counts as being on iron, though nothing is prescribed any more (DS-21).
iron = taking(k.codes("iron-replacement"), given_within=k.period("iron_takes_effect"))
newly_on_iron = iron.for_less_than(k.period("iron_takes_effect"))
long_on_iron = iron.for_at_least(k.period("iron_takes_effect"))
hinders_absorption = any_of(taking(k.codes("ppi")), has(k.codes("malabsorption")))

anaemia_otherwise = all_of(anaemia, not_(affirmed(pregnant)))
"""Where the gut is to be thought of."""
low_in_anaemia = all_of(below_45, anaemia)
low_in_end_stage = all_of(rls, any_of(dialysis, has(k.codes("end-stage-renal-disease"))), below_200, saturation_low)

known = has(k.codes("iron-deficiency"))
in_restless_legs = {  # RL-4, for the cards that this topic adds
    "probable": all_of(irlssg_met, not_(restless_legs_diagnosed)),
    "pregnant": pregnant,
}
beside_ferritin = {"inflamed": inflamed, "kidney": advanced_kidney_disease}

blood_count_due = any_of(haemoglobin.missing(), not_(haemoglobin.taken_within(recent)))
iron_panel_due = any_of(saturation.missing(), not_(saturation.taken_within(recent)))

PLAN = Plan(
    knowledge=k,
    for_whom=adult_in_care,
    context=metabolic_gate,
    unless=overload,
    mutes=palliative,
    shows={
        "ferritin": ferritin,
        "saturation": saturation,
        "levels": (ferritin, saturation),
        "haemoglobin": haemoglobin,
        "hinders_absorption": hinders_absorption,
    },
    recommends=(
        Recommendation(
            name="depleted-stores",
            when=depleted,
            # New iron is given its time, except in anaemia known to be severe.
            unless=all_of(newly_on_iron, any_of(not_(severe_anaemia), haemoglobin.missing())),
            notes={
                "anaemia": anaemia_otherwise,
                "anaemia-in-pregnancy": all_of(anaemia, pregnant),
                "on-iron": all_of(newly_on_iron, severe_anaemia),
                "known": known,
                "pregnant": pregnant,
            },
            only={"full-blood-count": blood_count_due, "iron-panel": iron_panel_due},
        ),
        Recommendation(
            name="low-in-anaemia",
            when=low_in_anaemia,
            unless=any_of(low, newly_on_iron),
            notes={"known": known, "above-in-pregnancy": pregnant, "pregnant": pregnant},
            only={"iron-panel": iron_panel_due},
        ),
        Recommendation(
            name="low-stores",
            when=low,
            unless=any_of(depleted, newly_on_iron),
            raises=(("warning", anaemia),),
            notes={
                "anaemia": anaemia_otherwise,
                "anaemia-in-pregnancy": all_of(anaemia, pregnant),
                "known": known,
                "below-in-pregnancy": pregnant,
                "pregnant": pregnant,
            },
            only={"full-blood-count": blood_count_due, "iron-panel": iron_panel_due},
        ),
        Recommendation(
            name="restless-legs-in-end-stage",
            when=low_in_end_stage,
            unless=newly_on_iron,
            notes=in_restless_legs,
        ),
        Recommendation(
            name="low-for-restless-legs",
            when=all_of(rls, any_of(up_to_75, saturation_low)),
            unless=any_of(newly_on_iron, low_in_end_stage),
            notes={**in_restless_legs, **beside_ferritin},
            only={"full-blood-count": blood_count_due},
        ),
        Recommendation(
            name="intravenous-range",
            when=all_of(rls, not_(up_to_75), up_to_100),
            unless=any_of(newly_on_iron, saturation_low),
            notes={**in_restless_legs, **beside_ferritin},
        ),
        Recommendation(
            name="inflammation-may-hide",
            when=all_of(
                not_(low),
                ferritin.below(k.threshold("reassuring_in_inflammation")),
                inflamed,
                any_of(saturation.below(k.threshold("saturation_low_in_inflammation")), saturation.missing()),
            ),
            unless=any_of(newly_on_iron, restless_legs_diagnosed, affirmed(irlssg_met), low_in_anaemia),
            notes={"pregnant": pregnant},
            only={"iron-panel": saturation.missing(), "crp": all_of(saturation.missing(), crp.missing())},
        ),
        Recommendation(
            name="saturation-without-ferritin",
            when=all_of(ferritin.missing(), saturation.below(k.threshold("saturation_very_low"))),
            unless=any_of(
                newly_on_iron, inflamed_beside_saturation, ordered(k.codes("ferritin"), within=k.period("pending"))
            ),
            notes={"pregnant": pregnant},
        ),
        Recommendation(
            name="flagged-low",
            when=flagged_low,
            unless=newly_on_iron,
            raises=(("warning", ferritin.flagged(Flag.VERY_LOW)),),
            notes={"pregnant": pregnant},
            only={"full-blood-count": blood_count_due},
        ),
        Recommendation(
            name="still-low-on-iron",
            when=all_of(long_on_iron, any_of(low, low_in_anaemia, all_of(rls, up_to_75), low_in_end_stage)),
            notes={"absorption": hinders_absorption, "pregnant": pregnant},
            only={
                "ferritin": not_(ferritin.taken_within(k.period("iron_takes_effect"))),
                "full-blood-count": blood_count_due,
                "iron-panel": iron_panel_due,
            },
        ),
    ),
)
