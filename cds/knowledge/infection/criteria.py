"""Infection of the leg: whom each recommendation is for.

What is seen on the leg is the context, so that words do for it. What makes an emergency of it must be certain; short of
an emergency words carry a warning.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, diabetes, palliative
from cds.knowledge.symptoms.criteria import ache, gate, leg_pain_scored, said, swelling, swollen_both_sides
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    answered,
    any_of,
    at_least,
    certain,
    complains_of,
    done,
    ever_had,
    has,
    highest,
    in_hospital,
    latest,
    newly,
    not_,
    not_before,
    scored,
    taking,
)

k = Knowledge.beside(__file__)

_vitals = k.period("vitals_lookback")
_blood = k.period("blood_lookback")
_fresh = k.period("red_flag_answer")
_stale = k.period("old_answer")
_episode = k.period("episode")
_lately = k.period("coded_lately")


def present(name: str) -> Criterion:
    """Give a criterion for a sign of this episode, or one without a date."""
    return complains_of(k.codes(name), within=_episode)


def dated(name: str, period: str) -> Criterion:
    """Give a criterion for a diagnosis that began, was recorded or brought the patient in the period."""
    codes, within = k.codes(name), k.period(period)
    return any_of(has(codes, within=within, dated=True), newly(codes, within=within))


# Fever and failing circulation. Results without a date prove nothing here.

peak = highest(k.codes("body-temperature"), within=_vitals)
temperature = latest(k.codes("body-temperature"), within=_vitals)
heart_rate = latest(k.codes("heart-rate"), within=_vitals)
breathing = latest(k.codes("respiratory-rate"), within=_vitals)
pressure = latest(k.codes("systolic-pressure"), within=_vitals)
white_cells = latest(k.codes("leukocytes"), within=_blood)
lactate = latest(k.codes("lactate"), within=_blood)

fever_measured = all_of(peak.taken_within(_vitals), peak.at_least(k.threshold("fever")))
fever = any_of(fever_measured, answered("fever", within=_fresh), newly(k.codes("fever"), within=_vitals))
hot = all_of(peak.taken_within(_vitals), peak.above(k.threshold("fever")))
cold = all_of(temperature.taken_within(_vitals), temperature.below(k.threshold("cold")))
fast_heart = all_of(heart_rate.taken_within(_vitals), heart_rate.above(k.threshold("fast_heart")))
fast_breathing = all_of(breathing.taken_within(_vitals), breathing.above(k.threshold("fast_breathing")))
odd_white_cells = all_of(
    white_cells.taken_within(_blood),
    any_of(white_cells.above(k.threshold("many_white_cells")), white_cells.below(k.threshold("few_white_cells"))),
)
low_pressure = all_of(pressure.taken_within(_vitals), pressure.below(k.threshold("low_pressure")))
high_lactate = all_of(lactate.taken_within(_blood), lactate.above(k.threshold("high_lactate")))

sirs = at_least(2, any_of(hot, cold), fast_heart, fast_breathing, odd_white_cells)
beyond_fever = any_of(cold, fast_heart, fast_breathing, odd_white_cells, low_pressure, high_lactate)
systemic = any_of(fever, beyond_fever)

# What is seen on the leg

both_sided = any_of(said("side", "both"), present("infection-both-sided"))
dermatitis = all_of(has(k.codes("venous-skin-change")), not_(affirmed(has(k.codes("venous-open-ulcer")))))
painful_or_swollen = any_of(ache, swelling, said("leg-symptom"), leg_pain_scored)


def red_by_form(within: str) -> Criterion:
    """Give a criterion for red, warm skin by the form."""
    return answered("skin", "red-warm", within=k.period(within))


site_named = any_of(dated("infection-of-leg-skin", "episode"), dated("infection-of-skin-at-leg", "episode"))
site_open = all_of(dated("infection-of-skin-any-site", "episode"), painful_or_swollen)
skin_infection = any_of(site_named, site_open)
undated_skin_infection = any_of(
    present("infection-of-leg-skin"),
    present("infection-of-skin-at-leg"),
    all_of(present("infection-of-skin-any-site"), painful_or_swollen),
)
redness = any_of(red_by_form("red_flag_answer"), present("infection-leg-redness"))
red_leg = any_of(all_of(redness, not_(affirmed(both_sided))), undated_skin_infection)
red_legs = all_of(redness, affirmed(both_sided), not_(affirmed(dermatitis)))
red = any_of(red_leg, red_legs)

foot_ulcer = any_of(
    has(k.codes("infection-foot-ulcer")), all_of(answered("skin", "wound-2-weeks", within=_fresh), said("site", "foot"))
)
diabetic_foot = all_of(diabetes, foot_ulcer, fever)
wound = any_of(
    foot_ulcer,
    has(k.codes("tissue-loss")),
    has(k.codes("venous-open-ulcer")),
    answered("skin", "wound-2-weeks", within=_fresh),
)
necrosis_sign = any_of(answered("skin", "black", within=_fresh), present("infection-necrosis-sign"))
one_leg_swollen = any_of(
    answered("swelling", "one-leg", within=_fresh),
    present("leg-swelling-one-sided"),
    present("infection-joint-swelling"),
)

pain = latest(k.codes("pain-score"), within=_vitals)
leg_pain = latest(k.codes("leg-pain-score"), within=_vitals)
extreme = k.threshold("extreme_pain")
extreme_pain = any_of(
    scored("pain-score", at_least=extreme, within=_fresh),
    all_of(pain.taken_within(_vitals), pain.at_least(extreme)),
    all_of(leg_pain.taken_within(_vitals), leg_pain.at_least(extreme)),
    present("infection-pain-out-of-proportion"),
)

joint_pain = any_of(
    complains_of(k.codes("knee-pain"), within=k.period("symptom_lookback")),
    complains_of(k.codes("hip-pain"), within=k.period("symptom_lookback")),
    said("joint", "knee", "hip"),
    said("site", "knee", "hip"),
)
joint_swelling = any_of(
    one_leg_swollen,
    all_of(any_of(present("leg-swelling"), present("swelling-any-site")), not_(affirmed(swollen_both_sides))),
)
hot_joint = all_of(joint_pain, joint_swelling)
prosthesis = any_of(ever_had(k.codes("infection-joint-prosthesis")), done(k.codes("infection-joint-prosthesis")))

# Treatment: an antibiotic that began with this episode, or whose beginning is not known

antibiotic = taking(k.codes("infection-antibiotic"), given_within=k.period("dose_lookback"), finished=False)
older_antibiotic = affirmed(antibiotic.for_at_least(k.period("older_course")))
treated = any_of(
    all_of(antibiotic, not_(older_antibiotic)),
    affirmed(not_before(antibiotic, any_of(skin_infection, redness))),
)

# Emergencies, each with what must be certain

weak_defence = any_of(
    has(k.codes("kidney-transplant")),
    has(k.codes("infection-weak-defence")),
    taking(k.codes("radiculopathy-immunosuppressant")),
    complains_of(k.codes("infection-chemotherapy"), within=k.period("chemotherapy_lookback")),
)
severity = certain(
    any_of(
        sirs,
        low_pressure,
        high_lactate,
        dated("infection-sepsis", "coded_lately"),
        diabetic_foot,
        all_of(weak_defence, any_of(fever, not_(affirmed(treated)))),
    )
)
infected = any_of(all_of(red, fever), skin_infection, diabetic_foot)
admitted = in_hospital()

necrotising_dated = certain(dated("infection-necrotising", "coded_lately"))
necrotising_coded = certain(complains_of(k.codes("infection-necrotising"), within=_lately))
septic_dated = certain(dated("infection-septic-joint", "coded_lately"))
septic_coded = certain(complains_of(k.codes("infection-septic-joint"), within=_lately))
too_painful = all_of(red, extreme_pain)
bone_infection = dated("infection-of-leg-bone", "episode")

necrotising = any_of(necrotising_dated, all_of(too_painful, certain(systemic)), all_of(necrosis_sign, certain(fever)))
septic_joint = any_of(septic_dated, all_of(hot_joint, certain(fever)))
severe = all_of(infected, severity, not_(affirmed(admitted)))
emergency = affirmed(any_of(necrotising, septic_joint, severe))

in_words = any_of(
    all_of(complains_of(k.codes("infection-necrotising"), within=_lately), not_(necrotising_coded)),
    all_of(complains_of(k.codes("infection-septic-joint"), within=_lately), not_(septic_coded)),
)
in_words_at_leg = all_of(complains_of(k.codes("infection-necrotising-at-leg"), within=_lately), not_(necrotising_coded))
danger_in_words = any_of(present("infection-danger-in-words"), has(k.codes("infection-danger-in-words")))

# Signs that go with fever but are not redness of one leg

other_sign = any_of(one_leg_swollen, wound, necrosis_sign, red_legs)

# Answers that are to be asked for again

red_lately = any_of(red, all_of(red_by_form("old_answer"), not_(affirmed(both_sided))))
fever_lately = any_of(fever, answered("fever", within=_stale))
answered_before = any_of(
    all_of(red_lately, fever_lately),
    all_of(
        red_lately,
        any_of(extreme_pain, scored("pain-score", at_least=extreme, within=_stale)),
        any_of(systemic, fever_lately),
    ),
    all_of(any_of(necrosis_sign, answered("skin", "black", within=_stale)), fever_lately),
    all_of(joint_pain, any_of(joint_swelling, answered("swelling", "one-leg", within=_stale)), fever_lately),
)

everyone = {"child": child, "diabetes": diabetes, "danger-in-words": danger_in_words}
critical = {"child": child, "goals": palliative, "diabetes": all_of(diabetes, not_(affirmed(diabetic_foot)))}
blood_count_lacks = not_(affirmed(white_cells.taken_within(_blood)))
lactate_lacks = not_(affirmed(lactate.taken_within(_blood)))
under_treatment = all_of(treated, not_(affirmed(beyond_fever)))

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=gate,
    mutes=palliative,
    recommends=(
        Recommendation(
            name="necrotising-infection-on-record",
            when=necrotising_coded,
            context=necrotising_coded,
            caps=(("warning", not_(necrotising_dated)),),
            notes={**critical, "undated": not_(necrotising_dated)},
        ),
        Recommendation(
            name="pain-out-of-proportion",
            when=certain(systemic),
            unless=affirmed(necrotising_dated),
            context=too_painful,
            notes=critical,
        ),
        Recommendation(
            name="dying-skin",
            when=certain(fever),
            unless=affirmed(any_of(necrotising_dated, all_of(too_painful, certain(systemic)))),
            context=necrosis_sign,
            notes=critical,
        ),
        Recommendation(
            name="septic-joint-on-record",
            when=septic_coded,
            context=septic_coded,
            caps=(("warning", not_(septic_dated)),),
            notes={**critical, "undated": not_(septic_dated), "prosthesis": prosthesis},
        ),
        Recommendation(
            name="hot-joint",
            when=certain(fever),
            unless=affirmed(septic_dated),
            context=hot_joint,
            notes={**critical, "prosthesis": prosthesis},
            only={"full-blood-count": blood_count_lacks},
        ),
        Recommendation(
            name="severe-infection",
            when=severity,
            unless=any_of(admitted, affirmed(necrotising), affirmed(septic_joint)),
            context=infected,
            notes={
                **critical,
                "foot": diabetic_foot,
                "weak-defence": weak_defence,
                "treated": treated,
            },
            only={"full-blood-count": blood_count_lacks, "lactate": lactate_lacks},
        ),
        Recommendation(
            name="red-leg-with-fever",
            when=not_(emergency),
            context=all_of(red_leg, fever),
            caps=(("info", under_treatment),),
            notes={
                **everyone,
                "severe-in-hospital": all_of(severity, admitted),
                "treated": treated,
                "older-antibiotic": older_antibiotic,
                "dermatitis": dermatitis,
                "wound": wound,
            },
            only={"full-blood-count": blood_count_lacks, "wound-examination": wound},
        ),
        Recommendation(
            name="skin-infection-on-record",
            when=not_(emergency),
            unless=any_of(treated, affirmed(fever)),
            context=skin_infection,
            notes={
                **everyone,
                "severe-in-hospital": all_of(severity, admitted),
                "site-open": not_(affirmed(site_named)),
                "older-antibiotic": older_antibiotic,
                "wound": wound,
            },
            only={"full-blood-count": blood_count_lacks, "wound-examination": wound},
        ),
        Recommendation(
            name="bone-infection-on-record",
            when=not_(emergency),
            unless=treated,
            context=bone_infection,
            notes=everyone,
            only={"full-blood-count": blood_count_lacks},
        ),
        Recommendation(
            name="leg-sign-with-fever",
            when=not_(emergency),
            unless=affirmed(red_leg),
            context=all_of(other_sign, fever),
            caps=(("info", under_treatment),),
            notes={**everyone, "one-sided": one_leg_swollen, "both-sided": red_legs, "treated": treated},
            only={"full-blood-count": blood_count_lacks, "wound-examination": wound},
        ),
        Recommendation(
            name="emergency-in-words",
            when=not_(emergency),
            context=any_of(all_of(in_words, gate), in_words_at_leg),
            notes={"child": child, "prosthesis": prosthesis},
        ),
        Recommendation(
            name="ask-again",
            when=answered_before,
            unless=any_of(emergency, affirmed(all_of(any_of(red_leg, other_sign), fever))),
            notes={"child": child, "diabetes": diabetes},
        ),
    ),
)
