"""Why a plan speaks of a chart or is silent: every criterion with its answer, and the facts behind it."""

from collections.abc import Iterator
from dataclasses import dataclass

from cds.chart.chart import Chart
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import Finding
from cds.reasoning.plans import Advice, Plan, Recommendation


@dataclass(frozen=True, slots=True)
class Reason:
    """A criterion in words, what was found, and what it is made of."""

    words: str
    finding: Finding
    parts: tuple["Reason", ...]


@dataclass(frozen=True, slots=True)
class Considered:
    """A recommendation, the advice that became of it, if any, and on which grounds."""

    recommendation: Recommendation
    rule: str
    advice: Advice | None
    grounds: tuple[tuple[str, Reason], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan before a chart."""

    plan: Plan
    grounds: tuple[tuple[str, Reason], ...]
    considered: tuple[Considered, ...]


def explain(plan: Plan, chart: Chart, *, ordering: bool = False) -> Explanation:
    """Explain what a plan makes of a chart."""
    advised = {advice.name: advice for advice in plan.advise(chart, ordering=ordering)}
    return Explanation(
        plan,
        tuple((label, reason(criterion, chart)) for label, criterion in _of_plan(plan)),
        tuple(
            Considered(
                one,
                plan.words(one).rule,
                advised.get(one.name),
                tuple((label, reason(criterion, chart)) for label, criterion in _of_recommendation(one)),
            )
            for one in plan.recommends
        ),
    )


def _of_plan(plan: Plan) -> Iterator[tuple[str, Criterion]]:
    yield "for whom", plan.for_whom
    if plan.unless:
        yield "silent with", plan.unless
    yield "complaint", plan.context


def _of_recommendation(recommendation: Recommendation) -> Iterator[tuple[str, Criterion]]:
    if recommendation.order:
        yield "order at hand", recommendation.order
    if recommendation.context:
        yield "complaint", recommendation.context
    yield "when", recommendation.when
    if recommendation.unless:
        yield "unless", recommendation.unless


def reason(criterion: Criterion, chart: Chart) -> Reason:
    """Say what a chart makes of a criterion and of its parts."""
    parts = tuple(reason(part, chart) for part in criterion.parts)
    return Reason(str(criterion), criterion.check(chart), parts)
