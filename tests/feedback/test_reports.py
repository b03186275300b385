"""Figures, drift, and the story of a card, as they are shown."""

import csv
import io
import json
import re
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from cds.cli import app
from cds.store import drift, reports
from cds.store.database import Store
from cds.store.reports import ALL, Line
from tests.contract.calls import call, prefetch
from tests.feedback import month
from tests.feedback.service import DAY, entry

MONDAYS = [date.fromordinal(date(2026, 3, 2).toordinal() + 7 * week) for week in range(9)]


@pytest.fixture
def run(service, monkeypatch):
    """Give the command line on the database of the service."""
    monkeypatch.setenv("LEGWORK_DATABASE", service.settings.database)
    monkeypatch.setenv("LEGWORK_PATIENT_KEY", str(service.settings.patient_key))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_a_simulated_month_is_reported_to_the_last_row(database, tmp_path):
    simulated, told = month.simulate(database, tmp_path, calls=560, seed=3)
    store = Store(database)
    with store.snapshot() as connection:
        found = reports.report(connection, reports.Which())
    store.close()

    assert month.differences(simulated, found) == []
    assert found.lost == sum(lost for _, lost, _ in told) == 0
    assert len(simulated.cards) > 100


def test_the_week_of_a_line_is_that_of_its_calls(service):
    service.now = 1_772_409_599.0  # Sunday, 1 March 2026, the last second
    service.cards()
    service.now += 1
    service.cards()

    assert [line.week for line in service.report().lines if line.plan == "rls"] == [date(2026, 2, 23), date(2026, 3, 2)]


def test_a_report_may_be_of_some_days_and_one_client(service):
    service.cards()
    service.becomes(name="other")
    service.cards()
    today = datetime.fromtimestamp(service.now, UTC).date()

    with service.store.snapshot() as connection:
        some = [
            reports.report(connection, which).lines
            for which in (
                reports.Which(client="other"),
                reports.Which(since=today, until=today),
                reports.Which(until=date(2020, 1, 1)),
            )
        ]
    assert [{line.client for line in lines} for lines in some] == [{"other"}, {"development", "other"}, set()]


def test_a_reason_that_may_be_a_sentence_is_in_no_report(service):
    (card,) = service.cards()
    service.set_aside(card, "=cmd|'nachtwander'")

    assert service.line().reasons == {"other": 1}


def test_the_report_is_a_table_csv_or_json(service, run):
    service.set_aside(service.cards()[0])

    table, rows = run("report"), list(csv.DictReader(io.StringIO(run("report", "--format", "csv").stdout)))
    whole = json.loads(run("report", "--format", "json").stdout)
    assert "patient-declined 1" in table.stdout
    assert [(row["plan"], row["fired"], row["reasons"]) for row in rows] == [
        (plan, "1", "patient-declined: 1") for plan in ("all", "rls")
    ]
    assert [line["overridden"] for line in whole["lines"]] == [1, 1]


def test_a_report_of_nothing_says_so(run):
    assert "No calls." in run("report").stdout


def test_without_a_database_there_is_nothing_to_report_and_none_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGWORK_DATABASE", f"sqlite:///{tmp_path}/none.db")

    result = CliRunner().invoke(app, ["report"])

    assert result.exit_code
    assert "nothing was recorded" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_card_is_shown_again_with_its_reasons_and_what_became_of_it(service, run):
    service.becomes(snooze_days=30)
    (card,) = service.cards()
    comment = {"reason": {"code": "patient-declined"}, "userComment": "nachtwander"}
    service.say(entry(card["uuid"], overrideReason=comment))
    service.cards()

    told = run("card", card["uuid"].upper()).stdout
    assert card["summary"] in told
    assert "rls 0.1.0 (draft): iron-studies-not-found, info" in told
    assert "overridden  patient-declined" in told
    assert "held back 1 times (snoozed)" in told
    assert "nachtwander" not in told
    assert "nachtwander" in run("card", card["uuid"], "--comments").stdout


def test_of_a_card_that_is_not_known_what_was_said_is_told(service, run):
    unknown = "00000000-0000-0000-0000-000000000001"
    service.say(entry(unknown))

    assert "not known here" in run("card", unknown).stdout
    assert run("card", "00000000-0000-0000-0000-000000000002").exit_code == 1


def test_purge_deletes_what_has_run_out_or_a_patient(service, run):
    service.cards()
    service.now -= 500 * DAY
    service.cards(call(prefetch()))

    assert run("purge").stdout.startswith("1 calls")
    assert run("purge", "--client", "development", "--patient", "p-1").stdout.startswith("1 calls")
    assert run("purge", "--patient", "p-1").exit_code


# --- drift ---


def history(*rates, calls=1000, **members):
    """Make the lines of a plan that fired at these rates, week by week, with the line over all plans."""
    lines = []
    for week, rate in zip(MONDAYS, rates, strict=False):
        lines.append(Line(week, "ehr", silent=False, plan=ALL, calls=calls))
        if rate:
            fired = round(rate * calls)
            lines.append(Line(week, "ehr", silent=False, plan="rls", calls=calls, fired=fired, **members))
    return lines


@pytest.mark.parametrize("last", [0.10, 0.13, 0.31, 0.0])
def test_a_rate_that_leaves_its_band_is_named(last):
    found = list(drift.alarms(history(0.2, 0.21, 0.19, 0.2, last)))

    assert [(alarm.plan, alarm.rate) for alarm in found] == [("rls", "fired of calls")]
    assert f"{last:.1%}" in str(found[0])


@pytest.mark.parametrize("last", [0.17, 0.2, 0.23])
def test_a_rate_within_its_band_is_not(last):
    assert list(drift.alarms(history(0.2, 0.21, 0.19, 0.2, last))) == []


def test_a_plan_that_fires_for_the_first_time_is_named():
    assert list(drift.alarms(history(0, 0, 0, 0, 0.05)))


def test_weeks_that_scatter_widely_make_a_wide_band():
    assert list(drift.alarms(history(0.1, 0.3, 0.12, 0.28, 0.35))) == []


def test_too_few_weeks_or_cases_make_no_alarm():
    assert list(drift.alarms(history(0.2, 0.2, 0.9))) == []
    assert list(drift.alarms(history(0.2, 0.2, 0.2, 0.2, 0.9, calls=20))) == []


def test_overriding_more_often_than_usual_is_named():
    lines = history(0.2, 0.2, 0.2, 0.2, 0.2, overridden=50, accepted=50)
    lines[-1].overridden, lines[-1].accepted = 90, 10

    assert [alarm.rate for alarm in drift.alarms(lines)] == ["overridden of answered"]


def test_a_story_tells_the_whole_card_on_a_narrow_screen(service, run):
    (card,) = service.cards()

    words = " ".join(run("card", card["uuid"]).stdout.replace("•", " ").split())

    for line in card["detail"].splitlines():
        assert plain_words(line) in words


def plain_words(markdown):
    return " ".join(re.sub(r"[*#\\]|^- |^_|_$", "", markdown).split())
