"""FHIR dates of any precision.

FHIR dateTime: https://hl7.org/fhir/R4/datatypes.html#dateTime. Servers also send instants without a zone, a blank in
place of the T, and 24:00; all are read, since the day is what the reasoning needs.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

_FORM = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?\s?(Z|z|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
_DAY = timedelta(days=1)
_LONGEST = 64
"""Characters of a text that may be a date [1]."""


@dataclass(frozen=True, slots=True)
class Day:
    """When something was: the days it may mean, and the moment if it was given to the minute.

    `moment` is comparable between any two Days: POSIX seconds, of the end of `last` where no time is known.
    """

    first: date
    last: date
    moment: float
    timed: bool

    @property
    def exact(self) -> bool:
        """Whether the day itself is known (a year or a month is not)."""
        return self.first == self.last

    def __str__(self) -> str:
        if self.exact:
            return self.first.isoformat()
        return f"{self.first:%Y}" if self.first.month != self.last.month else f"{self.first:%Y-%m}"


def parse_day(text: str) -> Day | None:
    """Read a FHIR date, dateTime or instant; None when it is none of these."""
    return _parsed(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=8192)
def _parsed(text: str) -> Day | None:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        if day is not None:
            last = first
        elif month is not None:
            last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        else:
            last = date(first.year, 12, 31)
        midnight = datetime(last.year, last.month, last.day, tzinfo=UTC)
        if hour is None:
            return Day(first, last, midnight.timestamp() + _DAY.total_seconds() - 1, timed=False)
        # Addition instead of construction: 24:00 and a leap second then mean what they say.
        moment = midnight + timedelta(hours=int(hour), minutes=int(minute), seconds=int(second or 0)) - _offset(zone)
        return Day(first, last, moment.timestamp() + float(f"0.{fraction or 0}"), timed=True)
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    span = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -span if zone[0] == "-" else span


def days_ago(day: Day, today: date) -> int:
    """Days from the last day that `day` may mean to today; negative only for what lies more than a day ahead.

    Tomorrow counts as today: clocks and zones differ by up to a day.
    """
    if day.first <= today + _DAY:
        return (today - min(day.last, today)).days
    return (today - day.first).days


def age_on(birth: Day, today: date) -> int | None:
    """Age in whole years [a]; the lower one where the birth date is partial, None where it lies ahead."""
    if birth.first > today:
        return None
    born = min(birth.last, today)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def is_future(day: Day, today: date) -> bool:
    """Whether the day lies more than 24 hours ahead, for every day that it may mean."""
    return day.first > today + _DAY
