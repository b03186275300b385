"""Replay: a recorded call gives the advice that it gave, or it is said what changed."""

import sqlite3
import zlib
from contextlib import closing

import pytest

from cds.store.patients import PatientKey
from tests.contract.calls import ORDER_SIGN, PATIENT, RESTLESS_LEGS, bundle, call, ferritin, prefetch, rich
from tests.fetching.asking import TOKEN, asking
from tests.servers.stub import answering, stub_server


def replayed(deployed, answer):
    return deployed.run("replay", answer.headers["x-correlation-id"])


@pytest.mark.parametrize("made", [call(), rich(), call(prefetch()), call({})], ids=["advice", "much", "silence", "412"])
def test_a_recorded_call_gives_the_advice_that_it_gave(deployed, made):
    (answer,) = deployed.post(made)

    code, said = replayed(deployed, answer)

    assert code == 0, said
    assert "the advice is equal" in said


def test_a_call_about_orders_too(deployed):
    (answer,) = deployed.post(call(hook="order-sign"), path=ORDER_SIGN)

    assert answer.json()["cards"]
    assert replayed(deployed, answer)[0] == 0


def test_what_was_fetched_is_not_fetched_again(deployed):
    with stub_server() as fhir:
        fhir.values.update({"patient": PATIENT, "conditions": bundle(RESTLESS_LEGS), "labs": bundle(ferritin(20))})
        fhir.behaviours["orders"] = answering(500)
        (answer,) = deployed.post(asking(fhir))
        asked = len(fhir.seen)
        code, said = replayed(deployed, answer)

    assert code == 0, said
    assert len(fhir.seen) == asked > 0


def test_what_need_not_be_said_again_is_not_said_in_the_replay(deployed, monkeypatch):
    toml = deployed.settings.clients.read_text() + "once_per_encounter = true\n"
    deployed.settings.clients.write_text(toml)
    made = call()
    made["context"]["encounterId"] = "e-1"
    (first,) = deployed.post(made)
    (second,) = deployed.post(made)

    assert first.json()["cards"]
    assert second.json()["cards"] == []
    assert replayed(deployed, first)[0] == replayed(deployed, second)[0] == 0


def test_where_the_knowledge_says_something_else_it_is_said_what(deployed, monkeypatch):
    (answer,) = deployed.post(call())
    now = {"rls": ("9.9.9", "x")}
    monkeypatch.setattr("cds.hooks.replaying.knowledge_now", lambda: now)
    monkeypatch.setattr("cds.hooks.answering.assess", _silent)

    code, said = replayed(deployed, answer)

    assert code == 1
    assert "knowledge: rls: 0." in said
    assert "now 9.9.9" in said
    assert "the advice is another" in said
    assert any(line.startswith("-") and '"summary"' in line for line in said.splitlines())


def _silent(chart, **_):
    from cds.reasoning.assessment import Assessment  # noqa: PLC0415 - for one test

    return Assessment([])


def test_the_token_of_the_call_is_not_recorded(deployed):
    with stub_server() as fhir:
        fhir.values.update({"patient": PATIENT, "conditions": bundle(RESTLESS_LEGS)})
        deployed.post(asking(fhir))

    with closing(sqlite3.connect(deployed.folder / "legwork.db")) as connection:
        ((content,),) = connection.execute("SELECT content FROM requests").fetchall()
    unsealed = zlib.decompress(PatientKey.at(deployed.settings.patient_key).unseal(content))
    assert b"Restless legs" in unsealed
    assert TOKEN.encode() not in unsealed


def test_nothing_is_recorded_unless_somebody_says_so(tmp_path, monkeypatch):
    from tests.audit.conftest import Deployed  # noqa: PLC0415 - with other settings than the fixture's

    deployed = Deployed(tmp_path, monkeypatch, record=False)
    (answer,) = deployed.post(call())

    code, said = replayed(deployed, answer)

    assert code == 1
    assert "not recorded" in said
    with closing(sqlite3.connect(tmp_path / "legwork.db")) as connection:
        assert connection.execute("SELECT count(*) FROM requests").fetchone() == (0,)


def test_an_id_that_is_none_is_refused(deployed):
    assert deployed.run("replay", "x")[0] == 2
