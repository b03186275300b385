"""Criteria: a question to a chart, and how questions combine. What may be asked stands in the modules beside this one.

A criterion is tested against a chart and gives a finding, once per chart. `all_of`, `any_of`, `at_least` and `not_`
combine criteria by Kleene's three-valued logic:

    all_of   met     not met  unknown        any_of   met  not met  unknown
    met      met     not met  unknown        met      met  met      met
    not met  not met not met  not met        not met  met  not met  unknown
    unknown  unknown not met  unknown        unknown  met  unknown  unknown

Each criterion reads as a sentence (`str`), from which the review of a plan is printed.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

from cds.chart.chart import Chart
from cds.chart.dates import Day, days_ago
from cds.chart.facts import Drug, Fact, Indicator, Problem
from cds.reasoning.findings import Finding, State, met_by_any, not_met, unknown
from cds.reasoning.knowledge import Period

Wants = tuple[frozenset[str], ...]
"""Sets of concepts."""


class Criterion(ABC):
    """A question to a chart, answered met, not met or unknown."""

    reads: frozenset[str]
    """The concepts of the chart on which the answer hangs, beside which areas are known."""
    parts: Sequence["Criterion"] = ()
    """The criteria it is made of, for explanations."""
    name: str = ""

    def check(self, chart: Chart) -> Finding:
        """Answer the question, once per chart; where the chart holds nothing to it, once for all such charts."""
        finding: Finding | None = chart.findings.get(self)
        if finding is None:
            if chart.holds.isdisjoint(self.reads):
                chart = chart.bare
                finding = chart.findings.get(self)
            if finding is None:
                finding = chart.findings[self] = self._test(chart)
        return finding

    def holds(self, chart: Chart) -> Finding | None:
        """Give the finding if the criterion is met, else None: the short way where not met and unknown are the same."""
        finding = self.check(chart)
        return finding if finding.state is State.MET else None

    def may_hold(self, chart: Chart) -> bool:
        """Whether the chart holds anything by which the criterion could be met: most are settled by this alone."""
        wants: Wants | None = chart.bare.wants.get(self)
        if wants is None:
            wants = chart.bare.wants[self] = tuple(sorted(set(self.wants(chart.bare)), key=len))
        held = chart.holds
        for concepts in wants:  # noqa: SIM110 - a generator costs more than what it would spare
            if held.isdisjoint(concepts):
                return False
        return True

    def wants(self, bare: Chart) -> "Wants":
        """Give sets of concepts; of each, a chart that lacks the same areas must hold some for this to be met."""
        return () if self.check(bare).is_met else (self.reads,)

    @abstractmethod
    def _test(self, chart: Chart) -> Finding: ...

    @abstractmethod
    def sentence(self) -> str:
        """Say the criterion in full."""

    def called(self, name: str) -> Self:
        """Give the criterion a name by which sentences speak of it."""
        self.name = name
        return self

    def __str__(self) -> str:
        """Say the criterion, by its name if it has one."""
        return self.name or self.sentence()


class Combined(Criterion):
    """A criterion made of others: it reads what they read."""

    def __init__(self, parts: Sequence[Criterion]) -> None:
        self.parts, self.reads = parts, frozenset().union(*(part.reads for part in parts))


def _wants_of_all(parts: Sequence[Criterion], bare: Chart) -> Wants:
    return tuple(concepts for part in parts for concepts in part.wants(bare))


class _AllOf(Combined):
    def wants(self, bare: Chart) -> Wants:
        return _wants_of_all(self.parts, bare)

    def holds(self, chart: Chart) -> Finding | None:
        for part in self.parts:  # where not met and unknown are the same, the first part that is not met settles it
            if part.holds(chart) is None:
                return None
        return self.check(chart)

    def _test(self, chart: Chart) -> Finding:
        found, state, cap = [], State.MET, Indicator.CRITICAL
        for part in self.parts:
            finding = part.check(chart)
            if finding.state is State.NOT_MET:
                return finding
            if finding.state is State.UNKNOWN:
                state = State.UNKNOWN
            cap = min(cap, finding.cap)
            found.append(finding)
        return Finding(state, parts=tuple(found), cap=cap)

    def sentence(self) -> str:
        return " and ".join(_bracketed(part) for part in self.parts)


class _AnyOf(Combined):
    def wants(self, bare: Chart) -> Wants:
        each = [part.wants(bare) for part in self.parts]
        return (frozenset().union(*(min(wants, key=len) for wants in each)),) if all(each) else ()

    def _test(self, chart: Chart) -> Finding:
        hits, others, state = [], [], State.NOT_MET
        for part in self.parts:
            finding = part.check(chart)
            if finding.state is State.MET:
                hits.append(finding)
                continue
            if finding.state is State.UNKNOWN:
                state = State.UNKNOWN
            others.append(finding)
        return _any_of_them(hits) if hits else Finding(state, parts=tuple(others))

    def sentence(self) -> str:
        return " or ".join(_bracketed(part) for part in self.parts)


def _any_of_them(hits: Sequence[Finding]) -> Finding:
    """Conclude from findings each of which would do alone."""
    if len(hits) == 1:
        return hits[0]
    return Finding(State.MET, parts=tuple(hits), cap=max(f.cap for f in hits))


class _AtLeast(Combined):
    def __init__(self, count: int, parts: Sequence[Criterion]) -> None:
        super().__init__(parts)
        self.count = count

    def _test(self, chart: Chart) -> Finding:
        found = [part.check(chart) for part in self.parts]
        hits = [f for f in found if f.state is State.MET]
        if len(hits) >= self.count:
            strongest = sorted((f.cap for f in hits), reverse=True)
            return Finding(State.MET, parts=tuple(hits), cap=strongest[self.count - 1])
        is_open = len(hits) + sum(f.state is State.UNKNOWN for f in found) >= self.count
        return Finding(State.UNKNOWN if is_open else State.NOT_MET, parts=tuple(found))

    def sentence(self) -> str:
        return f"at least {self.count} of: " + "; ".join(_bracketed(part) for part in self.parts)


_OPPOSITE = {State.MET: State.NOT_MET, State.NOT_MET: State.MET, State.UNKNOWN: State.UNKNOWN}


class _Not(Combined):
    def __init__(self, part: Criterion) -> None:
        super().__init__((part,))
        self.part = part

    def _test(self, chart: Chart) -> Finding:
        finding = self.part.check(chart)
        # That something is not so never makes a finding weaker: the cap is left behind.
        return Finding(_OPPOSITE[finding.state], parts=(finding,))

    def sentence(self) -> str:
        return f"not ({self.part})"


class _Affirmed(Combined):
    def __init__(self, part: Criterion) -> None:
        super().__init__((part,))
        self.part = part

    def wants(self, bare: Chart) -> Wants:
        return self.part.wants(bare)

    def _test(self, chart: Chart) -> Finding:
        finding = self.part.check(chart)
        return finding if finding.state is State.MET else Finding(State.NOT_MET, parts=(finding,))

    def sentence(self) -> str:
        return f"{_bracketed(self.part)}, affirmed"


class _Certain(Combined):
    def __init__(self, part: Criterion) -> None:
        super().__init__((part,))
        self.part = part

    def wants(self, bare: Chart) -> Wants:
        return self.part.wants(bare)

    def _test(self, chart: Chart) -> Finding:
        finding = self.part.check(chart)
        if finding.state is State.MET and finding.cap < Indicator.CRITICAL:
            return Finding(State.NOT_MET, parts=(finding,))
        return finding

    def sentence(self) -> str:
        return f"{_bracketed(self.part)}, for certain"


class _NotBefore(Combined):
    def __init__(self, later: Criterion, earlier: Criterion) -> None:
        super().__init__((later, earlier))
        self.later, self.earlier = later, earlier

    def wants(self, bare: Chart) -> Wants:
        return _wants_of_all(self.parts, bare)

    def _test(self, chart: Chart) -> Finding:
        later, earlier = self.later.check(chart), self.earlier.check(chart)
        for part in (later, earlier):
            if part.state is State.NOT_MET:
                return part
        if not (later.is_met and earlier.is_met):
            return Finding(State.UNKNOWN, parts=(later, earlier))
        begun = [start.first for fact in earlier.basis if (start := start_of(fact)) is not None]
        starts = [(fact, start_of(fact)) for fact in later.basis]
        since = tuple(fact for fact, start in starts if begun and start and start.last >= max(begun))
        if since:
            return met_by_any(since)
        if not begun or any(start is None for _, start in starts):
            return unknown(f"whether {self}")
        return not_met(*later.basis)

    def sentence(self) -> str:
        return f"{_bracketed(self.later)}, not before {_bracketed(self.earlier)}"


def _bracketed(part: Criterion) -> str:
    return f"({part})" if isinstance(part, _AllOf | _AnyOf | _AtLeast) and not part.name else str(part)


def all_of(*parts: Criterion) -> Criterion:
    """Met when every part is."""
    return _AllOf(parts)


def any_of(*parts: Criterion) -> Criterion:
    """Met when some part is; its basis is that of the parts that are met."""
    return _AnyOf(parts)


def at_least(count: int, *parts: Criterion) -> Criterion:
    """Met when `count` parts are."""
    return _AtLeast(count, parts)


def not_(part: Criterion) -> Criterion:
    """Met when the part is known not to be."""
    return _Not(part)


def affirmed(part: Criterion) -> Criterion:
    """Met when the part is, else not met: for answers of a form that few fill in, where unanswered is no doubt."""
    return _Affirmed(part)


def certain(part: Criterion) -> Criterion:
    """Met when the part is on facts that may carry a critical card: not on words, undated or doubtful data alone."""
    return _Certain(part)


def not_before(later: Criterion, earlier: Criterion) -> Criterion:
    """Both are there, and some fact of the one is dated no earlier than all of the other; undated is unknown."""
    return _NotBefore(later, earlier)


def is_recent(day: Day | None, within: Period, chart: Chart) -> bool:
    """Whether a day lies in the period before the day of the call; an unknown day does not."""
    return day is not None and 0 <= days_ago(day, chart.today) <= within.days


def start_of(fact: Fact) -> Day | None:
    """Say when what a fact states began: a drug's start, a problem's onset or entry, else the day of the fact."""
    if isinstance(fact, Drug):
        return fact.start
    return (fact.onset or fact.recorded) if isinstance(fact, Problem) else fact.on
