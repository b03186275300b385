"""Kidney disease: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
A single eGFR that is moderately low, one that is only known to be above a limit, and one of an acute kidney injury say
nothing here (CK-0).
"""

from cds.knowledge.patient.criteria import adult_in_care, advanced_kidney_disease, palliative, pregnant
from cds.knowledge.symptoms.criteria import cramp, metabolic_gate, neuropathic, numb_on_record, rls
from cds.reasoning import (
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    any_of,
    done,
    ever_had,
    has,
    latest,
    lowest_of_latest_day,
    not_,
    taking,
)

k = Knowledge.beside(__file__)

# Results of several formulas often come from one sample: of the preferred ones of the day the lowest decides, and all
# are shown.
egfr = lowest_of_latest_day(k.codes("egfr"), within=k.period("egfr_lookback"))
creatinine = latest(k.codes("creatinine"), within=k.period("acute_lookback"))
urine_albumin = latest(k.codes("urine-albumin-creatinine"), within=k.period("urine_lookback"))

very_low = egfr.below(k.threshold("very_low"))
persistently_low = egfr.persistently_below(k.threshold("low"), k.period("chronic"))
fallen = egfr.fell_by_more_than(k.threshold("fall"))
acute_injury = creatinine.risen(k.threshold("acute_rise"), k.period("acute_within"))
albuminuria = urine_albumin.at_least(k.threshold("albuminuria"))

# A diagnosis that is only suspected does not answer a result.
diagnosed = any_of(
    has(k.codes("chronic-kidney-disease"), confirmed=True),
    has(k.codes("dialysis"), confirmed=True),
    has(k.codes("kidney-transplant"), confirmed=True),
    done(k.codes("dialysis"), within=k.period("dialysed_lately")),
)
known_advanced = any_of(
    advanced_kidney_disease,
    all_of(has(k.codes("chronic-kidney-disease"), confirmed=True), very_low, not_(acute_injury)),
)

nerve_symptom = any_of(neuropathic, numb_on_record)
uraemic_symptom = any_of(rls, nerve_symptom, cramp)
unrecognised_and_severe = all_of(uraemic_symptom, very_low)

gabapentinoid = taking(k.codes("gabapentinoid"))
# What makes an eGFR from creatinine read wrong, and what stands beside it.
beside_result = {
    "albuminuria": albuminuria,
    "suspected": all_of(has(k.codes("chronic-kidney-disease")), not_(diagnosed)),
    "amputation": any_of(ever_had(k.codes("amputation-leg")), done(k.codes("amputation-leg"))),
    "trimethoprim": taking(k.codes("ckd-trimethoprim")),
    "gabapentinoid": gabapentinoid,
    "pregnant": pregnant,
}
where_not_known = {"urine-albumin-creatinine": urine_albumin.missing()}

PLAN = Plan(
    knowledge=k,
    for_whom=adult_in_care,
    context=metabolic_gate,
    mutes=palliative,
    shows={"egfr": egfr, "urine_albumin": urine_albumin, "gabapentinoid": gabapentinoid},
    recommends=(
        Recommendation(
            name="severely-reduced",
            context=uraemic_symptom,
            when=very_low,
            unless=any_of(diagnosed, acute_injury),
            notes={
                "persistent": persistently_low,
                "fallen": fallen,
                "single": all_of(not_(persistently_low), not_(affirmed(fallen))),
                "old": not_(egfr.taken_within(k.period("recent"))),
                **beside_result,
            },
            only=where_not_known,
        ),
        Recommendation(
            name="persistently-reduced",
            when=persistently_low,
            unless=any_of(diagnosed, acute_injury, unrecognised_and_severe),
            notes=beside_result,
            only=where_not_known,
        ),
        Recommendation(
            name="known-advanced",
            context=uraemic_symptom,
            when=known_advanced,
            notes={
                "restless": rls,
                "nerves": nerve_symptom,
                "gabapentinoid": gabapentinoid,
                "pregnant": pregnant,
            },
        ),
    ),
)
