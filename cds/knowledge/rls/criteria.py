"""Restless legs: whom each recommendation is for.

Look-backs, sources and wording: plan.toml. Codes: valuesets/ of other folders. Proof: cases.toml.
Low iron is the topic `iron`, drugs that aggravate are `drug_induced`: with iron known and no dopaminergic drug there is
nothing to say here (RL-0).
"""

from cds.knowledge.patient.criteria import adult_in_care, advanced_kidney_disease, palliative, pregnant
from cds.knowledge.symptoms.criteria import (
    at_night,
    at_rest,
    irlssg_met,
    metabolic_gate,
    movement_does_not_help,
    relieved_by_moving,
    restless_legs_diagnosed,
    rls,
    said,
    urge,
)
from cds.reasoning import (
    TRANSFERRIN_SATURATION,
    Knowledge,
    Plan,
    Recommendation,
    all_of,
    any_of,
    has,
    latest,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

lookback, pending = k.period("lookback"), k.period("pending")
ferritin = latest(k.codes("ferritin"), within=lookback)
saturation = latest(k.codes("transferrin-saturation"), within=lookback, derivations=TRANSFERRIN_SATURATION)
ferritin_under_way = ordered(k.codes("ferritin"), within=pending)
saturation_under_way = any_of(
    ordered(k.codes("transferrin-saturation"), within=pending),
    all_of(
        ordered(k.codes("iron"), within=pending),
        ordered(k.codes("iron-binding-capacity"), within=pending),
    ),
)
ferritin_cared_for = any_of(not_(ferritin.missing()), ferritin_under_way)
saturation_cared_for = any_of(not_(saturation.missing()), saturation_under_way)
iron_overload = has(k.codes("iron-overload"))

dopaminergic = taking(k.codes("rls-dopaminergic"))
parkinson = has(k.codes("parkinson"), confirmed=True)

in_context = {  # RL-4
    "probable": all_of(irlssg_met, not_(restless_legs_diagnosed)),
    "kidney": advanced_kidney_disease,
    "pregnant": pregnant,
}

PLAN = Plan(
    knowledge=k,
    for_whom=adult_in_care,
    context=metabolic_gate,
    mutes=palliative,
    recommends=(
        Recommendation(
            name="dopaminergic-drug",
            when=all_of(rls, dopaminergic),
            unless=parkinson,
            raises=(
                ("warning", any_of(dopaminergic.for_at_least(k.period("long_treatment")), said("trend", "worse"))),
            ),
            notes=in_context,
        ),
        # Each half of the iron studies is suggested only where it is neither known nor under way.
        Recommendation(
            name="iron-studies-not-found",
            when=all_of(rls, ferritin.missing(), saturation.missing()),
            unless=any_of(ferritin_under_way, saturation_under_way, iron_overload),
            notes=in_context,
        ),
        Recommendation(
            name="ferritin-not-found",
            when=all_of(rls, ferritin.missing(), saturation_cared_for),
            unless=any_of(ferritin_under_way, iron_overload),
            notes=in_context,
        ),
        Recommendation(
            name="saturation-not-found",
            when=all_of(rls, saturation.missing(), ferritin_cared_for),
            unless=any_of(saturation_under_way, iron_overload),
            notes=in_context,
        ),
        Recommendation(
            name="criteria-half-told",
            when=all_of(urge, at_rest, at_night),
            # Either answer about moving settles it; only an open one leaves something to ask.
            unless=any_of(relieved_by_moving, movement_does_not_help, restless_legs_diagnosed),
            notes={"pregnant": pregnant},
        ),
    ),
)
