"""Findings: what a criterion concludes from a chart, never without the facts it concludes from."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cds.chart.facts import Fact, Indicator


class State(Enum):
    """Three-valued truth (Kleene): a criterion is met, not met, or nobody can tell."""

    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """A conclusion.

    Attributes:
        state: what was concluded.
        basis: the facts that it was concluded from; never empty unless unknown.
        unknown: what one would have to know, in words for a card; never empty when unknown.
        cap: the highest indicator that this conclusion can carry, as its facts allow.
    """

    state: State
    basis: tuple[Fact, ...] = ()
    unknown: tuple[str, ...] = ()
    cap: Indicator = Indicator.CRITICAL

    @property
    def is_met(self) -> bool:
        """Whether the criterion is met."""
        return self.state is State.MET


def met(*basis: Fact) -> Finding:
    """Conclude that a criterion is met, on these facts."""
    return Finding(State.MET, basis, cap=min(fact.cap for fact in basis))


def met_by_any(basis: Iterable[Fact]) -> Finding:
    """Conclude that a criterion is met where each of these facts would do alone: the strongest one counts."""
    facts = tuple(basis)
    return Finding(State.MET, facts, cap=max(fact.cap for fact in facts))


def not_met(*basis: Fact) -> Finding:
    """Conclude that a criterion is not met, on these facts."""
    return Finding(State.NOT_MET, basis)


def unknown(*words: str) -> Finding:
    """Conclude nothing, for want of what the words name."""
    return Finding(State.UNKNOWN, unknown=words)


def merged(parts: Iterable[tuple[Fact, ...]]) -> tuple[Fact, ...]:
    """Join bases in order, each fact once."""
    return tuple(dict.fromkeys(fact for part in parts for fact in part))


def merged_words(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Join words in order, each once."""
    return tuple(dict.fromkeys(word for part in parts for word in part))
