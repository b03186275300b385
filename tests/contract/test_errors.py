"""Statuses and the bodies of errors: OperationOutcome always, and never a word of what was sent."""

import asyncio
import json
import logging

import httpx
import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.errors import CallError
from cds.hooks.routes import LARGE, LARGE_CALLS
from cds.settings import Settings
from tests.contract.calls import (
    AUTHORIZATION,
    NO_IRON_STUDIES,
    RESTLESS_LEGS,
    REVIEW,
    bundle,
    call,
    ferritin,
    prefetch,
    rich,
    with_context,
    without,
)
from tests.contract.shapes import advised, cards_of, outcome_of

SENT = "Nachtwander-1980"

NO_JSON = {
    "nothing": b"",
    "blanks": b" \n\t ",
    "cut off": json.dumps(call()).encode()[:-1],
    "two documents": json.dumps(call()).encode() * 2,
    "trailing comma": b'{"hook": "patient-view",}',
    "comment": b'{"hook": "patient-view" /* so */}',
    "single quotes": b"{'hook': 'patient-view'}",
    "no quotes": b'{hook: "patient-view"}',
    "NaN": b'{"hook": NaN}',
    "NaN behind a member of a wrong type": b'{"hook": 5, "x": NaN}',
    "NaN in what is skipped": json.dumps({**call(), "x": float("nan")}).encode(),
    "Infinity": json.dumps({**call(), "x": float("inf")}).encode(),
    "leading zero": b'{"x": 01}',
    "hexadecimal": b'{"x": 0x1}',
    "control character": b'{"x": "\x01"}',
    "unknown escape": b'{"x": "\\x41"}',
    "half a surrogate pair": b'{"x": "\\ud83e"}',
    "Latin-1": '{"x": "é"}'.encode("latin-1"),
    "Latin-1 in what is skipped": json.dumps({**call(), "x": "é"}, ensure_ascii=False).encode("latin-1"),
    "overlong UTF-8": b'{"x": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"x": "\xed\xa0\x80"}',
    "UTF-16": json.dumps(call()).encode("utf-16"),
    "XML": b"<Bundle xmlns='http://hl7.org/fhir'/>",
    "a form": b"hook=patient-view&hookInstance=1",
    "zero bytes": b"\x00" * 100,
}
DEEP = 100_000


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_a_body_that_is_no_json_is_refused(client, body):
    """CH-G-01, Z-06."""
    assert "JSON" in outcome_of(client.post(REVIEW, content=body), 400)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize(
    "place", ["body", "unknown", "context", "prefetch", "patient", "conditions", "entry", "resource"]
)
def test_a_hundred_thousand_levels_are_refused_or_ignored(client, opening, closing, place):
    """CH-Z-15."""
    deep = opening * DEEP + b"1" + closing * DEEP
    shapes = {
        "body": lambda: None,
        "unknown": lambda: {**call(), "unknown": 0},
        "context": lambda: with_context(extension=0),
        "prefetch": lambda: {**call(), "prefetch": 0},
        "patient": lambda: call(prefetch(patient=0)),
        "conditions": lambda: call(prefetch(conditions=0)),
        "entry": lambda: call(prefetch(conditions=bundle(entry=[0]))),
        "resource": lambda: call(prefetch(0)),
    }
    made = shapes[place]()
    body = deep if made is None else json.dumps(made).replace(": 0", ": @").replace("[0]", "[@]").encode()

    response = client.post(REVIEW, content=body.replace(b"@", deep))

    outcome_of(response, 400, 412, 422)


@pytest.mark.parametrize("body", [b"null", b"5", b'"x"', b"[]", b"{}", b"true"])
def test_json_that_is_no_call_is_refused(client, body):
    """CH-Z-07."""
    outcome_of(client.post(REVIEW, content=body), 422)


@pytest.mark.parametrize("id_", ["unknown", "leg-ache-review-2", "LEG-ACHE-REVIEW", "%00", "..%2f", "x" * 3000, "é"])
def test_an_unknown_service_is_not_found(client, id_):
    """CH-Z-05."""
    assert "cds-services" in outcome_of(client.post(f"/cds-services/{id_}", json=call()), 404)


@pytest.mark.parametrize("path", ["/nothing", "/cds-services/a/b", "/docs", "/redoc", "/knowledge/x"])
def test_an_unknown_address_is_not_found(client, path):
    """CH-Z-04, Z-12, Z-14."""
    outcome_of(client.get(path), 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "NONSENSE"])
def test_another_method_on_a_service_is_refused(client, method):
    """CH-Z-09."""
    response = client.request(method, REVIEW)

    outcome_of(response, 405)
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate", "zstd", "gzip, gzip", "nonsense"])
def test_a_compressed_body_is_refused_with_the_remedy(client, encoding):
    """CH-Z-10."""
    response = client.post(REVIEW, json=call(), headers={"Content-Encoding": encoding})

    assert "Content-Encoding" in outcome_of(response, 415)
    assert response.headers["accept-encoding"] == "identity"


def test_an_encoding_that_is_none_is_taken(client):
    """CH-Q-01."""
    response = client.post(REVIEW, json=call(), headers={"Content-Encoding": "identity"})

    assert advised(cards_of(response)) == [NO_IRON_STUDIES]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_the_content_type_is_not_what_decides(client, content_type):
    """CH-Z-10: tolerated, as the standard does not say."""
    response = client.post(REVIEW, content=json.dumps(call()), headers={"Content-Type": content_type})

    assert advised(cards_of(response)) == [NO_IRON_STUDIES]


def test_a_body_over_the_limit_is_refused_with_the_remedy():
    """CH-Z-11."""
    limit = 4096
    with TestClient(create_app(Settings(max_body_bytes=limit))) as small:
        body = json.dumps(call()).encode()
        cards_of(small.post(REVIEW, content=body.ljust(limit)))

        for content in (body.ljust(limit + 1), (part for part in [body, b" " * limit])):
            assert "prefetch" in outcome_of(small.post(REVIEW, content=content), 413)


def test_the_limit_is_well_above_real_charts():
    """CH-Z-11: tens of megabytes."""
    assert Settings().max_body_bytes >= 20_000_000


@pytest.mark.parametrize(
    "made",
    [
        call(hook=SENT),
        {**call(), SENT: SENT, "hook": {SENT: SENT}},
        with_context(patientId=f"{SENT} {SENT}"),
        with_context(userId=SENT),
        call(fhirServer=f"x://{SENT}"),
        call(fhirServer="https://x", fhirAuthorization={**AUTHORIZATION, "access_token": [SENT], "scope": SENT}),
        call([SENT]),
        call(prefetch(patient={"resourceType": "Patient", "id": SENT})),
        call({"patient": SENT}),
        call(prefetch(conditions={"resourceType": SENT, SENT: SENT})),
    ],
)
def test_no_error_repeats_what_was_sent(client, made):
    """CH-Z-12, Z-13."""
    response = client.post(REVIEW, json=made)

    outcome_of(response, 412, 422)
    assert SENT not in response.text


def test_an_error_that_nobody_foresaw_is_still_in_words(client, monkeypatch, caplog):
    """CH-Z-04, Z-12, X-04: and its id leads to the place in the log, without the patient's data."""
    monkeypatch.setattr("cds.hooks.answering.assess", lambda chart, **_: dict[str, str]()[SENT])

    response = client.post(REVIEW, json=call(), headers={"Origin": "https://sandbox.cds-hooks.org"})

    words = outcome_of(response, 500)

    assert "log" in words
    assert response.headers["access-control-allow-origin"] == "https://sandbox.cds-hooks.org"
    assert response.headers["x-correlation-id"] in caplog.text
    assert "KeyError at test_errors.py" in caplog.text
    assert SENT not in caplog.text


def test_an_error_that_the_table_of_statuses_lacks_is_still_in_words(client, monkeypatch):
    """CH-Z-04."""

    def fail(_):
        raise CallError

    monkeypatch.setattr("cds.hooks.answering.assess", fail)

    outcome_of(client.post(REVIEW, json=call()), 500)


def test_neither_log_nor_error_holds_data_of_the_patient(client, caplog):
    """CH-N-07, Q-05, Z-13, F-03."""
    caplog.set_level(logging.DEBUG)
    secret = {"text": SENT, "coding": [{"system": "http://snomed.info/sct", "code": "32914008", "display": SENT}]}
    named = {"resourceType": "Patient", "id": "p-1", "name": [{"family": SENT}], "birthDate": "1980-01-01"}
    subject = {"reference": "Patient/p-1", "display": SENT}
    legs = {"resourceType": "Condition", "code": secret, "subject": subject}
    others = {"resourceType": "Condition", "id": SENT, "code": secret, "subject": {"reference": f"Patient/{SENT}"}}
    odd = ferritin(20, valueQuantity={"value": 20, "unit": SENT}, issued=[SENT], category=SENT)
    made = call(prefetch(legs, others, SENT, patient=named, labs=bundle(odd)))
    made |= {"fhirServer": f"https://{SENT}.example.org", "fhirAuthorization": {**AUTHORIZATION, "access_token": SENT}}

    cards_of(client.post(REVIEW, json=made))
    for broken in ({**made, "context": {}}, {**made, "prefetch": {"patient": SENT}}, without(made, "fhirServer")):
        outcome_of(client.post(REVIEW, json=broken), 412, 422)

    assert "left out" in caplog.text
    assert SENT not in caplog.text


def test_the_log_names_each_error_by_its_id(client, caplog):
    """CH-Q-05."""
    caplog.set_level(logging.INFO)

    response = client.post(REVIEW, json=with_context(userId="x"))

    assert response.headers["x-correlation-id"] in caplog.text


def test_what_a_caller_names_cannot_forge_a_line_of_the_log(client, caplog):
    """CH-N-07."""
    caplog.set_level(logging.INFO)
    values = prefetch({"resourceType": "Condition", "id": 5, "code": 5})

    client.post(REVIEW, json=call(values, hookInstance="x\nforged\u2028line" + "y" * 1000))

    assert all(len(record.getMessage()) < 300 for record in caplog.records)
    assert not any({"\n", "\u2028"} & set(record.getMessage()) for record in caplog.records)


def test_a_large_chart_is_answered_like_a_small_one(client):
    """CH-N-03: by another way, with breaths between."""
    made = rich()
    padding = {"resourceType": "Basic", "text": "x" * LARGE}

    large = cards_of(client.post(REVIEW, json={**made, "prefetch": {**made["prefetch"], "padding": padding}}))

    assert advised(large) == advised(cards_of(client.post(REVIEW, json=made)))


def test_a_large_body_that_is_wrong_gets_the_same_words(client):
    """CH-Z-06, Z-07."""
    for status, body in ((400, b"{"), (422, b"[]"), (412, json.dumps(call({})).encode())):
        small, large = (client.post(REVIEW, content=content) for content in (body, body.ljust(LARGE)))

        assert outcome_of(large, status) == outcome_of(small, status)


@pytest.mark.parametrize("calls_at_once", [LARGE_CALLS, LARGE_CALLS + 4])
def test_too_many_large_calls_at_once_are_sent_away_for_a_while(calls_at_once):
    """CH-Z-16."""
    many = bundle(*({"resourceType": "Observation", "id": str(number)} for number in range(1000)))
    body = json.dumps(call(prefetch(RESTLESS_LEGS, labs=many))).encode().ljust(LARGE)

    responses = asyncio.run(at_once(create_app(Settings()), body, calls_at_once))

    refused = [response for response in responses if response.status_code != 200]
    assert len(refused) == calls_at_once - LARGE_CALLS
    for response in refused:
        outcome_of(response, 503)
        assert response.headers["retry-after"] == "2"


async def at_once(app, body, count):
    """Send a body several times before the first answer."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as many:
        return await asyncio.gather(*(many.post(REVIEW, content=body) for _ in range(count)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (prefetch(conditions=bundle(entry=[5] * 3_000_000)), "values"),
        (prefetch(conditions=bundle(entry=[{}] * 3_000_000)), "values"),
        (prefetch(*[{"resourceType": "Basic"}] * 60_000), "entries"),
    ],
    ids=["numbers for entries", "empty entries", "small resources"],
)
def test_more_than_any_chart_holds_is_refused_with_the_remedy(client, values, words):
    """CH-Z-11, Z-15, N-02: a body may be small and yet fill the memory."""
    said = outcome_of(client.post(REVIEW, content=json.dumps(call(values), separators=(",", ":"))), 413)

    assert words in said
    assert "narrow" in said


@pytest.mark.parametrize(
    "path", ["/cds-services", "/health", "/ready", "/nothing", "/knowledge/iron", "/fhir/metadata"]
)
def test_no_answer_may_be_run_framed_or_kept(client, path):
    """CH-N-07."""
    headers = client.get(path).headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
