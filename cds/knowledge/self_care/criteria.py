"""Self-care: which measure may be named, and whom it would harm.

What would forbid a measure must be known to be absent: unknown is silence.
Limits and wording: plan.toml. Proof: cases.toml.
"""

from cds.knowledge.ckd.criteria import very_low as kidney_function_very_low
from cds.knowledge.diabetic_neuropathy.criteria import neuropathy_on_record
from cds.knowledge.infection.criteria import red as infection_signs
from cds.knowledge.osteoarthritis.criteria import injury
from cds.knowledge.overuse_positional.criteria import bone_stress, breakdown, compartment, dark_urine
from cds.knowledge.pad.criteria import diagnosed, limb_threat, loosely_coded, suggestive, tissue_loss
from cds.knowledge.patient.criteria import advanced_kidney_disease, cared_for, child, palliative
from cds.knowledge.radiculopathy.criteria import cauda_equina, weaker_of_late
from cds.knowledge.symptoms.criteria import gate, numb_on_record, said, swollen_one_side
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    any_of,
    has,
    highest_of_latest_day,
    latest,
    lowest_of_latest_day,
    not_,
    taking,
)

k = Knowledge.beside(__file__)

# An old index no longer permits what it permitted, but arteries do not mend: it still forbids.
recent = k.period("index_lookback")
recent_index = lowest_of_latest_day(k.codes("ankle-brachial-index"), within=recent)
worse_leg = lowest_of_latest_day(k.codes("ankle-brachial-index"), within=k.period("old_index_lookback"))
stiffer_leg = highest_of_latest_day(k.codes("ankle-brachial-index"), within=k.period("old_index_lookback"))
sodium = latest(k.codes("sodium"), within=k.period("sodium_lookback"))

# What forbids. Answers count when they are given; nobody has to fill in the form to be spared harm.
poor_arteries = any_of(
    diagnosed,
    loosely_coded,
    affirmed(suggestive),
    affirmed(worse_leg.at_most(k.threshold("index_abnormal"))),
    affirmed(stiffer_leg.above(k.threshold("index_non_compressible"))),
)
clot = has(k.codes("dvt-diagnosis"), within=k.period("clot_lookback"))
clot_suspected = affirmed(any_of(swollen_one_side, said("calf-tender"), clot))
numb = any_of(neuropathy_on_record, numb_on_record, affirmed(said("numbness", "both-feet", "one-leg")))
heart_failure = has(k.codes("heart-failure"))
too_little_sodium = any_of(has(k.codes("hyponatraemia")), affirmed(sodium.below(k.threshold("sodium_low"))))
weak_kidneys = any_of(advanced_kidney_disease, affirmed(kidney_function_very_low))
raynaud = has(k.codes("ali-raynaud"))
red_flag = affirmed(
    any_of(
        swollen_one_side,
        said("sudden"),
        said("cold-limb"),
        said("skin", "red-warm", "pale-blue", "black"),
        said("numbness", "saddle"),
        said("bladder-bowel"),
        said("fever"),
        said("chest-breath"),
        injury,
        infection_signs,
        limb_threat,
        breakdown,
        dark_urine,
        bone_stress,
        compartment,
        weaker_of_late,
        cauda_equina,
    )
)


def unless(*harms: Criterion) -> Criterion:
    """Give the criterion that none of these is so, and all of it known."""
    return all_of(*(not_(harm) for harm in (red_flag, *harms)))


PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,
    context=gate,
    mutes=palliative,
    shows={"abi": recent_index},
    recommends=(
        Recommendation(name="stretching", when=unless(clot_suspected)),
        Recommendation(name="massage", when=unless(clot_suspected, taking(k.codes("anticoagulant")))),
        Recommendation(name="heat-or-cold", when=unless(numb, poor_arteries, raynaud)),
        Recommendation(name="warmth", when=all_of(unless(numb, poor_arteries), raynaud)),
        Recommendation(name="raised-legs", when=unless(poor_arteries, heart_failure)),
        Recommendation(name="fluids", when=unless(heart_failure, weak_kidneys, too_little_sodium)),
        Recommendation(name="exercise", when=unless(tissue_loss)),
        Recommendation(name="walking", when=unless(tissue_loss)),
        Recommendation(name="sleep-position", when=unless()),
        Recommendation(
            name="stockings",
            when=all_of(
                unless(poor_arteries, clot_suspected, heart_failure, numb, tissue_loss),
                recent_index.above(k.threshold("index_abnormal")),
                recent_index.taken_within(recent),
            ),
        ),
    ),
)
