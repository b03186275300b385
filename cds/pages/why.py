"""Why: what every plan makes of a chart, what single datum would change it, and the results over time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from cds.chart.chart import Chart
from cds.pages.timeline import Timeline, timelines
from cds.reasoning.explanation import Reason, explain, reason
from cds.reasoning.findings import State
from cds.reasoning.plans import Plan
from cds.reasoning.review import filled
from cds.reasoning.supposing import Supposition, suppositions
from cds.services import Service, differential, plans

_MOST_FACTS = 3
_LEGIBLE = 40


@dataclass(frozen=True, slots=True)
class Node:
    """A criterion with its answer, as a page shows it: what a plan has explained once is not explained again."""

    words: str
    state: State
    facts: Sequence[str]
    parts: Sequence["Node"]


def nodes(one: Reason, told: set[str]) -> Node:
    """Prepare an answer to be shown; `told` are the criteria that need no explanation any more."""
    parts: list[Node] = []
    if one.words not in told:
        told.add(one.words)
        parts = [nodes(part, told) for part in one.parts]
    return Node(one.words, one.finding.state, list(_facts(one)), parts)


def _facts(one: Reason) -> Iterator[str]:
    """Say the first facts behind an answer, or what one would have to know."""
    finding = one.finding
    if finding.state is State.UNKNOWN:
        said = list(finding.unknown)
    else:
        said = [
            " ".join(part for part in (fact.name, fact.said, str(fact.on or ""), _short(fact.reference)) if part)
            for fact in finding.basis
        ]
    yield from said[:_MOST_FACTS]
    if (rest := len(said) - _MOST_FACTS) > 0:
        yield f"and {rest} more"


def _short(reference: str) -> str:
    """Name a resource; of an id that nobody reads out, only the kind."""
    return reference if len(reference) <= _LEGIBLE else reference.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Considered:
    """A plan before a chart."""

    plan: Plan
    speaks: Sequence[str]
    """The recommendations that it makes."""
    changes: Mapping[str, Sequence[Supposition]]
    """Datum -> what its values would change."""

    @property
    def state(self) -> str:
        """In a word or two: whether it speaks, and if not, whether one datum would make it."""
        if self.speaks:
            return "speaks"
        return "silent; one datum would change that" if self.changes else "silent"

    def summary(self, name: str) -> str:
        """Say a recommendation as its card would begin, what depends on the patient left open."""
        return filled(self.plan, self.plan.knowledge.file.recommendations[name].summary)


@dataclass(frozen=True, slots=True)
class Why:
    """All that is shown of a chart's weighing."""

    gate: Node
    unknown: Mapping[str, str]
    considered: Sequence[Considered]
    timelines: Sequence[Timeline]


def why(chart: Chart, service: Service) -> Why:
    """Explain what all plans make of a chart."""
    found = [
        Considered(
            plan,
            [advice.name for advice in plan.advise(chart, ordering=service.orders)],
            _changes(plan, chart, service),
        )
        for plan in plans()
    ]
    found.sort(key=lambda one: (not one.speaks, not one.changes))  # and else in the order of the plans
    speaking = [one.plan for one in found if one.speaks]
    return Why(
        nodes(reason(differential().context, chart), set()),
        {str(area): words for area, words in chart.unknown.items()},
        found,
        timelines(chart, speaking or plans()),
    )


def _changes(plan: Plan, chart: Chart, service: Service) -> Mapping[str, Sequence[Supposition]]:
    if plan.accompanies or service.orders:
        return {}
    found = suppositions(plan, chart, differential().intake)
    return {datum: list(some) for datum, some in groupby(found, key=lambda one: one.datum)}


@dataclass(frozen=True, slots=True)
class Weighed:
    """A recommendation of a plan, whether it is made, and on which grounds."""

    rule: str
    name: str
    summary: str
    made: bool
    grounds: Sequence[tuple[str, Node]]


@dataclass(frozen=True, slots=True)
class Criteria:
    """Every criterion of a plan, with its answer."""

    grounds: Sequence[tuple[str, Node]]
    weighed: Sequence[Weighed]


def criteria(plan: Plan, chart: Chart, service: Service) -> Criteria:
    """Explain what one plan makes of a chart, criterion by criterion."""
    explanation = explain(plan, chart, ordering=service.orders)
    told = {str(differential().context)}  # it stands above all plans
    return Criteria(
        [(label, nodes(ground, told)) for label, ground in explanation.grounds],
        [
            Weighed(
                one.rule,
                one.recommendation.name,
                filled(plan, plan.words(one.recommendation).summary),
                one.advice is not None,
                [(label, nodes(ground, told)) for label, ground in one.grounds],
            )
            for one in explanation.considered
        ],
    )
