"""What the patient answers on the intake form; unanswered is unknown, never no."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from cds.chart.chart import Chart
from cds.chart.facts import Answer, Indicator
from cds.reasoning.criteria import Criterion, is_recent
from cds.reasoning.findings import Finding, met, not_met, unknown
from cds.reasoning.knowledge import Period, Threshold


def answered(item: str, *choices: str, within: Period, fresh: Period | None = None) -> Criterion:
    """The newest answer to an item of the intake form is yes, or one of the choices; unanswered is unknown.

    Args:
        item: its linkId.
        choices: the codes of the answers that will do.
        within: how old the answer may be at the most.
        fresh: how old it may be to count for more than a warning to ask again.
    """
    return _Answered(item, choices, within, fresh)


def scored(item: str, *, at_least: Threshold, within: Period, fresh: Period | None = None) -> Criterion:
    """The newest answer to an item of the intake form is a number, and this or more; unanswered is unknown.

    For `within` and `fresh` see `answered`.
    """
    return _Scored(item, at_least, within, fresh)


class _OfForm(Criterion):
    """A question to the newest answer to an item of the intake form."""

    def __init__(self, item: str, words: str, within: Period, fresh: Period | None) -> None:
        self.item, self.words, self.within, self.fresh = item, words, within, fresh
        self.reads = frozenset({item})
        self.unanswered = unknown(f"answer to “{item.replace('-', ' ')}”")

    @abstractmethod
    def agrees(self, answer: Answer) -> bool | None:
        """Whether an answer says so; None where it does not answer this."""

    def _test(self, chart: Chart) -> Finding:
        for answer in chart.record.answers(self.item):
            if is_recent(answer.on, self.within, chart) and (agrees := self.agrees(answer)) is not None:
                return met(self._weighed(answer, chart)) if agrees else not_met(answer)
        return self.unanswered

    def _weighed(self, answer: Answer, chart: Chart) -> Answer:
        """Hold an answer that is no longer fresh at a warning; the same fact for all who ask."""
        if self.fresh is None or is_recent(answer.on, self.fresh, chart):
            return answer
        if (answer, self.fresh) not in chart.findings:
            notes = (*answer.notes, f"answered more than {self.fresh} ago: ask again")
            chart.findings[answer, self.fresh] = replace(answer, cap=Indicator.WARNING, notes=notes)
        weighed: Answer = chart.findings[answer, self.fresh]
        return weighed

    def sentence(self) -> str:
        fresh = f"; beyond {self.fresh} a warning at most" if self.fresh else ""
        return f"intake answer “{self.item}” is {self.words} (at most {self.within} old{fresh})"


class _Answered(_OfForm):
    def __init__(self, item: str, choices: Sequence[str], within: Period, fresh: Period | None) -> None:
        super().__init__(item, " or ".join(sorted(choices)) if choices else "yes", within, fresh)
        self.choices = frozenset(choices)

    def agrees(self, answer: Answer) -> bool:
        return bool(self.choices & answer.codes) if self.choices else answer.boolean is True


class _Scored(_OfForm):
    def __init__(self, item: str, limit: Threshold, within: Period, fresh: Period | None) -> None:
        super().__init__(item, f"at least {limit.value}", within, fresh)
        self.limit = limit

    def agrees(self, answer: Answer) -> bool | None:
        return None if answer.number is None else answer.number >= self.limit.value


def answered_items(criterion: Criterion) -> Iterator[tuple[str, frozenset[str]]]:
    """Give the items of the intake form that a criterion reads, each with the choices that it looks for."""
    if isinstance(criterion, _Answered):
        yield criterion.item, criterion.choices
    elif isinstance(criterion, _Scored):
        yield criterion.item, frozenset()
    for part in criterion.parts:
        yield from answered_items(part)
