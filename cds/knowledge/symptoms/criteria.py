"""The symptom gate and the classes of leg symptoms.

Look-backs: plan.toml. Codes and phrases: valuesets/.
"""

from cds.reasoning import (
    Criterion,
    Knowledge,
    Threshold,
    affirmed,
    all_of,
    answered,
    any_of,
    complains_of,
    has,
    latest,
    not_,
    scored,
)

k = Knowledge.beside(__file__)

_lately = k.period("symptom_lookback")
_intake = k.period("intake_lookback")


def _symptom(name: str) -> Criterion:
    return complains_of(k.codes(name), within=_lately)


def said(item: str, *choices: str) -> Criterion:
    """The intake answers an item so."""
    return answered(item, *choices, within=_intake)


restless_legs_diagnosed = any_of(has(k.codes("restless-legs")), _symptom("restless-legs")).called(
    "restless legs on record"
)
urge = any_of(said("urge-to-move"), _symptom("urge-to-move")).called("an urge to move the legs")
at_rest = said("worse-when", "lying", "sitting-still")
relieved_by_moving = said("better-when", "moving")
at_night = said("worse-when", "night")
irlssg_met = all_of(urge, at_rest, relieved_by_moving, at_night).called("restless legs by the answers (IRLSSG 1 to 4)")
movement_does_not_help = not_(relieved_by_moving)
rls = any_of(restless_legs_diagnosed, irlssg_met).called("restless legs, on record or probable")
"""Restless legs, diagnosed or probable: four of the five IRLSSG criteria; the fifth is the clinician's."""

ache = any_of(
    _symptom("leg-ache"), _symptom("exertional-leg-pain"), _symptom("heavy-legs"), _symptom("night-pain")
).called("leg ache")
leg_cramp = any_of(_symptom("leg-cramp"), _symptom("cramp-any-site"), said("cramp")).called("leg cramps")
muscle = any_of(_symptom("myalgia-weakness"), _symptom("leg-weakness")).called("muscle pain or leg weakness")
numb = said("numbness", "both-feet", "one-leg")
neuropathic = any_of(_symptom("neuropathic-symptom"), numb).called("numbness, tingling or burning")
bone = _symptom("bone-pain")
swelling = any_of(
    _symptom("leg-swelling"),
    _symptom("swelling-any-site"),
    _symptom("leg-swelling-one-sided"),
    _symptom("leg-swelling-both-sided"),
    said("swelling", "one-leg", "both-legs"),
).called("leg swelling")
leg_pain_scored = latest(k.codes("leg-pain-score"), within=k.period("leg_pain_score_lookback")).above(
    k.threshold("some_leg_pain")
)

gate = any_of(
    ache,
    leg_cramp,
    muscle,
    neuropathic,
    bone,
    rls,
    urge,
    swelling,
    _symptom("periodic-limb-movement"),
    said("leg-symptom"),
    leg_pain_scored,
).called("a leg symptom")
"""The complaint without which nothing is said of vessels, nerves and joints."""

tetany = _symptom("tetany")
cramp_of_no_site = all_of(_symptom("cramp-of-no-site"), not_(affirmed(_symptom("cramp-elsewhere")))).called(
    "cramps whose site is not stated"
)
cramp = any_of(leg_cramp, tetany, cramp_of_no_site).called("cramps of the legs or of no stated site")
"""Cramps as minerals, hormones, kidneys and drugs cause them: anywhere, so that a site not stated will do."""
metabolic_gate = any_of(gate, cramp).called("a leg symptom, or cramps whose site is not stated")
"""The complaint without which nothing is said of metabolic causes."""

heavy = _symptom("heavy-legs")
swollen_one_side = any_of(_symptom("leg-swelling-one-sided"), said("swelling", "one-leg"))
swollen_both_sides = any_of(_symptom("leg-swelling-both-sided"), said("swelling", "both-legs"))
leg_weakness = any_of(
    _symptom("leg-weakness"), _symptom("weakness-any-site"), said("weakness", "stable", "new-or-worse", "cannot-move")
)

numb_on_record = any_of(_symptom("neuropathic-symptom"), _symptom("burning-feet"))
"""Numbness, tingling, burning or a neuropathy that the chart states, whatever the answers say."""
weakness_on_record = _symptom("leg-weakness")


def told(item: str, *choices: str) -> Criterion:
    """The intake answers an item so, for red flags: an answer that is no longer fresh warns only, to be asked again."""
    return answered(item, *choices, within=_intake, fresh=k.period("red_flag_answer"))


def told_at_least(item: str, limit: Threshold) -> Criterion:
    """The intake answers an item with such a number, for red flags; see `told`."""
    return scored(item, at_least=limit, within=_intake, fresh=k.period("red_flag_answer"))


cramp_on_record = any_of(_symptom("leg-cramp"), _symptom("cramp-any-site"))
"""Leg cramps that the chart states, whatever the answers say."""

red_flag_answered = affirmed(
    any_of(
        said("bladder-bowel"),
        said("numbness", "saddle"),
        said("swelling", "one-leg"),
        said("cold-limb"),
        said("skin", "red-warm", "pale-blue", "black"),
        said("chest-breath"),
        all_of(said("sudden"), any_of(said("injury"), said("numbness", "one-leg"))),
    )
).called("a red flag among the answers")
"""What the form may say of an emergency, weakness and fever aside: those have more than one meaning."""

sleep_loss = _symptom("sleep-loss")
"""Insomnia or poor sleep: it weighs the severity and opens no gate."""
