"""Which cards, in which order: one per topic, the most urgent first, few, the rest folded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cards.wording import WORDING
from cds.chart.facts import Absence, Fact, Indicator
from cds.reasoning.plans import Advice


@dataclass(frozen=True, slots=True)
class TopicAdvice:
    """All advice on one topic, the strongest first."""

    topic: str
    advice: tuple[Advice, ...]

    @property
    def indicator(self) -> Indicator:
        """The strongest indicator of the topic."""
        return self.advice[0].indicator


@dataclass(frozen=True, slots=True)
class Ranked:
    """Topics that have a card of their own, and topics that share the last one."""

    own: Sequence[TopicAdvice]
    folded: Sequence[TopicAdvice]


def rank(advice: Iterable[Advice], max_cards: int, scores: Mapping[str, int]) -> Ranked:
    """Order advice by urgency, by what speaks for its topic, and by topic; fold what exceeds `max_cards`.

    What is critical is never folded; beside it, what can wait for a routine visit has no card of its own.
    """
    by_topic: dict[str, list[Advice]] = {}
    for one in advice:
        by_topic.setdefault(one.plan.topic, []).append(one)
    topics = [TopicAdvice(t, tuple(sorted(a, key=lambda x: -x.indicator))) for t, a in by_topic.items()]
    topics.sort(key=lambda t: (-t.indicator, _score(t, scores), _place(t.topic), t.topic))
    critical = [t for t in topics if t.indicator is Indicator.CRITICAL]
    own, folded = list(critical), list[TopicAdvice]()
    for topic in topics[len(critical) :]:
        waits = topic.indicator is Indicator.INFO and (bool(critical) or _is_said(topic, own))
        full = len(own) - len(critical) >= max_cards
        (folded if waits or full else own).append(topic)
    return Ranked(own, folded)


def _is_said(topic: TopicAdvice, own: Iterable[TopicAdvice]) -> bool:
    """Whether a card above says the same, and shows every fact that a topic rests on: its own card would repeat it."""
    facts = _facts(topic)
    same = WORDING.repeats.get(topic.topic, ())
    return bool(facts) and any(facts <= _facts(other) for other in own if other.topic in same)


def _facts(topic: TopicAdvice) -> set[str]:
    """Name the resources and the missing tests behind a topic's advice; complaint and age are on every card."""
    usual = {fact.reference for advice in topic.advice for fact in advice.context}
    found = {_news(fact) for advice in topic.advice for fact in advice.basis} - usual
    return {fact for fact in found if fact and not fact.startswith("Patient/")}


def _news(fact: Fact) -> str:
    return fact.name if isinstance(fact, Absence) and fact.worth_saying else fact.reference


def _score(topic: TopicAdvice, scores: Mapping[str, int]) -> int:
    """Give the place by score; emergencies have rules, not scores, and what is benign always stands last."""
    if topic.indicator is Indicator.CRITICAL:
        return 0
    return 1 if topic.topic in WORDING.last else -scores.get(topic.topic, 0)


def _place(topic: str) -> int:
    return WORDING.order.index(topic) if topic in WORDING.order else len(WORDING.order)
