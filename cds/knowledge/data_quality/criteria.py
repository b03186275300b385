"""Data quality: results that no topic could use, and tests that are ordered twice.

Sources and wording: plan.toml. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative
from cds.knowledge.symptoms.criteria import gate
from cds.reasoning import Knowledge, Plan, Recommendation, any_of, drafted_twice, drafting, latest, unreadable

k = Knowledge.beside(__file__)

lookback = k.period("lookback")
# What the topics ask for. Two legs of one time are looked at both, though a topic may do with the one that can be read.
results = unreadable(
    latest(k.codes("ankle-brachial-index"), within=lookback),
    latest(k.codes("toe-brachial-index"), within=lookback),
    latest(k.codes("ferritin"), within=lookback),
    latest(k.codes("transferrin-saturation"), within=lookback),
    latest(k.codes("haemoglobin"), within=lookback),
    latest(k.codes("crp"), within=lookback),
    latest(k.codes("b12"), within=lookback),
    latest(k.codes("active-b12"), within=lookback),
    latest(k.codes("methylmalonate"), within=lookback),
    latest(k.codes("tsh"), within=lookback),
    latest(k.codes("free-t4"), within=lookback),
    latest(k.codes("hba1c"), within=lookback),
    latest(k.codes("egfr"), within=lookback),
)

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
    context=gate,
    mutes=palliative,
    shows={"results": results, "test": at_hand},
    recommends=(
        Recommendation(name="verify-result", when=results),
        Recommendation(
            name="already-ordered", order=at_hand, when=drafted_twice(ordered_once, within=k.period("pending"))
        ),
    ),
)
