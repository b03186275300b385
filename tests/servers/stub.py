"""A FHIR server on loopback that does as it is told: it answers well, slowly, wrongly, partly, or not at all."""

import asyncio
import json
import re
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.calls import TYPES, bundle


@dataclass(frozen=True)
class Asked:
    """A request that the server saw."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def key(self) -> str:
        """The prefetch key whose data are asked for."""
        kind = urlsplit(self.target).path.removeprefix("/fhir/").partition("/")[0]
        query = parse_qs(urlsplit(self.target).query)
        if kind == "Observation":
            return {"laboratory": "labs", None: "observations"}.get(query.get("category", [None])[0], "examinations")
        return next((key for key, of in TYPES.items() if of == kind), "patient" if kind == "Patient" else kind)


@dataclass
class Conversation:
    """A request, and the way to answer it."""

    asked: Asked
    stub: "Stub"
    writer: asyncio.StreamWriter
    body: bytes

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()


Behaviour = Callable[[Conversation], Awaitable[None]]


@dataclass
class Stub:
    """A server, and what it was asked. Data and behaviours are by prefetch key."""

    base: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)
    connections: int = 0
    left_by_client: threading.Event = field(default_factory=threading.Event)
    """Set when a connection ends while its request is unanswered."""
    silent: threading.Event = field(default_factory=threading.Event)
    """Set when a request is being left without an answer."""

    def keys(self) -> list[str]:
        return sorted(asked.key for asked in self.seen)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                request, *lines = head.decode("latin-1").split("\r\n")
                method, target, _ = request.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
                asked = Asked(method, target, headers)
                self.seen.append(asked)
                body = json.dumps(self.values.get(asked.key, bundle())).encode()
                talk = Conversation(asked, self, writer, body)
                answering = asyncio.ensure_future(self.behaviours.get(asked.key, well)(talk))
                gone = asyncio.ensure_future(reader.read(1)) if asked.key in self.behaviours else None
                await asyncio.wait({answering} | ({gone} if gone else set()), return_when=asyncio.FIRST_COMPLETED)
                if not answering.done():
                    self.left_by_client.set()
                    answering.cancel()
                    return
                answering.result()
                if gone is not None:
                    return  # a byte of the next request may be lost
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side is done, or the test is
        finally:
            writer.close()


Serving = Callable[[Stub, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def well(talk: Conversation) -> None:
    await answering(200, talk.body)(talk)


def answering(status: int, body: Any = b"", kind: str = "application/fhir+json", **headers: str) -> Behaviour:
    """Answer with a status and a body, which is made into JSON if it is not bytes."""

    async def behave(talk: Conversation) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = {"Content-Type": kind, "Content-Length": str(len(raw)), **headers}
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
        await talk.send(f"HTTP/1.1 {status} x\r\n{head}\r\n".encode() + raw)

    return behave


def then(*behaviours: Behaviour) -> Behaviour:
    """Behave differently each time, and like the last for ever after."""
    left = list(behaviours)

    async def behave(talk: Conversation) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(talk)

    return behave


async def never(talk: Conversation) -> None:
    talk.stub.silent.set()
    await asyncio.Event().wait()


async def dripping(talk: Conversation) -> None:
    """Send a byte at a time, so that no wait for a single read ever ends."""
    await talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await talk.send(b" ")
        await asyncio.sleep(0.005)


async def head_only(talk: Conversation) -> None:
    await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")
    await never(talk)


async def endless(talk: Conversation) -> None:
    """Send a body without end, as fast as it is taken."""
    await talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await talk.send(b"100000\r\n" + b" " * 0x100000 + b"\r\n")


async def hanging_up(talk: Conversation) -> None:
    talk.writer.transport.abort()


async def cut_off(talk: Conversation) -> None:
    await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    talk.writer.close()


async def no_http(talk: Conversation) -> None:
    await talk.send(b"hello\r\n\r\n")
    talk.writer.close()


def paged(*pages: Any) -> Behaviour:
    """Give the pages of a search one after the other, each linked to the next below the base."""

    async def behave(talk: Conversation) -> None:
        at = int((re.findall(r"[?&]page=(\d+)", talk.asked.target) or ["0"])[0])
        page = dict(pages[at])
        if at + 1 < len(pages):
            page["link"] = [
                {"relation": "next", "url": f"{talk.stub.base}/{TYPES[talk.asked.key]}?{_marks(talk, at + 1)}"}
            ]
        await answering(200, page)(talk)

    return behave


def _marks(talk: Conversation, page: int) -> str:
    """Keep of a query what the key is known by."""
    query = parse_qs(urlsplit(talk.asked.target).query)
    kept = "".join(f"&{name}={query[name][0]}" for name in ("category", "code") if name in query)
    return f"page={page}{kept}"


@contextmanager
def stub_server(tls: ssl.SSLContext | None = None, serve: Serving = Stub.serve) -> Iterator[Stub]:
    """Run a stub on a free port of this machine, in a thread of its own."""
    stub, started, loop = Stub(), threading.Event(), asyncio.new_event_loop()
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(stub, reader, writer)

    async def run() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        stub.base = f"https://localhost:{port}/fhir" if tls else f"http://127.0.0.1:{port}/fhir"
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            for writer in writers:
                writer.transport.abort()
            for _ in range(3):
                await asyncio.sleep(0)  # what was ended closes its sockets in the loop's next rounds

    main = loop.create_task(run())

    def live() -> None:
        loop.run_until_complete(main)
        loop.close()

    thread = threading.Thread(target=live)
    thread.start()
    started.wait(10)
    try:
        yield stub
    finally:
        loop.call_soon_threadsafe(main.cancel)
        thread.join(10)
