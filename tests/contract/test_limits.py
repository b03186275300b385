"""How much one caller may take: calls over time, calls at once, time for a body. Others do not feel it."""

import asyncio
import contextlib
import json
import time

import httpx
import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.clients import RegisteredClient
from cds.errors import TooManyCalls
from cds.hooks import limits, routes
from cds.hooks.limits import Allowance
from tests.contract.calls import NO_IRON_STUDIES, RESTLESS_LEGS, REVIEW, bundle, call, condition, ferritin, prefetch
from tests.contract.shapes import advised, cards_of, outcome_of
from tests.contract.tokens import bearer, deployment

OTHER = "https://other.example.org/fhir"
DISCOVERY = "/cds-services"


def terms(**limits: int) -> str:
    said = ", ".join(f"{name} = {value}" for name, value in limits.items())
    limited = f'[ehr]\nissuer = "https://ehr.example.org/fhir"\njwks = "ehr.jwks.json"\nlimits = {{{said}}}\n'
    return f'{limited}[other]\nissuer = "{OTHER}"\njwks = "ehr.jwks.json"\n'


def test_a_client_that_calls_too_often_is_told_when_to_try_again_and_others_are_heard(tmp_path):
    """CH-Z-16."""
    with TestClient(create_app(deployment(tmp_path, terms(calls_per_minute=3)))) as service:
        flood = [service.get(DISCOVERY, headers=bearer()) for _ in range(8)]

        assert [answer.status_code for answer in flood] == [200] * 3 + [429] * 5
        assert "3 calls a minute" in outcome_of(flood[-1], 429)
        assert 1 <= int(flood[-1].headers["retry-after"]) <= 21
        assert service.get(DISCOVERY, headers=bearer(iss=OTHER)).status_code == 200
        assert service.get("/health").status_code == 200


def test_what_is_not_a_clients_call_is_not_counted_as_one(tmp_path):
    """CH-Z-16, J-16: nobody uses up a client's calls in its name, by forged tokens or by ones that were overheard."""
    with TestClient(create_app(deployment(tmp_path, terms(calls_per_minute=2)))) as service:
        used = bearer()
        assert service.get(DISCOVERY, headers=used).status_code == 200
        for headers in ({"Authorization": f"{bearer()['Authorization'][:-9]}AAAAAAAA"}, bearer(aud="x"), used) * 5:
            outcome_of(service.get(DISCOVERY, headers=headers), 401)

        assert service.get(DISCOVERY, headers=bearer()).status_code == 200


def test_a_token_that_came_too_early_may_come_again(tmp_path, monkeypatch):
    """CH-Z-16."""
    now = [1000.0]
    monkeypatch.setattr(limits, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))
    with TestClient(create_app(deployment(tmp_path, terms(calls_per_minute=1)))) as service:
        assert service.get(DISCOVERY, headers=bearer()).status_code == 200
        token = bearer()
        outcome_of(service.get(DISCOVERY, headers=token), 429)

        now[0] += 60

        assert service.get(DISCOVERY, headers=token).status_code == 200


def test_what_is_left_grows_with_time_and_never_beyond_a_minutes_calls(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(limits, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))
    client = RegisteredClient.model_validate(
        {"name": "ehr", "issuer": "x", "jku": ("https://x.example/k",), "limits": {"calls_per_minute": 60}}
    )
    allowance = Allowance(client)

    def calls() -> int:
        with contextlib.suppress(TooManyCalls):
            for count in range(200):  # noqa: B007 - what it reaches is the answer
                allowance.enter()
                allowance.leave()
        return count

    counts = []
    for at in (0, 1, 1.5, 3, 1000):
        now[0] = at
        counts.append(calls())

    assert counts == [60, 1, 0, 2, 60]


@contextlib.asynccontextmanager
async def running(app):
    """Run an application with its lifespan, and give a client that may call it many times at once."""
    inner = app
    async with asyncio.timeout(30):
        queue: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        started, stopped = asyncio.Event(), asyncio.Event()

        async def send(message):
            {"lifespan.startup.complete": started, "lifespan.shutdown.complete": stopped}[message["type"]].set()

        await queue.put({"type": "lifespan.startup"})
        lifespan = asyncio.create_task(
            inner({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, queue.get, send)
        )
        await started.wait()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(inner), base_url="http://127.0.0.1") as client:
            yield client
        await queue.put({"type": "lifespan.shutdown"})
        await stopped.wait()
        await lifespan


def test_a_client_with_many_calls_in_hand_gets_no_more_and_others_do(tmp_path):
    """CH-Z-16, N-02: here its bodies do not come; it might be its FHIR server as well."""
    body = json.dumps(call()).encode()

    async def act():
        go_on, begun = asyncio.Event(), asyncio.Semaphore(0)

        async def slow():
            yield body[:10]
            begun.release()
            await go_on.wait()
            yield body[10:]

        async with running(create_app(deployment(tmp_path, terms(concurrent=2)))) as client:
            held = [asyncio.create_task(client.post(REVIEW, content=slow(), headers=bearer(REVIEW))) for _ in range(2)]
            for _ in held:
                await begun.acquire()
            third = await client.post(REVIEW, content=body, headers=bearer(REVIEW))
            others = await client.post(REVIEW, content=body, headers=bearer(REVIEW, iss=OTHER))
            health = await client.get("/health")
            go_on.set()
            done = await asyncio.gather(*held)
            after = await client.post(REVIEW, content=body, headers=bearer(REVIEW))
        return third, [others, *done, after], health

    third, answered, health = asyncio.run(act())

    assert "2 calls at once" in outcome_of(third, 429)
    assert third.headers["retry-after"] == "1"
    assert [advised(cards_of(answer)) for answer in answered] == [[NO_IRON_STUDIES]] * 4
    assert health.status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    """CH-N-02: and the connection ends with the answer."""
    monkeypatch.setattr(routes, "BODY_SECONDS", 0.02)

    async def act():
        async def never():
            yield b"{"
            await asyncio.Event().wait()

        async with running(create_app(deployment(tmp_path))) as client:
            return await client.post(REVIEW, content=never(), headers=bearer(REVIEW))

    answer = asyncio.run(act())

    assert "did not come within" in outcome_of(answer, 408)
    assert answer.headers["connection"] == "close"


HOSTILE = "\n\u0301"
"""Neither printable nor ASCII, and a sentence each time."""

TEXTS = {
    "unit": lambda text: call(
        prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20, valueQuantity={"value": 20, "unit": text})))
    ),
    "name of a test": lambda text: call(prefetch(RESTLESS_LEGS, labs=bundle(ferritin(20, code={"text": text})))),
    "name of a problem": lambda text: call(prefetch(condition({**RESTLESS_LEGS["code"], "text": text}))),
    "problem": lambda text: call(prefetch(RESTLESS_LEGS, condition({"text": text}))),
    "date": lambda text: call(prefetch({**RESTLESS_LEGS, "onsetDateTime": text})),
    "id": lambda text: call(prefetch({**RESTLESS_LEGS, "id": text})),
}


@pytest.mark.parametrize("make", TEXTS.values(), ids=TEXTS)
def test_a_text_without_end_costs_no_more_than_reading_it(client, make):
    """CH-Z-15, N-02: it took fifteen seconds once, in which nobody else was heard."""
    body = json.dumps(make(HOSTILE * 2_500_000), ensure_ascii=False).encode()

    start = time.process_time()
    cards_of(client.post(REVIEW, content=body))

    assert time.process_time() - start < 5


def test_entries_that_are_none_are_counted_too(client):
    """CH-Z-11: they are small, but each is looked at."""
    body = json.dumps(call(prefetch(conditions=bundle(entry=[5] * 100_000))))

    assert "entries" in outcome_of(client.post(REVIEW, content=body), 413)
