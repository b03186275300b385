"""Vitamin B12: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import (
    adult_in_care,
    advanced_kidney_disease,
    anaemia_diagnosed,
    male,
    older,
    palliative,
    pregnant,
)
from cds.knowledge.symptoms.criteria import cramp, leg_weakness, metabolic_gate, neuropathic
from cds.reasoning import (
    Flag,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    any_of,
    complains_of,
    done,
    has,
    latest,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

lookback = k.period("lookback")
pending = k.period("pending")
total = latest(k.codes("b12"), within=lookback)
active = latest(k.codes("active-b12"), within=lookback)
methylmalonate = latest(k.codes("methylmalonate"), within=lookback)
homocysteine = latest(k.codes("homocysteine"), within=lookback)
folate = latest(k.codes("folate"), within=lookback)
haemoglobin = latest(k.codes("haemoglobin"), within=lookback)
mcv = latest(k.codes("mcv"), within=lookback)
egfr = latest(k.codes("egfr"), within=k.period("egfr_lookback"))
drinks = latest(k.codes("alcoholic-drinks"), within=lookback)

# Total and active B12 have limits of their own, and mostly only one is measured. The one not measured is not low: else
# every card would say that it could not be checked.
total_low = all_of(not_(total.missing()), total.below_range(k.threshold("total_low")))
active_low = all_of(not_(active.missing()), active.below_range(k.threshold("active_low")))
low = any_of(total_low, active_low)
indeterminate = any_of(
    all_of(not_(total_low), total.at_most(k.threshold("total_indeterminate"))),
    all_of(not_(active_low), active.at_most(k.threshold("active_indeterminate"))),
)
very_low_flag = any_of(total.flagged(Flag.VERY_LOW), active.flagged(Flag.VERY_LOW))
not_measured = all_of(total.missing(), active.missing())
methylmalonate_raised = methylmalonate.above_range(k.threshold("methylmalonate_raised"))
kidneys_suffice = egfr.at_least(k.threshold("egfr_sufficient"))

macrocytosis = mcv.above(k.threshold("macrocytosis"))
# The lowest limit is anaemia in anybody, the middle one in anybody who is not pregnant.
anaemia = any_of(
    haemoglobin.below(k.threshold("anaemia_pregnant")),
    all_of(not_(pregnant), haemoglobin.below(k.threshold("anaemia_woman"))),
    all_of(male, haemoglobin.below(k.threshold("anaemia_man"))),
    all_of(haemoglobin.missing(), anaemia_diagnosed),
)

nitrous_oxide = any_of(
    taking(k.codes("nitrous-oxide")),
    has(k.codes("nitrous-oxide-use")),
    complains_of(k.codes("nitrous-oxide-use"), within=lookback),
)
risk = any_of(
    taking(k.codes("b12-risk-drug")),
    has(k.codes("b12-risk-condition")),
    done(k.codes("b12-risk-condition")),
    older,
    nitrous_oxide,
)
at_risk = all_of(neuropathic, risk)
metformin = taking(k.codes("metformin"))
metformin_and_nerves = all_of(metformin, any_of(neuropathic, has(k.codes("diabetic-neuropathy-diagnosis"))))

replacement = taking(k.codes("b12-replacement"), given_within=k.period("injection_lasts"))
known_deficiency = has(k.codes("b12-deficiency"), confirmed=True)
b12_pending = any_of(ordered(k.codes("b12"), within=pending), ordered(k.codes("active-b12"), within=pending))
unsteady_or_weak = any_of(leg_weakness, complains_of(k.codes("gait-disturbance"), within=lookback))
drinks_much = all_of(
    any_of(has(k.codes("alcohol-use-disorder")), drinks.at_least(k.threshold("heavy_drinking"))),
    any_of(neuropathic, cramp),
)

no_blood_count = any_of(haemoglobin.missing(), mcv.missing())
grave = (("warning", any_of(neuropathic, macrocytosis, anaemia, very_low_flag)),)
# Beside nitrous oxide that recommendation says the same of treatment.
neurological = all_of(neuropathic, not_(affirmed(nitrous_oxide)))
low_notes = {"neurological": neurological, "pregnant": pregnant, "alcohol": drinks_much}
low_only = {
    "methylmalonate": methylmalonate.missing(),
    "full-blood-count": no_blood_count,
    "folate": folate.missing(),
    "active-b12": all_of(pregnant, active.missing()),
}

PLAN = Plan(
    knowledge=k,
    for_whom=adult_in_care,
    context=metabolic_gate,
    mutes=palliative,
    shows={"levels": (total, active), "methylmalonate": methylmalonate, "egfr": egfr},
    recommends=(
        Recommendation(
            name="nitrous-oxide",
            # Recreational use stands in words only: words make the context (G-7), a coded nerve symptom proves.
            context=all_of(nitrous_oxide, metabolic_gate),
            when=neuropathic,
            unless=palliative,  # G-6: in palliative care not even a critical card of this topic
            raises=(("critical", all_of(nitrous_oxide, unsteady_or_weak)),),
            notes={"urgent": unsteady_or_weak, "alcohol": drinks_much},
            only={
                "homocysteine": homocysteine.missing(),
                "methylmalonate": methylmalonate.missing(),
                "full-blood-count": no_blood_count,
            },
        ),
        Recommendation(
            name="low",
            when=low,
            unless=any_of(replacement, known_deficiency),
            raises=grave,
            notes=low_notes,
            only=low_only,
        ),
        Recommendation(
            name="low-in-known-deficiency",
            when=all_of(known_deficiency, low),
            unless=replacement,
            raises=grave,
            notes=low_notes,
            only=low_only,
        ),
        Recommendation(
            name="functional-deficiency-likely",
            when=all_of(indeterminate, at_risk, methylmalonate_raised, kidneys_suffice),
            unless=any_of(low, replacement),
            notes={"pregnant": pregnant, "alcohol": drinks_much},
            only={"full-blood-count": no_blood_count, "folate": folate.missing()},
        ),
        Recommendation(
            name="methylmalonate-raised",
            when=all_of(indeterminate, at_risk, methylmalonate_raised),
            unless=any_of(low, replacement, kidneys_suffice),
            notes={
                "kidneys": any_of(egfr.below(k.threshold("egfr_sufficient")), advanced_kidney_disease),
                "pregnant": pregnant,
                "alcohol": drinks_much,
            },
            only={"creatinine-egfr": egfr.missing()},
        ),
        Recommendation(
            name="indeterminate",
            when=all_of(indeterminate, at_risk, methylmalonate.missing()),
            unless=any_of(low, replacement, ordered(k.codes("methylmalonate"), within=pending)),
            notes={"pregnant": pregnant, "liver": has(k.codes("chronic-liver-disease")), "alcohol": drinks_much},
        ),
        Recommendation(
            name="untested-on-metformin",
            when=all_of(metformin_and_nerves, not_measured),
            unless=any_of(b12_pending, replacement, pregnant),
            notes={"alcohol": drinks_much},
        ),
        Recommendation(
            name="untested",
            when=all_of(at_risk, not_measured),
            unless=any_of(b12_pending, replacement, pregnant, metformin),
            notes={"alcohol": drinks_much},
        ),
        Recommendation(
            name="untested-in-pregnancy",
            when=all_of(pregnant, any_of(at_risk, metformin_and_nerves), not_measured),
            unless=any_of(b12_pending, replacement),
            notes={"alcohol": drinks_much},
        ),
    ),
)
