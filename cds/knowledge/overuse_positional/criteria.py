"""Overuse, long standing and position: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
The benign label comes last: it is silent beside all that may be worse.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative
from cds.knowledge.symptoms.criteria import gate, red_flag_answered, said, swollen_one_side
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    any_of,
    complains_of,
    has,
    latest,
    not_,
)

k = Knowledge.beside(__file__)


def complaint(name: str, period: str) -> Criterion:
    """Give a criterion for a condition or a complaint of the period, or without a date."""
    return complains_of(k.codes(name), within=k.period(period))


def begun(name: str) -> Criterion:
    """Give a criterion for a condition that began, or was first recorded, lately: the day of a visit says neither."""
    return has(k.codes(name), within=k.period("recent_onset"), dated=True)


# Load and posture.

new_activity = said("new-activity")
on_feet = said("standing-job")
posture = said("worse-when", "bending-sitting-back", "lying")
overexertion = complaint("overuse-exertion", "recent_load")
strain = any_of(complaint("overuse-leg-injury", "recent_load"), complaint("overuse-muscle-strain", "recent_load"))
signal = any_of(new_activity, on_feet, posture, overexertion, strain)
load = any_of(new_activity, on_feet, said("worse-when", "after-exercise", "standing-long"), overexertion, strain)
exerted = any_of(new_activity, said("worse-when", "after-exercise"), overexertion, strain)

recent = any_of(
    said("onset", "within-24h", "days-1-14"),
    all_of(
        not_(affirmed(said("onset", "weeks-2-6", "over-6-weeks"))),
        any_of(begun("leg-ache"), begun("exertional-leg-pain"), begun("myalgia-weakness"), begun("heavy-legs")),
    ),
)

both_sides = any_of(said("side", "both"), complaint("overuse-both-legs", "symptom_lookback"))
in_muscle = any_of(said("site", "calf", "thigh"), complaint("overuse-muscle-local", "symptom_lookback"), strain)

activity = (
    latest(k.codes("exercise-days"), within=k.period("activity_lookback")),
    latest(k.codes("exercise-minutes"), within=k.period("activity_lookback")),
)

# Muscle that breaks down, bone that cracks, a compartment that swells.

creatine_kinase = latest(k.codes("creatine-kinase"), within=k.period("creatine_kinase_lookback"))
enzyme_high = creatine_kinase.above_times_range(k.threshold("creatine_kinase_times"), k.threshold("creatine_kinase"))
rhabdomyolysis = has(k.codes("overuse-rhabdomyolysis"), within=k.period("recent_muscle"), dated=True)
dark_urine = complaint("overuse-dark-urine", "recent_muscle")
breakdown = any_of(rhabdomyolysis, all_of(exerted, enzyme_high))
compartment = complaint("overuse-exertional-compartment", "symptom_lookback")
bone_stress = complaint("overuse-bone-stress", "symptom_lookback")

# What may be worse, by answers or on record.

temperature = latest(k.codes("body-temperature"), within=k.period("temperature_lookback"))
tender_on_one_side = all_of(said("calf-tender"), not_(affirmed(both_sides)))
worse_by_answers = any_of(
    said("fever"),
    said("injury"),
    said("weakness", "new-or-worse", "cannot-move"),
    said("skin", "wound-2-weeks"),
    said("better-when", "dangling"),
    said("worse-when", "legs-raised"),
    tender_on_one_side,
)
worse_on_record = any_of(
    swollen_one_side,
    complaint("dvt-diagnosis", "recent_clot"),
    complaint("saddle-numbness", "recent_sign"),
    complaint("bladder-or-bowel-symptom", "recent_sign"),
    complaint("leg-weakness", "recent_sign"),
    complaint("fever", "recent_sign"),
    complaint("chest-pain-or-breathlessness", "recent_sign"),
    complaint("limb-skin-change", "recent_sign"),
    complaint("pad-suggestive", "symptom_lookback"),
    temperature.at_least(k.threshold("fever")),
)
may_be_worse = any_of(
    red_flag_answered,
    affirmed(worse_by_answers),
    affirmed(worse_on_record),
    affirmed(any_of(breakdown, dark_urine, compartment, bone_stress)),
)

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=any_of(gate, strain),
    unless=child,
    mutes=palliative,
    shows={"creatine_kinase_result": creatine_kinase, "activity": activity},
    recommends=(
        Recommendation(
            name="muscle-breakdown",
            when=breakdown,
            context=any_of(gate, strain, rhabdomyolysis),
            caps=(
                (
                    "info",
                    all_of(
                        not_(affirmed(rhabdomyolysis)),
                        not_(creatine_kinase.taken_within(k.period("recent_muscle"))),
                    ),
                ),
            ),
            notes={
                "result": all_of(creatine_kinase.known(), enzyme_high),
                "repeat": all_of(enzyme_high, not_(creatine_kinase.taken_within(k.period("recent_muscle")))),
                "urine": dark_urine,
            },
        ),
        # No code says dark urine: as the complaint it may stand in words, and the exertion proves the point.
        Recommendation(
            name="dark-urine",
            when=exerted,
            context=all_of(any_of(gate, strain), dark_urine),
            unless=affirmed(breakdown),
        ),
        Recommendation(
            name="bone-or-compartment",
            when=any_of(compartment, bone_stress),
            context=any_of(gate, compartment, bone_stress),
            notes={"bone": bone_stress, "compartment": compartment},
        ),
        Recommendation(
            name="load-or-posture",
            when=all_of(signal, any_of(recent, load), any_of(both_sides, in_muscle)),
            unless=may_be_worse,
            notes={"activity": any_of(*(measure.known() for measure in activity))},
        ),
    ),
)
