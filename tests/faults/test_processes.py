"""Processes that end: at once, or when asked to while calls are in hand."""

import contextlib
import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from typing import Any

from tests.contract.calls import NO_IRON_STUDIES, RESTLESS_LEGS, REVIEW, bundle, call, ferritin, prefetch
from tests.contract.shapes import advised, cards_of, outcome_of
from tests.contract.tokens import bearer, deployment
from tests.servers.legwork import Running, serving

LARGE = 20_000
"""Results in a call of some seven megabytes."""


class HalfSent:
    """A call of which a half is sent."""

    def __init__(
        self, running: Running, body: bytes, headers: dict[str, str] | None = None, address: str = REVIEW
    ) -> None:
        self._connection = socket.create_connection(("127.0.0.1", running.port), timeout=60)
        lines = {"Host": "x", "Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        half, self._rest = body[: len(body) // 2], body[len(body) // 2 :]
        self._connection.sendall(f"POST {address} HTTP/1.1\r\n{head}\r\n".encode() + half)

    def finish(self) -> dict[str, Any]:
        """Send the rest, and give the answer."""
        with self._connection as connection:
            connection.sendall(self._rest)
            response = HTTPResponse(connection)
            response.begin()
            assert response.status == 200, response.read()
            answer: dict[str, Any] = json.loads(response.read())
        return answer

    def is_lost(self) -> bool:
        with self._connection as connection, contextlib.suppress(ConnectionError):
            return connection.recv(1) == b""
        return True


def wait_until_deaf(running: Running) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", running.port), timeout=1).close()
        except OSError:
            return
    raise AssertionError("the service still listens")


def test_calls_in_hand_are_finished_when_the_service_is_asked_to_stop():
    small = json.dumps(call()).encode()
    large = json.dumps(call(prefetch(RESTLESS_LEGS, labs=bundle(*(ferritin(20, n) for n in range(LARGE)))))).encode()
    with serving() as running:
        calls = [HalfSent(running, body) for body in [*[small] * 12, large, large]]
        running.wait_until_heard()

        running.process.send_signal(signal.SIGTERM)
        wait_until_deaf(running)
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = list(pool.map(HalfSent.finish, calls))
        code = running.process.wait(30)
        said = running.said()

    assert all(answer["cards"] for answer in answers)
    assert code in {0, -signal.SIGTERM}
    assert "Traceback" not in said


def test_a_worker_that_is_killed_takes_no_other_with_it_and_its_tokens_stay_used(tmp_path):
    settings = deployment(tmp_path)
    body, used, in_hand = call(), bearer(REVIEW), bearer(REVIEW)
    with serving(settings) as one, serving(settings) as other, one.client() as first, other.client() as second:
        assert advised(cards_of(first.post(REVIEW, json=body, headers=used))) == [NO_IRON_STUDIES]
        lost = HalfSent(one, json.dumps(body).encode(), in_hand)
        assert first.get("/ready").json()["database"] == "ok"  # the call before it has been let in by now

        one.kill()

        assert lost.is_lost()
        outcome_of(second.post(REVIEW, json=body, headers=used), 401)
        outcome_of(second.post(REVIEW, json=body, headers=in_hand), 401)
        assert advised(cards_of(second.post(REVIEW, json=body, headers=bearer(REVIEW)))) == [NO_IRON_STUDIES]
        assert second.get("/ready").json()["database"] == "ok"
