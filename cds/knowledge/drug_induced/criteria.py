"""Drugs behind leg symptoms: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
A drug that was stopped, completed, never taken, put on the skin or forbidden says nothing here, nor do the neutral ones
(DR-0). Alcohol is named by other topics (DR-6).
"""

from cds.knowledge.patient.criteria import adult_in_care, palliative, pregnant
from cds.knowledge.symptoms.criteria import (
    ache,
    cramp,
    irlssg_met,
    leg_weakness,
    metabolic_gate,
    muscle,
    restless_legs_diagnosed,
    rls,
    said,
)
from cds.reasoning import (
    Criterion,
    Flag,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    all_of,
    any_of,
    complains_of,
    drafting,
    drafting_anew,
    in_hospital,
    latest,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

lookback, pending = k.period("lookback"), k.period("pending")
given_lately = k.period("given_lately")

# Restless legs

sedating_antihistamine = taking(k.codes("rls-sedating-antihistamine"), given_within=given_lately, finished=False)
dopamine_blocking_antiemetic = taking(k.codes("rls-dopamine-antagonist"), given_within=given_lately, finished=False)
antipsychotic = taking(k.codes("rls-antipsychotic"), given_within=given_lately, finished=False)
antidepressant = taking(k.codes("rls-serotonergic-antidepressant"), given_within=given_lately, finished=False)
aggravator = any_of(sedating_antihistamine, dopamine_blocking_antiemetic, antipsychotic, antidepressant)

new_antihistamine = drafting_anew(k.codes("rls-sedating-antihistamine"))
new_antiemetic = drafting_anew(k.codes("rls-dopamine-antagonist"))
new_antipsychotic = drafting_anew(k.codes("rls-antipsychotic"))
new_antidepressant = drafting_anew(k.codes("rls-serotonergic-antidepressant"))
new_aggravator = any_of(new_antihistamine, new_antiemetic, new_antipsychotic, new_antidepressant)

probable = all_of(irlssg_met, not_(restless_legs_diagnosed))

# Statins and muscles

statin = taking(k.codes("statin"), given_within=given_lately, finished=False)
statin_symptom = any_of(muscle, leg_weakness, cramp, ache)
# A symptom that was there before the statin is not laid at its door; without dates nobody knows.
statin_came_first = any_of(
    statin.not_begun_after(muscle),
    statin.not_begun_after(leg_weakness),
    statin.not_begun_after(cramp),
    statin.not_begun_after(ache),
)
weakness = any_of(leg_weakness, complains_of(k.codes("druginduced-weakness"), within=lookback))
dark_urine = complains_of(k.codes("druginduced-dark-urine"), within=lookback)
interacting = taking(k.codes("statin-interaction"))

creatine_kinase = latest(k.codes("creatine-kinase"), within=k.period("creatine_kinase_lookback"))
no_recent_creatine_kinase = latest(k.codes("creatine-kinase"), within=k.period("creatine_kinase_known")).missing()
upper = k.threshold("creatine_kinase_upper")
high = creatine_kinase.at_least_times_range(k.threshold("times_high"), upper)
very_high = creatine_kinase.above_times_range(k.threshold("times_very_high"), upper)
flagged_high = creatine_kinase.flagged(Flag.HIGH, Flag.VERY_HIGH)
creatine_kinase_fresh = creatine_kinase.taken_within(k.period("critical_within"))
creatine_kinase_speaks = affirmed(any_of(high, flagged_high))
creatine_kinase_under_way = ordered(k.codes("creatine-kinase"), within=pending)

tsh_due = all_of(latest(k.codes("tsh"), within=lookback).missing(), not_(in_hospital()))

# Cramps


def before_cramps(name: str, *, given: bool = False) -> Criterion:
    """Give a criterion for a drug that was not begun after the cramps."""
    within = k.period("infusion_lately") if given else given_lately
    return taking(k.codes(name), given_within=within, finished=False).not_begun_after(cramp)


beta_agonist = before_cramps("long-acting-beta-agonist")
potassium_sparing = before_cramps("potassium-sparing-diuretic")
thiazide = before_cramps("thiazide-diuretic")
linked_otherwise = before_cramps("druginduced-cramp-drug", given=True)
cramp_drug = any_of(beta_agonist, potassium_sparing, thiazide, linked_otherwise)

PLAN = Plan(
    knowledge=k,
    for_whom=adult_in_care,
    context=metabolic_gate,
    mutes=palliative,
    shows={
        "aggravators": aggravator,
        "ordered_drug": new_aggravator,
        "creatine_kinase": creatine_kinase,
        "interacting": interacting,
        "cramp_drugs": cramp_drug,
    },
    recommends=(
        Recommendation(
            name="creatine-kinase-very-high",
            when=all_of(statin, very_high, creatine_kinase_fresh),
            unless=palliative,  # G-6: in palliative care not even a critical card of this topic
            notes={"interacting": interacting, "exertion": said("new-activity"), "pregnant": pregnant},
        ),
        Recommendation(
            name="creatine-kinase-once-very-high",
            when=all_of(statin, very_high, not_(creatine_kinase_fresh)),
            notes={"interacting": interacting, "exertion": said("new-activity"), "pregnant": pregnant},
        ),
        Recommendation(
            name="creatine-kinase-high",
            when=all_of(statin, high),
            unless=very_high,
            notes={
                "interacting": interacting,
                "dark-urine": dark_urine,
                "exertion": said("new-activity"),
                "pregnant": pregnant,
            },
        ),
        Recommendation(
            name="creatine-kinase-flagged",
            when=all_of(statin, flagged_high),
            raises=(("warning", creatine_kinase.flagged(Flag.VERY_HIGH)),),
            notes={"interacting": interacting, "dark-urine": dark_urine, "pregnant": pregnant},
        ),
        Recommendation(
            name="statin-and-dark-urine",
            # Dark urine stands in words only: words make the context (G-7), the statin and the missing test prove.
            context=all_of(statin_symptom, dark_urine),
            when=all_of(statin_came_first, no_recent_creatine_kinase),
            unless=any_of(creatine_kinase_speaks, creatine_kinase_under_way),
            notes={"interacting": interacting, "pregnant": pregnant},
            only={"tsh": tsh_due},
        ),
        Recommendation(
            name="statin-and-muscle-symptoms",
            context=statin_symptom,
            when=all_of(statin_came_first, no_recent_creatine_kinase),
            unless=any_of(creatine_kinase_speaks, creatine_kinase_under_way, affirmed(dark_urine)),
            raises=(("warning", weakness), ("warning", interacting)),
            notes={"weakness": weakness, "interacting": interacting, "pregnant": pregnant},
            only={"tsh": tsh_due},
        ),
        Recommendation(
            name="aggravates-restless-legs",
            context=rls,
            when=aggravator,
            notes={
                "antidepressant": antidepressant,
                "akathisia": any_of(dopamine_blocking_antiemetic, antipsychotic),
                "probable": probable,
                "pregnant": pregnant,
            },
        ),
        Recommendation(
            name="linked-to-cramps",
            context=cramp,
            when=cramp_drug,
            notes={
                "beta-agonist": beta_agonist,
                "potassium-sparing": potassium_sparing,
                "thiazide": thiazide,
                "others": linked_otherwise,
                "pregnant": pregnant,
            },
        ),
        Recommendation(
            name="aggravator-ordered",
            # Restless legs are what makes the order worth a word; that they stand in words only is no less a reason.
            order=all_of(
                any_of(
                    drafting(k.codes("rls-sedating-antihistamine")),
                    drafting(k.codes("rls-dopamine-antagonist")),
                    drafting(k.codes("rls-antipsychotic")),
                    drafting(k.codes("rls-serotonergic-antidepressant")),
                ),
                rls,
            ),
            when=new_aggravator,
            notes={
                "antihistamine": new_antihistamine,
                "antiemetic": new_antiemetic,
                "antipsychotic": new_antipsychotic,
                "antidepressant": new_antidepressant,
                "probable": probable,
                "pregnant": pregnant,
            },
        ),
    ),
)
