"""Thyroid: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import adult_in_care, palliative, pregnant
from cds.knowledge.symptoms.criteria import cramp, metabolic_gate, muscle
from cds.reasoning import (
    Flag,
    Knowledge,
    Plan,
    Recommendation,
    all_of,
    any_of,
    complains_of,
    has,
    in_hospital,
    latest,
    latest_near,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

lookback = k.period("lookback")
tsh = latest(k.codes("tsh"), within=lookback)
free_t4 = latest(k.codes("free-t4"), within=lookback)
antibodies = latest(k.codes("thyroid-peroxidase-antibody"), within=k.period("antibody_lookback"))
creatine_kinase = latest(k.codes("creatine-kinase"), within=k.period("creatine_kinase_lookback"))
gestational_age = latest_near(k.codes("gestational-age"), within=lookback, near=tsh, near_within=k.period("around_tsh"))

above_decision = tsh.above(k.threshold("decision"))
above_range = tsh.above_range(k.threshold("upper"))
flagged_high = tsh.flagged(Flag.HIGH, Flag.VERY_HIGH)
flagged_very_high = tsh.flagged(Flag.VERY_HIGH)
free_t4_low = free_t4.below_range(k.threshold("free_t4_lower"))

# A range that does not name pregnancy is not the range of pregnancy. In the first two trimesters, or when the trimester
# is not known, the limit of pregnancy holds; in the third, where the laboratory states none, that outside pregnancy.
above_limit_of_pregnancy = tsh.above_pregnancy_range(k.threshold("upper_pregnant"))
third_trimester = gestational_age.at_least(k.threshold("third_trimester"))
# Whether it states one shows by two defaults that decide nothing between them: a TSH up to the decision limit is above
# the first only by a stated range, and a TSH that is not suppressed is within the second only by a stated range.
above_stated_range = tsh.above_pregnancy_range(k.threshold("decision"))
within_stated_range = not_(tsh.above_pregnancy_range(k.threshold("suppressed")))
above_limit_of_third_trimester = any_of(above_stated_range, all_of(not_(within_stated_range), above_range))

raised = any_of(
    flagged_high,
    all_of(not_(pregnant), above_range),
    all_of(pregnant, above_limit_of_pregnancy),
    all_of(pregnant, third_trimester, above_limit_of_third_trimester),
    all_of(above_range, above_limit_of_pregnancy),  # above both limits: raised although pregnancy is unknown
)
usual_in_third_trimester = all_of(pregnant, third_trimester, not_(above_limit_of_third_trimester))

on_thyroid_hormone = taking(k.codes("thyroid-replacement"))
hindering_uptake = any_of(
    taking(k.codes("iron-replacement")), taking(k.codes("calcium-replacement")), taking(k.codes("ppi"))
)
acting_drug = taking(k.codes("thyroid-active-drug"))
biotin = taking(k.codes("biotin"))
acutely_ill = any_of(in_hospital(), has(k.codes("sick-euthyroid")))
test_disturbed = any_of(biotin, acutely_ill)
pituitary_disease = has(k.codes("pituitary-disease"))
hyperthyroidism = has(k.codes("hyperthyroidism"))
diagnosed = has(k.codes("hypothyroidism"), confirmed=True)
diagnosed_untreated = all_of(has(k.codes("hypothyroidism")), not_(on_thyroid_hormone))

# Ache alone, or muscle symptoms alone, is no reason for a test.
reason_to_test = any_of(
    creatine_kinase.above_range(k.threshold("creatine_kinase_raised")),
    has(k.codes("statin-adverse-effect")),
    complains_of(k.codes("hypothyroid-feature"), within=lookback),
    has(k.codes("diabetes-type-1")),
    has(k.codes("atrial-fibrillation"), within=lookback, dated=True),
    taking(k.codes("lithium")),
    taking(k.codes("amiodarone")),
)

disturbed_to_info = (("info", test_disturbed),)
disturbance = {"biotin": biotin, "acute-illness": acutely_ill}

PLAN = Plan(
    knowledge=k,
    for_whom=adult_in_care,
    context=metabolic_gate,
    mutes=palliative,
    shows={"tsh": tsh, "free_t4": free_t4, "acting_drug": acting_drug, "hindering_uptake": hindering_uptake},
    recommends=(
        Recommendation(
            name="well-above-limit",
            when=above_decision,
            unless=any_of(on_thyroid_hormone, diagnosed),
            caps=disturbed_to_info,
            notes={
                **disturbance,
                "free-t4-low": free_t4_low,
                "diagnosed": diagnosed_untreated,
                "pregnant": pregnant,
                "acting-drug": acting_drug,
            },
            only={"free-t4": free_t4.missing(), "thyroid-peroxidase-antibody": antibodies.missing()},
        ),
        Recommendation(
            name="well-above-limit-when-diagnosed",  # DS-22: what is diagnosed is not called possible
            when=all_of(diagnosed, above_decision),
            unless=on_thyroid_hormone,
            caps=disturbed_to_info,
            notes={
                **disturbance,
                "untreated": not_(on_thyroid_hormone),
                "free-t4-low": free_t4_low,
                "pregnant": pregnant,
                "acting-drug": acting_drug,
            },
            only={"free-t4": free_t4.missing(), "thyroid-peroxidase-antibody": antibodies.missing()},
        ),
        Recommendation(
            name="above-limit",
            when=raised,
            unless=any_of(on_thyroid_hormone, above_decision, usual_in_third_trimester),
            raises=(("warning", free_t4_low), ("warning", flagged_very_high)),
            caps=disturbed_to_info,
            notes={
                **disturbance,
                "free-t4-low": free_t4_low,
                "diagnosed": diagnosed_untreated,
                "pregnant": pregnant,
                "acting-drug": acting_drug,
            },
            only={
                "tsh": not_(acutely_ill),
                "free-t4": free_t4.missing(),
                "thyroid-peroxidase-antibody": antibodies.missing(),
            },
        ),
        Recommendation(
            name="above-limit-on-hormone",
            when=all_of(on_thyroid_hormone, any_of(above_decision, raised)),
            unless=usual_in_third_trimester,
            raises=(("warning", above_decision), ("warning", flagged_very_high)),
            caps=disturbed_to_info,
            notes={**disturbance, "uptake": hindering_uptake, "pregnant": pregnant, "pituitary": pituitary_disease},
        ),
        Recommendation(
            name="suppressed",
            when=tsh.below(k.threshold("suppressed")),
            unless=all_of(not_(free_t4.missing()), free_t4_low),
            notes={
                **disturbance,
                "on-hormone": on_thyroid_hormone,
                "diagnosed": hyperthyroidism,
                "pregnant": pregnant,
                "acting-drug": acting_drug,
                "pituitary": pituitary_disease,
            },
            only={"free-t4": free_t4.missing()},
        ),
        Recommendation(
            name="low-free-t4",
            when=all_of(free_t4_low, any_of(not_(raised), usual_in_third_trimester)),
            notes={
                **disturbance,
                "on-hormone": on_thyroid_hormone,
                "pregnant": pregnant,
                "acting-drug": acting_drug,
                "pituitary": pituitary_disease,
            },
        ),
        Recommendation(
            name="tsh-not-measured",
            when=all_of(any_of(cramp, muscle), reason_to_test, tsh.missing()),
            unless=any_of(ordered(k.codes("tsh"), within=k.period("pending")), acutely_ill),
            notes={"biotin": biotin, "pituitary": pituitary_disease},
        ),
    ),
)
