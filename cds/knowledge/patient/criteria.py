"""Who the patient is, in criteria that several topics share.

Limits and look-backs: plan.toml. Codes: valuesets/.
"""

from cds.reasoning import (
    Criterion,
    Knowledge,
    affirmed,
    aged,
    all_of,
    answers,
    any_of,
    done,
    ever_had,
    has,
    in_care,
    sex_is,
    younger_than,
)

k = Knowledge.beside(__file__)

cared_for = in_care()
adult = aged(k.threshold("adult"))
child = younger_than(k.threshold("adult"))
"""For topics that are weighed although the age is unknown."""
adult_in_care = all_of(cared_for, adult).called("an adult in care")
male = sex_is("male")
female = sex_is("female")
pregnant = any_of(
    has(k.codes("pregnancy")),
    answers(k.codes("pregnancy-status"), k.codes("pregnancy"), within=k.period("pregnancy_status")),
).called("pregnant")
palliative = has(k.codes("palliative-care"))

diabetes = has(k.codes("diabetes"))
anaemia_diagnosed = has(k.codes("anaemia"))
dialysis = any_of(
    has(k.codes("dialysis")), affirmed(done(k.codes("dialysis"), within=k.period("dialysed_lately"), aside=True))
).called("dialysis")
advanced_kidney_disease = any_of(has(k.codes("ckd-stage-4-5")), dialysis).called("advanced kidney disease")

older = aged(k.threshold("older"))
"""Of an age that is a risk in itself."""


def _absent(name: str) -> Criterion:
    return any_of(ever_had(k.codes(name)), done(k.codes(name)))


left_leg_absent = _absent("leg-absent-left")
right_leg_absent = _absent("leg-absent-right")
both_legs_absent = any_of(_absent("both-legs-absent"), all_of(left_leg_absent, right_leg_absent))
both_feet_absent = any_of(
    _absent("both-legs-absent"), all_of(_absent("foot-absent-left"), _absent("foot-absent-right"))
)
one_foot_absent = any_of(_absent("foot-absent-left"), _absent("foot-absent-right"))
"""One at least; where both may be missing, ask for that first."""
