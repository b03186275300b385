"""Nothing leaks: marked secrets and patients' data are sent along every path, and sought in all that is left."""

import asyncio
import io
import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.hooks import answering as reasoning
from cds.hooks import routes
from cds.hooks.journal import Journal
from cds.reasoning.plans import Plan
from cds.store.patients import PatientKey
from cds.telemetry import logs
from tests.contract.calls import ORDER_SIGN, REVIEW, bundle, call, condition, days_ago, ferritin, prefetch
from tests.contract.tokens import ISSUER, bearer, claims, deployment, sign
from tests.servers import stub
from tests.servers.stub import Stub, answering, stub_server

MARK = "Nachtwander"
"""Begins whatever is a secret or a patient's here, so that one word finds them all."""
ID = f"{MARK}-id-7"
MRN = f"{MARK}-MRN-4711"
VALUE = 17.3061
"""A laboratory value that nothing else is equal to."""
BORN = "1951-02-28"
PHONE = "+49-30-5550199"
STREET = f"{MARK} Street 9"
ACCESS_TOKEN = f"{MARK}.access.token"
SECRETS = (MARK, str(VALUE), BORN, PHONE)
IDENTIFIERS = (ID, MRN, BORN, STREET, ACCESS_TOKEN)
FIGURES = "a-token-for-prometheus"

SUBJECT = {"reference": f"Patient/{ID}", "display": f"{MARK}, Lena"}
PATIENT = {
    "resourceType": "Patient",
    "id": ID,
    "identifier": [{"system": "urn:mrn", "value": MRN}],
    "name": [{"family": MARK, "given": [f"{MARK}-Lena"]}],
    "birthDate": BORN,
    "telecom": [{"system": "phone", "value": PHONE}],
    "address": [{"line": [STREET], "city": f"{MARK}-Town"}],
    "gender": "female",
}
LEGS = condition(
    {"text": f"Restless legs {MARK}", "coding": [{"system": "http://snomed.info/sct", "code": "32914008"}]},
    id=f"{MARK}-condition",
    subject=SUBJECT,
    note=[{"text": f"{MARK} wrote a free text"}],
)
LOW_IRON = ferritin(VALUE, id=f"{MARK}-ferritin", subject=SUBJECT)
BROKEN = condition({"text": MARK}, id=5, subject=SUBJECT, clinicalStatus=MARK, onsetDateTime=MARK)
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": f"{MARK} {ID}"}]}


def about(values: Any = None, hook: str = "patient-view", **members: Any) -> dict[str, Any]:
    """Make a call about the marked patient."""
    usual = prefetch(LEGS, BROKEN, patient=PATIENT, labs=bundle(LOW_IRON))
    made = call(usual if values is None else values, hook, hookInstance=f"{MARK}-instance", **members)
    marked = {"patientId": ID, "encounterId": f"{MARK}-enc", "userId": f"Practitioner/{MARK}-dr"}
    return {**made, "context": {**made["context"], **marked}}


def offering(fhir: Stub) -> dict[str, Any]:
    token = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read"}
    return about({}, fhirServer=fhir.base, fhirAuthorization={**token, "subject": f"{MARK}-subject"})


def feedback(**changes: Any) -> dict[str, Any]:
    said = {
        "card": f"{MARK}-card",
        "outcome": "overridden",
        "outcomeTimestamp": f"{days_ago(1)}T10:00:00Z",
        "overrideReason": {"userComment": f"{MARK} can be reached by {PHONE}"},
    }
    return {"feedback": [{**said, **changes}]}


def post(service: TestClient, body: Any, path: str = REVIEW, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return service.post(path, content=content, headers={**bearer(path), **headers})


def refused(service: TestClient, token: str) -> httpx.Response:
    return service.post(REVIEW, json=about(), headers={"Authorization": f"Bearer {token}"})


def slowly(service: TestClient) -> httpx.Response:
    """Send the beginning of a body, and then nothing."""

    async def ask() -> httpx.Response:
        async def drops():
            yield json.dumps(about()).encode()[:100]
            await asyncio.Event().wait()

        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post(REVIEW, content=drops(), headers=bearer(REVIEW))

    return asyncio.run(ask())


@contextmanager
def breaking(target: object, name: str) -> Iterator[None]:
    """Let a function break down, with a patient's data in its words."""

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError(f"{MARK} {VALUE} {ACCESS_TOKEN}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, broken)
        yield


def broken_plan(service: TestClient) -> httpx.Response:
    with breaking(Plan, "advise"):
        return post(service, about())


def broken_service(service: TestClient) -> httpx.Response:
    with breaking(reasoning, "assess"):
        return post(service, about())


def broken_record(service: TestClient) -> httpx.Response:
    """Let the record of a call break down, which is made behind the answer."""

    def broken() -> None:
        raise ValueError(f"{MARK} {VALUE} {ACCESS_TOKEN}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "_record", lambda *_: broken)
        return post(service, about())


def too_often(service: TestClient) -> httpx.Response:
    answers = [
        service.post(REVIEW, json=about(), headers=bearer(REVIEW, iss="https://hasty.example")) for _ in range(2)
    ]
    return answers[-1]


Way = tuple[int, Callable[[TestClient], httpx.Response]]
ODD_KEY = {"kid": f"{MARK}-kid", "jku": f"https://{MARK}.example/keys"}
WAYS: dict[str, Way] = {
    "cards": (200, lambda s: post(s, about())),
    "nothing to say": (200, lambda s: post(s, about(prefetch(patient=PATIENT)))),
    "an order": (200, lambda s: post(s, about(hook="order-sign"), ORDER_SIGN)),
    "discovery": (200, lambda s: s.get("/cds-services", headers=bearer())),
    "a search of what is published": (200, lambda s: s.get(f"/fhir/PlanDefinition?name={MARK}")),
    "no JSON": (400, lambda s: post(s, f'{{"{MARK}": {MARK}'.encode())),
    "no UTF-8": (400, lambda s: post(s, json.dumps(about()).encode().replace(b"Street", b"\xff\xfe"))),
    "no token": (401, lambda s: s.post(REVIEW, json=about())),
    "no token that can be read": (401, lambda s: refused(s, f"{MARK}.{MARK}.{MARK}")),
    "a forged token": (401, lambda s: refused(s, sign(claims(REVIEW, sub=MARK))[:-9] + MARK)),
    "a stranger's token": (401, lambda s: refused(s, sign(claims(REVIEW, iss=f"https://{MARK}.example")))),
    "a token made out to others": (401, lambda s: refused(s, sign(claims(REVIEW, aud=f"https://{MARK}.example")))),
    "a token with keys of its own": (401, lambda s: refused(s, sign(claims(REVIEW, sub=MARK), **ODD_KEY))),
    "the figures, with a wrong token": (401, lambda s: s.get("/metrics", headers={"Authorization": MARK})),
    "no such service": (404, lambda s: post(s, about(), f"/cds-services/{MARK}")),
    "no such address": (404, lambda s: s.get(f"/{MARK}?{MARK}={PHONE}", headers=bearer(f"/{MARK}"))),
    "no such page": (404, lambda s: s.get(f"/knowledge/{MARK}")),
    "no such resource": (404, lambda s: s.get(f"/fhir/Patient/{MARK}")),
    "another method": (405, lambda s: s.put(REVIEW, json=about(), headers=bearer(REVIEW))),
    "a body that does not come": (408, slowly),
    "no patient": (412, lambda s: post(s, about({}))),
    "an outcome in place of data": (412, lambda s: post(s, about({"patient": PATIENT, "conditions": OUTCOME}))),
    "a server on no list": (412, lambda s: post(s, about({}, fhirServer=f"https://{MARK}.example/fhir"))),
    "too large": (413, lambda s: post(s, about(x=MARK * 20_000))),
    "compressed": (415, lambda s: post(s, about(), **{"Content-Encoding": MARK})),
    "a wrong type": (422, lambda s: post(s, {**about(), "context": {MARK: MARK, "userId": 5}})),
    "another hook": (422, lambda s: post(s, {**about(), "hook": MARK})),
    "an odd id": (422, lambda s: post(s, {**about(), "context": {"userId": MARK, "patientId": f"Patient/{MARK}"}})),
    "an odd server": (422, lambda s: post(s, about(fhirServer=f"ftp://{MARK}"))),
    "another patient": (422, lambda s: post(s, about({"patient": {**PATIENT, "id": f"{MARK}-other"}}))),
    "too often": (429, too_often),
    "a plan that breaks down": (200, broken_plan),
    "a record that breaks down": (200, broken_record),
    "a service that breaks down": (500, broken_service),
    "feedback": (200, lambda s: post(s, feedback(), f"{REVIEW}/feedback")),
    "feedback that is wrong": (422, lambda s: post(s, feedback(outcome=MARK), f"{REVIEW}/feedback")),
    "feedback of no time": (422, lambda s: post(s, feedback(outcomeTimestamp=MARK), f"{REVIEW}/feedback")),
    "feedback of a wrong type": (422, lambda s: post(s, feedback(card={MARK: MARK}), f"{REVIEW}/feedback")),
    "feedback that is no JSON": (400, lambda s: post(s, MARK.encode(), f"{REVIEW}/feedback")),
    "a stranger's page": (
        400,
        lambda s: s.options(
            REVIEW, headers={"Origin": f"https://{MARK}.example", "Access-Control-Request-Method": "POST"}
        ),
    ),
}
"""The status, and how to come to it."""

ELSEWHERE = {"link": [{"relation": "next", "url": f"https://{MARK}.example/next?{PHONE}"}]}
SERVERS: dict[str, tuple[int, stub.Behaviour]] = {
    "well": (200, stub.well),
    "with an error": (412, answering(500, OUTCOME)),
    "with a refusal": (412, answering(401, OUTCOME, WWW_Authenticate=f'Bearer realm="{MARK}"')),
    "with an outcome": (412, answering(200, OUTCOME)),
    "with no JSON": (412, answering(200, f"<{MARK}/>".encode())),
    "with another's data": (412, answering(200, bundle(condition({"text": MARK}, subject={"reference": MARK})))),
    "with a redirect": (412, answering(302, Location=f"https://{MARK}.example/{PHONE}")),
    "with a page elsewhere": (200, answering(200, {**bundle(LEGS), **ELSEWHERE})),
    "with no HTTP": (412, stub.no_http),
    "with half an answer": (412, stub.cut_off),
    "with silence": (412, stub.never),
}
"""What a FHIR server answers for the conditions."""


@dataclass
class Left:
    """What was left behind.

    Attributes:
        answers: way -> what it was answered.
        logged: way -> all that was logged, by us in both forms and by whatever listens to every logger.
        figures: /metrics and /ready.
        rows: all columns of the database, as whoever has no key reads them.
        cards: what is kept of the cards, as whoever has the key reads it.
    """

    answers: dict[str, httpx.Response] = field(default_factory=dict)
    logged: dict[str, str] = field(default_factory=dict)
    figures: str = ""
    rows: str = ""
    cards: str = ""
    kept: str = ""


class _Everything(logging.Handler):
    """Listens to everything; but for the client that these tests call with, which names what it calls."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "httpx":
            self.text += f"{record.name} {record.getMessage()} {record.args} {self.format(record)}\n"


@contextmanager
def listening() -> Iterator[Callable[[], str]]:
    """Set every logger that there is to tell all it has, and give what was told since the last time."""
    root, streams, everything = logging.getLogger(), [io.StringIO(), io.StringIO()], _Everything()
    handlers, levels, before = root.handlers[:], {}, root.level
    written = [logs.set_up("text", streams[0]), logs.set_up("json", streams[1])]
    root.handlers[:] = [*handlers, *written, everything]
    for name in ("", *logging.root.manager.loggerDict):
        levels[name] = logging.getLogger(name).level
        logging.getLogger(name).setLevel(logging.DEBUG)

    def told() -> str:
        text = everything.text + "".join(stream.getvalue() for stream in streams)
        everything.text = ""
        for stream in streams:
            stream.truncate(0)
        return text

    yield told
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    root.handlers[:] = handlers
    root.setLevel(before)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Go all the ways, one after the other, and gather what is left."""
    folder, found = tmp_path_factory.mktemp("leaks"), Left()
    (folder / "figures").write_text(FIGURES)
    toml = f'[ehr]\nissuer = "{ISSUER}"\njwks = "ehr.jwks.json"\nloopback_fhir = true\nonce_per_encounter = true\n'
    toml += 'limits = {calls_per_minute = 100000}\n[hasty]\nissuer = "https://hasty.example"\njwks = "ehr.jwks.json"\n'
    toml += "limits = {calls_per_minute = 1}\n"
    settings = deployment(folder, toml, fetch_deadline=0.5, max_body_bytes=150_000, metrics_token=folder / "figures")
    app = create_app(settings)
    with (
        pytest.MonkeyPatch.context() as patch,
        listening() as told,
        TestClient(app, raise_server_exceptions=False) as service,
        stub_server() as fhir,
    ):
        patch.setattr(routes, "BODY_SECONDS", 0.2)
        fhir.values.update({"patient": PATIENT, "conditions": bundle(LEGS), "labs": bundle(LOW_IRON)})
        for name, (_, go) in WAYS.items():
            found.answers[name] = go(service)
            found.logged[name] = told()
        for name, (_, behaviour) in SERVERS.items():
            fhir.behaviours["conditions"] = behaviour
            found.answers[name] = post(service, offering(fhir))
            found.logged[name] = told()
        found.figures = service.get("/metrics", headers={"Authorization": f"Bearer {FIGURES}"}).text
        found.figures += service.get("/ready").text
    found.rows = rows(folder / "legwork.db")
    found.cards = cards(folder / "legwork.db", PatientKey.at(settings.patient_key))
    return found


def rows(database: Path) -> str:
    """Give the columns of all tables, unpacked as far as that can be done without the key."""
    found = []
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            found += [_unpacked(v) for row in connection.execute(f"SELECT * FROM {table}") for v in row]  # noqa: S608
    return "\n".join(found)


def cards(database: Path, key: PatientKey) -> str:
    """Give what is kept of the cards."""
    with closing(sqlite3.connect(database)) as connection:
        sealed = connection.execute("SELECT cards FROM calls WHERE cards IS NOT NULL")
        return "\n".join(_unpacked(key.unseal(one)) for (one,) in sealed)


def _unpacked(value: object) -> str:
    try:
        return zlib.decompress(value).decode() if isinstance(value, bytes) else str(value)
    except (zlib.error, UnicodeDecodeError):
        return repr(value)


def leaked(text: str, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    return [text[max(0, at - 80) : at + 80] for secret in secrets if (at := text.lower().find(secret.lower())) >= 0]


@pytest.mark.parametrize("way", [*WAYS, *SERVERS])
def test_the_log_holds_nothing_of_what_was_sent(left, way):
    assert left.answers[way].status_code == {**WAYS, **SERVERS}[way][0]
    assert leaked(left.logged[way]) == []


@pytest.mark.parametrize("way", [*WAYS, *SERVERS])
def test_headers_and_errors_hold_nothing_of_what_was_sent(left, way):
    answer = left.answers[way]

    assert leaked(str(answer.headers)) == []
    assert answer.status_code < 400 or leaked(answer.text) == []


@pytest.mark.parametrize("way", [*WAYS, *SERVERS])
def test_every_answer_bears_the_id_by_which_the_log_knows_it(left, way):
    answer = left.answers[way]

    assert answer.status_code == 200 or answer.headers["x-correlation-id"] == answer.json()["id"]
    if "/cds-services" in str(answer.url) or answer.status_code >= 400:
        assert f'"correlation":"{answer.headers["x-correlation-id"]}"' in left.logged[way]


def test_the_figures_hold_nothing_of_what_was_sent(left):
    assert "legwork_calls_total" in left.figures
    assert leaked(left.figures) == []


def test_without_the_key_the_database_tells_nothing_of_what_was_sent(left):
    assert "leg-ache-review" in left.rows
    assert leaked(left.rows) == []


def test_what_is_kept_of_cards_names_nobody(left):
    assert str(VALUE) in left.cards
    assert leaked(left.cards, IDENTIFIERS) == []
