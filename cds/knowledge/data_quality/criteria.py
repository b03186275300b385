"""Data quality: results that no topic could use.

Sources and wording: plan.toml. Proof: cases.toml.
"""

from cds.knowledge.patient.criteria import cared_for, child, palliative
from cds.knowledge.symptoms.criteria import gate
from cds.reasoning import Knowledge, Plan, Recommendation, latest, unreadable

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

PLAN = Plan(
    knowledge=k,
    for_whom=cared_for,
    unless=child,
    context=gate,
    mutes=palliative,
    shows={"results": results},
    recommends=(Recommendation(name="verify-result", when=results),),
)
