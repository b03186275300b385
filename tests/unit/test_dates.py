"""FHIR dates of any precision."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds.chart.dates import age_on, days_ago, is_future, parse_day

TODAY = date(2026, 5, 20)
days = st.dates(min_value=date(1, 1, 1))
zones = st.integers(-14 * 60, 14 * 60)


def _day(text: str):
    day = parse_day(text)
    assert day is not None
    return day


@given(days)
def test_a_date_is_that_day(day: date) -> None:
    read = _day(day.isoformat())

    assert (read.first, read.last, read.timed) == (day, day, False)
    assert str(read) == day.isoformat()


@given(days)
def test_a_month_spans_its_days(day: date) -> None:
    read = _day(day.isoformat()[:7])

    assert read.first <= day <= read.last
    assert (read.first.day, read.last.month) == (1, day.month)
    assert (read.last + timedelta(days=1)).day == 1 if read.last < date.max else True


@given(days)
def test_a_year_spans_its_days(day: date) -> None:
    read = _day(day.isoformat()[:4])

    assert (read.first, read.last) == (date(day.year, 1, 1), date(day.year, 12, 31))
    assert not read.exact


@given(st.datetimes().filter(lambda local: 1 < local.year < date.max.year), zones)
def test_an_instant_is_its_local_day_and_its_moment(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    read = _day(moment.isoformat())

    assert read.first == local.date()
    assert read.moment == pytest.approx(moment.timestamp(), abs=1e-3)
    assert read.timed


@given(days, days)
def test_moments_order_as_days_do(one: date, other: date) -> None:
    moments = _day(one.isoformat()).moment, _day(other.isoformat()).moment

    assert (moments[0] < moments[1]) == (one < other)


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", fullmatch=True))
@example("9999-12-31T24:00:00Z")
@example("0001-01-01T00:00:00+14:00")
@example("0000")
@example("2026-02-30")
@example("2026-05-20T25:61:61Z")
def test_any_text_is_a_sane_day_or_none(text: str) -> None:
    read = parse_day(text)

    assert read is None or read.first <= read.last


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "today",
        "20.05.2026",
        "05/20/2026",
        "2026-5-2",
        "2026-13",
        "2026-02-30",
        "2026-05-20T",
        "20260520",
        "0000-01-01",
        "\uff12\uff10\uff12\uff16",
    ],
)
def test_what_is_no_fhir_date_is_none(text: str) -> None:
    assert parse_day(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-20T10:30:00Z",
        "2026-05-20T10:30:00.123Z",
        "2026-05-20T10:30:00.123456789012+02:00",
        "2026-05-20T10:30:00-0500",
        "2026-05-20T10:30",
        "2026-05-20 10:30:00",
        "2026-05-20T10:30:00",
        " 2026-05-20T10:30Z ",
    ],
)
def test_sloppy_instants_are_read(text: str) -> None:
    assert _day(text).first == TODAY


def test_midnight_at_the_end_of_the_day_and_leap_seconds_mean_what_they_say() -> None:
    assert _day("2026-05-20T24:00:00Z").moment == datetime(2026, 5, 21, tzinfo=UTC).timestamp()
    assert _day("2016-12-31T23:59:60Z").moment == datetime(2017, 1, 1, tzinfo=UTC).timestamp()


def test_a_day_without_a_time_counts_to_its_end() -> None:
    assert _day("2026-05-20").moment > _day("2026-05-20T23:59:58Z").moment


@pytest.mark.parametrize(
    ("text", "shown"), [("2026", "2026"), ("2026-05", "2026-05"), ("2026-05-20T10:00Z", "2026-05-20")]
)
def test_a_date_is_shown_as_precisely_as_it_is_known(text: str, shown: str) -> None:
    assert str(_day(text)) == shown


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("2026-05-20", 0),
        ("2026-05-19", 1),
        ("2026-05", 0),
        ("2026-04", 20),
        ("2025", 140),
        ("2026", 0),
        ("2026-05-21", 0),
        ("2026-05-22", -2),
        ("2026-06", -12),
    ],
)
def test_a_partial_date_is_as_old_as_its_last_day_and_tomorrow_as_today(text: str, ago: int) -> None:
    """DS-2, DS-3."""
    assert days_ago(_day(text), TODAY) == ago


@pytest.mark.parametrize(
    ("text", "future"),
    [
        ("2026-05-20", False),
        ("2026-05-21", False),
        ("2026-05-22", True),
        ("2026-06", True),
        ("2026", False),
        ("2027", True),
    ],
)
def test_more_than_a_day_ahead_is_the_future(text: str, future: bool) -> None:
    """DS-3."""
    assert is_future(_day(text), TODAY) is future


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        ("1976-05-20", 50),
        ("1976-05-21", 49),
        ("1976-05", 49),
        ("1976", 49),
        ("2026-05-20", 0),
        ("2026", 0),
        ("2030-01-01", None),
    ],
)
def test_age_counts_whole_years_and_the_lower_of_two(birth: str, age: int | None) -> None:
    """G-4."""
    assert age_on(_day(birth), TODAY) == age


def test_somebody_born_on_a_leap_day_is_older_from_march_on() -> None:
    born = _day("2004-02-29")

    assert age_on(born, date(2022, 2, 28)) == 17
    assert age_on(born, date(2022, 3, 1)) == 18
