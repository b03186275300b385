"""Sciatica, lumbar radiculopathy and stenosis: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.cauda_equina.criteria import (
    alarm,
    coded,
    decompressed,
    explained,
    in_words,
    mri_reported,
    pattern,
    saddle_lately,
    unclear,
)
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
    certain,
    complains_of,
    done,
    drafting,
    feared,
    has,
    latest,
    newly,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

_fresh = k.period("red_flag_answer")


def begun(name: str, period: str) -> Criterion:
    """Give a criterion for a symptom that is dated, and began in the period."""
    return newly(k.codes(name), within=k.period(period))


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

weaker_of_late = any_of(begun("leg-weakness", "new_weakness"), said("weakness", "new-or-worse", "cannot-move"))
weaker_now = any_of(
    begun("leg-weakness", "new_weakness"), answered("weakness", "new-or-worse", "cannot-move", within=_fresh)
)
weak = any_of(has(k.codes("leg-weakness")), complains_of(k.codes("leg-weakness"), within=k.period("new_weakness")))
weak_answered = said("weakness", "stable", "new-or-worse", "cannot-move")
answer_is_older = all_of(said("weakness", "new-or-worse", "cannot-move"), not_(affirmed(weaker_now)))

emergency = all_of(
    certain(weaker_now),
    any_of(all_of(pattern, not_(affirmed(explained))), all_of(coded, not_(affirmed(decompressed)))),
    not_(affirmed(mri_reported)),
)
"""With the cauda equina in danger: both legs weaker, bladder, bowel or saddle."""

# Red flags: other topics speak of them. Bladder trouble without a date is one until somebody has asked.

cauda_equina = affirmed(any_of(coded, in_words, saddle_lately, unclear))
red_flag = any_of(red_flag_answered, affirmed(swollen_one_side), cauda_equina)

# What a serious disease of the back may lie behind.


def stands(name: str) -> Criterion:
    """Give a criterion for a disease on the problem list, or as the reason of a visit or of the order."""
    return any_of(has(k.codes(name)), complains_of(k.codes(name), within=k.period("symptom_lookback")))


temperature = latest(k.codes("body-temperature"), within=k.period("temperature_lookback"))
serious_on_record = any_of(
    stands("radiculopathy-cancer"),
    stands("radiculopathy-spine-infection"),
    stands("radiculopathy-fracture-risk"),
    stands("vitamin-d-fragile-bone"),
    stands("radiculopathy-immunosuppression"),
    stands("infection-weak-defence"),
    stands("kidney-transplant"),
    begun("fever", "recent_fever"),
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

# What an order for imaging says that it is to rule out.

dangers = """
radiculopathy-imaging-reason cauda-equina-syndrome saddle-numbness bladder-or-bowel-symptom leg-weakness
radiculopathy-cancer radiculopathy-spine-infection radiculopathy-fracture-risk radiculopathy-immunosuppression
""".split()  # noqa: SIM905 - names read better as words
asked_for_a_danger = any_of(*(feared(k.codes(name)) for name in dangers))

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

other_nerves = any_of(
    has(k.codes("radiculopathy-entrapment")),
    has(k.codes("diabetic-neuropathy-diagnosis")),
    has(k.codes("other-neuropathy")),
)
beside = {
    "stenosis": has(k.codes("radiculopathy-lumbar-stenosis")),
    "imaged": imaged,
    "weak": any_of(weak, affirmed(weak_answered)),
    "other-nerves": other_nerves,
    "hip": complains_of(k.codes("hip-pain"), within=k.period("symptom_lookback")),
    "worse": said("trend", "worse"),
}
cared_for_already = any_of(in_physiotherapy, referred, affirmed(weaker_of_late), red_flag, mri_to_weigh)

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=any_of(gate, radicular, claudication_lately, eased_by_bending),
    unless=child,
    mutes=palliative,
    shows={"serious": serious, "other_nerves": other_nerves},
    recommends=(
        # The pain is why weakness is looked for; it may stand in words only.
        Recommendation(
            name="weakness-emergency",
            context=radicular,
            when=emergency,
            unless=any_of(just_referred, affirmed(alarm)),
            notes={"serious": serious, "pregnant": pregnant, "goals": palliative},
        ),
        Recommendation(
            name="new-weakness",
            context=radicular,
            when=weaker_of_late,
            unless=any_of(just_referred, affirmed(emergency)),
            notes={"answer-is-older": answer_is_older, "serious": serious, "pregnant": pregnant},
            only={"lumbar-mri": not_(affirmed(mri_ordered))},
        ),
        Recommendation(
            name="persistent",
            when=persistent,
            unless=any_of(imaged, mri_ordered, affirmed(weaker_of_late), red_flag),
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
            only={"nerve-conduction": other_nerves},
        ),
        Recommendation(
            name="radicular-pain",
            when=radicular,
            unless=any_of(cared_for_already, affirmed(serious)),
            notes=beside,
            only={"nerve-conduction": other_nerves},
        ),
        Recommendation(
            name="imaging-too-early",
            order=drafting(k.codes("radiculopathy-lumbar-imaging")),
            when=all_of(
                not_(serious_on_record),
                not_(serious_found),
                not_(weak),
                not_(affirmed(weak_answered)),
                not_(cauda_equina),
                not_(affirmed(any_of(said("bladder-bowel"), said("numbness", "saddle")))),
                not_(asked_for_a_danger),
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
