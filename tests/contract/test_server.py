"""The service as it is run: a process of its own, on a socket."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.contract.calls import NO_IRON_STUDIES, REVIEW, call, rich
from tests.contract.shapes import advised, cards_of, outcome_of

ROOT = Path(__file__).parents[2]
SANDBOX = "https://sandbox.cds-hooks.org"
MEGABYTE = 1_000_000


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEGWORK_")}
    command = [sys.executable, "-m", "cds.cli", "serve", *arguments]
    return subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, env={**own, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Give the port of a running service, and see that it stops when asked to, without a stack trace behind it."""
    port = free_port()
    with start("--port", str(port)) as process:
        try:
            wait_for(port, process)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=15)
    assert process.returncode in {0, -signal.SIGTERM}
    assert "Traceback" not in said


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("the service did not start")


@pytest.fixture
def server(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        yield client


def raw(port: int, request: bytes) -> bytes:
    """Send bytes, and give what comes back until the other side ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_preflight_and_the_call_after_it_go_through(server):
    """CH-X-01 to X-04."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}

    preflight = server.options(REVIEW, headers={"Origin": SANDBOX, **asked})
    answer = server.post(REVIEW, json=call(), headers={"Origin": SANDBOX})
    error = server.post(REVIEW, json={}, headers={"Origin": SANDBOX})

    assert preflight.status_code == 200
    assert advised(cards_of(answer)) == [NO_IRON_STUDIES]
    outcome_of(error, 422)
    assert {r.headers["access-control-allow-origin"] for r in (preflight, answer, error)} == {SANDBOX}


def test_a_chunked_body_is_answered(server):
    """CH-Q-01."""
    body = json.dumps(rich()).encode()
    pieces = (body[at : at + 1000] for at in range(0, len(body), 1000))

    response = server.post(REVIEW, content=pieces)

    assert response.request.headers["transfer-encoding"] == "chunked"
    assert cards_of(response)


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_a_body_far_over_the_limit_is_refused_so_that_the_client_hears_it(server, form):
    """CH-Z-11."""
    piece = b" " * MEGABYTE
    content = piece * 50 if form == "length" else (piece for _ in range(50))

    assert "larger" in outcome_of(server.post(REVIEW, content=content), 413)
    assert advised(cards_of(server.post(REVIEW, json=call()))) == [NO_IRON_STUDIES]


def test_one_connection_serves_many_calls_errors_between_them(port):
    """CH-Q-01: and a body that nobody read does not spoil the next call."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = json.dumps(call())
    seen = []
    with contextlib.closing(connection):
        for path in (REVIEW, "/cds-services/unknown", REVIEW, "/nothing", "/cds-services", REVIEW):
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            seen.append((response.status, connection.sock is not None))

    assert seen == [(200, True), (404, True), (200, True), (404, True), (405, True), (200, True)]


def test_a_client_that_waits_for_leave_to_send_is_let_or_told_at_once(port):
    """CH-Q-01: as curl does with large bodies."""
    head = "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n"
    body = json.dumps(call())

    known = raw(port, (head.format(REVIEW, len(body)) + body).encode())
    unknown = raw(port, (head.format("/cds-services/unknown", len(body)) + body).encode())

    assert known.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert unknown.startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_a_compressed_body_is_refused(server):
    """CH-Z-10."""
    outcome_of(server.post(REVIEW, content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"}), 415)


def test_neither_server_nor_version_is_named(server):
    """CH-Z-12."""
    for response in (server.get("/cds-services"), server.post(REVIEW, json=call()), server.get("/nothing")):
        assert "server" not in response.headers
        assert "uvicorn" not in str(response.headers).lower()


BROKEN = {
    "no HTTP": b"hello\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
    "a length that is none": b"POST /cds-services HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    "a length below zero": b"POST /cds-services HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a broken chunk": f"POST {REVIEW} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
    "a body cut off": f"POST {REVIEW} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{{".encode(),
    "an address that is none": b"GET cds-services HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in the address": b"GET /cds-services/\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a tunnel": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "an upgrade": b"GET /cds-services HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
    "a header of a megabyte": b"GET /cds-services HTTP/1.1\r\nHost: x\r\nX: " + b"x" * MEGABYTE + b"\r\n\r\n",
}


@pytest.mark.parametrize("request_", BROKEN.values(), ids=BROKEN)
def test_broken_http_harms_nobody_else(port, server, request_):
    """CH-N-02, Z-12."""
    with contextlib.suppress(OSError):  # who is still sending when the other side ends hears of it in several ways
        answer = raw(port, request_)

        assert b"Traceback" not in answer
        assert not answer.startswith(b"HTTP/1.1 5")
    assert advised(cards_of(server.post(REVIEW, json=call()))) == [NO_IRON_STUDIES]


HEADS = {
    "an address": b"GET /" + b"x" * MEGABYTE,
    "a header": b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"x" * MEGABYTE,
    "headers": b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 200_000,
    "a chunk's extension": f"POST {REVIEW} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;".encode()
    + b"x" * MEGABYTE,
    "trailers": f"POST {REVIEW} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n".encode()
    + b"a: b\r\n" * 200_000,
}


@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS)
def test_what_is_no_body_may_not_be_without_end(port, server, sent):
    """CH-Z-11, N-02: the connection ends, and with it what it held."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(sent)
        connection.settimeout(10)
        while connection.recv(65536):
            pass
    assert advised(cards_of(server.post(REVIEW, json=call()))) == [NO_IRON_STUDIES]


def test_a_head_that_is_too_large_and_what_is_no_http_are_told_so(port):
    """CH-Z-12: as any other error."""
    head = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for piece in (head, *[b"X: " + b"x" * 1000 + b"\r\n"] * 66):
            connection.sendall(piece)
        large = b"".join(iter(lambda: connection.recv(65536), b""))
    broken = raw(port, b"hello\r\n\r\n")

    for answer, status in ((large, b"431"), (broken, b"400")):
        first, _, body = answer.partition(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 " + status)
        assert b"content-type: application/json" in first
        assert json.loads(body)["resourceType"] == "OperationOutcome"


def test_calls_at_the_same_time_are_all_answered(server):
    """CH-N-02."""
    made = rich()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: advised(cards_of(server.post(REVIEW, json=made))), range(40)))

    assert answers == [answers[0]] * 40


def test_a_slow_client_keeps_nobody_waiting(port, server):
    """CH-N-02."""
    head = f"POST {REVIEW} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{{"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        slow.sendall(head.encode())

        start_ = time.perf_counter()
        assert cards_of(server.post(REVIEW, json=call()))
        assert time.perf_counter() - start_ < 1


def test_the_service_refuses_to_listen_for_others_and_says_why():
    with start("--host", "0.0.0.0") as process:  # noqa: S104 - refused
        said, _ = process.communicate(timeout=30)

    assert process.returncode == 2
    assert said.count("\n") <= 3
    assert "LEGWORK_HOST" in said
    assert "127.0.0.1" in said
    assert "Traceback" not in said
