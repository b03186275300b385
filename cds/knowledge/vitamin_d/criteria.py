"""Vitamin D: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.minerals.criteria import adjusted_calcium_low, calcium, calcium_low, kidneys_fail
from cds.knowledge.patient.criteria import adult_in_care, palliative, pregnant
from cds.knowledge.symptoms.criteria import bone, metabolic_gate
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
    ever_had,
    has,
    latest,
    not_,
    ordered,
    taken_after_start,
    taking,
)

k = Knowledge.beside(__file__)

lookback, profile_lookback = k.period("lookback"), k.period("profile_lookback")
vitamin_d = latest(k.codes("vitamin-d"), within=lookback)
phosphatase = latest(k.codes("alkaline-phosphatase"), within=profile_lookback)
phosphate = latest(k.codes("phosphate"), within=profile_lookback)
parathyrin = latest(k.codes("parathyrin"), within=lookback)

low = vitamin_d.below(k.threshold("low"))
insufficient = vitamin_d.between(k.threshold("low"), k.threshold("sufficient"))
flagged_low = vitamin_d.flagged(Flag.LOW, Flag.VERY_LOW)
phosphatase_high = phosphatase.above_range(k.threshold("phosphatase_upper"))
signs = any_of(bone, adjusted_calcium_low, phosphatase_high).called("signs of osteomalacia")
osteomalacia = has(k.codes("vitamin-d-osteomalacia"), confirmed=True)

supplement = taking(k.codes("vitamin-d-replacement"))
low_despite_supplement = all_of(
    vitamin_d.below(k.threshold("low_on_supplement")),
    taken_after_start(vitamin_d, supplement, by=k.period("supplement_acts")),
)

housebound = any_of(
    has(k.codes("vitamin-d-housebound")), complains_of(k.codes("vitamin-d-housebound"), within=lookback)
)
risk = any_of(
    has(k.codes("malabsorption")),
    done(k.codes("malabsorption")),
    done(k.codes("gastric-surgery")),
    kidneys_fail,
    has(k.codes("chronic-liver-disease")),
    taking(k.codes("vitamin-d-risk-drug")),
    has(k.codes("vitamin-d-fragile-bone")),
    taking(k.codes("vitamin-d-antiresorptive")),
    housebound,
    calcium_low,
    phosphatase_high,
    ever_had(k.codes("vitamin-d-deficiency")),
)

with_signs = (("warning", signs),)
of_any = {"pregnant": pregnant}
profile = {
    "calcium": calcium.missing(),
    "alkaline-phosphatase": phosphatase.missing(),
    "phosphate": phosphate.missing(),
    "parathyrin": parathyrin.missing(),
}

PLAN = Plan(
    knowledge=k,
    for_whom=adult_in_care,
    context=metabolic_gate,
    mutes=palliative,
    shows={"vitamin_d": vitamin_d, "risk": (risk,)},
    recommends=(
        Recommendation(
            name="low-in-osteomalacia",
            when=all_of(low, osteomalacia),
            unless=supplement,
            notes=of_any,
            only=profile,
        ),
        Recommendation(
            name="possible-osteomalacia",
            when=all_of(low, signs, not_(affirmed(osteomalacia))),
            unless=supplement,
            notes=of_any,
            only=profile,
        ),
        Recommendation(
            name="low",
            when=low,
            unless=any_of(supplement, affirmed(signs), affirmed(osteomalacia)),
            notes=of_any,
        ),
        Recommendation(
            name="low-despite-supplement",
            when=low_despite_supplement,
            raises=with_signs,
            notes=of_any,
            only=profile,
        ),
        Recommendation(
            name="insufficient-with-bone-symptom",
            when=all_of(insufficient, bone, risk),
            unless=supplement,
            notes=of_any,
        ),
        Recommendation(
            name="flagged-low",
            when=flagged_low,
            unless=supplement,
            raises=(("warning", vitamin_d.flagged(Flag.VERY_LOW)),),
            notes=of_any,
        ),
        Recommendation(
            name="untested",
            when=all_of(bone, risk, vitamin_d.missing()),
            unless=any_of(supplement, ordered(k.codes("vitamin-d"), within=k.period("pending"))),
            notes=of_any,
            only=profile,
        ),
    ),
)
