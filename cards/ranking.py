"""Which cards, in which order: one per topic, the most urgent first, few, the rest folded."""

from collections.abc import Iterable, Sequence
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


def rank(advice: Iterable[Advice], max_cards: int) -> Ranked:
    """Order advice by urgency and topic, and fold what exceeds `max_cards`; what is critical is never folded."""
    by_topic: dict[str, list[Advice]] = {}
    for one in advice:
        by_topic.setdefault(one.plan.topic, []).append(one)
    topics = [TopicAdvice(t, tuple(sorted(a, key=lambda x: -x.indicator))) for t, a in by_topic.items()]
    topics.sort(key=lambda t: (-t.indicator, _place(t.topic), t.topic))
    critical = [t for t in topics if t.indicator is Indicator.CRITICAL]
    others = topics[len(critical) :]
    return Ranked(critical + others[:max_cards], others[max_cards:])


def _place(topic: str) -> int:
    return WORDING.order.index(topic) if topic in WORDING.order else len(WORDING.order)
