"""Sciatica, lumbar radiculopathy and stenosis: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative, pregnant
from cds.knowledge.symptoms.criteria import gate, red_flag_answered, said, swollen_one_side
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    aged,
    all_of,
    answered,
    any_of,
    complains_of,
    done,
    drafting,
    has,
    latest,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

_fresh = k.period("red_flag_answer")


def newly(name: str, period: str) -> Criterion:
    """Give a criterion for an active condition, or the reason for a visit, that is dated in the period."""
    codes, within = k.codes(name), k.period(period)
    listed, of_the_period = has(codes, within=within), has(codes, within=within, dated=True)
    return any_of(of_the_period, all_of(complains_of(codes, within=within), not_(listed)))


# Pain from the back. An old entry says nothing of today (RAD-0).

diagnosis = k.codes("radiculopathy-diagnosis")
diagnosed = complains_of(diagnosis, within=k.period("diagnosis_lookback")).called("sciatica or radiculopathy")
radiating = said("back-radiation")
radicular = any_of(diagnosed, radiating).called("pain from the back into the leg")
on_record = any_of(has(diagnosis), diagnosed)

neurogenic_claudication = any_of(
    has(k.codes("radiculopathy-neurogenic-claudication")),
    complains_of(k.codes("radiculopathy-neurogenic-claudication"), within=k.period("diagnosis_lookback")),
)
claudication_lately = complains_of(
    k.codes("radiculopathy-neurogenic-claudication"), within=k.period("diagnosis_lookback")
)
eased_by_bending = any_of(said("walk-relief", "only-sitting"), said("better-when", "sitting-forward"))

# Weakness. That the form is older than some days is no proof of an emergency.

weaker = any_of(newly("leg-weakness", "new_weakness"), said("weakness", "new-or-worse", "cannot-move"))
weaker_now = any_of(
    newly("leg-weakness", "new_weakness"), answered("weakness", "new-or-worse", "cannot-move", within=_fresh)
)
weak = any_of(has(k.codes("leg-weakness")), complains_of(k.codes("leg-weakness"), within=k.period("new_weakness")))
weak_answered = said("weakness", "stable", "new-or-worse", "cannot-move")
answer_is_older = all_of(said("weakness", "new-or-worse", "cannot-move"), not_(affirmed(weaker_now)))

both_legs = any_of(
    complains_of(k.codes("radiculopathy-both-sides"), within=k.period("diagnosis_lookback")),
    answered("side", "both", within=_fresh),
)
residual = latest(k.codes("post-void-residual"), within=k.period("new_sign"))
retaining = all_of(residual.taken_within(k.period("new_sign")), residual.at_least(k.threshold("residual")))
cauda_equina_now = any_of(
    answered("bladder-bowel", within=_fresh),
    answered("numbness", "saddle", within=_fresh),
    newly("saddle-numbness", "new_sign"),
    newly("bladder-or-bowel-symptom", "new_sign"),
    newly("radiculopathy-cauda-equina", "coded_lately"),
    retaining,
)
emergency = all_of(weaker_now, any_of(both_legs, cauda_equina_now))

# Red flags: other topics speak of them. Bladder trouble without a date is one until somebody has asked.

cauda_equina_on_record = any_of(
    complains_of(k.codes("saddle-numbness"), within=k.period("new_sign")),
    complains_of(k.codes("bladder-or-bowel-symptom"), within=k.period("new_sign")),
    complains_of(k.codes("radiculopathy-cauda-equina"), within=k.period("coded_lately")),
)
cauda_equina_measured = affirmed(retaining)
cauda_equina_answered = affirmed(any_of(said("bladder-bowel"), said("numbness", "saddle")))
red_flag = any_of(red_flag_answered, affirmed(any_of(cauda_equina_on_record, swollen_one_side)), cauda_equina_measured)

# What a serious disease of the back may lie behind.

temperature = latest(k.codes("body-temperature"), within=k.period("temperature_lookback"))
serious_on_record = any_of(
    has(k.codes("radiculopathy-cancer")),
    has(k.codes("radiculopathy-spine-infection")),
    has(k.codes("radiculopathy-fracture-risk")),
    has(k.codes("radiculopathy-immunosuppression")),
    newly("fever", "recent_fever"),
    taking(k.codes("radiculopathy-steroid")),
    taking(k.codes("radiculopathy-immunosuppressant")),
)
serious_found = affirmed(
    any_of(
        said("fever"),
        said("injury"),
        all_of(temperature.taken_within(k.period("temperature_lookback")), temperature.at_least(k.threshold("fever"))),
    )
)
serious = any_of(serious_on_record, serious_found)

# Care, and imaging, so far.

referred = ordered(k.codes("radiculopathy-spine-referral"), within=k.period("open_referral"))
in_physiotherapy = ordered(k.codes("referral-physiotherapy"), within=k.period("open_referral"))
just_referred = any_of(
    ordered(k.codes("referral-neurology"), within=k.period("urgent_referral")),
    ordered(k.codes("radiculopathy-spine-referral"), within=k.period("urgent_referral")),
)
treated = any_of(
    done(k.codes("radiculopathy-therapy"), within=k.period("therapy_lookback")),
    ordered(k.codes("radiculopathy-therapy"), within=k.period("therapy_lookback"), completed=True),
    ordered(k.codes("referral-physiotherapy"), within=k.period("therapy_lookback"), completed=True),
    taking(k.codes("gabapentinoid")),
)
mri = k.codes("radiculopathy-lumbar-mri")
imaged = done(mri, within=k.period("mri_lookback"))
mri_ordered = ordered(mri, within=k.period("pending"))

# How long it has lasted: what the patient answers goes before what was once coded.

short = said("onset", "within-24h", "days-1-14", "weeks-2-6")
since_long = any_of(
    said("onset", "over-6-weeks"),
    all_of(not_(affirmed(short)), has(diagnosis).for_at_least(k.period("persistent"))),
)
back_since_long = all_of(
    not_(affirmed(any_of(short, on_record))),
    any_of(
        has(k.codes("back-pain")).for_at_least(k.period("persistent")),
        has(k.codes("leg-ache")).for_at_least(k.period("persistent")),
        has(k.codes("radiculopathy-lumbar-stenosis")).for_at_least(k.period("persistent")),
    ),
)
persistent = all_of(on_record, since_long, any_of(treated, said("trend", "worse")))
mri_to_weigh = all_of(affirmed(persistent), not_(affirmed(any_of(imaged, mri_ordered))))

unclear = any_of(
    has(k.codes("radiculopathy-entrapment")),
    has(k.codes("diabetic-neuropathy-diagnosis")),
    has(k.codes("other-neuropathy")),
)
beside = {
    "stenosis": has(k.codes("radiculopathy-lumbar-stenosis")),
    "imaged": imaged,
    "weak": any_of(weak, affirmed(weak_answered)),
    "unclear": unclear,
    "hip": complains_of(k.codes("hip-pain"), within=k.period("symptom_lookback")),
    "worse": said("trend", "worse"),
}
cared_for_already = any_of(in_physiotherapy, referred, affirmed(weaker), red_flag, mri_to_weigh)

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=any_of(gate, radicular, claudication_lately, eased_by_bending),
    unless=child,
    mutes=palliative,
    shows={"serious": serious, "unclear": unclear},
    recommends=(
        # The pain is why weakness is looked for; it may stand in words only.
        Recommendation(
            name="new-weakness",
            context=radicular,
            when=weaker,
            unless=just_referred,
            raises=(("critical", emergency),),
            notes={
                "cauda-equina": cauda_equina_now,
                "both-legs": both_legs,
                "answer-is-older": answer_is_older,
                "serious": serious,
                "pregnant": pregnant,
                "goals": palliative,
            },
            only={
                "lumbar-mri-emergency": emergency,
                "emergency-assessment": emergency,
                "lumbar-mri": all_of(not_(affirmed(emergency)), not_(affirmed(mri_ordered))),
                "referral-neurology": not_(affirmed(emergency)),
                "neurological-examination": not_(affirmed(emergency)),
            },
        ),
        Recommendation(
            name="persistent",
            when=persistent,
            unless=any_of(imaged, mri_ordered, affirmed(weaker), red_flag),
            notes={"treated": treated, "serious": serious, "pregnant": pregnant, "worse": said("trend", "worse")},
        ),
        Recommendation(
            name="stenosis-or-artery",
            when=any_of(neurogenic_claudication, all_of(aged(k.threshold("stenosis_age")), eased_by_bending)),
            notes={"coded": neurogenic_claudication, "artery": has(k.codes("pad-diagnosis")), "imaged": imaged},
        ),
        Recommendation(
            name="radicular-pain-at-risk",
            when=all_of(radicular, serious),
            unless=cared_for_already,
            notes={name: criterion for name, criterion in beside.items() if name != "worse"},
            only={"nerve-conduction": unclear},
        ),
        Recommendation(
            name="radicular-pain",
            when=radicular,
            unless=any_of(cared_for_already, affirmed(serious)),
            notes=beside,
            only={"nerve-conduction": unclear},
        ),
        Recommendation(
            name="imaging-too-early",
            order=drafting(k.codes("radiculopathy-lumbar-imaging")),
            when=all_of(
                not_(serious_on_record),
                not_(serious_found),
                not_(weak),
                not_(affirmed(weak_answered)),
                not_(cauda_equina_on_record),
                not_(cauda_equina_answered),
                not_(cauda_equina_measured),
            ),
            unless=any_of(
                affirmed(since_long),
                affirmed(back_since_long),
                done(k.codes("radiculopathy-spine-surgery")),
                affirmed(has(k.codes("radiculopathy-spine-surgery"))),
            ),
            notes={"imaged": imaged},
        ),
    ),
)
