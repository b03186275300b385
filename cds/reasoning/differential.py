"""The differential: evidence of several causes, added up and set side by side.

A feature of a chart speaks for some causes and against others, by weights that a clinician signs (features.toml).
Scores order; they are no probabilities and are never shown.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cds.chart.chart import Chart
from cds.chart.facts import Fact
from cds.errors import KnowledgeError
from cds.reasoning.criteria import Criterion
from cds.reasoning.files import FeaturesFile, read
from cds.reasoning.knowledge import Knowledge


@dataclass(frozen=True, slots=True)
class Sign:
    """A feature that this chart shows, in words, and the facts behind it."""

    words: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause that the chart speaks for, weighed; the weightiest signs first."""

    topic: str
    title: str
    score: int
    speaks_for: tuple[Sign, ...]
    speaks_against: tuple[Sign, ...]
    next_step: str


@dataclass(frozen=True, slots=True)
class View:
    """What the differential finds in a chart."""

    causes: tuple[Cause, ...] = ()
    """Those that reach the score from which one is listed, the likeliest first."""
    scores: Mapping[str, int] = field(default_factory=dict)
    """Topic -> score, of all causes."""
    questions: tuple[str, ...] = ()
    """What to ask: the answers that would separate the causes best, none of them given yet."""
    asks: tuple[str, ...] = ()
    """The items of the intake form behind these questions."""
    severity: tuple[Sign, ...] = ()
    """What makes it worth while to settle the matter soon."""
    answered: bool = False
    """Whether the patient has told anything of the features."""
    draft: str = ""
    """The version of the weights, as long as no clinician has approved them."""

    def is_worth_showing(self, own: Collection[str]) -> bool:
        """Whether there is something to weigh beside the topics that have cards of their own.

        Two causes are; one that no card speaks of, where the patient says that it presses; and without any card at all
        only where the patient took the time to answer.
        """
        unsaid = any(cause.topic not in own for cause in self.causes)
        return (len(self.causes) > 1 or (unsaid and bool(self.severity))) and (bool(own) or self.answered)

    def without(self, topics: Collection[str]) -> "View":
        """Give the view that does not list these topics."""
        return replace(self, causes=tuple(cause for cause in self.causes if cause.topic not in topics))


NOTHING = View()


class Differential:
    """The ranked view over several topics."""

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        context: Criterion,
        mutes: Criterion,
        features: Mapping[str, Criterion],
        severity: Mapping[str, Criterion],
    ) -> None:
        """Join the weights of features.toml with the criteria of the features.

        Raises:
            KnowledgeError: they do not name each other, or a question is not one of the intake form.
        """
        self.knowledge, self.context, self.mutes = knowledge, context, mutes
        self.features, self.severity = features, severity
        self.file = read(knowledge.folder / "features.toml", FeaturesFile)
        self.intake = knowledge.base.intake
        self._texts = {item.link: item.text for item in self.intake.item}
        self._asked = {feature.asks for feature in self.file.features.values() if feature.asks}
        if odd := sorted(set(features) ^ set(self.file.features)):
            raise KnowledgeError(f"differential: features in only one of criteria.py and features.toml: {odd}")
        if odd := sorted(set(severity) ^ set(self.file.severity)):
            raise KnowledgeError(f"differential: severity in only one of criteria.py and features.toml: {odd}")
        for name, feature in self.file.features.items():
            if odd := sorted({feature.asks} - {"", *self._texts} | set(feature.weights) - set(self.file.causes)):
                raise KnowledgeError(f"differential {name}: nothing is named {odd}")

    def view(self, chart: Chart) -> View:
        """Weigh the causes; nothing where nobody complains of the legs, or what is not urgent is not to be said."""
        if self.context.holds(chart) is None or self.mutes.holds(chart) is not None:
            return NOTHING
        shown = {
            name: found.basis
            for name, feature in self.features.items()
            if feature.may_hold(chart) and (found := feature.holds(chart)) is not None
        }
        scores = dict.fromkeys(self.file.causes, 0)
        for name in shown:
            for topic, weight in self.file.features[name].weights.items():
                scores[topic] += weight
        listed = [topic for topic, score in scores.items() if score >= self.file.listed]
        listed.sort(key=lambda topic: -scores[topic])  # equal scores keep the order of the file
        asks = self._questions(listed, scores, chart)
        return View(
            causes=tuple(self._cause(topic, scores[topic], shown) for topic in listed),
            scores=scores,
            questions=tuple(self._texts[link] for link in asks),
            asks=asks,
            severity=tuple(
                Sign(self.file.severity[name], found.basis)
                for name, criterion in self.severity.items()
                if (found := criterion.holds(chart)) is not None
            ),
            draft="" if self.knowledge.file.status == "active" else self.knowledge.file.version,
            answered=any(chart.record.answers(link) for link in self._asked),
        )

    def _cause(self, topic: str, score: int, shown: Mapping[str, tuple[Fact, ...]]) -> Cause:
        weighed = [(self.file.features[name].weights.get(topic, 0), name) for name in shown]
        by_weight = sorted(weighed, key=lambda pair: -abs(pair[0]))

        def signs(names: Iterable[str], most: int) -> tuple[Sign, ...]:
            return tuple(Sign(self.file.features[name].words, shown[name]) for name in list(names)[:most])

        return Cause(
            topic=topic,
            title=self.file.causes[topic].title,
            score=score,
            speaks_for=signs((name for weight, name in by_weight if weight > 0), self.file.most_for),
            speaks_against=signs((name for weight, name in by_weight if weight < 0), self.file.most_against),
            next_step=self.file.causes[topic].next,
        )

    def _questions(self, listed: Sequence[str], scores: Mapping[str, int], chart: Chart) -> tuple[str, ...]:
        """Choose the questions whose answers would part the leading causes; none where one of them leads clearly."""
        if len(listed) < 2 or scores[listed[0]] - scores[listed[1]] >= self.file.clear_lead:  # noqa: PLR2004
            return ()
        leading = [topic for topic in listed if scores[listed[0]] - scores[topic] < self.file.clear_lead]
        spread: dict[str, int] = {}
        for feature in self.file.features.values():
            weights = [feature.weights.get(topic, 0) for topic in leading]
            if feature.asks and not chart.record.answers(feature.asks):
                spread[feature.asks] = max(spread.get(feature.asks, 0), max(weights) - min(weights))
        best = sorted((link for link, width in spread.items() if width > 1), key=lambda link: -spread[link])
        return tuple(best[: self.file.most_questions])
