"""Searches asked of a FHIR server all at once: what they cost beside the server's own time."""

import asyncio
import json
import socket
import time
from statistics import median

import uvloop

from cds.fhir import fetching
from cds.fhir.access import Access
from cds.fhir.server import FhirServers
from cds.outbound import Reach
from cds.services import needs

SLOW = 0.02
"""For how long the server thinks about each search [s]."""
_PATIENT = "p-1"
_STOP = b"GET /stop "


def free_port() -> int:
    """Find a port to serve on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def serve(port: int) -> None:
    """Answer every search with some ten kilobytes that matter to nobody, until told to stop."""
    asyncio.run(_serve(port))


async def _serve(port: int) -> None:
    stopped = asyncio.Event()
    body = json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": [], "id": "x" * 11_000}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n" % len(body)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not (await reader.readuntil(b"\r\n\r\n")).startswith(_STOP):
                await asyncio.sleep(SLOW)
                writer.write(head + body)
            stopped.set()
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", port):
        await stopped.wait()


def wait(port: int) -> None:
    """Wait until the server listens."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return


def stop(port: int) -> None:
    """Tell the server to stop."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(_STOP + b"/ HTTP/1.1\r\n\r\n")


def fetched(port: int, searches: int, rounds: int) -> tuple[float, float]:
    """Give the wall time and our CPU time of so many searches at once [s], over connections that are open already."""
    result: tuple[float, float] = uvloop.run(_fetched(port, searches, rounds))  # as the service runs
    return result


async def _fetched(port: int, searches: int, rounds: int) -> tuple[float, float]:
    servers, access = FhirServers(), Access(f"http://127.0.0.1:{port}/fhir", "token", "", 300, Reach.LOOPBACK)
    walls, spent = [], []
    for _ in range(rounds + 1):
        asked = [fetching.Question(need, f"{access.server}/{need.query(_PATIENT)}") for need in needs()[:searches]]
        start, before = time.perf_counter(), time.process_time()
        await fetching.fetch(servers, access, asked, _PATIENT, 10)
        walls.append(time.perf_counter() - start)
        spent.append(time.process_time() - before)
        if any(question.reason for question in asked):
            raise ValueError("the stub did not answer")
    await servers.close()
    return median(walls[1:]), median(spent[1:])
