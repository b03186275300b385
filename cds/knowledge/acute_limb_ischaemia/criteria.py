"""Acute threat to a limb, from an artery, a compartment or a fracture: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative
from cds.knowledge.symptoms.criteria import ache, gate, leg_pain_scored, said, told, told_at_least
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    Threshold,
    affirmed,
    aged_answers,
    alarming,
    all_of,
    answers,
    any_of,
    at_least,
    certain,
    charted,
    complains_of,
    done,
    drafting,
    has,
    in_hospital,
    latest,
    newly,
    not_,
    not_before,
    not_charted,
    ordered,
    taking,
    weak_alone,
)

k = Knowledge.beside(__file__)

acute, just_now = k.period("acute"), k.period("injury")
SIDES = ("left", "right")


def lately(name: str) -> Criterion:
    """A sign of the last days, dated, by code or words."""
    return alarming(complains_of(k.codes(name), within=acute, dated=True))


def since(name: str, period: str) -> Criterion:
    """An emergency begun or recorded in the period; a visit for one that the list has had for longer is none."""
    codes, within = k.codes(name), k.period(period)
    fresh = any_of(has(codes, within=within, dated=True), newly(codes, within=within))
    return alarming(all_of(complains_of(codes, within=within, dated=True), fresh))


def without_date(name: str, period: str) -> Criterion:
    """An emergency of which nobody wrote down when it was."""
    codes, within = k.codes(name), k.period(period)
    dated = complains_of(codes, within=within, dated=True)
    return alarming(all_of(complains_of(codes, within=within), not_(affirmed(dated))))


# An artery that is coded as closed. Without a date it may be an old story: then only beside a complaint, as a warning.

coded_lately = since("ali-ischaemia", "acute")
coded = any_of(coded_lately, without_date("ali-ischaemia", "acute"))
reopened = any_of(*(done(k.codes(name), within=acute) for name in ("ali-revascularisation", "arterial-procedure")))
with_the_vascular_team = any_of(in_hospital(k.codes("ali-ischaemia")), in_hospital(k.codes("ali-vascular-service")))
settled = any_of(with_the_vascular_team, not_before(reopened, coded_lately))

# The pattern of sudden leg symptoms. An answer on the onset goes before what the chart dates.

began_long_ago = said("onset", "weeks-2-6", "over-6-weeks")
cold = any_of(told("cold-limb"), lately("ali-cold-limb"))
pale_or_blue = any_of(told("skin", "pale-blue"), lately("ali-pale-or-blue"))
numb = any_of(
    told("numbness", "one-leg"),
    alarming(complains_of(k.codes("ali-numb-leg"), within=acute, side=SIDES, dated=True)),
)
weak = any_of(told("weakness", "new-or-worse", "cannot-move"), lately("leg-weakness"))
pulseless = any_of(
    answers(k.codes("ali-pulse-palpation"), k.codes("ali-pulse-absent"), within=acute), lately("ali-absent-pulse")
)
scored_pain = any_of(leg_pain_scored, told_at_least("pain-score", k.threshold("some_pain")))
pain = any_of(alarming(ache), scored_pain, told("leg-symptom"))
sudden = any_of(told("sudden"), lately("ali-sudden"))
began_lately = any_of(
    told("onset", "within-24h", "days-1-14"),
    all_of(
        any_of(
            lately("leg-ache"), lately("ali-cold-limb"), lately("ali-pale-or-blue"), lately("ali-numb-leg"),
            lately("leg-weakness"), lately("ali-absent-pulse"), lately("ali-sudden"),
        ),
        not_(affirmed(began_long_ago)),
    ),
)  # fmt: skip
six_signs = (
    all_of(pulseless).called("absent pulse"),
    all_of(cold).called("coldness"),
    all_of(pale_or_blue).called("pallor or blueness"),
    all_of(numb).called("numbness"),
    all_of(weak).called("weakness"),
    all_of(pain).called("pain"),
)
signs = at_least(int(k.threshold("signs").value), *six_signs)
pattern = all_of(signs, any_of(sudden, cold), began_lately)
usual_for_the_patient = all_of(
    has(k.codes("ali-raynaud")), said("side", "both"), not_(affirmed(any_of(numb, weak, pulseless)))
)

pattern_explained = any_of(
    affirmed(usual_for_the_patient),
    with_the_vascular_team,
    affirmed(any_of(not_before(reopened, pattern), all_of(coded_lately, not_(settled)))),
)

# Injuries.

injured = any_of(told("injury"), alarming(newly(k.codes("ali-leg-injury"), within=just_now)))
tight_cast = alarming(complains_of(k.codes("ali-tight-cast"), within=just_now, dated=True))
pain_score = latest(k.codes("pain-score"), within=just_now)
leg_pain_score = latest(k.codes("leg-pain-score"), within=just_now)


def in_pain(limit: Threshold) -> Criterion:
    """Pain of that score or more, as answered or as recorded."""
    return any_of(
        told_at_least("pain-score", limit),
        *(all_of(score.at_least(limit), score.taken_within(just_now)) for score in (pain_score, leg_pain_score)),
    )


out_of_proportion = alarming(complains_of(k.codes("ali-pain-out-of-proportion"), within=just_now, dated=True))
too_painful = any_of(in_pain(k.threshold("compartment_pain")), out_of_proportion)


def compartment(*, dated: bool) -> Criterion:
    """A compartment syndrome of the leg, coded or in words."""

    def told_of(name: str) -> Criterion:
        fresh = since(name, "injury")
        return fresh if dated else any_of(fresh, without_date(name, "injury"))

    anywhere = all_of(told_of("ali-compartment-any-site"), gate)
    return any_of(told_of("ali-compartment-syndrome"), told_of("ali-compartment-leg-named"), anywhere)


compartment_coded_lately = compartment(dated=True)
compartment_coded = compartment(dated=False)
compartment_pattern = all_of(any_of(injured, tight_cast), any_of(too_painful, weak, numb))
compartment_feared = any_of(compartment_coded, compartment_pattern)
released = done(k.codes("ali-fasciotomy"), within=acute)

fracture_feared = all_of(told("sudden"), told("injury"), in_pain(k.threshold("fracture_pain")))
x_rayed = any_of(
    done(k.codes("ali-leg-x-ray"), within=just_now),
    ordered(k.codes("ali-leg-x-ray"), within=just_now, completed=True),
)

# What makes an embolus or a closed graft likelier, and what the surgeon will ask.

background = {
    "atrial-fibrillation": has(k.codes("atrial-fibrillation")),
    "embolic-source": has(k.codes("ali-embolic-source")),
    "artery-disease": any_of(
        has(k.codes("pad-diagnosis")), has(k.codes("pad-possible")), has(k.codes("limb-threatening-ischaemia"))
    ),
    "graft": any_of(done(k.codes("arterial-procedure")), has(k.codes("arterial-procedure"))),
    "anticoagulant": taking(k.codes("anticoagulant")),
}


def cautions(found: Criterion) -> dict[str, Criterion]:
    """Give the notes on how a red flag was found, and in whom."""
    return {"in-words": weak_alone(found), "child": child, "goals": palliative}


# Where fresh answers do not suffice, what there is to do is to ask again.

pattern_aged, compartment_aged = aged_answers(pattern), aged_answers(compartment_feared)


artery_feared = any_of(all_of(coded_lately, not_(affirmed(settled))), all_of(pattern, not_(affirmed(settled))))
limb_feared = any_of(artery_feared, all_of(compartment_feared, not_(affirmed(released))))

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    context=gate,
    mutes=palliative,
    shows={"charted": charted(*six_signs), "not_charted": not_charted(*six_signs)},
    recommends=(
        Recommendation(
            name="occlusion-recorded",
            when=coded,
            context=any_of(gate, coded_lately),
            unless=settled,
            caps=(("warning", not_(affirmed(coded_lately))), ("warning", weak_alone(coded))),
            notes=background | cautions(coded) | {"undated": not_(affirmed(certain(coded_lately)))},
        ),
        Recommendation(
            name="acute-pattern",
            when=pattern,
            context=any_of(gate, cold, pale_or_blue, pulseless),
            unless=any_of(affirmed(pattern_aged), pattern_explained),
            caps=(("warning", weak_alone(pattern)),),
            notes=background | cautions(pattern),
        ),
        Recommendation(
            name="acute-pattern-ask-again",
            when=pattern_aged,
            context=any_of(gate, cold, pale_or_blue, pulseless),
            unless=pattern_explained,
            notes={"child": child},
        ),
        Recommendation(
            name="compartment-syndrome",
            when=compartment_feared,
            context=any_of(gate, injured, tight_cast, compartment_coded_lately),
            unless=any_of(released, affirmed(compartment_aged)),
            caps=(
                ("warning", weak_alone(compartment_feared)),
                ("warning", not_(affirmed(any_of(compartment_coded_lately, compartment_pattern)))),
            ),
            notes=cautions(compartment_feared)
            | {
                "tight-cast": tight_cast,
                "anticoagulant": taking(k.codes("anticoagulant")),
                "undated": not_(affirmed(certain(any_of(compartment_coded_lately, compartment_pattern)))),
            },
        ),
        Recommendation(
            name="compartment-syndrome-ask-again",
            when=compartment_aged,
            context=any_of(gate, injured, tight_cast),
            unless=released,
            notes={"child": child},
        ),
        Recommendation(
            name="fracture-suspected",
            when=fracture_feared,
            context=any_of(gate, injured),
            unless=any_of(x_rayed, affirmed(all_of(compartment_feared, not_(released)))),
            notes={"ask-again": aged_answers(fracture_feared), "child": child},
        ),
        Recommendation(
            name="compression-in-limb-threat",
            order=drafting(k.codes("compression-order")),
            when=limb_feared,
            caps=(("warning", weak_alone(limb_feared)),),
            notes={"child": child, "goals": palliative},
        ),
        Recommendation(
            name="outpatient-test-in-limb-threat",
            order=any_of(drafting(k.codes("abi-order")), drafting(k.codes("arterial-duplex-order"))),
            when=artery_feared,
            caps=(("warning", weak_alone(artery_feared)),),
            notes={"child": child, "goals": palliative},
        ),
    ),
)
