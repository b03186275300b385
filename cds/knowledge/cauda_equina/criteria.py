"""Cauda equina: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative, pregnant
from cds.knowledge.symptoms.criteria import ache, leg_pain_scored, said
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    answered,
    any_of,
    certain,
    complains_of,
    done,
    has,
    in_hospital,
    latest,
    newly,
    not_,
    not_before,
    ordered,
)

k = Knowledge.beside(__file__)

_new = k.period("new_sign")
_fresh = k.period("red_flag_answer")
_stale = k.period("old_answer")


def begun(name: str) -> Criterion:
    """Give a criterion for a symptom that is dated, and new."""
    return newly(k.codes(name), within=_new)


def of_unknown_age(name: str) -> Criterion:
    """Give a criterion for a symptom without a date, or of a vague one, or known for long with a visit for it now."""
    codes = k.codes(name)
    return all_of(
        complains_of(codes, within=_new),
        not_(certain(newly(codes, within=_new))),
        not_(certain(has(codes, within=_new, dated=True))),
    )


# The complaint beside which the signs count. It proves nothing by itself, so that words do for it.

back_pain = complains_of(k.codes("back-pain"), within=k.period("symptom_lookback"))
nerve_root = has(k.codes("cauda-equina-radiculopathy"))
nerve_root_complaint = complains_of(k.codes("cauda-equina-radiculopathy"), within=k.period("symptom_lookback"))
back_or_leg_pain = any_of(
    back_pain, nerve_root, nerve_root_complaint, said("back-radiation"), ache, said("leg-symptom"), leg_pain_scored
).called("back or leg pain")

# The diagnosis

syndrome = k.codes("cauda-equina-syndrome")
lately = k.period("coded_lately")
dated_lately = any_of(has(syndrome, within=lately, dated=True), newly(syndrome, within=lately))
coded = certain(any_of(dated_lately, complains_of(syndrome, within=lately)))
decompression = done(k.codes("cauda-equina-decompression"), within=lately)
decompressed = not_before(decompression, any_of(has(syndrome), complains_of(syndrome, within=lately)))
admitted = in_hospital()
admitted_for_it = any_of(in_hospital(syndrome), in_hospital(k.codes("cauda-equina-spinal-service")))
known_now = all_of(certain(dated_lately), not_(affirmed(admitted)), not_(affirmed(decompressed)))
"""What the advice on the diagnosis says with full force already."""

# New signs. Numbness by the form may be old where the complaint is, and has not changed.

unchanged = all_of(said("onset", "weeks-2-6", "over-6-weeks"), said("trend", "same"))
saddle_answered = answered("numbness", "saddle", within=_fresh)
saddle = any_of(begun("saddle-numbness"), all_of(saddle_answered, not_(affirmed(unchanged))))
bladder = any_of(begun("cauda-equina-retention"), begun("cauda-equina-urinary-incontinence"))
bowel = begun("cauda-equina-bowel-incontinence")
bladder_or_bowel_answered = answered("bladder-bowel", within=_fresh)

residual = latest(k.codes("post-void-residual"), within=_new)
retaining = all_of(residual.taken_within(_new), residual.at_least(k.threshold("residual")))
retaining_for_long = affirmed(has(k.codes("cauda-equina-retention")).for_at_least(_new))

both_sides = said("side", "both")
weaker_answered = answered("weakness", "new-or-worse", "cannot-move", within=_fresh)
weaker = any_of(weaker_answered, begun("leg-weakness"))
sciatica_of_both = any_of(
    has(k.codes("cauda-equina-bilateral-sciatica")),
    complains_of(k.codes("cauda-equina-bilateral-sciatica"), within=k.period("symptom_lookback")),
    all_of(any_of(said("back-radiation"), nerve_root), both_sides),
)
both_legs_weaker = any_of(
    begun("cauda-equina-both-leg-weakness"),
    all_of(weaker_answered, both_sides),
    all_of(sciatica_of_both, weaker),
)
newly_retaining = all_of(retaining, not_(retaining_for_long))
sexual = begun("cauda-equina-sexual-dysfunction")

new_sign = any_of(saddle, bladder, bowel, bladder_or_bowel_answered, both_legs_weaker, sexual, newly_retaining)
pattern = certain(new_sign)

# Signs that are to be asked about, unless the form has asked

bladder_or_bowel_denied = affirmed(not_(bladder_or_bowel_answered))
saddle_denied = affirmed(not_(saddle_answered))
bladder_or_bowel_of_unknown_age = any_of(
    of_unknown_age("cauda-equina-retention"),
    of_unknown_age("cauda-equina-urinary-incontinence"),
    of_unknown_age("cauda-equina-bowel-incontinence"),
)
of_any_age = any_of(
    all_of(of_unknown_age("saddle-numbness"), not_(saddle_denied)),
    all_of(bladder_or_bowel_of_unknown_age, not_(bladder_or_bowel_denied)),
    all_of(retaining, retaining_for_long, not_(bladder_or_bowel_denied)),
)
saddle_for_long = all_of(saddle_answered, unchanged)
unclear = any_of(certain(of_any_age), saddle_for_long)
syndrome_in_words = all_of(complains_of(syndrome, within=lately), not_(coded))
in_words = any_of(new_sign, of_any_age, syndrome_in_words)
answered_before = any_of(
    answered("bladder-bowel", within=_stale),
    answered("numbness", "saddle", within=_stale),
    all_of(
        answered("weakness", "new-or-worse", "cannot-move", within=_stale),
        any_of(both_sides, sciatica_of_both),
    ),
)

# Grounds for less

mri = k.codes("cauda-equina-mri")
mri_reported = done(mri, within=k.period("recent_mri"))
mri_ordered = ordered(mri, within=k.period("recent_mri"))
beside_the_bladder = certain(any_of(saddle, bowel, both_legs_weaker))
prostate_with_catheter = all_of(has(k.codes("cauda-equina-prostate")), done(k.codes("cauda-equina-catheter")))
explained = any_of(
    all_of(
        any_of(has(k.codes("cauda-equina-bladder-cause")), prostate_with_catheter), not_(affirmed(beside_the_bladder))
    ),
    all_of(has(k.codes("cauda-equina-spinal-injury")), not_(begun("cauda-equina-spinal-injury"))),
)

accounted_for = any_of(explained, decompression)
alarm = any_of(all_of(pattern, back_or_leg_pain, not_(affirmed(any_of(mri_reported, accounted_for)))), known_now)
"""That of which this topic speaks as an emergency; others need not repeat it."""

# The code of saddle numbness stands among those of the syndrome: it needs no pain beside it.

saddle_codes = k.codes("saddle-numbness")
saddle_new = certain(begun("saddle-numbness"))
saddle_lately = certain(any_of(has(saddle_codes, within=lately, dated=True), newly(saddle_codes, within=lately)))
saddle_on_record = any_of(has(saddle_codes), complains_of(saddle_codes, within=lately))
saddle_imaged = not_before(done(mri, within=lately), saddle_on_record)
saddle_decompressed = affirmed(not_before(decompression, saddle_on_record))
saddle_settled = (
    mri_reported,
    saddle_decompressed,
    affirmed(all_of(pattern, back_or_leg_pain)),
    affirmed(known_now),
)

whom = {"child": child, "goals": palliative, "pregnant": pregnant}
mri_first = {"lumbar-mri-emergency": not_(affirmed(mri_ordered))}

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=back_or_leg_pain,
    mutes=palliative,
    shows={"residual_urine": residual, "cause": explained},
    recommends=(
        Recommendation(
            name="syndrome-on-record",
            when=coded,
            unless=any_of(decompressed, affirmed(admitted_for_it)),
            context=coded,
            caps=(("warning", not_(certain(dated_lately))), ("warning", admitted)),
            notes={**whom, "undated": not_(certain(dated_lately)), "admitted": admitted},
            only=mri_first,
        ),
        Recommendation(
            name="new-signs",
            when=pattern,
            unless=any_of(mri_reported, affirmed(known_now), affirmed(accounted_for)),
            notes={**whom, "residual": retaining, "mri-ordered": mri_ordered},
            only=mri_first,
        ),
        Recommendation(
            name="saddle-numbness-on-record",
            when=saddle_new,
            unless=any_of(affirmed(accounted_for), *saddle_settled),
            context=saddle_new,
            notes={**whom, "denied": saddle_denied, "mri-ordered": mri_ordered},
            only=mri_first,
        ),
        Recommendation(
            name="new-signs-beside-a-cause",
            when=pattern,
            unless=any_of(mri_reported, affirmed(known_now)),
            context=all_of(accounted_for, any_of(back_or_leg_pain, all_of(saddle_new, not_(saddle_decompressed)))),
            notes={
                "child": child,
                "pregnant": pregnant,
                "residual": retaining,
                "explained": explained,
                "operated": decompression,
                "mri-ordered": mri_ordered,
            },
            only=mri_first,
        ),
        Recommendation(
            name="saddle-numbness-of-weeks",
            when=saddle_lately,
            unless=any_of(saddle_new, saddle_denied, affirmed(saddle_imaged), *saddle_settled),
            context=saddle_lately,
            notes={"child": child},
        ),
        Recommendation(
            name="sign-of-unknown-age",
            when=unclear,
            unless=any_of(mri_reported, affirmed(pattern), affirmed(saddle_lately), affirmed(known_now)),
            notes={"child": child},
        ),
        Recommendation(
            name="sign-in-words",
            when=not_(affirmed(any_of(pattern, unclear, saddle_lately, known_now))),
            unless=mri_reported,
            context=all_of(in_words, back_or_leg_pain),
            notes={"child": child},
        ),
        Recommendation(
            name="ask-again",
            when=answered_before,
            unless=any_of(
                mri_reported, affirmed(pattern), affirmed(unclear), affirmed(saddle_lately), affirmed(known_now)
            ),
            notes={"child": child},
        ),
    ),
)
