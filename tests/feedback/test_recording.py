"""What is written down of answers: everything, never at their cost, and nothing by which a patient is known."""

import hashlib
import json
import sqlite3
import threading
import time
import zlib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cds.errors import SettingsError, StoreError
from cds.store import recording, retention, tables
from cds.store.database import Store
from cds.store.patients import PatientKey
from cds.store.recording import Recorder
from tests.contract.calls import RESTLESS_LEGS, call, prefetch
from tests.feedback import service as services
from tests.feedback.service import DAY, entry


def test_a_call_without_cards_is_written_down_too(service):
    service.cards(call(prefetch()))

    assert service.count(tables.calls) == 1
    assert service.count(tables.advice) == 0


def test_a_call_that_could_not_be_evaluated_is_counted(service):
    service.http.post("/cds-services/leg-ache-review", json=call({}))
    service.journal.recorder.flush(20)

    assert (service.line("all").calls, service.line("all").unevaluated) == (1, 1)


def test_neither_patient_nor_resource_is_named_in_the_database(service, tmp_path):
    named = json.dumps(prefetch({**RESTLESS_LEGS, "id": "nachtwander-1"})).replace("p-1", "nachtwander")
    body = call(json.loads(named))
    body["context"] = {"userId": "Practitioner/nachtwander", "patientId": "nachtwander", "encounterId": "nachtwander-e"}
    cards = service.cards(body)

    kept = [str(row) for table in tables.metadata.sorted_tables for row in service.rows(table)]
    (blob,) = (row["cards"] for row in service.rows(tables.calls))
    assert cards
    assert "nachtwander" not in "".join(kept)
    assert b"nachtwander" not in zlib.decompress(PatientKey.at(service.settings.patient_key).unseal(blob))


def test_a_patient_is_another_with_every_client_and_key():
    one, other = PatientKey(b"1" * 32), PatientKey(b"2" * 32)

    assert len({one.patient("a", "p"), one.patient("b", "p"), other.patient("a", "p"), one.encounter("a", "p")}) == 4


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path):
    path = tmp_path / "patient.key"

    assert PatientKey.at(path).patient("a", "p") == PatientKey.at(path).patient("a", "p")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_no_key_is_refused(tmp_path):
    path = tmp_path / "patient.key"
    path.write_text("short")

    with pytest.raises(SettingsError, match="LEGWORK_PATIENT_KEY"):
        PatientKey.at(path)


def test_a_database_that_was_written_with_another_key_stops_the_start(service, database, tmp_path):
    (tmp_path / "other").mkdir()

    with pytest.raises(StoreError, match="another key"), services.running(database, tmp_path / "other"):
        pass


@pytest.fixture
def recorder(database, monkeypatch):
    monkeypatch.setattr(recording, "_FIRST_PAUSE", 0.01)
    store = Store(database)
    store.migrate()
    recorder = Recorder(store, lambda text: hashlib.sha256(text.encode()).hexdigest())
    recorder.start()
    yield recorder
    recorder.close()
    store.close()


def loss(number, **members):
    from uuid import UUID  # noqa: PLC0415 - only here

    return lambda: {tables.losses: [{"id": UUID(int=number), "at": 0, "calls": 0, **members}]}


def count(recorder):
    with recorder._store.begin() as connection:
        return connection.scalar(text("SELECT count(*) FROM losses WHERE calls = 0"))


def test_what_is_put_is_written(recorder):
    for number in range(1000):
        recorder.put(loss(number))

    assert recorder.flush(20)
    assert (recorder.kept, recorder.lost, count(recorder)) == (1000, 0, 1000)


def test_a_record_that_the_database_refuses_costs_only_itself(recorder):
    for number in range(10):
        recorder.put(loss(number, calls=None) if number == 5 else loss(number))

    assert recorder.flush(20)
    assert (recorder.kept, recorder.lost, count(recorder)) == (9, 1, 9)


def test_a_record_that_cannot_be_made_costs_only_itself(recorder, caplog):
    def broken():
        raise ValueError("nachtwander")

    recorder.put(broken)
    recorder.put(loss(1))

    assert recorder.flush(20)
    assert (recorder.kept, recorder.lost) == (1, 1)
    assert "nachtwander" not in caplog.text


def test_a_database_that_is_away_for_a_while_costs_nothing(recorder, monkeypatch):
    begin, failures = recorder._store.begin, iter(range(3))

    def failing():
        if next(failures, None) is not None:
            raise OperationalError("", {}, Exception())
        return begin()

    monkeypatch.setattr(recorder._store, "begin", failing)
    monkeypatch.setattr(recorder._store, "prepare", lambda: None)
    recorder.put(loss(1))

    assert recorder.flush(20)
    assert (recorder.kept, recorder.lost, count(recorder)) == (1, 0, 1)


def test_while_the_database_is_away_too_long_what_is_lost_is_counted_and_written_down_afterwards(recorder, monkeypatch):
    monkeypatch.setattr(recording, "MOST_WAITING", 5)
    begin, back = recorder._store.begin, threading.Event()

    def away():
        if not back.is_set():
            raise OperationalError("", {}, Exception())
        return begin()

    monkeypatch.setattr(recorder._store, "begin", away)
    monkeypatch.setattr(recorder._store, "prepare", lambda: None)
    for number in range(12):
        recorder.put(loss(number))
    back.set()

    assert recorder.flush(20)
    assert (recorder.kept, recorder.lost, count(recorder)) == (5, 7, 5)
    with begin() as connection:
        assert connection.scalar(text("SELECT sum(calls) FROM losses")) == 7


def test_to_write_a_batch_twice_writes_it_once(recorder):
    for _ in range(2):
        recorder.put(loss(1))
        assert recorder.flush(20)

    assert count(recorder) == 1


def test_cards_come_while_the_database_is_gone(service):
    with service.store.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            table.drop(connection)
    service.becomes(snooze_days=30)

    start = time.monotonic()
    answers = [service.http.post("/cds-services/leg-ache-review", json=call()).json()["cards"] for _ in range(10)]

    assert all(answers)
    assert time.monotonic() - start < 5


def test_what_has_run_out_is_deleted(service):
    (card,) = service.cards()
    service.set_aside(card)
    service.cards()

    assert retention.purge(service.store, int((service.now - DAY) * 1000)) == 0
    assert retention.purge(service.store, int((service.now + DAY) * 1000)) == 2
    assert [service.count(table) for table in (tables.calls, tables.advice, tables.feedback)] == [0, 0, 0]


def test_a_patient_can_be_forgotten(service):
    (card,) = service.cards()
    service.say(entry(card["uuid"]), entry())

    key = PatientKey.at(service.settings.patient_key)
    assert retention.forget(service.store, key.patient("development", "p-1")) == 1
    assert [service.count(table) for table in (tables.calls, tables.advice, tables.feedback)] == [0, 0, 1]


def test_development_without_a_database_leaves_no_file_behind(client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert client.post("/cds-services/leg-ache-review", json=call()).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_sqlite_holds_what_one_process_wrote_for_another(tmp_path):
    with services.running(f"sqlite:///{tmp_path}/l.db", tmp_path) as service:
        service.cards()

    with sqlite3.connect(tmp_path / "l.db") as connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (1,)
    connection.close()
