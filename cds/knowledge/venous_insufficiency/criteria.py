"""Chronic venous disease: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import (
    advanced_kidney_disease,
    both_legs_absent,
    cared_for,
    child,
    diabetes,
    palliative,
    pregnant,
)
from cds.knowledge.symptoms.criteria import gate, heavy, said, swollen_both_sides, swollen_one_side
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    aged,
    all_of,
    answers,
    any_of,
    at_least,
    complains_of,
    done,
    ever_had,
    family_history,
    has,
    highest_of_latest_day,
    latest,
    lowest_of_latest_day,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)


def newly(name: str, period: str) -> Criterion:
    """Give a criterion for an active condition, or the reason for a visit, that is dated in the period."""
    codes, within = k.codes(name), k.period(period)
    listed, of_the_period = has(codes, within=within), has(codes, within=within, dated=True)
    return any_of(of_the_period, all_of(complains_of(codes, within=within), not_(listed)))


# Veins

vein_disease = any_of(has(k.codes("varicose-veins")), has(k.codes("venous-insufficiency-diagnosis")))
veins = any_of(vein_disease, said("veins"))
coded_symptom_free = has(k.codes("asymptomatic-varicose-veins"))
venous_pattern = at_least(
    2, said("worse-when", "standing-long"), said("better-when", "legs-raised"), swollen_both_sides, heavy
)
ulcer = has(k.codes("venous-open-ulcer"))
skin_change = has(k.codes("venous-skin-change"))
bleeding = newly("venous-bleeding", "recent")
bleeding_now = newly("venous-bleeding", "bleeding_now")
superficial_thrombosis = newly("superficial-vein-thrombosis", "recent")

veins_of_pregnancy = has(k.codes("varicose-veins-of-pregnancy"))
expecting = any_of(pregnant, veins_of_pregnancy)

body_mass_index = latest(k.codes("body-mass-index"), within=k.period("bmi_lookback"))
obese = body_mass_index.at_least(k.threshold("obese"))
risk = any_of(
    has(k.codes("venous-risk")),
    family_history(k.codes("varicose-veins")),
    said("standing-job"),
)
other_causes = any_of(
    has(k.codes("heart-failure")),
    advanced_kidney_disease,
    taking(k.codes("calcium-channel-blocker")),
    has(k.codes("chronic-liver-disease")),
)

# Arteries: what forbids raising and compressing a leg, and what calls for an index first

abi = latest(k.codes("ankle-brachial-index"), within=k.period("abi_lookback"))
worse_leg = lowest_of_latest_day(k.codes("ankle-brachial-index"), within=k.period("abi_as_brake"))
stiffer_leg = highest_of_latest_day(k.codes("ankle-brachial-index"), within=k.period("abi_as_brake"))
abi_outside = any_of(
    worse_leg.at_most(k.threshold("abi_abnormal")), stiffer_leg.above(k.threshold("abi_not_compressible"))
)
abi_fits = any_of(stiffer_leg.missing(), not_(abi_outside))

arterial_chart = any_of(
    has(k.codes("pad-diagnosis")),
    has(k.codes("pad-possible")),
    has(k.codes("limb-threatening-ischaemia")),
    has(k.codes("arterial-procedure")),
    complains_of(k.codes("pad-suggestive"), within=k.period("symptom_lookback")),
)
arterial_answers = any_of(
    said("better-when", "dangling"),
    said("worse-when", "legs-raised"),
    all_of(said("walk-pain"), said("walk-relief", "within-10-min")),
    said("skin", "wound-2-weeks", "black"),
)
artery_treated = done(k.codes("arterial-procedure"))
arterial = any_of(arterial_chart, artery_treated, abi_outside, arterial_answers)
compressible = all_of(not_(arterial_chart), abi_fits)

factors_beside_diabetes = any_of(
    has(k.codes("smoking-codes")),
    answers(k.codes("tobacco-smoking-status"), k.codes("smoking-status-positive")),
    has(k.codes("dyslipidaemia")),
    taking(k.codes("statin")),
    has(k.codes("hypertension")),
    has(k.codes("chronic-kidney-disease")),
)
artery_risk = any_of(
    arterial,
    aged(k.threshold("artery_risk_by_age")),
    all_of(
        aged(k.threshold("artery_risk_with_factors")),
        any_of(diabetes, factors_beside_diabetes, family_history(k.codes("pad-diagnosis"))),
    ),
    all_of(diabetes, factors_beside_diabetes),
    has(k.codes("atherosclerosis-elsewhere")),
)

# What is under way

referred = ordered(k.codes("referral-vascular"), within=k.period("pending"))
wound_care = any_of(
    ordered(k.codes("wound-service"), within=k.period("pending")),
    done(k.codes("wound-service"), within=k.period("wound_care_lookback")),
)
duplex = any_of(
    done(k.codes("venous-duplex"), within=k.period("duplex_lookback")),
    ordered(k.codes("venous-duplex"), within=k.period("pending"), completed=True),
)
looked_after = any_of(referred, wound_care)

arteries = {"arteries": arterial, "compression": compressible}
swelling = {"one-sided": swollen_one_side, "other-oedema": all_of(swollen_both_sides, other_causes)}
risks = {"risk": risk, "obesity": obese}
elective = {"venous-duplex-bilateral": not_(expecting), "referral-vascular": not_(expecting)}
index_first = all_of(artery_risk, abi.missing())

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=gate,
    unless=any_of(child, both_legs_absent),
    mutes=palliative,
    shows={"other_causes": other_causes, "risk": risk, "body_mass_index": body_mass_index},
    recommends=(
        Recommendation(
            name="bleeding-vein",
            when=bleeding,
            context=bleeding,
            raises=(("critical", bleeding_now),),
            notes={"arteries": arterial},
            only={"emergency-assessment": bleeding_now},
        ),
        Recommendation(
            name="superficial-thrombosis",
            when=superficial_thrombosis,
            context=superficial_thrombosis,
            notes={"pregnant": expecting, "one-sided": swollen_one_side, "arteries": arterial},
        ),
        Recommendation(
            name="open-ulcer",
            when=any_of(ulcer, all_of(said("skin", "wound-2-weeks"), veins)),
            context=any_of(gate, ulcer),
            unless=looked_after,
            notes=arteries | swelling | risks | {"pregnant": expecting},
            only={"abi": abi.missing(), "venous-duplex-bilateral": not_(expecting)},
        ),
        Recommendation(
            name="skin-change",
            when=any_of(
                skin_change, ever_had(k.codes("venous-open-ulcer")), all_of(said("skin", "brown-itchy"), veins)
            ),
            unless=any_of(ulcer, looked_after),
            notes=arteries | swelling | risks | {"pregnant": expecting},
            only={"abi": index_first} | elective,
        ),
        Recommendation(
            name="veins-in-pregnancy",
            when=any_of(veins_of_pregnancy, all_of(pregnant, veins)),
            notes=arteries | swelling,
        ),
        Recommendation(
            name="symptomatic-veins",
            when=any_of(veins, venous_pattern),
            unless=any_of(expecting, duplex, referred, all_of(skin_change, not_(wound_care))),
            notes=arteries | swelling | risks | {"coded-symptom-free": coded_symptom_free},
            only={"abi": index_first} | elective,
        ),
    ),
)
