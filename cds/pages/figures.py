"""Reports as they are looked at: what stands in which column, and drawings of the weeks."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from cds.services import differential, knowledge, plans
from cds.store.reports import ALL, NO_REASON, Line

WIDTH, HEIGHT = 340, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 12, 22
"""Room for the words around a drawing."""
_GAP = 0.2
"""How much of a week's room stays empty."""
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Series:
    """One figure of each week: how it is drawn, what it is called, how it is had."""

    kind: str
    words: str
    of: Callable[[Line], float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """What is drawn of one figure of one week: a bar, or a point where it has no height."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Weeks side by side."""

    title: str
    series: Sequence[Series]
    bars: Sequence[Mark]
    points: Sequence[Mark]
    top: str
    first: str
    last: str

    @property
    def lines(self) -> Iterator[tuple[str, str]]:
        """Give the points of each series, joined."""
        for kind, points in groupby(self.points, key=lambda point: point.kind):
            yield kind, " ".join(f"{point.x:.1f},{point.y:.1f}" for point in points)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and what stands in it."""

    heading: str
    of: Callable[[Line], str]


@dataclass(frozen=True, slots=True)
class Section:
    """All of one client, live or silent.

    Attributes:
        client: who.
        silent: whether nothing was shown.
        drawings: of the sums over the plans, or of the one plan that was asked for.
        columns: of its tables.
        tables: what each is about -> its lines, a week each.
    """

    client: str
    silent: bool
    drawings: Sequence[Drawing]
    columns: Sequence[Column]
    tables: Mapping[str, Sequence[Line]]


def sections(lines: Sequence[Line]) -> list[Section]:
    """Sort lines by client and mode."""

    def whose(line: Line) -> tuple[str, bool]:
        return line.client, line.silent

    return [_section(*key, list(mine)) for key, mine in groupby(sorted(lines, key=whose), key=whose)]


def _section(client: str, silent: bool, lines: Sequence[Line]) -> Section:
    files = [plan.knowledge.file for plan in plans()] + [differential().knowledge.file]
    titles = {ALL: "All plans", **{file.id: file.title for file in files}}
    found = {name: [line for line in lines if line.plan == name] for name in titles}
    gone = {line.plan: [other for other in lines if other.plan == line.plan] for line in lines}
    tables = {titles.get(name, name): mine for name, mine in {**found, **gone}.items() if mine}
    first = next(iter(tables.values()))
    drawings = [_stacked(title, first, series) for title, series in (_WOULD if silent else _DID)]
    return Section(client, silent, [*drawings, _traced("Latency [ms]", first, _LATENCY)], _columns(silent), tables)


# --- what is drawn ----------------------------------------------------------------------------------------------------

_HELD = Series("c", "held back", lambda line: line.snoozed + line.repeated + line.off)
_DID = (
    (
        "What plans said, calls",
        (Series("a", "shown", lambda line: line.shown), Series("b", "folded", lambda line: line.folded), _HELD),
    ),
    (
        "What became of cards",
        (
            Series("a", "accepted", lambda line: line.accepted),
            Series("b", "overridden", lambda line: line.overridden),
            Series("c", "no answer", lambda line: line.unanswered),
        ),
    ),
)
_WOULD = (
    (
        "What plans would have said, calls",
        (
            Series("a", "would have been shown", lambda line: line.shown),
            Series("b", "would have been folded", lambda line: line.folded),
            _HELD,
        ),
    ),
)
_LATENCY = (Series("a", "median", lambda line: line.median), Series("b", "95 of 100 within", lambda line: line.p95))


def _stacked(title: str, lines: Sequence[Line], series: Sequence[Series]) -> Drawing:
    frame = _Frame.around(lines, [sum(one.of(line) or 0 for one in series) for line in lines])
    bars = []
    for line in lines:
        below = 0.0
        for one in series:
            if value := one.of(line):
                bottom, top = frame.y(below), frame.y(below + value)
                words = f"week of {line.week}: {value:g} {one.words}"
                bars.append(Mark(one.kind, frame.x(line.week), top, frame.width, round(bottom - top, 1), words))
                below += value
    return frame.drawing(title, series, bars, ())


def _traced(title: str, lines: Sequence[Line], series: Sequence[Series]) -> Drawing:
    frame = _Frame.around(lines, [one.of(line) or 0 for line in lines for one in series])
    points = [
        Mark(
            one.kind, frame.middle(line.week), frame.y(value), 0, 0, f"week of {line.week}: {value:.1f} ms, {one.words}"
        )
        for one in series
        for line in lines
        if (value := one.of(line)) is not None
    ]
    return frame.drawing(title, series, (), points)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Which weeks and values are drawn, and where."""

    first: date
    weeks: int
    top: float

    @classmethod
    def around(cls, lines: Sequence[Line], values: Sequence[float]) -> "_Frame":
        first, last = lines[0].week, lines[-1].week
        return cls(first, (last - first) // _WEEK + 1, _round(max(values)))

    @property
    def width(self) -> float:
        return round(self._step * (1 - _GAP), 1)

    @property
    def _step(self) -> float:
        return (WIDTH - _LEFT - _RIGHT) / self.weeks

    def x(self, week: date) -> float:
        return round(_LEFT + self._step * ((week - self.first) // _WEEK + _GAP / 2), 1)

    def middle(self, week: date) -> float:
        return round(self.x(week) + self.width / 2, 1)

    def y(self, value: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / self.top), 1)

    def drawing(self, title: str, series: Sequence[Series], bars: Sequence[Mark], points: Sequence[Mark]) -> Drawing:
        last = self.first + (self.weeks - 1) * _WEEK
        words = "" if last == self.first else last.isoformat()
        return Drawing(title, series, bars, points, f"{self.top:g}", self.first.isoformat(), words)


def _round(value: float) -> float:
    """Give the next of 1, 2, 5, 10, 20 and so on."""
    if value <= 0:
        return 1
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= value)


# --- what stands in tables --------------------------------------------------------------------------------------------


def _columns(silent: bool) -> list[Column]:
    would = "would have been " if silent else ""
    asked = [
        Column("calls", lambda line: str(line.calls)),
        Column("not evaluated", lambda line: str(line.unevaluated)),
        Column("inputs unknown", lambda line: str(line.incomplete)),
        Column("fired", lambda line: str(line.fired)),
        Column("of these not all checked", lambda line: str(line.unknown)),
        Column(f"{would}shown", lambda line: str(line.shown)),
        Column(f"{would}folded", lambda line: str(line.folded)),
        Column(f"{would}snoozed", lambda line: str(line.snoozed)),
        Column("repeated", lambda line: str(line.repeated)),
        Column("turned off", lambda line: str(line.off)),
    ]
    answered = [
        Column("accepted", lambda line: str(line.accepted)),
        Column("overridden", lambda line: str(line.overridden)),
        Column("because", _reasons),
        Column("no answer", lambda line: str(line.unanswered)),
    ]
    latency = [Column("median [ms]", lambda line: _ms(line.median)), Column("p95 [ms]", lambda line: _ms(line.p95))]
    return [*asked, *([] if silent else answered), *latency]


def _reasons(line: Line) -> str:
    words: Mapping[str, str] = {**knowledge().overrides.reasons, NO_REASON: NO_REASON}
    return "; ".join(f"{words.get(code, code)}: {count}" for code, count in line.reasons.most_common())


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
