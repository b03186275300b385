"""A result over time, as a small drawing: its reference range, the limits that plans hold it against, its values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from cds.chart.analytes import Analyte
from cds.chart.chart import Chart
from cds.chart.facts import Measurement
from cds.chart.units import Unit, shown
from cds.reasoning.comparisons import compared
from cds.reasoning.knowledge import Threshold
from cds.reasoning.plans import Plan

WIDTH, HEIGHT = 340, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 52, 10, 22
"""Room for the words around the drawing."""
_MOST = 8
"""Drawings for one patient: more are not looked at."""
_SHORTEST = timedelta(days=60)
_APART = 11.0
"""How far apart two words must stand to be read."""
_MARGIN = 0.12
_NEAREST = 2
"""Limits on either side of the values that are drawn."""
_DAY = 86_400.0
"""One day [s]."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A horizontal line with its word; no word where it would stand on another."""

    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Point:
    """A value in the drawing."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """A value in the table that says the same."""

    on: str
    value: str
    range: str
    notes: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is drawn of one analyte."""

    name: str
    title: str
    unit: str
    points: tuple[Point, ...]
    band: tuple[float, float] | None
    """Top and bottom of the reference range."""
    range: str
    limits: tuple[Mark, ...]
    scale: tuple[Mark, ...]
    first: str
    last: str
    rows: tuple[Row, ...]

    @property
    def line(self) -> str:
        """The points, joined."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


def timelines(chart: Chart, plans: Iterable[Plan]) -> list[Timeline]:
    """Draw the analytes that plans look at and that have a dated number in the chart, in the order of the plans."""
    limits: dict[Analyte, list[Threshold]] = {}
    for plan in plans:
        for criterion in plan.criteria():
            for codes, thresholds in compared(criterion):
                if codes.analyte is not None:
                    limits.setdefault(codes.analyte, []).extend(thresholds)
    drawn = (_timeline(chart, analyte, thresholds) for analyte, thresholds in limits.items())
    return [one for one in drawn if one is not None][:_MOST]


def _timeline(chart: Chart, analyte: Analyte, thresholds: Sequence[Threshold]) -> Timeline | None:
    measured = [m for m in chart.record.measurements(analyte.name) if m.on is not None]
    numbers = [m for m in measured if m.number is not None]
    if not numbers or numbers[0].scale is None:
        return None
    unit = numbers[0].scale
    newest, range_ = numbers[0], _range(numbers, analyte, unit)
    values = [unit.from_canonical(m.number) for m in numbers if m.number is not None]
    limits = sorted({analyte.limit(threshold.quantity, unit) for threshold in thresholds})
    frame = _Frame.around(values, sorted({*limits, *(range_ or ())}), [_moment(m) for m in numbers], chart.today)
    points = [Point(frame.x(_moment(m)), frame.y(v), f"{m.on}: {m.said}") for m, v in zip(numbers, values, strict=True)]
    return Timeline(
        name=analyte.name,
        title=analyte.title,
        unit="" if unit.code == "1" else shown(unit.code),
        points=tuple(sorted(points, key=lambda point: point.x)),
        band=frame.band(range_) if range_ else None,
        range=newest.range_text or (f"{_plain(range_[0])} to {_plain(range_[1])}" if range_ else ""),
        limits=tuple(frame.marks(limits)),
        scale=tuple(frame.marks([frame.low, frame.high])),
        first=_date(frame.start),
        last=_date(frame.end),
        rows=tuple(_row(m) for m in measured),
    )


def _row(m: Measurement) -> Row:
    notes = [*m.notes, m.unreadable, "" if m.final else "not released", str(m.flag or ""), m.side]
    return Row(str(m.on), m.said or "no value", m.range_text, "; ".join(note for note in notes if note))


def _range(numbers: Sequence[Measurement], analyte: Analyte, unit: Unit) -> tuple[Decimal, Decimal] | None:
    """Give the reference range that came with the newest result that has one, else the usual one."""
    for m in numbers:
        if m.scale is not None and m.range_low is not None and m.range_high is not None:
            low, high = (unit.from_canonical(m.scale.to_canonical(bound)) for bound in (m.range_low, m.range_high))
            return low, high
    if analyte.reference is None:
        return None
    return unit.from_canonical(analyte.reference[0]), unit.from_canonical(analyte.reference[1])


@dataclass(frozen=True, slots=True)
class _Frame:
    """What of time and of values is drawn, and where."""

    start: float
    end: float
    low: Decimal
    high: Decimal

    @classmethod
    def around(
        cls, values: Sequence[Decimal], limits: Sequence[Decimal], moments: Sequence[float], today: date
    ) -> "_Frame":
        """Frame the values, and of the limits the next ones on either side: all of them would press the values flat."""
        low, high = min(values), max(values)
        below, above = [x for x in limits if x < low], [x for x in limits if x > high]
        low, high = min(low, *below[-_NEAREST:], low), max(high, *above[:_NEAREST], high)
        margin = (high - low) * Decimal(str(_MARGIN)) or abs(high) * Decimal(str(_MARGIN)) or Decimal(1)
        end = datetime(today.year, today.month, today.day, tzinfo=UTC).timestamp() + _DAY - 1
        start = min(*moments, end - _SHORTEST.total_seconds())
        return cls(start, max(*moments, end), max(low - margin, Decimal(0)), high + margin)

    def x(self, moment: float) -> float:
        """Place a moment."""
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (moment - self.start) / (self.end - self.start)

    def y(self, value: Decimal) -> float:
        """Place a value."""
        share = float((value - self.low) / (self.high - self.low))
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - min(max(share, 0), 1)), 1)

    def band(self, bounds: tuple[Decimal, Decimal]) -> tuple[float, float] | None:
        """Place a range; None where all of it lies outside."""
        top, bottom = self.y(bounds[1]), self.y(bounds[0])
        return (top, bottom) if top < bottom else None

    def marks(self, values: Iterable[Decimal]) -> Iterable[Mark]:
        """Place those of some values that lie inside."""
        last = float("inf")
        for value in values:
            if self.low <= value <= self.high:
                y = self.y(value)
                is_legible = last - y >= _APART
                last = y if is_legible else last
                yield Mark(y, _plain(value) if is_legible else "")


def _moment(m: Measurement) -> float:
    return m.on.moment if m.on is not None else 0.0


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _plain(value: Decimal) -> str:
    """Write a number with three digits at most that count."""
    rounded = Decimal(f"{value:.3g}")
    return f"{rounded.normalize():f}"
