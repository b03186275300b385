"""Plans: whom each recommendation is for, and what becomes of it in a chart."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from cds.chart.chart import Chart
from cds.chart.facts import Absence, Answer, Drug, Fact, Indicator, Measurement
from cds.errors import KnowledgeError
from cds.reasoning.criteria import Criterion
from cds.reasoning.files import RecommendationFile
from cds.reasoning.findings import Finding, State, merged, merged_words
from cds.reasoning.knowledge import Knowledge
from cds.reasoning.measures import Measure

Shown = Measure | Criterion | tuple[Measure | Criterion, ...]
"""What a placeholder may stand for."""

Raise = tuple[str, Criterion]
"""An indicator, and the criterion under which it applies."""


_NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A recommendation of plan.toml, and when it is made.

    Attributes:
        name: its key in plan.toml.
        when: met: it is made; unknown: silence.
        unless: met: silence; unknown: it is made, and the card says what could not be checked.
        context: why the chart is looked at at all, in place of the plan's own; its facts are shown but prove nothing.
        raises: higher indicators, each under a criterion.
        caps: lower indicators, each under a criterion.
        notes: sentences of plan.toml, each under a criterion.
        only: orders of plan.toml that are suggested only under a criterion; the others always are.
        order: the order at hand that it speaks about, in place of a context: such a recommendation is weighed while
            orders are being written, and only then.
    """

    name: str
    when: Criterion
    unless: Criterion | None = None
    context: Criterion | None = None
    raises: Sequence[Raise] = ()
    caps: Sequence[Raise] = ()
    notes: Mapping[str, Criterion] = field(default_factory=dict)
    only: Mapping[str, Criterion] = field(default_factory=dict)
    order: Criterion | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation for this patient."""

    plan: "Plan"
    name: str
    indicator: Indicator
    basis: tuple[Fact, ...]
    context: tuple[Fact, ...]
    unknown: tuple[str, ...]
    notes: tuple[str, ...]
    """Names of the notes that apply."""
    suggests: tuple[str, ...]
    """Names of the orders that apply."""
    shown: Mapping[str, str]
    """Placeholder -> what it stands for in this chart."""

    @property
    def recommendation(self) -> RecommendationFile:
        """Its words."""
        return self.plan.knowledge.file.recommendations[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a topic recommends, and to whom.

    Attributes:
        knowledge: the folder's files.
        for_whom: the population; unknown is silence.
        unless: a ground for silence of the whole plan; unknown is said on the card.
        context: the complaint without which nobody asked.
        mutes: a ground for silence of all that is not critical.
        shows: what a placeholder of the wording stands for: a measure's value, a criterion's facts, or, of a tuple of
            measures and criteria, the names and values of what is recorded.
        recommends: in the order of their weight.
    """

    knowledge: Knowledge
    for_whom: Criterion
    context: Criterion
    unless: Criterion | None = None
    mutes: Criterion | None = None
    shows: Mapping[str, Shown] = field(default_factory=dict)
    recommends: Sequence[Recommendation] = ()
    accompanies: bool = field(init=False)
    """Whether it only has lines for the cards of other topics."""
    _of_orders: Sequence[Recommendation] = field(init=False, repr=False)
    _of_chart: Sequence[Recommendation] = field(init=False, repr=False)
    _fixed: Mapping[str, Mapping[str, str]] = field(init=False, repr=False)
    """Recommendation -> the limits and periods in its words, which no chart changes."""

    def __post_init__(self) -> None:
        """Check that the rules and the wording name each other, and nothing else."""
        lines = all(words.beside for words in self.knowledge.file.recommendations.values())
        about_orders = [recommendation for recommendation in self.recommends if recommendation.order is not None]
        # The way to set what follows from the rest that the documentation of frozen dataclasses gives.
        object.__setattr__(self, "accompanies", lines)
        object.__setattr__(self, "_of_orders", about_orders)
        object.__setattr__(self, "_of_chart", [one for one in self.recommends if one.order is None])
        place, file = self.knowledge.folder.name, self.knowledge.file
        names = [recommendation.name for recommendation in self.recommends]
        if sorted(names) != sorted(file.recommendations):
            odd = sorted(set(names) ^ set(file.recommendations)) or names
            raise KnowledgeError(f"{place}: criteria.py and plan.toml do not have the same recommendations: {odd}")
        for recommendation in self.recommends:
            words = file.recommendations[recommendation.name]
            if set(recommendation.notes) != set(words.notes):
                odd = sorted(set(recommendation.notes) ^ set(words.notes))
                raise KnowledgeError(
                    f"{place} {recommendation.name}: notes in only one of criteria.py and plan.toml: {odd}"
                )
            if odd := sorted(set(recommendation.only) - set(words.suggests)):
                raise KnowledgeError(f"{place} {recommendation.name}: plan.toml does not suggest {odd}")
            if odd := sorted(set(words.placeholders) - {*self.shows, *file.thresholds, *file.periods}):
                raise KnowledgeError(f"{place} {recommendation.name}: nothing shows {odd}")
        object.__setattr__(
            self, "_fixed", {name: self._fixed_in(words) for name, words in file.recommendations.items()}
        )

    @property
    def topic(self) -> str:
        """The topic code."""
        return self.knowledge.file.id

    def advise(self, chart: Chart, *, ordering: bool = False) -> list[Advice]:
        """Weigh the recommendations against a chart: those about orders while orders are written, else the others."""
        return self._weighed(self._of_orders if ordering else self._of_chart, chart)

    def accompany(self, topics: AbstractSet[str], chart: Chart) -> list[Advice]:
        """Weigh the recommendations that are lines on the cards of these topics."""
        return self._weighed([r for r in self.recommends if not topics.isdisjoint(self.words(r).beside)], chart)

    def criteria(self) -> Iterator[Criterion]:
        """Give every criterion that the plan asks, shared ones among them."""
        yield from (c for c in (self.for_whom, self.context, self.unless, self.mutes) if c is not None)
        for r in self.recommends:
            yield from (c for c in (r.when, r.unless, r.context, r.order) if c is not None)
            yield from (c for _, c in (*r.raises, *r.caps, *r.notes.items(), *r.only.items()))

    def _weighed(self, recommendations: Sequence[Recommendation], chart: Chart) -> list[Advice]:
        if not recommendations or self.for_whom.holds(chart) is None:
            return []
        return [
            advice for r in recommendations if r.when.may_hold(chart) and (advice := self._weigh(r, chart)) is not None
        ]

    def words(self, recommendation: Recommendation) -> RecommendationFile:
        """Give the words of a recommendation."""
        return self.knowledge.file.recommendations[recommendation.name]

    def _weigh(self, recommendation: Recommendation, chart: Chart) -> Advice | None:
        context = (recommendation.order or recommendation.context or self.context).holds(chart)
        if context is None:
            return None
        found = recommendation.when.holds(chart)
        if found is None:
            return None
        doubts = [ground.check(chart) for ground in (self.unless, recommendation.unless) if ground is not None]
        if any(doubt.is_met for doubt in doubts):
            return None
        indicator, facts = _indicator(self._base(recommendation), recommendation, found, chart)
        if self.mutes is not None and indicator < Indicator.CRITICAL:
            muted = self.mutes.check(chart)
            if muted.is_met:
                return None
            doubts.append(muted)
        notes = []
        for name, criterion in recommendation.notes.items():
            if (note := criterion.holds(chart)) is not None:
                notes.append(name)
                facts.append(note.basis)
        return Advice(
            plan=self,
            name=recommendation.name,
            indicator=indicator,
            basis=() if self.words(recommendation).beside else merged((found.basis, *facts)),  # a line shows no facts
            context=context.basis,
            unknown=merged_words(doubt.unknown for doubt in doubts if doubt.state is State.UNKNOWN),
            notes=tuple(notes),
            suggests=tuple(
                order
                for order in self.knowledge.file.recommendations[recommendation.name].suggests
                if order not in recommendation.only or recommendation.only[order].holds(chart) is not None
            ),
            shown=self._shown(recommendation, chart),
        )

    def _base(self, recommendation: Recommendation) -> Indicator:
        return Indicator[self.knowledge.file.recommendations[recommendation.name].indicator.upper()]

    def _fixed_in(self, words: RecommendationFile) -> dict[str, str]:
        file, own = self.knowledge.file, [name for name in words.placeholders if name not in self.shows]
        limits = {name: str(self.knowledge.threshold(name)) for name in own if name in file.thresholds}
        return limits | {name: str(self.knowledge.period(name)) for name in own if name not in limits}

    def _shown(self, recommendation: Recommendation, chart: Chart) -> dict[str, str]:
        words, fixed = self.words(recommendation), self._fixed[recommendation.name]
        return {**fixed, **{n: _in_words(self.shows[n], chart) for n in words.placeholders if n not in fixed}}


def _indicator(
    base: Indicator, recommendation: Recommendation, found: Finding, chart: Chart
) -> tuple[Indicator, list[tuple[Fact, ...]]]:
    """Settle the indicator: as high as a met raise lifts it, as low as the facts or a met cap hold it."""
    indicator, facts = base, []
    for word, criterion in recommendation.raises:
        raised = criterion.holds(chart)
        if raised is not None:
            facts.append(raised.basis)
            indicator = max(indicator, min(Indicator[word.upper()], raised.cap))
    indicator = min(indicator, found.cap)
    for word, criterion in recommendation.caps:
        capped = criterion.holds(chart)
        if capped is not None:
            facts.append(capped.basis)
            indicator = min(indicator, Indicator[word.upper()])
    return indicator, facts


def _in_words(shown: Shown, chart: Chart) -> str:
    """Say what a placeholder stands for: a value with its unit, or the names of what was found."""
    if isinstance(shown, tuple):
        found = _distinct([fact for one in shown for fact in _found(one, chart)])
        said = (f"{fact.name} {_value(fact)}" if isinstance(fact, Measurement) else _name(fact) for fact in found)
        return ", ".join(dict.fromkeys(said)) or _NOT_RECORDED
    if isinstance(shown, Measure):
        result = shown.choose(chart).result
        return _NOT_RECORDED if result is None else _value(result)
    finding = shown.holds(chart)
    if finding is None:
        return _NOT_RECORDED
    facts = _distinct(finding.basis)
    return ", ".join(dict.fromkeys(_value(f) if isinstance(f, Measurement) else _name(f) for f in facts))


def _distinct(facts: Sequence[Fact]) -> list[Fact]:
    """Leave out what another fact says already.

    That is a drug whose name is part of another's, since lists have the same product with and without its brand, and a
    result from which another was computed: a normal albumin is no finding beside the calcium that was adjusted for it.
    """
    drugs = {fact.name.lower() for fact in facts if isinstance(fact, Drug)}
    computed_from = {source for fact in facts if isinstance(fact, Measurement) for source in fact.sources}
    return [
        fact
        for fact in facts
        if fact not in computed_from
        and (not isinstance(fact, Drug) or not any(fact.name.lower() in name != fact.name.lower() for name in drugs))
    ]


def _name(fact: Fact) -> str:
    """Name a fact; a question tells nothing without its answer."""
    return f"{fact.name} {fact.said}" if isinstance(fact, Answer) else fact.name


def _found(one: Measure | Criterion, chart: Chart) -> list[Fact]:
    """List what is recorded of a measure or a criterion; what is absent is no part of it."""
    if isinstance(one, Measure):
        result = one.choose(chart).result
        return [] if result is None else [result]
    finding = one.holds(chart)
    return [] if finding is None else [fact for fact in finding.basis if not isinstance(fact, Absence)]


def _value(result: Measurement) -> str:
    if result.scale is None:
        return f"flagged {result.flag}" if result.flag else "not readable"
    return result.said
