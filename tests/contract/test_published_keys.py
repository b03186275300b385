"""Keys that a client publishes: fetched, kept, fetched again when it rotates them, and never at a stranger's wish."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient

from cds.app import create_app
from cds.clients import RegisteredClient
from cds.errors import NotTrusted
from cds.hooks import keys
from cds.hooks.keys import Keys
from tests.contract.shapes import outcome_of
from tests.contract.tokens import ISSUER, KID, claims, deployment, private_key, public_jwk, sign

DISCOVERY = "/cds-services"


@dataclass
class Publisher:
    """A server that publishes keys, as long as it is told to."""

    port: int = 0
    keys: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    asked: list[str] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)
    """Not set: it says nothing."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks.json"

    def terms(self, **more: Any) -> RegisteredClient:
        return RegisteredClient(name="ehr", issuer=ISSUER, jku=(self.address,), loopback_fhir=True, **more)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher(keys=[public_jwk(private_key("ES384"))])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            made.answers.wait()
            body = json.dumps({"keys": made.keys}).encode() if made.body is None else made.body
            self.send_response(made.status)
            for name, value in {"Content-Length": str(len(body)), **made.headers}.items():
                self.send_header(name, value)
            with contextlib.suppress(ConnectionError):  # nobody waits for it any more
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        made.answers.set()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.answers.set()
        server.shutdown()
        thread.join()


def toml(*addresses: str) -> str:
    return f'[ehr]\nissuer = "{ISSUER}"\njku = {json.dumps(addresses)}\nloopback_fhir = true\n'


def ask(service, token):
    return service.get(DISCOVERY, headers={"Authorization": f"Bearer {token}"})


def found(client: RegisteredClient, *kids: str) -> list[bool]:
    """Ask for keys one after the other, and say which there are."""

    async def each() -> list[bool]:
        held, has = Keys(), []
        for kid in kids:
            try:
                has.append(bool(await held.of(client, kid, None)))
            except NotTrusted:
                has.append(False)
        await held.close()
        return has

    return asyncio.run(each())


@pytest.mark.parametrize("named", [True, False])
def test_published_keys_are_fetched_once(publisher, tmp_path, named):
    """CH-J-10, J-21: whether the header names the address or leaves it out."""
    jku = publisher.address if named else ...

    with TestClient(create_app(deployment(tmp_path, toml(publisher.address)))) as service:
        for _ in range(5):
            assert ask(service, sign(claims(), jku=jku)).status_code == 200

    assert publisher.asked == ["/jwks.json"]


def test_a_new_key_is_found_as_soon_as_it_may_be_asked_for(publisher, tmp_path, monkeypatch):
    """CH-J-21: clients rotate their keys."""
    monkeypatch.setattr(keys, "APART", 0)
    new = ec.generate_private_key(ec.SECP384R1())

    with TestClient(create_app(deployment(tmp_path, toml(publisher.address)))) as service:
        assert ask(service, sign(claims())).status_code == 200
        publisher.keys = [public_jwk(new, kid="new")]
        assert ask(service, sign(claims(), new, kid="new")).status_code == 200
        outcome_of(ask(service, sign(claims())), 401)


def test_unknown_keys_are_no_lever(publisher):
    """CH-J-21: whoever makes up key ids moves us to ask once."""
    assert found(publisher.terms(), KID, *(f"made up {number}" for number in range(50))) == [True] + [False] * 50
    assert len(publisher.asked) == 1


def test_calls_at_the_same_time_ask_once(publisher):
    """CH-J-21."""

    async def together() -> None:
        held = Keys()
        await asyncio.gather(*(held.of(publisher.terms(), KID, None) for _ in range(30)))
        await held.close()

    asyncio.run(together())

    assert len(publisher.asked) == 1


def test_an_address_that_is_not_on_the_list_is_never_opened(publisher, tmp_path):
    """CH-J-22: though the stranger signs with a key that lies there."""
    with TestClient(create_app(deployment(tmp_path, toml("http://127.0.0.1:1/jwks.json")))) as service:
        outcome_of(ask(service, sign(claims(), jku=publisher.address)), 401)

    assert not publisher.asked


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"status": 404, "body": b""},
        {"status": 302, "headers": {"Location": "/elsewhere.json"}},
        {"status": 204, "body": b""},
        {"headers": {"Content-Encoding": "gzip"}},
        {"body": b""},
        {"body": b"<html>"},
        {"body": b"[]"},
        {"body": b'{"keys": {}}'},
        {"body": b'{"keys": [5]}'},
        {"body": b'{"keys": []}'},
        {"body": b'{"keys": [' + b"[" * 100_000},
        {"body": b'{"keys": [' + b" " * 300_000 + b"]}"},
        {"keys": [public_jwk(private_key("ES384"), kid=5)]},
        {"keys": [{"kid": KID}]},
        {"keys": [{"kid": KID, "kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [{"kid": KID, "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}]},
        {"keys": [{"kid": KID, "kty": "EC", "crv": "P-384", "x": 5, "y": None}]},
    ],
)
def test_an_answer_that_holds_no_such_key_is_a_401_and_no_redirect_is_followed(publisher, tmp_path, answer):
    """CH-J-21."""
    for name, value in answer.items():
        setattr(publisher, name, value)

    with TestClient(create_app(deployment(tmp_path, toml(publisher.address)))) as service:
        outcome_of(ask(service, sign(claims())), 401)

    assert publisher.asked == ["/jwks.json"]


def test_an_answer_that_does_not_come_is_not_waited_for(publisher, monkeypatch):
    monkeypatch.setattr(keys, "LONGEST", 0.05)
    publisher.answers.clear()

    assert found(publisher.terms(), KID) == [False]


def test_known_keys_outlive_a_publisher_that_fails(publisher, monkeypatch, caplog):
    """CH-J-21."""
    monkeypatch.setattr(keys, "APART", 0)
    monkeypatch.setattr(keys, "PATIENCE", 20)

    async def turns() -> tuple[bool, bool]:
        held = Keys()
        first = bool(await held.of(publisher.terms(), KID, None))
        publisher.status = 503
        monkeypatch.setattr(keys, "FRESH", 0)
        second = bool(await held.of(publisher.terms(), KID, None))
        await held.close()
        return first, second

    assert asyncio.run(turns()) == (True, True)
    assert "the keys of client ehr cannot be had" in caplog.text


def test_a_publisher_that_does_not_answer_delays_no_call_whose_key_is_known(publisher, monkeypatch):
    """CH-J-21: a key server that hangs would else cost each of a client's calls the whole of LONGEST."""
    monkeypatch.setattr(keys, "LONGEST", 60)
    monkeypatch.setattr(keys, "PATIENCE", 0.01)

    async def turns() -> bool:
        held = Keys()
        await held.of(publisher.terms(), KID, None)
        publisher.answers.clear()
        for name in ("APART", "FRESH"):
            monkeypatch.setattr(keys, name, 0)
        try:
            async with asyncio.timeout(10):
                return bool(await held.of(publisher.terms(), KID, None))
        finally:
            await held.close()

    assert asyncio.run(turns())


def test_a_key_that_is_published_no_more_is_refused_once_it_is_asked_for_anew(publisher, monkeypatch):
    """CH-J-21: though it was known."""
    for name, value in {"APART": 0, "FRESH": 0, "PATIENCE": 20}.items():
        monkeypatch.setattr(keys, name, value)

    async def turns() -> None:
        held = Keys()
        await held.of(publisher.terms(), KID, None)
        publisher.keys = []
        try:
            await held.of(publisher.terms(), KID, None)
        finally:
            await held.close()

    with pytest.raises(NotTrusted):
        asyncio.run(turns())


def test_they_do_not_outlive_it_for_ever(publisher, monkeypatch):
    """CH-J-21: a revoked key ends some time."""
    for name in ("APART", "FRESH", "STALE"):
        monkeypatch.setattr(keys, name, 0)

    async def turns() -> None:
        held = Keys()
        await held.of(publisher.terms(), KID, None)
        publisher.status = 503
        try:
            await held.of(publisher.terms(), KID, None)
        finally:
            await held.close()

    with pytest.raises(NotTrusted):
        asyncio.run(turns())
