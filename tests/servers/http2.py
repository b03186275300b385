"""The stub over TLS, in HTTP/2 or without it, under an authority of the test's own."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from tests.contract.calls import bundle
from tests.servers.stub import Asked, Stub, stub_server

FRAME = 16_000


@contextmanager
def tls_server(authority: trustme.CA, protocol: str) -> Iterator[Stub]:
    """Run a stub that offers one protocol: "h2" or "http/1.1"."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    tls.set_alpn_protocols([protocol])
    with stub_server(tls, _serve if protocol == "h2" else Stub.serve) as stub:
        yield stub


async def _serve(stub: Stub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    stub.connections += 1
    connection = H2Connection(H2Configuration(client_side=False))
    connection.initiate_connection()
    try:
        while True:
            writer.write(connection.data_to_send())
            await writer.drain()
            received = await reader.read(65536)
            if not received:
                return
            for event in connection.receive_data(received):
                if isinstance(event, RequestReceived):
                    _answer(stub, connection, event)
    except (ConnectionError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


def _answer(stub: Stub, connection: H2Connection, event: RequestReceived) -> None:
    headers = {name.decode(): value.decode() for name, value in event.headers or ()}
    stub.seen.append(asked := Asked(headers[":method"], headers[":path"], headers))
    body = json.dumps(stub.values.get(asked.key, bundle())).encode()
    connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/fhir+json")])
    for at in range(0, len(body), FRAME):
        connection.send_data(event.stream_id, body[at : at + FRAME])
    connection.end_stream(event.stream_id)
