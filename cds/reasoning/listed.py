"""What the chart lists: conditions and complaints, drugs, requests, what was done, stays in hospital."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from msgspec.structs import replace

from cds.chart.chart import STAY, Area, Chart
from cds.chart.dates import Day, days_ago
from cds.chart.facts import Absence, Drug, Fact, Indicator, Problem, Stay
from cds.chart.text import words_of
from cds.reasoning.criteria import Combined, Criterion, any_of, is_recent, start_of
from cds.reasoning.findings import Finding, State, met, met_by_any, not_met, unknown
from cds.reasoning.knowledge import Codes, Period


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

    def not_begun_after(self, effect: Criterion) -> "_NotAfter":
        """Those that did not begin later than a symptom that is there; without a date on either side they count."""
        return _NotAfter(self, effect)


class _Since(Combined):
    def __init__(
        self, lasting: "_Lasting | _NotAfter", period: Period, *, longer: bool, renewed_within: Period | None = None
    ) -> None:
        super().__init__((lasting,))
        self.lasting, self.period, self.longer, self.renewed_within = lasting, period, longer, renewed_within

    def _test(self, chart: Chart) -> Finding:
        finding = self.lasting.check(chart)
        if not finding.is_met:
            return finding
        starts = [start for fact in finding.basis if (start := start_of(fact)) is not None]
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


class _NotAfter(Combined):
    """A cause does not follow its effect.

    That the effect is there is asked; as what the cause is sought for it proves nothing, and its cap is left behind.
    """

    def __init__(self, lasting: _Lasting, effect: Criterion) -> None:
        super().__init__((lasting, effect))
        self.codes, self.lasting, self.effect = lasting.codes, lasting, effect

    def for_less_than(self, period: Period) -> Criterion:
        """For less than so long, a drug by the first of its prescriptions; unknown without any start."""
        return _Since(self, period, longer=False)

    def _test(self, chart: Chart) -> Finding:
        finding, effect = self.lasting.check(chart), self.effect.check(chart)
        for part in (effect, finding):
            if part.state is State.NOT_MET:
                return part
        if not (finding.is_met and effect.is_met):
            return Finding(State.UNKNOWN, parts=(finding, effect))
        felt = (start_of(fact) for fact in effect.basis if isinstance(fact, Problem))
        since = min((day.last for day in felt if day is not None), default=None)
        begun = [self._since_first(fact, chart) for fact in finding.basis]
        kept = tuple(f for f in begun if since is None or (on := start_of(f)) is None or on.first <= since)
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


def _begun(problem: Problem, days: Iterable[Day | None], within: Period, chart: Chart) -> Iterable[Problem]:
    """Give a problem that some of its days puts in the period; a month or a year proves nothing acute (DS-2)."""
    if recent := [day for day in days if day is not None and is_recent(day, within, chart)]:
        yield problem if any(day.exact for day in recent) else _vague(problem, chart)


def _vague(problem: Problem, chart: Chart) -> Problem:
    """Hold a problem at a warning; the same fact for all who ask."""
    if (problem, _vague) not in chart.findings:
        cap, notes = min(problem.cap, Indicator.WARNING), (*problem.notes, "exact day not known")
        chart.findings[problem, _vague] = replace(problem, cap=cap, notes=notes, vague=True)
    vague: Problem = chart.findings[problem, _vague]
    return vague


def has(codes: Codes, *, confirmed: bool = False, within: Period | None = None, dated: bool = False) -> "_Lasting":
    """An active condition.

    Args:
        codes: what it is.
        confirmed: whether a provisional, differential or unconfirmed one is not enough.
        within: how long ago it began or was recorded at the most; one without a date counts.
        dated: whether the date is what counts: one without does not after all, one of a month or a year warns at most.
    """

    def find(chart: Chart) -> Iterable[Problem]:
        for problem in chart.record.problems(codes.name):
            if not problem.active or not problem.about_leg or (confirmed and not problem.confirmed):
                continue
            if within is None or (problem.on is None and not dated):
                yield problem
            elif dated:
                yield from _begun(problem, (problem.onset, problem.recorded), within, chart)
            elif is_recent(problem.onset, within, chart) or is_recent(problem.recorded, within, chart):
                yield problem

    since = f", since at most {within}" if within else ""
    sentence = f"{codes.title} {'(confirmed) ' if confirmed else ''}on the problem list{since}"
    return _Lasting(codes, find, Area.PROBLEMS, Absence(name=codes.title, value="not on the problem list"), sentence)


def complains_of(codes: Codes, *, within: Period, side: Sequence[str] = (), dated: bool = False) -> Criterion:
    """A symptom: on the problem list, as the reason for a visit, or as a complaint, in the period or undated.

    Args:
        codes: what it is.
        within: how long ago at the most.
        side: `left`, `right` or `both`, where the words or the body site must name one of these.
        dated: whether the date is what counts; see `has`.
    """

    def find(chart: Chart) -> Iterable[Problem]:
        record = chart.record
        for problem in chain(record.problems(codes.name), record.complaints(codes.name)):
            if not problem.active or not problem.about_leg or (side and problem.side not in side):
                continue
            if dated:
                yield from _begun(problem, (problem.onset, problem.recorded), within, chart)
            elif (
                problem.on is None
                or is_recent(problem.onset, within, chart)
                or is_recent(problem.recorded, within, chart)
            ):
                yield problem

    sentence = f"{codes.title} recorded within {within}"
    sentence += f", side {' or '.join(side)}" if side else ""
    return _Listed(codes.name, find, (Area.PROBLEMS,), Absence(name=codes.title, value="not recorded"), sentence)


def newly(codes: Codes, *, within: Period) -> Criterion:
    """A symptom or condition that began in the period; an undated one never counts, a vague date warns at most.

    On the problem list its onset decides, or the day of its record where no onset is known; a complaint or the reason
    for a visit counts from its own day, unless the list has had the same since before the period.
    """

    def find(chart: Chart) -> Iterable[Problem]:
        listed = [p for p in chart.record.problems(codes.name) if p.active and p.about_leg and p.on is not None]
        begun = [p for problem in listed for p in _begun(problem, (problem.on,), within, chart)]
        yield from begun
        if begun or not listed:
            for complaint in chart.record.complaints(codes.name):
                if complaint.about_leg:
                    yield from _begun(complaint, (complaint.on,), within, chart)

    absence = Absence(name=codes.title, value="not recorded as new")
    return _Listed(codes.name, find, (Area.PROBLEMS,), absence, f"{codes.title} begun within {within}")


def ever_had(codes: Codes, *, within: Period | None = None) -> Criterion:
    """A condition of any clinical status, abated ones included; with a period, it began, was recorded or ended then."""

    def find(chart: Chart) -> Iterable[Problem]:
        for problem in chart.record.problems(codes.name):
            days = (problem.onset, problem.recorded, problem.ended)
            if within is None or any(is_recent(day, within, chart) for day in days):
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
            given = given_within is not None and drug.given and is_recent(drug.on, given_within, chart)
            if (drug.current and (finished or not drug.finished)) or given:
                yield drug

    also = "" if finished else ", no finished courses"
    also += f", or given within {given_within}" if given_within else ""
    absence = Absence(name=codes.title, value="not among the current medications")
    return _Lasting(codes, find, Area.MEDICATIONS, absence, f"{codes.title} among the current medications{also}")


def begun_or_given(codes: Codes, *, within: Period) -> Criterion:
    """A medication that was begun or given in the period; for drugs whose single dose acts for long."""

    def find(chart: Chart) -> Iterable[Drug]:
        return (d for d in chart.record.drugs(codes.name) if (d.current or d.given) and is_recent(d.on, within, chart))

    return _Listed(
        codes.name, find, (Area.MEDICATIONS,), Absence(name=codes.title, value=f"none within {within}"),
        f"{codes.title} begun or given within {within}",
    )  # fmt: skip


def _settles(day: Day | None, within: Period, chart: Chart) -> bool:
    """Whether a day lies in the period, and is known as well as that: a month says nothing of the last days."""
    return day is not None and is_recent(day, within, chart) and (day.last - day.first).days <= within.days


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
            if (order.open or completed) and (order.urgent or not urgent) and _settles(order.on, within, chart):
                yield order
        if codes.measured and not urgent:
            for result in chart.record.under_way(codes.name):
                if is_recent(result.on, within, chart):
                    yield result

    return _Listed(
        codes.name, find, (Area.ORDERS,), Absence(name=f"Order for {codes.title}", value="none open"),
        f"{codes.title} ordered {'urgently ' if urgent else ''}within {within}{' or done' if completed else ''}",
    )  # fmt: skip


def done(codes: Codes, *, within: Period | None = None, aside: bool = False) -> Criterion:
    """A procedure or a report; with a period, undated ones do not count.

    Args:
        codes: what was done.
        within: how lately.
        aside: whether a card leaves it out where it was not done, for that is no news.
    """

    def find(chart: Chart) -> Iterable[Fact]:
        for act in (*chart.record.acts(codes.name), *chart.record.coded_results(codes.name)):
            if within is None or _settles(act.on, within, chart):
                yield act

    window = f" within {within}" if within else ""
    absence = Absence(name=codes.title, value=f"none found{window}", worth_saying=not aside)
    areas = (Area.PROCEDURES, Area.REPORTS, Area.OBSERVATIONS)
    return _Listed(codes.name, find, areas, absence, f"{codes.title} done{window}")


def answers(codes: Codes, meaning: Codes, *, within: Period | None = None) -> Criterion:
    """The newest coded result of an observation is one of the answers that mean something."""

    def find(chart: Chart) -> Iterable[Fact]:
        for result in chart.record.coded_results(codes.name):
            if within is None or is_recent(result.on, within, chart):
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
                if days >= at_least.days and is_recent(stay.ended, within, chart):
                    yield stay

    return _Listed(
        STAY, find, (Area.ENCOUNTERS,), Absence(name="Stay in hospital", value=f"none of {at_least} within {within}"),
        f"in hospital for {at_least} or longer, until at most {within} ago",
    )  # fmt: skip


def drafting(codes: Codes) -> Criterion:
    """The order at hand, as it is being written, is for this. Only for calls about orders; elsewhere nothing is."""
    return _Listed(
        codes.name, lambda chart: chart.record.drafts(codes.name), (),
        Absence(name=codes.title, value="not being ordered"), f"{codes.title} being ordered",
    )  # fmt: skip


def feared(codes: Codes) -> Criterion:
    """An order that is being written names this as its reason, if only to rule it out."""
    return _Listed(
        codes.name, lambda chart: chart.record.feared(codes.name), (),
        Absence(name=codes.title, value="no reason of the order"), f"{codes.title} as the reason of the order",
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
        before = tuple(order for order in open_ if is_recent(order.on, self.within, chart))
        return met(*drafts, *before) if drafts and before else self.once

    def sentence(self) -> str:
        return f"{self.codes.title} being ordered while a request of the last {self.within} is open"
