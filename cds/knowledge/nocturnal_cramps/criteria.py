"""Nocturnal leg cramps: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
No laboratory test and no drug is ever suggested for plain cramps; creatine kinase only where they are not plain.
"""

from cds.knowledge.ckd.criteria import very_low as kidney_function_very_low
from cds.knowledge.dehydration.criteria import sodium_high, sodium_low
from cds.knowledge.minerals.criteria import calcium_high, calcium_low, magnesium_low, potassium_low
from cds.knowledge.patient.criteria import advanced_kidney_disease, cared_for, child, dialysis, palliative, pregnant
from cds.knowledge.potassium.criteria import high as potassium_high
from cds.knowledge.symptoms.criteria import gate, said
from cds.knowledge.thyroid.criteria import raised as tsh_raised
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    any_of,
    complains_of,
    drafting,
    has,
    latest,
    not_,
    taking,
)

k = Knowledge.beside(__file__)

lately = k.period("cramp_lookback")


def complaint(name: str) -> Criterion:
    """Give a criterion for a symptom of the look-back."""
    return complains_of(k.codes(name), within=lately)


def newly(name: str) -> Criterion:
    """Give a criterion for a symptom that is dated in the last days: undated, it proves nothing acute."""
    codes, within = k.codes(name), k.period("red_flag_lookback")
    of_the_days = has(codes, within=within, dated=True)
    return any_of(of_the_days, all_of(complains_of(codes, within=within), not_(has(codes, within=within))))


# Cramps, and when they come

at_night = any_of(complaint("nocturnalcramps-at-night"), complaint("night-pain"), said("worse-when", "night", "lying"))
cramps_on_record = any_of(complaint("nocturnalcramps-leg-cramp"), complaint("cramp-any-site")).called(
    "leg cramps on record"
)
night_cramps = any_of(cramps_on_record, all_of(said("cramp"), at_night)).called("leg cramps on record, or at night")

claudication = all_of(said("walk-pain"), said("walk-relief", "within-10-min"))
called_cramp = all_of(affirmed(claudication), not_(affirmed(at_night)))
"""Claudication that somebody called cramp."""

answered_by_day = all_of(
    said("worse-when", "walking", "standing-long", "sitting-still", "bending-sitting-back", "after-exercise"),
    not_(affirmed(at_night)),
    not_(affirmed(claudication)),
)
day_cramps = complaint("nocturnalcramps-by-day")
any_cramps = any_of(cramps_on_record, said("cramp")).called("leg cramps, on record or by the answers")

# What plain cramps do not bring with them

answered_weakness = said("weakness", "new-or-worse", "cannot-move")
charted_weakness = any_of(complaint("leg-weakness"), complaint("weakness-any-site"))
weakness = any_of(
    answered_weakness,
    complaint("nocturnalcramps-progressive-weakness"),
    all_of(charted_weakness, not_(affirmed(said("weakness", "none", "stable")))),
)
fasciculation = complaint("nocturnalcramps-fasciculation")
wasting = complaint("nocturnalcramps-wasting")
motor_sign = any_of(weakness, fasciculation, wasting)
by_day = any_of(day_cramps, answered_by_day)
atypical = all_of(any_cramps, any_of(motor_sign, by_day))

restless_not_cramped = all_of(said("urge-to-move"), not_(said("cramp")))
red_flag = any_of(
    newly("leg-swelling-one-sided"),
    newly("dvt-diagnosis"),
    newly("saddle-numbness"),
    newly("bladder-or-bowel-symptom"),
    newly("chest-pain-or-breathlessness"),
    newly("fever"),
    said("swelling", "one-leg"),
    said("calf-tender"),
    said("skin", "red-warm", "pale-blue", "black"),
    said("cold-limb"),
    said("numbness", "saddle"),
    said("weakness", "cannot-move"),
    said("bladder-bowel"),
    said("fever"),
    said("chest-breath"),
    all_of(said("sudden"), said("injury")),
)
other_explanation = any_of(affirmed(restless_not_cramped), affirmed(red_flag), called_cramp)

# Drugs linked to cramps; one that was begun after them is not


def before_cramps(name: str) -> Criterion:
    """Give a criterion for a drug that was not begun after the cramps."""
    return taking(k.codes(name), finished=False).not_begun_after(any_cramps)


def begun_lately(name: str) -> Criterion:
    """Give a criterion for such a drug that was begun, renewals aside, not long ago."""
    return taking(k.codes(name), finished=False).not_begun_after(any_cramps).for_less_than(k.period("drug_begun"))


linked = (
    "long-acting-beta-agonist",
    "potassium-sparing-diuretic",
    "thiazide-diuretic",
    "nocturnalcramps-linked-drug",
)
weakly_linked = ("loop-diuretic", "statin")
beta_agonist, potassium_sparing, thiazide, linked_otherwise = (before_cramps(name) for name in linked)
loop_diuretic, statin = (before_cramps(name) for name in weakly_linked)
linked_drug = any_of(beta_agonist, potassium_sparing, thiazide, linked_otherwise, loop_diuretic, statin)
new_drug = any_of(*(begun_lately(name) for name in (*linked, *weakly_linked)))

associated = any_of(
    has(k.codes("nocturnalcramps-spinal-stenosis")),
    has(k.codes("chronic-liver-disease")),
    dialysis,
    has(k.codes("pad-diagnosis")),
    has(k.codes("venous-insufficiency-diagnosis")),
)
reason_for_tests = any_of(
    taking(k.codes("loop-diuretic")),
    taking(k.codes("thiazide-diuretic")),
    taking(k.codes("potassium-sparing-diuretic")),
    taking(k.codes("magnesium-lowering")),
    taking(k.codes("calcium-lowering")),
    taking(k.codes("ppi")).for_at_least(k.period("long_acid_blocking")),
    has(k.codes("alcohol-use-disorder")),
)
weak_kidneys = any_of(has(k.codes("chronic-kidney-disease")), advanced_kidney_disease)
electrolytes_out_of_range = any_of(
    potassium_low, potassium_high, magnesium_low, calcium_low, calcium_high, sodium_low, sodium_high
)
out_of_range = affirmed(any_of(electrolytes_out_of_range, tsh_raised, kidney_function_very_low))

malaria = any_of(has(k.codes("nocturnalcramps-malaria")), complaint("nocturnalcramps-malaria"))
creatine_kinase = latest(k.codes("creatine-kinase"), within=k.period("creatine_kinase_lookback"))

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,
    context=gate,
    mutes=palliative,
    shows={
        "beta_agonist": beta_agonist,
        "potassium_sparing": potassium_sparing,
        "thiazide": thiazide,
        "linked_otherwise": linked_otherwise,
        "loop_diuretic": loop_diuretic,
        "statin": statin,
        "new_drugs": new_drug,
        "associated": associated,
        "reasons": reason_for_tests,
        "results": (out_of_range,),
    },
    recommends=(
        Recommendation(
            name="quinine",
            when=taking(k.codes("quinine"), finished=False),
            unless=malaria,
            notes={"pregnant": pregnant},
        ),
        Recommendation(
            name="atypical-cramps",
            when=atypical,
            notes={
                "motor-sign": motor_sign,
                "by-day": by_day,
                "effort": any_of(said("worse-when", "walking", "after-exercise"), said("walk-pain")),
                "associated": associated,
                "pregnant": pregnant,
            },
            only={"creatine-kinase": creatine_kinase.missing()},
        ),
        Recommendation(
            name="night-cramps",
            when=night_cramps,
            unless=any_of(affirmed(atypical), other_explanation, out_of_range),
            notes={
                "reason-for-tests": reason_for_tests,
                "weak-kidneys": weak_kidneys,
                "associated": associated,
                "pregnant": pregnant,
            },
        ),
        Recommendation(
            name="night-cramps-beside-a-result",
            when=all_of(night_cramps, out_of_range),
            unless=any_of(affirmed(atypical), other_explanation),
            notes={"associated": associated, "pregnant": pregnant},
        ),
        Recommendation(
            name="drug-linked-to-cramps",
            when=all_of(any_of(night_cramps, atypical), linked_drug),
            unless=other_explanation,
            notes={
                "beta-agonist": beta_agonist,
                "potassium-sparing": potassium_sparing,
                "thiazide": thiazide,
                "others": linked_otherwise,
                "loop-diuretic": loop_diuretic,
                "statin": statin,
                "begun-lately": new_drug,
            },
        ),
        Recommendation(
            name="quinine-ordered",
            order=drafting(k.codes("quinine")),
            when=drafting(k.codes("quinine")),
            unless=malaria,
            notes={"pregnant": pregnant},
        ),
    ),
)
