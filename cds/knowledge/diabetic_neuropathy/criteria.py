"""Diabetic neuropathy: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import (
    adult,
    anaemia_diagnosed,
    both_feet_absent,
    cared_for,
    child,
    diabetes,
    dialysis,
    one_foot_absent,
    palliative,
    pregnant,
)
from cds.knowledge.symptoms.criteria import (
    at_night,
    gate,
    neuropathic,
    numb_on_record,
    said,
    weakness_on_record,
)
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    aged,
    all_of,
    answers,
    any_of,
    done,
    ever_had,
    has,
    latest,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

lookback = k.period("lookback")
pending = k.period("pending")
interval = k.period("foot_examination_interval")

# Nerve symptoms. Burning at night needs no criterion of its own: burning alone is enough.

neuropathic_symptom = any_of(neuropathic, numb_on_record)
numb_feet = any_of(said("numbness", "both-feet"), numb_on_record)

# Diabetes

type_1 = has(k.codes("diabetes-type-1"))
feet_due = any_of(
    not_(type_1),
    type_1.for_at_least(k.period("type_1_before_examination")),
    aged(k.threshold("long_standing_age")),
)
too_early = type_1.for_less_than(k.period("type_1_before_examination"))
newly_type_1 = type_1.for_less_than(k.period("type_1_at_diagnosis"))
in_remission = has(k.codes("diabetes-in-remission"))
diagnosed_neuropathy = has(k.codes("diabetic-neuropathy-diagnosis"), confirmed=True)
neuropathy_on_record = any_of(diagnosed_neuropathy, has(k.codes("other-neuropathy")))

# Feet

examined = done(k.codes("foot-examination"), within=interval)
feeling_examined = done(k.codes("sensory-foot-examination"), within=k.period("sensory_examination_fresh"))
feeling_lost = any_of(
    answers(k.codes("sensory-foot-examination"), k.codes("neuropathic-symptom"), within=interval),
    answers(k.codes("sensory-foot-examination"), k.codes("sensation-lost"), within=interval),
)


def recorded(name: str) -> Criterion:
    """Give a criterion for something recorded within the interval of examinations, on whichever list."""
    return any_of(
        has(k.codes(name), within=interval, dated=True),
        done(k.codes(name), within=interval),
    )


examination_not_wanted = any_of(recorded("foot-examination-declined"), recorded("foot-examination-not-indicated"))
foot_at_risk = any_of(has(k.codes("foot-at-risk")), done(k.codes("amputation-leg")), feeling_lost)
podiatry_referred = ordered(k.codes("referral-podiatry"), within=k.period("referral_open"))
under_neurology = all_of(
    has(k.codes("other-neuropathy"), confirmed=True),
    ordered(k.codes("referral-neurology"), within=k.period("neurology_follows"), completed=True),
)

# What does not fit: the chart is weighed against the chart, and the answers against the answers.

one_leg = said("numbness", "one-leg")
mostly_weak = any_of(
    all_of(weakness_on_record, not_(numb_on_record)),
    all_of(said("weakness", "stable", "new-or-worse", "cannot-move"), said("numbness", "none")),
)
rapid = all_of(neuropathic_symptom, said("onset", "within-24h", "days-1-14", "weeks-2-6"))
with_new_type_1 = all_of(neuropathic_symptom, newly_type_1)

# Results

hba1c = latest(k.codes("hba1c"), within=k.period("diabetes_range_lookback"))
fasting = latest(k.codes("fasting-glucose"), within=k.period("diabetes_range_lookback"))
glucose = latest(k.codes("glucose"), within=k.period("diabetes_range_lookback"))
hba1c_this_year = latest(k.codes("hba1c"), within=lookback)
fasting_this_year = latest(k.codes("fasting-glucose"), within=lookback)
glucose_this_year = latest(k.codes("glucose"), within=lookback)
hba1c_lately = latest(k.codes("hba1c"), within=k.period("hba1c_interval"))

# Of HbA1c and glucose mostly one is there: that the other is not must not leave open what the one says.
hba1c_high = all_of(hba1c.known(), hba1c.at_least(k.threshold("diabetes_hba1c")))
fasting_high = all_of(fasting.known(), fasting.at_least(k.threshold("diabetes_fasting")))
glucose_high = all_of(glucose.known(), glucose.at_least(k.threshold("diabetes_random")))
raised_glucose = any_of(fasting_high, glucose_high)
newly_raised = any_of(
    all_of(fasting_high, fasting.taken_within(k.period("glucose_newly_raised"))),
    all_of(glucose_high, glucose.taken_within(k.period("glucose_newly_raised"))),
)
hba1c_normal = all_of(  # one without a date silences nothing
    hba1c_this_year.known(),
    hba1c_this_year.taken_within(lookback),
    hba1c_this_year.below(k.threshold("prediabetes_hba1c")),
)
hba1c_between = all_of(
    hba1c_this_year.known(),
    hba1c_this_year.between(k.threshold("prediabetes_hba1c"), k.threshold("diabetes_hba1c")),
)
fasting_between = fasting_this_year.between(k.threshold("prediabetes_fasting"), k.threshold("diabetes_fasting"))
no_result = all_of(hba1c_this_year.missing(), fasting_this_year.missing(), glucose_this_year.missing())

hba1c_due = all_of(hba1c_lately.missing(), not_(ordered(k.codes("hba1c"), within=pending)))
b12_unknown = all_of(
    latest(k.codes("b12"), within=lookback).missing(),
    latest(k.codes("active-b12"), within=lookback).missing(),
    not_(taking(k.codes("b12-replacement"))),
)
test_ordered = any_of(ordered(k.codes("hba1c"), within=pending), ordered(k.codes("fasting-glucose"), within=pending))

# People without a diagnosis of diabetes: one that is only suspected does not silence a result.

not_diabetic = all_of(adult, not_(has(k.codes("diabetes"), confirmed=True)))
on_glucose_lowering = taking(k.codes("glucose-lowering-not-metformin"))
once_diabetic = all_of(not_(diabetes), ever_had(k.codes("diabetes")))
hba1c_may_mislead = any_of(anaemia_diagnosed, has(k.codes("iron-deficiency")), dialysis)
listed = {"prediabetes": has(k.codes("prediabetes")), "pregnant": pregnant}
unlisted = {"once-diabetic": once_diabetic, "metformin": taking(k.codes("metformin"))}

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=any_of(gate, numb_on_record),
    unless=child,
    mutes=palliative,
    shows={"hba1c": hba1c, "fasting_glucose": fasting, "raised_glucose": raised_glucose},
    recommends=(
        Recommendation(
            name="foot-at-risk",
            when=all_of(diabetes, foot_at_risk),
            unless=any_of(podiatry_referred, both_feet_absent),
            notes={"one-foot": one_foot_absent, "in-remission": in_remission},
        ),
        Recommendation(
            name="symptoms-without-diagnosis",
            when=all_of(diabetes, numb_feet, not_(diagnosed_neuropathy)),
            unless=any_of(feeling_examined, under_neurology, both_feet_absent),
            notes={
                "at-night": at_night,
                "early-type-1": too_early,
                "one-foot": one_foot_absent,
                "in-remission": in_remission,
                "last-hba1c": all_of(hba1c.known(), not_(hba1c_due)),
                "hba1c-due": hba1c_due,
            },
            only={"hba1c": hba1c_due, "b12": b12_unknown},
        ),
        Recommendation(
            name="foot-examination-overdue",
            when=all_of(diabetes, feet_due, not_(examined)),
            unless=any_of(
                too_early,
                examination_not_wanted,
                both_feet_absent,
                ordered(k.codes("foot-examination"), within=pending),
            ),
            notes={
                "one-foot": one_foot_absent,
                "in-remission": in_remission,
                "last-hba1c": all_of(hba1c.known(), not_(hba1c_due)),
                "hba1c-due": hba1c_due,
            },
            only={"hba1c": hba1c_due},
        ),
        Recommendation(
            name="atypical-features",
            when=all_of(diabetes, any_of(one_leg, mostly_weak, rapid, with_new_type_1)),
            unless=both_feet_absent,
            notes={
                "one-leg": one_leg,
                "weakness": mostly_weak,
                "rapid": rapid,
                "new-type-1": with_new_type_1,
                "in-remission": in_remission,
            },
        ),
        Recommendation(
            name="diabetes-range-hba1c",
            context=neuropathic_symptom,
            when=all_of(not_diabetic, hba1c_high),
            unless=on_glucose_lowering,
            notes=listed | unlisted | {"glucose-too": raised_glucose, "hba1c-may-mislead": hba1c_may_mislead},
        ),
        Recommendation(
            name="diabetes-range-glucose",
            context=neuropathic_symptom,
            when=all_of(not_diabetic, raised_glucose),
            # A normal HbA1c answers an older glucose, not one that has only now risen.
            unless=any_of(on_glucose_lowering, hba1c_high, all_of(hba1c_normal, not_(newly_raised))),
            caps=(("info", hba1c_normal),),
            notes=listed | unlisted | {"hba1c-normal": hba1c_normal},
        ),
        Recommendation(
            name="prediabetes-range-hba1c",
            context=neuropathic_symptom,
            when=all_of(not_diabetic, hba1c_between),
            unless=any_of(on_glucose_lowering, raised_glucose),
            notes=listed | {"hba1c-may-mislead": hba1c_may_mislead},
        ),
        Recommendation(
            name="prediabetes-range-glucose",
            context=neuropathic_symptom,
            when=all_of(not_diabetic, fasting_between),
            unless=any_of(on_glucose_lowering, hba1c_high, raised_glucose, hba1c_between, hba1c_normal),
            notes=listed,
            only={"hba1c": hba1c_this_year.missing()},
        ),
        Recommendation(
            name="glucose-untested",
            context=neuropathic_symptom,
            when=all_of(not_diabetic, no_result),
            unless=any_of(on_glucose_lowering, hba1c_high, raised_glucose, test_ordered),
            notes={"pregnant": pregnant, "hba1c-may-mislead": hba1c_may_mislead},
        ),
    ),
)
