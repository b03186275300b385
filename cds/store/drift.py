"""Drift: a rate of a week that leaves the band of the weeks before it.

The band is the rate of the weeks before, give or take four standard errors. The error is that of two counts that differ
by chance, or the scatter of the weeks among themselves where that is larger: calls about the same few patients scatter
more than chance. Four, not three: a service of twenty-five plans has some seventy rates for each client, and
at three errors one of them would leave its band by chance every few weeks; an alarm that is often wrong is not read.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from statistics import stdev
from typing import Any

from cds.store.reports import ALL, Line

WEEKS = 8
"""Weeks before that make the band, at most."""

FEWEST_WEEKS = 3
FEWEST = 30
"""Cases of a week, at least, for a rate to be judged or to count: calls, cards answered, times fired."""

ERRORS = 4.0

_RATES = (("fired", "calls"), ("overridden", "answered"), ("unknown", "fired"))


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rate that has left its band.

    Attributes:
        week: the Monday of its week.
        client: of whose calls.
        plan: of which plan.
        rate: what was counted, of what.
        value: the rate [1].
        low: the lower end of the band [1].
        high: the upper end.
    """

    week: date
    client: str
    plan: str
    rate: str
    value: float
    low: float
    high: float

    def as_row(self) -> Mapping[str, Any]:
        """Give it as plain values."""
        return {**asdict(self), "week": self.week.isoformat()}

    def __str__(self) -> str:
        return (
            f"{self.week} {self.client} {self.plan}: {self.rate} {self.value:.1%}; "
            f"{self.low:.1%} to {self.high:.1%} would be usual"
        )


def alarms(lines: Sequence[Line]) -> Iterator[Alarm]:
    """Judge the last week of each client and mode; a plan that fell silent is judged too."""
    for client, silent in sorted({(line.client, line.silent) for line in lines}):
        mine = [line for line in lines if (line.client, line.silent) == (client, silent)]
        whole = {line.week: line for line in mine if line.plan == ALL}
        weeks = sorted(whole)
        for plan in sorted({line.plan for line in mine} - {ALL}):
            of_plan = {line.week: line for line in mine if line.plan == plan}
            history = [of_plan.get(week) or _nothing(whole[week], plan) for week in weeks]
            yield from _judged(history)


def _nothing(whole: Line, plan: str) -> Line:
    return Line(whole.week, whole.client, whole.silent, plan, calls=whole.calls)


def _judged(history: Sequence[Line]) -> Iterator[Alarm]:
    last = history[-1]
    for part, of in _RATES:
        before = [(getattr(line, part), getattr(line, of)) for line in history[-WEEKS - 1 : -1]]
        before = [(some, all_) for some, all_ in before if all_ >= FEWEST]
        count, cases = getattr(last, part), getattr(last, of)
        if len(before) < FEWEST_WEEKS or cases < FEWEST:
            continue
        low, high = band(before, cases)
        value = count / cases
        if not low <= value <= high:
            yield Alarm(last.week, last.client, last.plan, f"{part} of {of}", value, low, high)


def band(before: Sequence[tuple[int, int]], cases: int) -> tuple[float, float]:
    """Give the band for a week of so many cases, after weeks of (count, cases)."""
    total = sum(all_ for _, all_ in before)
    usual = sum(some for some, _ in before) / total
    # With one case more on either side, a rate of none or all has an error too:
    # https://en.wikipedia.org/wiki/Rule_of_succession
    cautious = (usual * total + 1) / (total + 2)
    chance = math.sqrt(cautious * (1 - cautious) * (1 / cases + 1 / total))
    scatter = stdev([some / all_ for some, all_ in before]) * math.sqrt(1 + 1 / len(before))
    error = ERRORS * max(chance, scatter)
    return max(0.0, usual - error), min(1.0, usual + error)
