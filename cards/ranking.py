"""Which cards, in which order: one per topic, the most urgent first, few, the rest folded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cards.wording import WORDING
from cds.chart.facts import Indicator
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
    topics.sort(key=lambda t: (-t.indicator, -scores.get(t.topic, 0), _place(t.topic), t.topic))
    critical = [t for t in topics if t.indicator is Indicator.CRITICAL]
    others = topics[len(critical) :]
    pressing = sum(t.indicator > Indicator.INFO for t in others) if critical else len(others)
    room = min(max_cards, pressing)
    return Ranked(critical + others[:room], others[room:])


def _place(topic: str) -> int:
    return WORDING.order.index(topic) if topic in WORDING.order else len(WORDING.order)
