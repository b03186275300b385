"""Osteoarthritis of hip and knee: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative
from cds.knowledge.symptoms.criteria import leg_pain_scored, said
from cds.reasoning import (
    Criterion,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    aged,
    all_of,
    any_of,
    complains_of,
    done,
    drafting,
    ever_had,
    has,
    latest,
    not_,
    ordered,
)

k = Knowledge.beside(__file__)

lately = k.period("symptom_lookback")


def complaint(name: str) -> Criterion:
    """Give a criterion for a symptom of the look-back."""
    return complains_of(k.codes(name), within=lately)


# The pain that brings the patient: cramps, numbness or an aching foot alone are not what a hip or knee refers

joint_pain = any_of(complaint("hip-pain"), complaint("knee-pain"))
foot_only = all_of(said("site", "foot"), not_(said("site", "calf", "thigh", "buttock", "knee", "hip")))
joint_answered = said("joint", "hip", "knee")
answered_pain = any_of(
    joint_answered,
    said("site", "calf", "thigh", "buttock", "knee", "hip"),
    all_of(said("leg-symptom"), not_(affirmed(foot_only))),
)
charted_pain = any_of(
    complaint("osteoarthritis-leg-pain"), complaint("exertional-leg-pain"), complaint("night-pain"), joint_pain
)
pain = any_of(charted_pain, answered_pain, leg_pain_scored)

# Joints


def listed(name: str) -> Criterion:
    """Give a criterion for an osteoarthritis on the problem list."""
    return has(k.codes(f"osteoarthritis-{name}"))


def replaced(name: str) -> Criterion:
    """Give a criterion for an artificial joint, as a status or by the operation."""
    codes = k.codes(f"osteoarthritis-{name}")
    return any_of(ever_had(codes), done(codes))


class Joint:
    """A pair of joints: its osteoarthritis, its prostheses, and what is left of it.

    A prosthesis of a side that is not said is the one of the joint that is coded; of both, it leaves one.
    """

    def __init__(self, name: str) -> None:
        """Ask about both sides, and about one that is not said."""
        self.left, self.right = listed(f"{name}-left"), listed(f"{name}-right")
        self.somewhere = any_of(listed(f"{name}-side-unknown"), listed(f"at-{name}"))
        self.diagnosed = any_of(self.left, self.right, self.somewhere)
        self.left_replaced, self.right_replaced = replaced(f"{name}-replaced-left"), replaced(f"{name}-replaced-right")
        one_replaced = replaced(f"{name}-replaced-side-unknown")
        self.replaced = any_of(self.left_replaced, self.right_replaced, one_replaced)
        left_gone = any_of(self.left_replaced, all_of(one_replaced, not_(self.right)))
        right_gone = any_of(self.right_replaced, all_of(one_replaced, not_(self.left)))
        self.remains = any_of(
            all_of(self.left, not_(left_gone)),
            all_of(self.right, not_(right_gone)),
            all_of(self.somewhere, not_(self.replaced)),
        )


hip, knee = Joint("hip"), Joint("knee")
many_joints = listed("many-joints")
diagnosed = any_of(hip.diagnosed, knee.diagnosed, many_joints)
all_four_replaced = all_of(hip.left_replaced, hip.right_replaced, knee.left_replaced, knee.right_replaced)
remains = any_of(hip.remains, knee.remains, all_of(many_joints, not_(all_four_replaced)))
prosthesis = any_of(hip.replaced, knee.replaced)

# What does not fit osteoarthritis

injury = any_of(said("injury"), has(k.codes("osteoarthritis-injury"), within=k.period("recent_injury"), dated=True))
temperature = latest(k.codes("body-temperature"), within=k.period("temperature_lookback"))
hot_joint = any_of(
    said("skin", "red-warm"),
    said("fever"),
    has(k.codes("fever"), within=k.period("recent_fever"), dated=True),
    temperature.at_least(k.threshold("fever")),
    has(k.codes("osteoarthritis-infected-joint")),
)
long_stiffness = said("stiff", "over-30")
worsening = said("trend", "worse")
at_rest = any_of(said("worse-when", "lying", "night"), complaint("night-pain"))
mimic = has(k.codes("osteoarthritis-mimic"))

# The pattern of NICE: age, pain on activity, no long stiffness

joint = any_of(joint_answered, all_of(joint_pain, not_(affirmed(said("joint", "none")))))
old_enough = aged(k.threshold("typical_age"))
on_activity = said("worse-when", "walking", "after-exercise")
pattern = all_of(old_enough, joint, on_activity, said("stiff", "none", "up-to-30"))
stiff_pattern = all_of(old_enough, joint, on_activity, long_stiffness)

looked_after = any_of(
    ordered(k.codes("referral-physiotherapy"), within=k.period("plan"), completed=True),
    ordered(k.codes("osteoarthritis-orthopaedic-referral"), within=k.period("plan"), completed=True),
)

imaging = drafting(k.codes("osteoarthritis-imaging-order"))

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,
    context=pain,
    mutes=palliative,
    shows={"mimics": mimic, "prostheses": prosthesis},
    recommends=(
        Recommendation(
            name="known-osteoarthritis",
            when=diagnosed,
            unless=any_of(not_(remains), looked_after),
            notes={
                "hot-joint": hot_joint,
                "injury": injury,
                "stiffness": long_stiffness,
                "worsening": worsening,
                "at-rest": at_rest,
                "prosthesis": prosthesis,
                "mimics": mimic,
            },
        ),
        Recommendation(
            name="undiagnosed-osteoarthritis",
            when=all_of(pattern, not_(diagnosed)),
            unless=any_of(affirmed(injury), affirmed(hot_joint)),
            notes={
                "worsening": worsening,
                "at-rest": at_rest,
                "prosthesis": prosthesis,
                "mimics": mimic,
            },
        ),
        Recommendation(
            name="inflammatory-stiffness",
            when=all_of(stiff_pattern, not_(diagnosed)),
            unless=any_of(
                affirmed(injury), affirmed(hot_joint), affirmed(has(k.codes("osteoarthritis-rheumatoid-arthritis")))
            ),
        ),
        Recommendation(
            name="imaging-in-typical-osteoarthritis",
            order=imaging,
            when=any_of(diagnosed, pattern),
            unless=any_of(
                affirmed(injury),
                affirmed(hot_joint),
                affirmed(long_stiffness),
                affirmed(worsening),
                affirmed(prosthesis),
                affirmed(mimic),
            ),
            notes={"at-rest": at_rest},
        ),
    ),
)
