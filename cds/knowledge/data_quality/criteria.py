"""Data quality: results that no topic could use, and tests that are ordered twice.

Sources and wording: plan.toml. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative
from cds.knowledge.symptoms.criteria import metabolic_gate
from cds.reasoning import Knowledge, Plan, Recommendation, any_of, drafted_twice, drafting, latest, unreadable

k = Knowledge.beside(__file__)

lookback = k.period("lookback")
# What the topics ask for. Two legs of one time are looked at both, though a topic may do with the one that can be read.
measured = """
ankle-brachial-index toe-brachial-index ferritin transferrin-saturation haemoglobin crp b12 active-b12 methylmalonate
tsh free-t4 hba1c glucose egfr creatinine urea potassium sodium magnesium calcium corrected-calcium ionised-calcium
vitamin-d osmolality creatine-kinase urine-albumin-creatinine d-dimer body-temperature
""".split()  # noqa: SIM905 - names read better as words
results = unreadable(*(latest(k.codes(name), within=lookback) for name in measured))

# Tests of which one is enough; blood counts, kidney values and electrolytes are rightly ordered again and again.
ordered_once = [
    k.codes(name)
    for name in ("ferritin", "transferrin-saturation", "b12", "tsh", "hba1c", "vitamin-d", "creatine-kinase")
]
at_hand = any_of(*(drafting(test) for test in ordered_once))

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,
    context=metabolic_gate,
    mutes=palliative,
    shows={"results": results, "test": at_hand},
    recommends=(
        Recommendation(name="verify-result", when=results),
        Recommendation(
            name="already-ordered", order=at_hand, when=drafted_twice(ordered_once, within=k.period("pending"))
        ),
    ),
)
