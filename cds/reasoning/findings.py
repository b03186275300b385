"""Findings: what a criterion concludes from a chart, never without the facts it concludes from."""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from cds.chart.facts import Fact, Indicator


class State(Enum):
    """Three-valued truth (Kleene): a criterion is met, not met, or nobody can tell."""

    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"


class Finding(Struct, frozen=True, gc=False):
    """A conclusion, from facts of its own or from other findings.

    Facts and words are gathered when somebody asks: most findings only pass through. A call makes some four hundred, so
    they are of the kind of object that is cheapest to make.

    Attributes:
        state: what was concluded.
        facts: the facts that it was concluded from directly.
        words: what one would have to know, in words for a card.
        parts: the findings that it was concluded from.
        cap: the highest indicator that this conclusion can carry, as its facts allow.
    """

    state: State
    facts: tuple[Fact, ...] = ()
    words: tuple[str, ...] = ()
    parts: tuple["Finding", ...] = ()
    cap: Indicator = Indicator.CRITICAL

    @property
    def is_met(self) -> bool:
        """Whether the criterion is met."""
        return self.state is State.MET

    @property
    def basis(self) -> tuple[Fact, ...]:
        """All facts behind the conclusion, each once; never empty unless it is unknown."""
        if not self.parts:
            return self.facts
        return merged((self.facts, *(part.basis for part in self.parts)))

    @property
    def unknown(self) -> tuple[str, ...]:
        """All that one would have to know, each once; never empty when it is unknown."""
        if not self.parts:
            return self.words
        return merged_words(part.unknown for part in self.parts if part.state is State.UNKNOWN)


def met(*facts: Fact) -> Finding:
    """Conclude that a criterion is met, on these facts together."""
    return Finding(State.MET, facts, cap=min(fact.cap for fact in facts))


def met_by_any(facts: tuple[Fact, ...]) -> Finding:
    """Conclude that a criterion is met where each of these facts would do alone: the strongest one counts."""
    return Finding(State.MET, facts, cap=max(fact.cap for fact in facts))


def not_met(*facts: Fact) -> Finding:
    """Conclude that a criterion is not met, on these facts."""
    return Finding(State.NOT_MET, facts)


def unknown(*words: str, facts: tuple[Fact, ...] = ()) -> Finding:
    """Conclude nothing, for want of what the words name."""
    return Finding(State.UNKNOWN, facts, words)


def merged(parts: Iterable[tuple[Fact, ...]]) -> tuple[Fact, ...]:
    """Join bases in order, each fact once."""
    return tuple(dict.fromkeys(fact for part in parts for fact in part))


def merged_words(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Join words in order, each once."""
    return tuple(dict.fromkeys(word for part in parts for word in part))
