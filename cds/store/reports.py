"""Figures: per week, client and plan, what was advised and what became of it. They hold no patient and no free text."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, distinct, func, select

from cds.store.feedback import last_words
from cds.store.tables import advice, calls, feedback, losses

ALL = "all"
"""The line of a week and client over all plans."""

NO_REASON = "none given"

_DAY = 86_400_000
_THURSDAY = 3  # days from Monday to 1 January 1970
_STEP = 100  # latencies are counted in steps of this width [us]


@dataclass(frozen=True, slots=True)
class Which:
    """What is counted: the calls of some days (the last one included), and of a client."""

    since: date | None = None
    until: date | None = None
    client: str | None = None

    def of(self, at: ColumnElement[int], client: ColumnElement[str] | None = None) -> list[ColumnElement[bool]]:
        """Say it in SQL."""
        wanted = []
        if self.since is not None:
            wanted.append(at >= _moment(self.since))
        if self.until is not None:
            wanted.append(at < _moment(self.until + timedelta(days=1)))
        if self.client is not None and client is not None:
            wanted.append(client == self.client)
        return wanted


@dataclass(slots=True)
class Line:
    """The figures of a week, a client and a plan.

    Attributes:
        week: its Monday.
        client: who called.
        silent: whether nothing was shown: then `shown` and `folded` say what would have been.
        plan: the plan, or `all`: the sum over the plans, and the latency of all calls.
        versions: of the plan, that gave advice.
        calls: calls that were answered.
        unevaluated: of these, those that could not be evaluated (412).
        incomplete: of these, those for which an area of the chart was not to be had.
        fired: calls in which the plan gave advice; under `all`, the sum of them.
        shown: of these, those on a card of their own.
        folded: on the card that several share.
        snoozed: held back, since a clinician had set it aside.
        repeated: held back, since the encounter had shown it.
        off: held back, since the client has turned the plan off.
        unknown: of `fired`, those in which something could not be checked.
        accepted: of the cards shown, those of which this was said last.
        overridden: likewise.
        reasons: code -> how many of `overridden` gave it.
        unanswered: cards shown of which nothing was said.
        median: latency, of the calls in which the plan fired [ms].
        p95: likewise: 95 of 100 took no longer.
    """

    week: date
    client: str
    silent: bool
    plan: str
    versions: list[str] = field(default_factory=list)
    calls: int = 0
    unevaluated: int = 0
    incomplete: int = 0
    fired: int = 0
    shown: int = 0
    folded: int = 0
    snoozed: int = 0
    repeated: int = 0
    off: int = 0
    unknown: int = 0
    accepted: int = 0
    overridden: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    median: float | None = None
    p95: float | None = None

    @property
    def answered(self) -> int:
        """Cards of which something was said."""
        return self.accepted + self.overridden


@dataclass(frozen=True, slots=True)
class Report:
    """Lines by week, client and plan, and what is in none of them.

    Attributes:
        lines: the figures.
        unknown_cards: entries of feedback for cards that are not known here.
        lost: calls that could not be recorded.
    """

    lines: Sequence[Line]
    unknown_cards: int
    lost: int

    def of_plan(self, plan: str | None) -> "Report":
        """Leave out the lines of other plans; without a plan, none."""
        return replace(self, lines=[line for line in self.lines if plan in {None, line.plan}])


def report(connection: Connection, which: Which) -> Report:
    """Count."""
    count = _Count(connection, which.of(calls.c.at, calls.c.client))
    count.answers()
    count.firings()
    count.doubts()
    count.outcomes()
    return Report(list(count.finished()), _unknown_cards(connection, which), _lost(connection, which))


def clients(connection: Connection) -> Sequence[str]:
    """Name the clients that have called."""
    return sorted(connection.scalars(select(calls.c.client).distinct()))


_Whose = tuple[int, str, bool]
"""A week (by its number), a client, and whether it is silent."""

_WEEK = ((calls.c.at // _DAY + _THURSDAY) // 7).label("week")
_WHOSE = (_WEEK, calls.c.client, calls.c.silent)
_STEPS = (calls.c.duration // _STEP).label("step")


class _Count:
    """Lines that are being counted; each question to the database fills some of their figures."""

    def __init__(self, connection: Connection, wanted: Sequence[ColumnElement[bool]]) -> None:
        self._connection, self._wanted = connection, wanted
        self._lines: dict[tuple[_Whose, str], Line] = {}
        self._latencies: dict[tuple[_Whose, str], Counter[int]] = {}

    def _line(self, whose: _Whose, plan: str) -> Line:
        if (whose, plan) not in self._lines:
            week, client, silent = whose
            monday = date(1970, 1, 1) + timedelta(days=week * 7 - _THURSDAY)
            self._lines[whose, plan] = Line(monday, client, silent, plan)
            self._latencies[whose, plan] = Counter()
        return self._lines[whose, plan]

    def _rows(self, query: Select[Any], *by: ColumnElement[Any]) -> Iterator[tuple[_Whose, list[Any]]]:
        for week, client, silent, *rest in self._connection.execute(query.where(*self._wanted).group_by(*_WHOSE, *by)):
            yield (week, client, bool(silent)), rest

    def answers(self) -> None:
        by = (calls.c.evaluated, (calls.c.unknown != "").label("lacks"), _STEPS)
        for whose, (evaluated, lacks, step, count) in self._rows(select(*_WHOSE, *by, func.count()), *by):
            whole = self._line(whose, ALL)
            whole.calls += count
            whole.unevaluated += 0 if evaluated else count
            whole.incomplete += count if lacks else 0
            self._latencies[whose, ALL][step] += count

    def firings(self) -> None:
        by = (advice.c.plan, advice.c.version, advice.c.fate, _STEPS)
        query = _of_advice(*by, func.count()).where(advice.c.leads)
        for whose, (plan, version, fate, step, count) in self._rows(query, *by):
            line = self._line(whose, plan)
            line.versions = sorted({*line.versions, version} - {""})
            self._latencies[whose, plan][step] += count
            for one in (line, self._line(whose, ALL)):
                one.fired += count
                setattr(one, fate, getattr(one, fate) + count)

    def doubts(self) -> None:
        query = _of_advice(advice.c.plan, func.count(distinct(advice.c.call))).where(advice.c.unknown)
        for whose, (plan, count) in self._rows(query, advice.c.plan):
            for one in (self._line(whose, plan), self._line(whose, ALL)):
                one.unknown += count

    def outcomes(self) -> None:
        last = last_words()
        by = (advice.c.plan, last.c.outcome, last.c.reason)
        said = _of_advice(*by, func.count()).join(
            last, and_(last.c.card == advice.c.card, last.c.client == calls.c.client)
        )
        shown = (advice.c.leads, advice.c.fate == "shown", ~calls.c.silent)
        for whose, (plan, outcome, reason, count) in self._rows(said.where(*shown), *by):
            for one in (self._line(whose, plan), self._line(whose, ALL)):
                setattr(one, outcome, getattr(one, outcome) + count)
                if outcome == "overridden":
                    one.reasons[reason or NO_REASON] += count

    def finished(self) -> Iterator[Line]:
        for (whose, plan), one in sorted(self._lines.items()):
            whole = self._lines[whose, ALL]
            one.calls, one.unevaluated, one.incomplete = whole.calls, whole.unevaluated, whole.incomplete
            one.unanswered = 0 if one.silent else one.shown - one.answered
            steps = self._latencies[whose, plan]
            one.median, one.p95 = _quantile(steps, 0.5), _quantile(steps, 0.95)
            yield one


def _of_advice(*columns: ColumnElement[Any]) -> Select[Any]:
    return select(*_WHOSE, *columns).join_from(advice, calls, calls.c.id == advice.c.call)


def _quantile(steps: Counter[int], part: float) -> float | None:
    """Give the latency that a part of the calls do not exceed [ms], to the middle of a step."""
    due, passed = part * steps.total(), 0
    for step in sorted(steps):
        passed += steps[step]
        if passed >= due:
            return (step + 0.5) * _STEP / 1000
    return None


def _unknown_cards(connection: Connection, which: Which) -> int:
    """Count the feedback on cards that are not known: never ours, another client's, or forgotten."""
    known = select(advice.c.card).join(calls, calls.c.id == advice.c.call)
    known = known.where(advice.c.card == feedback.c.card, calls.c.client == feedback.c.client)
    query = select(func.count()).select_from(feedback).where(~known.exists())
    return connection.scalar(query.where(*which.of(feedback.c.received, feedback.c.client))) or 0


def _lost(connection: Connection, which: Which) -> int:
    return connection.scalar(select(func.coalesce(func.sum(losses.c.calls), 0)).where(*which.of(losses.c.at))) or 0


def _moment(day: date) -> int:
    return (day - date(1970, 1, 1)).days * _DAY


_NAMED = ("week", "client", "mode", "plan", "versions")
_COUNTED = ("calls", "unevaluated", "incomplete", "fired", "shown", "folded", "snoozed", "repeated", "off", "unknown")
_ANSWERED = ("accepted", "overridden", "reasons", "unanswered", "median_ms", "p95_ms")
COLUMNS = (*_NAMED, *_COUNTED, *_ANSWERED)
"""What a line is written as."""


def as_row(line: Line) -> Mapping[str, Any]:
    """Give a line as plain values under the names of `COLUMNS`."""
    own = {name: getattr(line, name, None) for name in COLUMNS}
    return own | {
        "week": line.week.isoformat(),
        "mode": "silent" if line.silent else "live",
        "reasons": dict(sorted(line.reasons.items())),
        "median_ms": line.median,
        "p95_ms": line.p95,
    }


def as_json(found: Report, alarms: Iterable[Mapping[str, Any]]) -> str:
    """Write a report for machines."""
    whole = {
        "lines": [as_row(line) for line in found.lines],
        "unknown_cards": found.unknown_cards,
        "lost": found.lost,
        "alarms": list(alarms),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def as_csv(found: Report) -> str:
    """Write the lines of a report for spreadsheets: https://www.rfc-editor.org/rfc/rfc4180."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for line in found.lines:
        row = as_row(line)
        reasons = "; ".join(f"{code}: {count}" for code, count in row["reasons"].items())
        writer.writerow({**row, "versions": " ".join(line.versions), "reasons": reasons})
    return out.getvalue()
