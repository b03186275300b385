"""Words for red flags: what free text may do, what came after what, and what a score could and could not count."""

from collections.abc import Callable, Sequence

from cds.chart.chart import Chart
from cds.chart.facts import Absence, Answer, Fact, Indicator, Problem
from cds.reasoning.criteria import Criterion
from cds.reasoning.findings import Finding, State, met, not_met


class _Of(Criterion):
    """A criterion about other criteria."""

    def __init__(self, *parts: Criterion) -> None:
        self.parts, self.reads = parts, frozenset().union(*(part.reads for part in parts))


class _Alarming(_Of):
    def _test(self, chart: Chart) -> Finding:
        finding = self.parts[0].check(chart)
        if finding.state is not State.MET:
            return finding
        vague = all(isinstance(fact, Problem) and fact.vague for fact in finding.basis)
        return Finding(State.MET, parts=(finding,), cap=Indicator.WARNING if vague else Indicator.CRITICAL)

    def sentence(self) -> str:
        return str(self.parts[0])


def alarming(part: Criterion) -> Criterion:
    """The part; told in words only it weighs as much as coded. What rests on it is capped by `weak_alone`.

    A date that is no day proves nothing acute, and so warns at most.
    """
    return _Alarming(part)


class _WeakAlone(_Of):
    def _test(self, chart: Chart) -> Finding:
        finding = self.parts[0].check(chart)
        if finding.state is not State.MET:
            return finding
        present = [fact for fact in finding.basis if not isinstance(fact, Absence)]
        return finding if all(fact.cap is Indicator.INFO for fact in present) else not_met(*finding.basis)

    def sentence(self) -> str:
        return f"({self.parts[0]}) by free text or other weak facts alone"


def weak_alone(part: Criterion) -> Criterion:
    """The part is met, and every fact behind it is one that alone would carry `info` at most: free text, undated."""
    return _WeakAlone(part)


class _AgedAnswers(_Of):
    def _test(self, chart: Chart) -> Finding:
        finding = self.parts[0].check(chart)
        if finding.state is not State.MET:
            return finding
        aged = [fact for fact in finding.basis if isinstance(fact, Answer) and fact.cap < Indicator.CRITICAL]
        return met(*aged) if aged and finding.cap < Indicator.CRITICAL else not_met(*finding.basis)

    def sentence(self) -> str:
        return f"({self.parts[0]}) not without answers that are no longer fresh"


def aged_answers(part: Criterion) -> Criterion:
    """The part is met, but not without an answer that is no longer fresh (`answered`)."""
    return _AgedAnswers(part)


class _Named(_Of):
    """Some named parts are in a state; the facts name these parts."""

    def __init__(self, parts: Sequence[Criterion], picks: Callable[[Finding], bool], words: str) -> None:
        super().__init__(*parts)
        self.picks, self.words = picks, words

    def _test(self, chart: Chart) -> Finding:
        picked = [part for part in self.parts if self.picks(part.check(chart))]
        named: list[Fact] = [Absence(name=str(part), value=self.words) for part in picked]
        return met(*named) if named else not_met(Absence(name="items", value=f"none {self.words}"))

    def sentence(self) -> str:
        return f"{self.words} of: " + "; ".join(map(str, self.parts))


def charted(*parts: Criterion) -> Criterion:
    """Some part is met; for wording: the names of those that are."""
    return _Named(parts, lambda finding: finding.is_met, "charted")


def not_charted(*parts: Criterion) -> Criterion:
    """Some part is not met or unknown; for wording: the names of those."""
    return _Named(parts, lambda finding: not finding.is_met, "not charted")
