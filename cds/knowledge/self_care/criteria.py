"""Self-care: which measure may be named, and whom it would harm.

What would forbid a measure must be known to be absent: unknown is silence.
Limits and wording: plan.toml. Proof: cases.toml.
"""

from cds.knowledge.diabetic_neuropathy.criteria import neuropathy_on_record
from cds.knowledge.pad.criteria import diagnosed, loosely_coded, suggestive, tissue_loss
from cds.knowledge.patient.criteria import advanced_kidney_disease, cared_for, child, palliative
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

worse_leg = lowest_of_latest_day(k.codes("ankle-brachial-index"), within=k.period("index_lookback"))
stiffer_leg = highest_of_latest_day(k.codes("ankle-brachial-index"), within=k.period("index_lookback"))
egfr = latest(k.codes("egfr"), within=k.period("egfr_lookback"))
sodium = latest(k.codes("sodium"), within=k.period("sodium_lookback"))

# What forbids. Answers count when they are given; nobody has to fill in the form to be spared harm.
poor_arteries = any_of(
    diagnosed,
    loosely_coded,
    affirmed(suggestive),
    affirmed(worse_leg.at_most(k.threshold("index_abnormal"))),
    affirmed(stiffer_leg.above(k.threshold("index_non_compressible"))),
)
clot_suspected = affirmed(any_of(swollen_one_side, said("calf-tender")))
injured = affirmed(said("injury"))
infected = affirmed(any_of(said("skin", "red-warm"), said("fever")))
numb = any_of(neuropathy_on_record, numb_on_record, affirmed(said("numbness", "both-feet", "one-leg")))
heart_failure = has(k.codes("heart-failure"))
kidneys_fail = any_of(advanced_kidney_disease, affirmed(egfr.below(k.threshold("egfr_least"))))
too_little_sodium = affirmed(sodium.below(k.threshold("sodium_low")))
red_flag = affirmed(
    any_of(
        swollen_one_side,
        said("sudden"),
        said("injury"),
        said("cold-limb"),
        said("skin", "red-warm", "pale-blue", "black"),
        said("numbness", "saddle"),
        said("weakness", "new-or-worse", "cannot-move"),
        said("bladder-bowel"),
        said("fever"),
        said("chest-breath"),
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
    shows={"abi": worse_leg},
    recommends=(
        Recommendation(name="stretching", when=unless(clot_suspected, injured, infected)),
        Recommendation(
            name="massage", when=unless(clot_suspected, injured, infected, taking(k.codes("anticoagulant")))
        ),
        Recommendation(name="heat-or-cold", when=unless(numb, poor_arteries, infected)),
        Recommendation(name="raised-legs", when=unless(poor_arteries, heart_failure, injured)),
        Recommendation(name="fluids", when=unless(heart_failure, kidneys_fail, too_little_sodium)),
        Recommendation(name="exercise", when=unless(tissue_loss, injured)),
        Recommendation(name="walking", when=unless(tissue_loss, injured)),
        Recommendation(name="sleep-position", when=unless()),
        Recommendation(
            name="stockings",
            when=all_of(
                unless(heart_failure, numb, tissue_loss),
                worse_leg.above(k.threshold("compression_as_usual")),
                not_(stiffer_leg.above(k.threshold("index_non_compressible"))),
            ),
        ),
    ),
)
