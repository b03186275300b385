"""The audit trail: who asked for whom, what was said or why not, what came of it; and nobody changes it unseen."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cds.errors import AuditError
from cds.hooks.journal import Journal
from cds.store import audit
from cds.store.database import Store
from cds.store.tables import tokens
from tests.contract.calls import PATIENT_ID, REVIEW, call, days_ago
from tests.contract.shapes import cards_of


def feedback(card):
    said = {"card": card, "outcome": "overridden", "outcomeTimestamp": f"{days_ago(0)}T00:00:00Z"}
    said["overrideReason"] = {"reason": {"code": "not-relevant", "system": "https://x.example"}, "userComment": "Lena"}
    return {"feedback": [said]}


@pytest.fixture
def trail(deployed):
    """Give a deployment with a trail: a call with advice, one that could not be evaluated, and feedback."""
    shown, _ = deployed.post(call(), call({}))
    deployed.card = cards_of(shown)[0]["uuid"]
    deployed.id = shown.headers["x-correlation-id"]
    deployed.post(feedback(deployed.card), path=f"{REVIEW}/feedback")
    return deployed


def events(deployed, *options):
    code, said = deployed.run("audit", "export", *options)
    assert code == 0
    return [json.loads(line) for line in said.splitlines()]


def change(deployed, *statements):
    """Change the trail behind the service's back, as somebody could who owns the database."""
    with closing(sqlite3.connect(deployed.folder / "legwork.db")) as connection:
        for name in ("update", "delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS audit_stays_{name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_every_entry_is_a_fhir_audit_event(trail):
    exported = events(trail)

    assert len(exported) == 3
    for event in exported:
        AuditEvent.model_validate(event)


def test_an_entry_says_who_asked_for_whom_and_what_was_said(trail):
    shown, unevaluated, said = events(trail)

    assert shown["entity"][0]["what"]["identifier"]["value"] == trail.id
    assert [agent["requestor"] for agent in shown["agent"]] == [True, False]
    assert shown["agent"][1]["who"]["display"] == "ehr"
    plans = {e["what"]["identifier"]["value"].rpartition("/")[2]: e["detail"] for e in shown["entity"] if "detail" in e}
    details = {detail["type"]: detail["valueString"] for detail in plans["rls"]}
    assert details["fate"] == "shown"
    assert details["version"]
    assert details["card"] == trail.card
    assert unevaluated["outcome"] == "4"
    told = {detail["type"]: detail["valueString"] for detail in said["entity"][0]["detail"]}
    assert told["outcome"] == "overridden"
    assert told["reason"] == "not-relevant"
    assert told["card"] == trail.card


def test_nobody_is_named(trail):
    _, said = trail.run("audit", "export")

    assert f'"{PATIENT_ID}"' not in said
    assert "dr-1" not in said
    assert "Lena" not in said


def test_calls_about_one_patient_bear_one_hash(deployed):
    deployed.post(call(), call())

    first, second = (
        next(e["what"]["identifier"]["value"] for e in event["entity"] if "role" in e) for event in events(deployed)
    )
    assert first == second


def test_a_trail_that_nobody_touched_holds(trail):
    code, said = trail.run("audit", "verify")

    assert code == 0
    assert "3 entries" in said


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit SET content = replace(content, 'shown', 'folded') WHERE number = 1", "entry 1 is not as"),
        ("UPDATE audit SET link = '0' WHERE number = 2", "entry 2 is not as"),
        ("DELETE FROM audit WHERE number = 2", "entry 2 is gone"),
        ("DELETE FROM audit WHERE number = 1", "entry 1 is gone"),
        (
            "UPDATE audit SET content = (SELECT content FROM audit WHERE number = 3) WHERE number = 2",
            "entry 2 is not as",
        ),
    ],
)
def test_whatever_is_done_to_it_shows(trail, statement, words):
    change(trail, statement)

    code, said = trail.run("audit", "verify")

    assert code == 1
    assert words in said


def test_an_end_that_is_cut_off_shows_by_what_was_noted(trail):
    _, said = trail.run("audit", "verify")
    noted = said.splitlines()[-1]
    change(trail, "DELETE FROM audit WHERE number = 3")

    assert trail.run("audit", "verify")[0] == 0
    code, said = trail.run("audit", "verify", "--noted", noted)
    assert code == 1
    assert "cut off" in said


def test_with_another_key_no_link_holds(trail):
    trail.settings.patient_key.write_text("another" * 10)

    code, said = trail.run("audit", "verify")

    assert code == 1
    assert "entry 1" in said


@pytest.fixture
def stores(database):
    """Give four ways to one database, that know nothing of each other, as workers do."""
    stores = [Store(database) for _ in range(4)]
    stores[0].migrate()
    yield stores
    for store in stores:
        store.close()


def note(store, about):
    """Add an entry to the trail, with whatever else is written at the same time."""
    with store.begin() as connection:
        connection.execute(tokens.insert(), {"token": about, "expires": 1})
        audit.append(connection, [{"kind": "x", "about": about, "at": 1}], sign)


@pytest.mark.parametrize("deed", ["UPDATE audit SET at = 1", "DELETE FROM audit"])
def test_the_database_itself_refuses_changes(stores, deed):
    note(stores[0], "an entry")

    with pytest.raises(DBAPIError, match="never changed"), stores[1].begin() as connection:
        connection.execute(text(deed))


def test_a_day_may_be_exported(trail):
    assert len(events(trail, "--from", days_ago(1))) == 3
    assert events(trail, "--to", days_ago(1)) == []


def test_to_say_it_twice_is_to_note_it_once(trail):
    trail.post(feedback(trail.card), path=f"{REVIEW}/feedback")

    assert len(events(trail)) == 3


def test_several_processes_make_one_chain(stores):
    def write(worker):
        for number in range(25):
            note(stores[worker], f"{worker} {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    with stores[0].begin() as connection:
        last = audit.verify(connection, sign)
        assert last is not None
        assert last.number == 100
        with pytest.raises(AuditError, match="entry 1 "):
            audit.verify(connection, lambda text: sign(text) + "x")


def sign(text):
    return str(hash(text))


def test_calls_that_could_not_be_written_down_are_noted_as_soon_as_something_can_be(deployed, monkeypatch):
    rows, broken = Journal._rows, iter([True, False])

    def sometimes(journal, *of):
        if next(broken):
            raise ValueError("Lena")
        return rows(journal, *of)

    monkeypatch.setattr(Journal, "_rows", sometimes)
    deployed.post(call(), call())

    kinds = {event["subtype"][0]["code"]: event for event in events(deployed)}
    assert kinds.keys() == {"call", "loss"}
    assert kinds["loss"]["entity"][0]["detail"] == [{"type": "calls", "valueString": "1"}]
