"""The vocabulary of criteria: what a plan may ask of a chart.

A criterion is tested against a chart and gives a finding, once per chart. `all_of`, `any_of`, `at_least` and `not_`
combine criteria by Kleene's three-valued logic:

    all_of   met     not met  unknown        any_of   met  not met  unknown
    met      met     not met  unknown        met      met  met      met
    not met  not met not met  not met        not met  met  not met  unknown
    unknown  unknown not met  unknown        unknown  met  unknown  unknown

Each criterion reads as a sentence (`str`), from which the review of a plan is printed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Self

from msgspec.structs import replace

from cds.chart.chart import PATIENT, STAY, Area, Chart
from cds.chart.dates import Day, days_ago
from cds.chart.facts import Absence, Answer, Drug, Fact, Indicator, Problem, Stay
from cds.chart.text import words_of
from cds.reasoning.findings import Finding, State, met, met_by_any, not_met, unknown
from cds.reasoning.knowledge import Codes, Period, Threshold


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
                finding = chart.bare.findings.get(self) or chart.bare.findings.setdefault(self, self._test(chart.bare))
            else:
                finding = self._test(chart)
            chart.findings[self] = finding
        return finding

    def holds(self, chart: Chart) -> Finding | None:
        """Give the finding if the criterion is met, else None: the short way where not met and unknown are the same."""
        finding = self.check(chart)
        return finding if finding.state is State.MET else None

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


class _Combined(Criterion):
    def __init__(self, parts: Sequence[Criterion]) -> None:
        self.parts, self.reads = parts, frozenset().union(*(part.reads for part in parts))


class _AllOf(_Combined):
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


class _AnyOf(_Combined):
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


class _AtLeast(_Combined):
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


class _Not(_Combined):
    def __init__(self, part: Criterion) -> None:
        super().__init__((part,))
        self.part = part

    def _test(self, chart: Chart) -> Finding:
        finding = self.part.check(chart)
        # That something is not so never makes a finding weaker: the cap is left behind.
        return Finding(_OPPOSITE[finding.state], parts=(finding,))

    def sentence(self) -> str:
        return f"not ({self.part})"


class _Affirmed(_Combined):
    def __init__(self, part: Criterion) -> None:
        super().__init__((part,))
        self.part = part

    def _test(self, chart: Chart) -> Finding:
        finding = self.part.check(chart)
        return finding if finding.state is State.MET else Finding(State.NOT_MET, parts=(finding,))

    def sentence(self) -> str:
        return f"{_bracketed(self.part)}, affirmed"


class _Certain(_Combined):
    def __init__(self, part: Criterion) -> None:
        super().__init__((part,))
        self.part = part

    def _test(self, chart: Chart) -> Finding:
        finding = self.part.check(chart)
        if finding.state is State.MET and finding.cap < Indicator.CRITICAL:
            return Finding(State.NOT_MET, parts=(finding,))
        return finding

    def sentence(self) -> str:
        return f"{_bracketed(self.part)}, for certain"


class _NotBefore(_Combined):
    def __init__(self, later: Criterion, earlier: Criterion) -> None:
        super().__init__((later, earlier))
        self.later, self.earlier = later, earlier

    def _test(self, chart: Chart) -> Finding:
        later, earlier = self.later.check(chart), self.earlier.check(chart)
        for part in (later, earlier):
            if part.state is State.NOT_MET:
                return part
        if not (later.is_met and earlier.is_met):
            return Finding(State.UNKNOWN, parts=(later, earlier))
        begun = [start.first for fact in earlier.basis if (start := _start(fact)) is not None]
        starts = [(fact, _start(fact)) for fact in later.basis]
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


def not_before(later: Criterion, earlier: Criterion) -> Criterion:
    """Both are there, and some fact of the one is dated no earlier than all of the other; undated is unknown."""
    return _NotBefore(later, earlier)


class _Listed(Criterion):
    """Whether facts of a kind are listed in the chart; known absent when the list was supplied without them."""

    def __init__(
        self,
        concept: str,
        find: Callable[[Chart], Iterable[Fact]],
        areas: Sequence[Area],
        absence: Absence,
        sentence: str,
    ) -> None:
        self.reads, self.find, self.areas, self.words = frozenset({concept}), find, areas, sentence
        self.none = not_met(absence)

    def _test(self, chart: Chart) -> Finding:
        if found := tuple(self.find(chart)):
            return met_by_any(found)
        if chart.unknown and (lacking := [area for area in self.areas if area in chart.unknown]):
            return unknown(*(f"{area} ({chart.unknown[area]})" for area in lacking))
        return self.none

    def sentence(self) -> str:
        return self.words


def affirmed(part: Criterion) -> Criterion:
    """Met when the part is, else not met: for answers of a form that few fill in, where unanswered is no doubt."""
    return _Affirmed(part)


def certain(part: Criterion) -> Criterion:
    """Met when the part is on facts that may carry a critical card: not on words, undated or doubtful data alone."""
    return _Certain(part)


class _Lasting(_Listed):
    """Something listed that has lasted for some time: a condition or a drug."""

    def __init__(
        self, codes: Codes, find: Callable[[Chart], Iterable[Fact]], area: Area, absence: Absence, sentence: str
    ) -> None:
        super().__init__(codes.name, find, (area,), absence, sentence)
        self.codes = codes

    def for_at_least(self, period: Period, *, renewed_within: Period | None = None) -> Criterion:
        """For so long, by the earliest start; unknown without any start.

        Args:
            period: how long.
            renewed_within: how far apart the starts of prescriptions that are one continuous treatment may lie; then
                those that are no longer current count as well.
        """
        return _Since(self, period, longer=True, renewed_within=renewed_within)

    def for_less_than(self, period: Period) -> Criterion:
        """For less than so long, by the earliest start; unknown without any start."""
        return _Since(self, period, longer=False)

    def not_begun_after(self, effect: Criterion) -> Criterion:
        """Those that did not begin later than a symptom that is there; without a date on either side they count."""
        return _NotAfter(self, effect)


class _Since(_Combined):
    def __init__(
        self, lasting: _Lasting, period: Period, *, longer: bool, renewed_within: Period | None = None
    ) -> None:
        super().__init__((lasting,))
        self.lasting, self.period, self.longer, self.renewed_within = lasting, period, longer, renewed_within

    def _test(self, chart: Chart) -> Finding:
        finding = self.lasting.check(chart)
        if not finding.is_met:
            return finding
        starts = [start for fact in finding.basis if (start := _start(fact)) is not None]
        if not starts:
            return unknown(f"{self.lasting.codes.title} (since when)")
        since = max(days_ago(start, chart.today) for start in starts)
        if self.renewed_within is not None:
            for drug in sorted(chart.record.drugs(self.lasting.codes.name), key=_newest_first):
                if (
                    drug.start is not None
                    and 0 <= days_ago(drug.start, chart.today) - since <= self.renewed_within.days
                ):
                    since = days_ago(drug.start, chart.today)
        return finding if (since >= self.period.days) is self.longer else not_met(*finding.basis)

    def sentence(self) -> str:
        renewed = f", prescriptions up to {self.renewed_within} apart being one" if self.renewed_within else ""
        return f"{self.lasting} for {'at least' if self.longer else 'less than'} {self.period}{renewed}"


def _newest_first(drug: Drug) -> float:
    return -drug.start.moment if drug.start is not None else 0.0


class _NotAfter(_Combined):
    """A cause does not follow its effect.

    That the effect is there is asked; as what the cause is sought for it proves nothing, and its cap is left behind.
    """

    def __init__(self, lasting: _Lasting, effect: Criterion) -> None:
        super().__init__((lasting, effect))
        self.lasting, self.effect = lasting, effect

    def _test(self, chart: Chart) -> Finding:
        finding, effect = self.lasting.check(chart), self.effect.check(chart)
        for part in (effect, finding):
            if part.state is State.NOT_MET:
                return part
        if not (finding.is_met and effect.is_met):
            return Finding(State.UNKNOWN, parts=(finding, effect))
        felt = (_start(fact) for fact in effect.basis if isinstance(fact, Problem))
        since = min((day.last for day in felt if day is not None), default=None)
        begun = [self._since_first(fact, chart) for fact in finding.basis]
        kept = tuple(f for f in begun if since is None or (on := _start(f)) is None or on.first <= since)
        return met_by_any(kept) if kept else not_met(*finding.basis)

    def _since_first(self, fact: Fact, chart: Chart) -> Fact:
        """Date a drug from the first of its prescriptions: the present one may be a renewal."""
        if not isinstance(fact, Drug) or fact.start is None:
            return fact
        same = (d for d in chart.record.drugs(self.lasting.codes.name) if d.name == fact.name)
        starts = [d.start for d in same if d.start is not None and (d.current or d.finished)]
        first = min((fact.start, *starts), key=lambda day: day.moment)
        return fact if first == fact.start else replace(fact, start=first, on=first)

    def sentence(self) -> str:
        return f"{self.lasting}, not begun later than {self.effect}"


def _start(fact: Fact) -> Day | None:
    if isinstance(fact, Drug):
        return fact.start
    return (fact.onset or fact.recorded) if isinstance(fact, Problem) else fact.on


def _recent(day: Day | None, within: Period, chart: Chart) -> bool:
    return day is not None and 0 <= days_ago(day, chart.today) <= within.days


def has(codes: Codes, *, confirmed: bool = False, within: Period | None = None, dated: bool = False) -> "_Lasting":
    """An active condition.

    Args:
        codes: what it is.
        confirmed: whether a provisional, differential or unconfirmed one is not enough.
        within: how long ago it began or was recorded at the most; one without a date counts.
        dated: whether one without a date does not count after all.
    """

    def counts(problem: Problem, chart: Chart) -> bool:
        if not problem.active or not problem.about_leg or (confirmed and not problem.confirmed):
            return False
        if within is None:
            return True
        if problem.on is None:
            return not dated
        return _recent(problem.onset, within, chart) or _recent(problem.recorded, within, chart)

    def find(chart: Chart) -> Iterable[Problem]:
        return (p for p in chart.record.problems(codes.name) if counts(p, chart))

    since = f", since at most {within}" if within else ""
    sentence = f"{codes.title} {'(confirmed) ' if confirmed else ''}on the problem list{since}"
    return _Lasting(codes, find, Area.PROBLEMS, Absence(name=codes.title, value="not on the problem list"), sentence)


def complains_of(codes: Codes, *, within: Period, side: Sequence[str] = (), dated: bool = False) -> Criterion:
    """A symptom: on the problem list, as the reason for a visit, or as a complaint, in the period or undated.

    Args:
        codes: what it is.
        within: how long ago at the most.
        side: `left`, `right` or `both`, where the words or the body site must name one of these.
        dated: whether one without a date does not count after all.
    """

    def find(chart: Chart) -> Iterable[Problem]:
        record = chart.record
        for problem in chain(record.problems(codes.name), record.complaints(codes.name)):
            if not problem.active or not problem.about_leg or (side and problem.side not in side):
                continue
            undated = problem.on is None and not dated
            if undated or _recent(problem.onset, within, chart) or _recent(problem.recorded, within, chart):
                yield problem

    sentence = f"{codes.title} recorded within {within}"
    sentence += f", side {' or '.join(side)}" if side else ""
    return _Listed(codes.name, find, (Area.PROBLEMS,), Absence(name=codes.title, value="not recorded"), sentence)


def newly(codes: Codes, *, within: Period) -> Criterion:
    """A symptom or condition that began in the period; an undated one never counts.

    On the problem list its onset decides, or the day of its record where no onset is known; a complaint or the reason
    for a visit counts from its own day, unless the list has had the same since before the period.
    """

    def find(chart: Chart) -> Iterable[Problem]:
        listed = [p for p in chart.record.problems(codes.name) if p.active and p.about_leg and p.on is not None]
        begun = [problem for problem in listed if _recent(problem.on, within, chart)]
        yield from begun
        if begun or not listed:
            for complaint in chart.record.complaints(codes.name):
                if complaint.about_leg and _recent(complaint.on, within, chart):
                    yield complaint

    absence = Absence(name=codes.title, value="not recorded as new")
    return _Listed(codes.name, find, (Area.PROBLEMS,), absence, f"{codes.title} begun within {within}")


def ever_had(codes: Codes, *, within: Period | None = None) -> Criterion:
    """A condition of any clinical status, abated ones included; with a period, it began, was recorded or ended then."""

    def find(chart: Chart) -> Iterable[Problem]:
        for problem in chart.record.problems(codes.name):
            days = (problem.onset, problem.recorded, problem.ended)
            if within is None or any(_recent(day, within, chart) for day in days):
                yield problem

    return _Listed(
        codes.name,
        find,
        (Area.PROBLEMS,),
        Absence(name=codes.title, value="not in the history"),
        f"{codes.title} now or in the past" + (f", of the last {within}" if within else ""),
    )


def taking(codes: Codes, *, given_within: Period | None = None, finished: bool = True) -> "_Lasting":
    """A current medication.

    Args:
        codes: the class of drugs.
        given_within: how long ago an administration at the most still counts, where administrations count at all.
        finished: whether a course that was completed lately counts too.
    """

    def find(chart: Chart) -> Iterable[Drug]:
        for drug in chart.record.drugs(codes.name):
            given = given_within is not None and drug.given and _recent(drug.on, given_within, chart)
            if (drug.current and (finished or not drug.finished)) or given:
                yield drug

    also = "" if finished else ", no finished courses"
    also += f", or given within {given_within}" if given_within else ""
    absence = Absence(name=codes.title, value="not among the current medications")
    return _Lasting(codes, find, Area.MEDICATIONS, absence, f"{codes.title} among the current medications{also}")


def begun_or_given(codes: Codes, *, within: Period) -> Criterion:
    """A medication that was begun or given in the period; for drugs whose single dose acts for long."""

    def find(chart: Chart) -> Iterable[Drug]:
        return (d for d in chart.record.drugs(codes.name) if (d.current or d.given) and _recent(d.on, within, chart))

    return _Listed(
        codes.name, find, (Area.MEDICATIONS,), Absence(name=codes.title, value=f"none within {within}"),
        f"{codes.title} begun or given within {within}",
    )  # fmt: skip


def ordered(codes: Codes, *, within: Period, completed: bool = False, urgent: bool = False) -> Criterion:
    """A request that is open and was made in the period; undated ones never count.

    Args:
        codes: a service, or an analyte (then also any panel that contains it, and a result that is under way).
        within: how long ago at the most.
        completed: whether a completed one counts too.
        urgent: whether one of routine priority, or of none, does not count.
    """

    def find(chart: Chart) -> Iterable[Fact]:
        for order in chart.record.orders(codes.name):
            if (order.open or completed) and (order.urgent or not urgent) and _recent(order.on, within, chart):
                yield order
        if codes.measured and not urgent:
            for result in chart.record.under_way(codes.name):
                if _recent(result.on, within, chart):
                    yield result

    return _Listed(
        codes.name, find, (Area.ORDERS,), Absence(name=f"Order for {codes.title}", value="none open"),
        f"{codes.title} ordered {'urgently ' if urgent else ''}within {within}{' or done' if completed else ''}",
    )  # fmt: skip


def done(codes: Codes, *, within: Period | None = None) -> Criterion:
    """A procedure or a report; with a period, undated ones do not count."""

    def find(chart: Chart) -> Iterable[Fact]:
        for act in (*chart.record.acts(codes.name), *chart.record.coded_results(codes.name)):
            if within is None or _recent(act.on, within, chart):
                yield act

    window = f" within {within}" if within else ""
    absence = Absence(name=codes.title, value=f"none found{window}", worth_saying=True)
    areas = (Area.PROCEDURES, Area.REPORTS, Area.OBSERVATIONS)
    return _Listed(codes.name, find, areas, absence, f"{codes.title} done{window}")


def answers(codes: Codes, meaning: Codes, *, within: Period | None = None) -> Criterion:
    """The newest coded result of an observation is one of the answers that mean something."""

    def find(chart: Chart) -> Iterable[Fact]:
        for result in chart.record.coded_results(codes.name):
            if within is None or _recent(result.on, within, chart):
                if meaning.name in result.means:
                    yield result
                return

    window = f" within {within}" if within else ""
    return _Listed(
        codes.name, find, (Area.OBSERVATIONS,), Absence(name=codes.title, value=f"not {meaning.title.lower()}"),
        f"{codes.title} recorded as {meaning.title.lower()}{window}",
    )  # fmt: skip


def family_history(codes: Codes) -> Criterion:
    """A condition of a relative."""
    return _Listed(
        codes.name, lambda chart: chart.record.relatives(codes.name), (Area.FAMILY,),
        Absence(name=f"Family history of {codes.title}", value="none recorded"), f"family history of {codes.title}",
    )  # fmt: skip


def allergic_to(codes: Codes) -> Criterion:
    """An allergy or intolerance to a class of drugs."""
    return _Listed(
        codes.name, lambda chart: chart.record.allergies(codes.name), (Area.ALLERGIES,),
        Absence(name=f"Allergy to {codes.title}", value="none recorded"), f"allergy or intolerance to {codes.title}",
    )  # fmt: skip


def in_hospital(about: Codes | None = None) -> Criterion:
    """An inpatient or emergency encounter is under way; perhaps only one whose reason, kind or service is this."""

    def find(chart: Chart) -> Iterable[Fact]:
        for stay in chart.record.stays():
            if about is None or _is_about(stay, about, chart):
                yield stay

    for_it = f" for {about.title}" if about else ""
    found = _Listed(
        STAY, find, (Area.ENCOUNTERS,), Absence(name=f"Inpatient stay{for_it}", value="none under way"),
        f"in hospital now{for_it}",
    )  # fmt: skip
    found.reads |= {about.name} if about else frozenset()
    return found


def _is_about(stay: Stay, codes: Codes, chart: Chart) -> bool:
    return codes.name in stay.about or any(p.reference in stay.refers for p in chart.record.problems(codes.name))


def stayed_in_hospital(at_least: Period, *, within: Period) -> Criterion:
    """An inpatient stay of so many days that ended at most so long ago, or is not over."""

    def find(chart: Chart) -> Iterable[Fact]:
        for stay in chart.record.stays():
            if stay.on is not None and days_ago(stay.on, chart.today) >= at_least.days:
                yield stay
        for stay in chart.record.past_stays():
            if stay.on is not None and stay.ended is not None:
                days = days_ago(stay.on, chart.today) - days_ago(stay.ended, chart.today)
                if days >= at_least.days and _recent(stay.ended, within, chart):
                    yield stay

    return _Listed(
        STAY, find, (Area.ENCOUNTERS,), Absence(name="Stay in hospital", value=f"none of {at_least} within {within}"),
        f"in hospital for {at_least} or longer, until at most {within} ago",
    )  # fmt: skip


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


def drafting(codes: Codes) -> Criterion:
    """The order at hand, as it is being written, is for this. Only for calls about orders; elsewhere nothing is."""
    return _Listed(
        codes.name, lambda chart: chart.record.drafts(codes.name), (),
        Absence(name=codes.title, value="not being ordered"), f"{codes.title} being ordered",
    )  # fmt: skip


def drafting_anew(codes: Codes) -> Criterion:
    """The order at hand is for a drug of this class that is not taken yet; the first word of its name tells."""

    def find(chart: Chart) -> Iterable[Fact]:
        current = [drug for drug in chart.record.drugs(codes.name) if drug.current]
        taken = {drug.reference for drug in current} | {word for drug in current for word in words_of(drug.name)[:1]}
        for draft in chart.record.drafts(codes.name):
            if taken.isdisjoint({draft.reference, *words_of(draft.name)[:1]} - {""}):
                yield draft

    return _Listed(
        codes.name, find, (), Absence(name=codes.title, value="not newly ordered"),
        f"{codes.title} being ordered that is not among the current medications",
    )  # fmt: skip


def drafted_twice(codes: Sequence[Codes], *, within: Period) -> Criterion:
    """The order at hand is for something of which a request of the period is open already."""
    return any_of(*(_DraftedTwice(one, within) for one in codes))


class _DraftedTwice(Criterion):
    def __init__(self, codes: Codes, within: Period) -> None:
        self.codes, self.within, self.reads = codes, within, frozenset({codes.name})
        self.once = not_met(Absence(name=codes.title, value="not ordered twice"))

    def _test(self, chart: Chart) -> Finding:
        drafts = chart.record.drafts(self.codes.name)
        same = {draft.reference for draft in drafts}  # a server may list the very draft among the orders
        open_ = (order for order in chart.record.orders(self.codes.name) if order.open and order.reference not in same)
        before = tuple(order for order in open_ if _recent(order.on, self.within, chart))
        return met(*drafts, *before) if drafts and before else self.once

    def sentence(self) -> str:
        return f"{self.codes.title} being ordered while a request of the last {self.within} is open"


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
            if _recent(answer.on, self.within, chart) and (agrees := self.agrees(answer)) is not None:
                return met(self._weighed(answer, chart)) if agrees else not_met(answer)
        return self.unanswered

    def _weighed(self, answer: Answer, chart: Chart) -> Answer:
        """Hold an answer that is no longer fresh at a warning; the same fact for all who ask."""
        if self.fresh is None or _recent(answer.on, self.fresh, chart):
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


class _Age(Criterion):
    reads = frozenset({PATIENT})

    def __init__(self, limit: Threshold, *, reached: bool) -> None:
        self.limit, self.reached = limit, reached

    def _test(self, chart: Chart) -> Finding:
        age = chart.age
        if age is None:
            return unknown("age (no birth date)")
        fact = Fact(name="Age", value=str(age), unit="years", reference=chart.patient.reference)
        return met(fact) if (age >= self.limit.value) is self.reached else not_met(fact)

    def sentence(self) -> str:
        return f"age {'at least' if self.reached else 'under'} {self.limit.value} years"


def aged(limit: Threshold) -> Criterion:
    """Old enough: at least so many years."""
    return _Age(limit, reached=True)


def younger_than(limit: Threshold) -> Criterion:
    """Not yet so old."""
    return _Age(limit, reached=False)


class _Patient(Criterion):
    reads = frozenset({PATIENT})

    def __init__(self, sentence: str, test: Callable[[Chart], bool | None], value: Callable[[Chart], str]) -> None:
        self.words, self.test, self.value = sentence, test, value

    def _test(self, chart: Chart) -> Finding:
        answer = self.test(chart)
        if answer is None:
            return unknown(self.words)
        fact = Fact(name="Patient", value=self.value(chart), reference=chart.patient.reference)
        return met(fact) if answer else not_met(fact)

    def sentence(self) -> str:
        return self.words


def in_care() -> Criterion:
    """The patient is alive and the record active."""
    return _Patient(
        "alive, record active", lambda c: not (c.patient.deceased or c.patient.inactive),
        lambda c: "deceased" if c.patient.deceased else "inactive" if c.patient.inactive else "in care",
    )  # fmt: skip


def age_known() -> Criterion:
    """A birth date is recorded: where a plan sets children aside, this leaves the adults."""
    return _Patient(
        "birth date recorded",
        lambda c: c.age is not None,
        lambda c: "of unknown age" if c.age is None else "of known age",
    )


def sex_is(sex: str) -> Criterion:
    """The administrative gender recorded; other and unknown are neither."""
    return _Patient(
        f"recorded as {sex}",
        lambda c: None if c.patient.sex is None else c.patient.sex == sex,
        lambda c: c.patient.sex or "",
    )
