"""Every case of every topic, through the real reader."""

import pytest

from cds.cases import Case, cases, chart_of, failures
from cds.chart.chart import Chart
from cds.reasoning.criteria import Criterion
from cds.reasoning.plans import Plan
from cds.services import plans

ALL = [(plan, case) for plan in plans() for case in cases(plan)]


@pytest.mark.parametrize(("plan", "case"), ALL, ids=[f"{plan.topic}: {case.name}" for plan, case in ALL])
def test_case(plan: Plan, case: Case) -> None:
    assert failures(case, plan) == []


@pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan.topic)
def test_what_the_chart_holds_nothing_of_may_go_unasked(plan: Plan) -> None:
    for case in cases(plan):
        hurried, thorough = chart_of(case, plan), chart_of(case, plan)
        thorough.holds = _everything(plan)

        assert _said(plan, case, hurried) == _said(plan, case, thorough), case.name


def _everything(plan: Plan) -> frozenset[str]:
    """Name all on which some criterion of a plan hangs."""
    asked: list[Criterion] = [plan.for_whom, plan.context, *(g for g in (plan.unless, plan.mutes) if g is not None)]
    for r in plan.recommends:
        asked += [
            r.when,
            *(g for g in (r.unless, r.context, r.order) if g is not None),
            *r.notes.values(),
            *r.only.values(),
        ]
        asked += [criterion for _, criterion in (*r.raises, *r.caps)]
    return frozenset().union(*(criterion.reads for criterion in asked))


def _said(plan: Plan, case: Case, chart: Chart) -> list[object]:
    return [
        (a.name, a.indicator, a.unknown, a.notes, a.suggests, a.shown, [(f.name, f.said, f.on) for f in a.basis])
        for a in plan.advise(chart, ordering=case.ordering)
    ]
