"""Peripheral artery disease: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import (
    adult,
    both_legs_absent,
    cared_for,
    child,
    diabetes,
    dialysis,
    left_leg_absent,
    palliative,
    pregnant,
    right_leg_absent,
)
from cds.knowledge.symptoms.criteria import ache, gate, leg_pain_scored, said
from cds.reasoning import (
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    aged,
    all_of,
    allergic_to,
    answered,
    answers,
    any_of,
    certain,
    complains_of,
    done,
    drafting,
    ever_had,
    family_history,
    has,
    highest_of_latest_day,
    lowest_of_latest_day,
    not_,
    ordered,
    taking,
    unreadable,
    younger_than,
)

k = Knowledge.beside(__file__)

# Legs. What was taken off stays off, whatever the status of the condition says.
leg_absent = any_of(
    left_leg_absent, right_leg_absent, ever_had(k.codes("leg-absent-any-side")), done(k.codes("leg-absent-any-side"))
)

# The ankle-brachial index. The lower leg decides; the stiffer one tells whether some leg cannot be judged. An index
# settles something only when it is dated and its comparator leaves one class.

lookback = k.period("index_lookback")
abi = lowest_of_latest_day(k.codes("ankle-brachial-index"), within=lookback)
stiffer_leg = highest_of_latest_day(k.codes("ankle-brachial-index"), within=lookback)
abnormal = abi.at_most(k.threshold("abnormal"))
non_compressible = stiffer_leg.above(k.threshold("non_compressible"))
unremarkable = all_of(
    abi.above(k.threshold("abnormal")),
    abi.at_most(k.threshold("non_compressible")),
    stiffer_leg.above(k.threshold("abnormal")),
    stiffer_leg.at_most(k.threshold("non_compressible")),
    not_(unreadable(abi)),
)
dated = all_of(abi.known(), abi.taken_within(lookback))
settled = all_of(dated, any_of(abnormal, unremarkable, non_compressible))
fresh_study = abi.taken_within(k.period("new_study"))
# Met whether there is an index or not: silence only where observations were not supplied.
index_looked_for = any_of(abi.missing(), abi.known())
no_dated_index = any_of(abi.missing(), not_(abi.taken_within(lookback)))

tbi = lowest_of_latest_day(k.codes("toe-brachial-index"), within=lookback)
toe_abnormal = tbi.at_most(k.threshold("toe_abnormal"))
no_toe_index = any_of(tbi.missing(), not_(tbi.taken_within(lookback)))
stiff_arteries = any_of(diabetes, dialysis)

pending = k.period("pending")
toe_index_ordered = any_of(
    ordered(k.codes("tbi-order"), within=pending, completed=True),
    ordered(k.codes("toe-brachial-index"), within=pending, completed=True),
)
exercise_index_ordered = ordered(k.codes("exercise-abi-order"), within=pending, completed=True)
index_ordered = any_of(
    ordered(k.codes("abi-order"), within=pending, completed=True),
    ordered(k.codes("ankle-brachial-index"), within=pending, completed=True),
    exercise_index_ordered,
    toe_index_ordered,
)
referred = ordered(k.codes("referral-vascular"), within=k.period("open_referral"))
just_referred = ordered(k.codes("referral-vascular"), within=k.period("recent_referral"))
compression = drafting(k.codes("compression-order"))
compression_ordered = ordered(k.codes("compression-order"), within=pending)

# What counts as diagnosed. Claudication and the unspecific codes need arterial evidence. The index that PAD-3a reports
# cannot be the reason for its silence, so that the diagnosis by index stands apart.

loosely_coded = any_of(has(k.codes("claudication-only"), confirmed=True), has(k.codes("pad-possible"), confirmed=True))
arterial_procedure = any_of(done(k.codes("arterial-procedure")), ever_had(k.codes("arterial-procedure")))
diagnosed = any_of(
    has(k.codes("pad-diagnosis"), confirmed=True),
    has(k.codes("limb-threatening-ischaemia"), confirmed=True),
    all_of(loosely_coded, arterial_procedure),
)
diagnosed_by_index = all_of(loosely_coded, dated, abnormal)
known = any_of(diagnosed, diagnosed_by_index)

# Treatment. Cilostazol treats symptoms only.

statin = taking(k.codes("statin"))
antiplatelet = taking(k.codes("antiplatelet"))
anticoagulant = taking(k.codes("anticoagulant"))
treated = all_of(statin, any_of(antiplatelet, anticoagulant))

# Risk groups RG1 to RG4 of the guideline's Table 5.

smoking = any_of(
    ever_had(k.codes("smoking-codes")),
    answers(k.codes("tobacco-smoking-status"), k.codes("smoking-status-positive")),
)
smoking_disputed = all_of(
    ever_had(k.codes("smoking-codes")),
    answers(k.codes("tobacco-smoking-status"), k.codes("smoking-status-negative")),
)
dyslipidaemia = any_of(has(k.codes("dyslipidaemia")), statin)
kidney_disease = any_of(has(k.codes("chronic-kidney-disease")), dialysis)
other_factor = any_of(smoking, dyslipidaemia, has(k.codes("hypertension")), kidney_disease)
family = any_of(family_history(k.codes("pad-diagnosis")), family_history(k.codes("pad-possible")))
old = aged(k.threshold("old"))
middle_aged = all_of(aged(k.threshold("middle_aged")), younger_than(k.threshold("old")))
younger = younger_than(k.threshold("middle_aged"))
risk_group = any_of(
    old,
    all_of(middle_aged, any_of(diabetes, other_factor, family)),
    all_of(younger, diabetes, other_factor),
    ever_had(k.codes("atherosclerosis-elsewhere")),
)

# Complaints and signs.

pain_on_walking = said("walk-pain")
typical_on_walking = all_of(
    pain_on_walking, said("walk-relief", "within-10-min"), said("site", "calf", "thigh", "buttock")
)
eased_by_dangling = said("better-when", "dangling")
wound = said("skin", "wound-2-weeks", "black")
suggestive_in_chart = complains_of(k.codes("pad-suggestive"), within=k.period("symptom_lookback"))
suggestive_pain = any_of(suggestive_in_chart, typical_on_walking, eased_by_dangling, said("worse-when", "legs-raised"))
suggestive = any_of(suggestive_pain, wound)
exertional = any_of(pain_on_walking, complains_of(k.codes("exertional-leg-pain"), within=k.period("symptom_lookback")))
nonspecific_ache = any_of(ache, said("leg-symptom"), leg_pain_scored)
new_pattern = any_of(
    has(k.codes("pad-suggestive"), within=k.period("new_symptom"), dated=True),
    all_of(suggestive, said("onset", "within-24h", "days-1-14", "weeks-2-6")),
)
acute = all_of(any_of(said("sudden"), said("cold-limb")), said("onset", "within-24h", "days-1-14"))

# Limb threat.

rest_pain = all_of(said("worse-when", "lying", "legs-raised"), eased_by_dangling)
lasting_rest_pain = all_of(rest_pain, said("onset", "weeks-2-6", "over-6-weeks"))
threat_coded = any_of(
    has(k.codes("limb-threatening-ischaemia")),
    all_of(
        has(k.codes("lower-limb-ischaemia")),
        any_of(rest_pain, complains_of(k.codes("night-pain"), within=k.period("symptom_lookback"))),
    ),
)
tissue_loss = any_of(has(k.codes("tissue-loss")), has(k.codes("ischaemic-tissue-loss")))
wound_lately = answered("skin", "wound-2-weeks", "black", within=k.period("red_flag_answer"))
limb_threat = any_of(
    threat_coded,
    all_of(any_of(known, abnormal, risk_group), lasting_rest_pain),
    all_of(tissue_loss, any_of(known, suggestive)),
    all_of(wound, any_of(known, suggestive_pain)),
    said("skin", "black"),
)

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=gate,
    unless=any_of(child, both_legs_absent),
    mutes=palliative,
    shows={"abi": abi, "stiffer_leg": stiffer_leg, "tbi": tbi},
    recommends=(
        Recommendation(
            name="limb-threat",
            when=limb_threat,
            unless=just_referred,
            context=any_of(gate, threat_coded, tissue_loss, wound),
            raises=(("critical", any_of(tissue_loss, wound_lately, abi.below(k.threshold("severe")))),),
            notes={
                "own-answer": wound,
                "index-normal": all_of(dated, unremarkable),
                "acute": acute,
                "referral-open": referred,
                "stiff-arteries": stiff_arteries,
                "compression": compression_ordered,
                "one-leg": leg_absent,
                "goals": palliative,
            },
            only={"abi": no_dated_index, "tbi": all_of(no_toe_index, any_of(tissue_loss, wound, stiff_arteries))},
        ),
        Recommendation(
            name="abnormal-index",
            when=abnormal,
            unless=any_of(diagnosed, all_of(diagnosed_by_index, treated), referred),
            context=any_of(gate, fresh_study),
            notes={
                "severe": abi.below(k.threshold("severe")),
                "tissue-loss": tissue_loss,
                "loosely-coded": loosely_coded,
                "stiff-arteries": stiff_arteries,
                "stiff-leg": non_compressible,
                "compression": compression_ordered,
                "one-leg": leg_absent,
                "pregnant": pregnant,
            },
            only={"tbi": all_of(any_of(non_compressible, stiff_arteries), no_toe_index)},
        ),
        Recommendation(
            name="abnormal-toe-index",
            when=toe_abnormal,
            unless=any_of(diagnosed, affirmed(abnormal), referred),
            context=any_of(gate, tbi.taken_within(k.period("new_study"))),
            notes={"one-leg": leg_absent, "pregnant": pregnant},
        ),
        Recommendation(
            name="non-compressible",
            when=all_of(non_compressible, no_toe_index),
            unless=any_of(toe_index_ordered, affirmed(abnormal)),
            notes={"compression": compression_ordered, "one-leg": leg_absent},
        ),
        Recommendation(
            name="suspected-by-history",
            when=suggestive,
            unless=any_of(known, settled, index_ordered),
            notes={
                "risk-group": risk_group,
                "stroke": ever_had(k.codes("stroke")),
                "loosely-coded": has(k.codes("pad-possible")),
                "stiff-arteries": stiff_arteries,
                "acute": acute,
                "compression": compression_ordered,
                "one-leg": leg_absent,
            },
            only={"tbi": stiff_arteries},
        ),
        Recommendation(
            name="new-pattern-since-index",
            when=all_of(dated, unremarkable, not_(abi.taken_within(k.period("new_symptom"))), new_pattern),
            unless=any_of(known, index_ordered),
            notes={"stiff-arteries": stiff_arteries, "acute": acute, "one-leg": leg_absent},
            only={"tbi": stiff_arteries},
        ),
        Recommendation(
            name="normal-index-not-excluding",
            when=all_of(stiff_arteries, suggestive, dated, unremarkable, no_toe_index),
            unless=any_of(known, toe_index_ordered),
            notes={"one-leg": leg_absent},
        ),
        Recommendation(
            name="exertional-with-normal-index",
            when=all_of(exertional, dated, unremarkable, not_(done(k.codes("exercise-abi-order"), within=lookback))),
            unless=exercise_index_ordered,
            notes={"stiff-arteries": stiff_arteries, "one-leg": leg_absent},
        ),
        Recommendation(
            name="suspected-by-risk",
            when=all_of(risk_group, not_(known), index_looked_for),
            unless=any_of(
                settled,
                affirmed(any_of(abnormal, non_compressible, toe_abnormal, suggestive)),
                index_ordered,
                pregnant,
                threat_coded,
            ),
            context=nonspecific_ache,
            notes={
                "smoking-disputed": smoking_disputed,
                "stroke": ever_had(k.codes("stroke")),
                "loosely-coded": has(k.codes("pad-possible")),
                "stiff-arteries": stiff_arteries,
                "acute": acute,
                "compression": compression_ordered,
                "one-leg": leg_absent,
            },
            only={"tbi": stiff_arteries},
        ),
        Recommendation(
            name="no-antithrombotic",
            when=all_of(diagnosed, adult, not_(antiplatelet)),
            unless=any_of(anticoagulant, allergic_to(k.codes("antiplatelet")), pregnant),
            notes={"cilostazol": taking(k.codes("cilostazol"))},
        ),
        Recommendation(
            name="no-statin",
            when=all_of(diagnosed, adult, not_(statin)),
            unless=any_of(allergic_to(k.codes("statin")), ever_had(k.codes("statin-adverse-effect")), pregnant),
            notes={"anticoagulated": anticoagulant, "other-lipid-lowering": taking(k.codes("other-lipid-lowering"))},
        ),
        Recommendation(
            name="compression-with-low-index",
            order=compression,
            when=abi.below(k.threshold("no_compression")),
        ),
        Recommendation(
            name="compression-with-doubtful-index",
            order=compression,
            when=any_of(abi.at_most(k.threshold("compression_as_usual")), non_compressible),
            unless=affirmed(abi.below(k.threshold("no_compression"))),
            notes={"stiff-leg": non_compressible},
            only={"tbi": all_of(non_compressible, no_toe_index)},
        ),
        Recommendation(
            name="compression-without-index",
            order=compression,
            when=all_of(
                any_of(known, loosely_coded, risk_group, diabetes), any_of(no_dated_index, not_(certain(abi.known())))
            ),
            unless=any_of(
                affirmed(certain(abi.at_most(k.threshold("compression_as_usual")))),
                affirmed(certain(non_compressible)),
                index_ordered,
            ),
            notes={"unsure": all_of(abi.known(), not_(certain(abi.known()))), "stiff-arteries": stiff_arteries},
        ),
    ),
)
