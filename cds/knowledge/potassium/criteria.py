"""Potassium: whom each recommendation is for.

Limits, sources and wording: plan.toml. Codes: valuesets/. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import (
    advanced_kidney_disease,
    cared_for,
    child,
    dialysis,
    palliative,
    pregnant,
)
from cds.knowledge.symptoms.criteria import cramp, leg_weakness, metabolic_gate, muscle
from cds.reasoning import (
    Flag,
    Knowledge,
    Plan,
    Recommendation,
    affirmed,
    age_known,
    all_of,
    any_of,
    complains_of,
    has,
    latest,
    latest_even_preliminary,
    latest_near,
    not_,
    ordered,
    taking,
)

k = Knowledge.beside(__file__)

of_known_age = age_known()
"""With children set aside by the plan, an adult."""

lookback, same_sample = k.period("lookback"), k.period("same_sample")
potassium = latest(k.codes("potassium"), within=lookback)
early = latest_even_preliminary(k.codes("potassium"), within=lookback)
magnesium = latest(k.codes("magnesium"), within=lookback)
creatinine = latest(k.codes("creatinine"), within=lookback)
calcium, corrected_calcium, phosphatase = (
    latest_near(k.codes(name), within=lookback, near=potassium, near_within=same_sample)
    for name in ("calcium", "corrected-calcium", "alkaline-phosphatase")
)

severely_low = potassium.below(k.threshold("severely_low"))
very_low = potassium.below(k.threshold("very_low"))
low = potassium.below_range(k.threshold("low"))
high = potassium.at_least(k.threshold("high"))
very_high = potassium.at_least(k.threshold("very_high"))
severely_high = potassium.at_least(k.threshold("severely_high"))
flagged_low = potassium.flagged(Flag.LOW, Flag.VERY_LOW)
flagged_high = potassium.flagged(Flag.HIGH, Flag.VERY_HIGH)
recent = potassium.taken_within(k.period("recent"))

# DS-1: a preliminary result counts in the critical band only, and never above a warning.
preliminary_low = all_of(early.unreleased(), early.below(k.threshold("severely_low")))
preliminary_high = all_of(early.unreleased(), early.at_least(k.threshold("severely_high")))

digoxin = taking(k.codes("digoxin"))
prolonging_qt = taking(k.codes("potassium-qt-drug"))
fallen = potassium.fell_by_more_than(k.threshold("fall"))
lowering = taking(k.codes("potassium-lowering"))
raising = taking(k.codes("potassium-raising"))
on_potassium = taking(k.codes("potassium-replacement"))
raising_or_potassium = any_of(raising, on_potassium)
kidney_disease = any_of(has(k.codes("chronic-kidney-disease")), advanced_kidney_disease)
risk = any_of(
    lowering,
    all_of(raising, kidney_disease),
    complains_of(k.codes("dehydration-vomiting-or-diarrhoea"), within=k.period("losses")),
    has(k.codes("potassium-laxative-abuse")),
)
haemolysed = potassium.haemolysed()
kidney_injury = creatinine.risen(k.threshold("injury"), k.period("injury_span"))
contaminated = all_of(  # EDTA binds calcium and brings potassium with it (DS-19)
    high,
    any_of(calcium.below(k.threshold("calcium_very_low")), corrected_calcium.below(k.threshold("calcium_very_low"))),
    phosphatase.below_range(k.threshold("phosphatase_low")),
)

of_anybody = {"pregnant": pregnant, "kidney-injury": kidney_injury}
of_low = {
    "despite-potassium": on_potassium,
    "lowering": lowering,
    "digoxin": digoxin,
    "qt": prolonging_qt,
    "fallen": fallen,
    "known": has(k.codes("potassium-low-diagnosed")),
    **of_anybody,
}
of_high = {
    "contaminated": contaminated,
    "raising": raising_or_potassium,
    "digoxin": digoxin,
    "dialysis": dialysis,
    "known": has(k.codes("potassium-high-diagnosed")),
    **of_anybody,
}
older = {"not-recent": not_(recent)}
low_in_haemolysis = {"haemolysed": haemolysed}
dangerous_together = (("warning", digoxin), ("warning", prolonging_qt))
in_comfort_care = {"goals": palliative}
magnesium_due = {"magnesium": any_of(magnesium.missing(), not_(magnesium.taken_within(k.period("recent"))))}

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,  # where the age is unknown, the critical band alone is weighed: all else asks for an adult
    context=metabolic_gate,
    mutes=palliative,
    shows={
        "potassium": potassium,
        "fallen": fallen,
        "early": early,
        "lowering": lowering,
        "raising": raising_or_potassium,
        "prolonging_qt": prolonging_qt,
        "risk": (risk,),
    },
    recommends=(
        Recommendation(
            name="severely-low",
            when=all_of(severely_low, recent),
            notes={**low_in_haemolysis, **of_low, **in_comfort_care},
            only=magnesium_due,
        ),
        Recommendation(
            name="severely-high",
            when=all_of(severely_high, recent),
            unless=haemolysed,
            notes={**of_high, **in_comfort_care},
        ),
        Recommendation(
            name="severely-low-preliminary",
            when=preliminary_low,
            unless=affirmed(all_of(severely_low, recent)),
            notes={"haemolysed": early.haemolysed(), **of_anybody},
            only=magnesium_due,
        ),
        Recommendation(
            name="severely-high-preliminary",
            when=preliminary_high,
            unless=affirmed(all_of(severely_high, recent)),
            notes={"haemolysed": early.haemolysed(), "dialysis": dialysis, **of_anybody},
        ),
        Recommendation(
            name="severely-low-not-recent",
            when=all_of(severely_low, not_(recent)),
            notes={**low_in_haemolysis, **of_low},
            only=magnesium_due,
        ),
        Recommendation(
            name="severely-high-not-recent",
            when=all_of(severely_high, not_(recent)),
            unless=haemolysed,
            notes=of_high,
        ),
        Recommendation(
            name="high-in-haemolysis",
            when=all_of(high, haemolysed, any_of(severely_high, of_known_age)),
            raises=(("warning", very_high), *dangerous_together),
            notes={"ecg": very_high, **of_high, "qt": prolonging_qt},
            only={"electrocardiogram": very_high},
        ),
        Recommendation(
            name="very-low",
            when=all_of(very_low, of_known_age),
            unless=severely_low,
            notes={**low_in_haemolysis, **of_low, **older},
            only=magnesium_due,
        ),
        Recommendation(
            name="very-high",
            when=all_of(very_high, of_known_age),
            unless=any_of(severely_high, haemolysed),
            notes={**of_high, **older},
        ),
        Recommendation(
            name="low",
            when=all_of(low, of_known_age),
            unless=any_of(flagged_low, very_low),
            raises=(*dangerous_together, ("warning", fallen)),
            notes={**low_in_haemolysis, **of_low, **older},
            only=magnesium_due,
        ),
        Recommendation(
            name="high",
            when=all_of(high, of_known_age),
            unless=any_of(very_high, haemolysed),
            raises=dangerous_together,
            notes={**of_high, "qt": prolonging_qt, **older},
        ),
        Recommendation(
            name="flagged-low",
            when=all_of(flagged_low, of_known_age),
            raises=(("warning", potassium.flagged(Flag.VERY_LOW)),),
            notes={**low_in_haemolysis, **of_low, **older},
            only=magnesium_due,
        ),
        Recommendation(
            name="flagged-high",
            when=all_of(flagged_high, of_known_age),
            raises=(("warning", potassium.flagged(Flag.VERY_HIGH)),),
            notes={"haemolysed": haemolysed, **of_high, **older},
        ),
        Recommendation(
            name="potassium-due",
            when=all_of(risk, potassium.missing(), of_known_age),
            unless=ordered(k.codes("potassium"), within=k.period("pending")),
            context=any_of(cramp, muscle, leg_weakness),
            notes={"pregnant": pregnant},
        ),
    ),
)
