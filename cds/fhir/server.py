"""Reading from FHIR servers: GET only, bounded in bytes, over connections that stay open, and never beyond an address.

`httpcore` is what httpx is made of; without the rest of httpx nothing follows redirects, reads proxies from the
environment, keeps cookies or inflates bodies. The connections are kept here, since the cost of its pool grows with the
square of what is asked at once.
"""

import asyncio
import contextlib
import logging
import re
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

import httpcore

from cds.errors import NotFetched
from cds.fhir.prefetch import NOT_OFFERED
from cds.outbound import Checked, Reach

MOST_BYTES_OF_A_PAGE = 8 * 1024 * 1024
CONNECTIONS = 64
"""Requests to one origin at once; further ones wait, each within its own call's deadline."""
IDLE_CONNECTIONS = 16
IDLE = 30.0
"""For how long a connection is kept for the next call [s]."""

REFUSED = "the FHIR server refused"
FAILED = "the FHIR server failed"
UNREACHABLE = "the FHIR server could not be reached"
UNREADABLE = "the FHIR server's answer could not be read"
REDIRECTS = "the FHIR server leads elsewhere"
TOO_MUCH = "the FHIR server's answer is too large"

_TARGET = re.compile(r"[!-~]+", re.ASCII)
_HEADERS = [
    (b"Accept", b"application/fhir+json"),
    (b"Accept-Encoding", b"identity"),  # what inflates may inflate without end
    (b"Cache-Control", b"no-cache"),  # some servers repeat a search's old result for a minute
    (b"User-Agent", b"legwork"),
]
_BROKEN_OFF = (httpcore.ProtocolError, httpcore.ReadError, httpcore.WriteError, httpcore.ConnectionNotAvailable)
_REASONS = {401: REFUSED, 403: REFUSED, 404: NOT_OFFERED, 405: NOT_OFFERED, 501: NOT_OFFERED}

# What these tell below a warning are headers, tokens among them: at no level may they be heard.
for _chatty in ("httpcore.connection", "httpcore.http11", "httpcore.http2", "hpack.hpack", "hpack.table"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)
    logging.getLogger(_chatty).addFilter(lambda record: record.levelno >= logging.WARNING)


@dataclass(slots=True)
class Room:
    """How much of what is fetched for a call may still come in [B]."""

    left: int

    def take(self, size: int) -> None:
        """Take in so much.

        Raises:
            NotFetched: there is no room for it.
        """
        self.left -= size
        if self.left < 0:
            raise NotFetched(TOO_MUCH)


@dataclass(slots=True, eq=False)
class _Line:
    """A connection, and how many requests are on it."""

    connection: httpcore.AsyncHTTPConnection
    multiplexes: bool
    """Whether it carries several requests at once (HTTP/2)."""
    users: int = 0
    spent: bool = False

    def is_free(self) -> bool:
        """Whether a request may be sent on it."""
        if self.users == 0 and self.connection.has_expired():
            self.spent = True
        return not self.spent and (self.multiplexes or self.users == 0) and self.connection.is_available()


@dataclass(slots=True)
class _Origin:
    """The connections to one origin."""

    address: httpcore.Origin
    tls: ssl.SSLContext | None
    network: httpcore.AsyncNetworkBackend
    speaks_http2: bool = False
    _lines: list[_Line] = field(default_factory=list)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    async def get(
        self, url: httpcore.URL, headers: list[tuple[bytes, bytes]], room: Room, *, anew: bool
    ) -> tuple[int, bool, bytes]:
        """Give the status, whether the server asks to wait, and the body; over a new connection if so asked."""
        async with self._places:
            line = self._new_line() if anew else self._line()
            line.users += 1
            whole = False
            try:
                async with line.connection.stream("GET", url, headers=headers) as response:
                    line.multiplexes = self.speaks_http2 = response.extensions.get("http_version") == b"HTTP/2"
                    body = await _body(response, room)
                    whole = True
                waits = any(name.lower() == b"retry-after" for name, _ in response.headers)
                return response.status, waits, body
            except httpcore.ConnectionNotAvailable:
                self.speaks_http2 = line.multiplexes = False  # until an answer says otherwise
                raise
            finally:
                line.users -= 1
                # What was broken off is not used again: its rest may still be on the way.
                line.spent = line.spent or not whole
                await self._tidy()

    def _line(self) -> _Line:
        for line in self._lines:
            if line.is_free():
                return line
        return self._new_line()

    def _new_line(self) -> _Line:
        connection = httpcore.AsyncHTTPConnection(
            self.address, self.tls, keepalive_expiry=IDLE, http2=True, network_backend=self.network
        )
        self._lines.append(line := _Line(connection, self.speaks_http2))
        return line

    async def _tidy(self) -> None:
        """Close what nobody uses: what cannot be used any more, and what is too many."""
        idle = [line for line in self._lines if line.users == 0]
        over = [line for line in idle if line.spent or not line.connection.is_available()]
        kept = [line for line in idle if line not in over]
        over += kept[1 if self.speaks_http2 else IDLE_CONNECTIONS :]
        if over:
            await self._drop(over)

    async def close(self) -> None:
        """Close all connections."""
        await self._drop(self._lines)

    async def _drop(self, lines: list[_Line]) -> None:
        self._lines = [line for line in self._lines if line not in lines]
        for line in lines:
            await _close(line)


async def _close(line: _Line) -> None:
    with contextlib.suppress(Exception):  # it is gone either way
        await line.connection.aclose()


async def _body(response: httpcore.Response, room: Room) -> bytes:
    """Read a body up to the limits, piece by piece."""
    pieces, page = [], Room(MOST_BYTES_OF_A_PAGE)
    async for piece in response.aiter_stream():
        page.take(len(piece))
        room.take(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _headers(address: str, token: str) -> list[tuple[bytes, bytes]]:
    own = [(b"Host", urlsplit(address).netloc.encode())]
    return [*own, *_HEADERS, (b"Authorization", b"Bearer " + token.encode())] if token else [*own, *_HEADERS]


class FhirServers:
    """All FHIR servers that this process reads; used within one event loop, from the first request to `close`."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._origins: dict[tuple[str, str, int, Reach], _Origin] = {}

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Trust whom this machine trusts, so that a hospital's own authority can be added there (or SSL_CERT_FILE)."""
        return ssl.create_default_context()

    async def get(self, address: str, token: str, room: Room, reach: Reach) -> bytes:
        """Give the body of a successful answer; what breaks off, or fails for the moment, is asked once more.

        Then over a new connection: a server that failed, or that has begun anew, hangs up on those it had.
        A token never goes over a public network in the clear.

        Raises:
            NotFetched: there is none; it says why.
        """
        origin, url = self._at(address, reach & ~Reach.PUBLIC if token and address.startswith("http:") else reach)
        failure = UNREACHABLE
        for again in (True, False):
            try:
                status, waits, body = await origin.get(url, _headers(address, token), room, anew=not again)
            except _BROKEN_OFF as error:
                if again:
                    continue
                raise NotFetched(failure) from error
            except (httpcore.NetworkError, OSError, UnicodeError) as error:
                raise NotFetched(failure) from error
            if status == 200:  # noqa: PLR2004 - OK
                return body
            if status == 503 and again and not waits:  # noqa: PLR2004 - Service Unavailable
                failure = FAILED  # whatever becomes of the second try, the server was there
                continue
            break
        is_redirect = 300 <= status < 400  # noqa: PLR2004 - the class of redirects
        raise NotFetched(REDIRECTS if is_redirect else _REASONS.get(status, FAILED))

    def _at(self, address: str, reach: Reach) -> tuple[_Origin, httpcore.URL]:
        """Give the connections to an address, and it in the form that they take."""
        parts = urlsplit(address)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]
        except (ValueError, KeyError) as error:
            raise NotFetched(UNREACHABLE) from error
        if not _TARGET.fullmatch(parts.netloc + target):
            raise NotFetched(UNREACHABLE)
        url = httpcore.URL(scheme=parts.scheme, host=host, port=port, target=target)
        key = (parts.scheme, host, port, reach)
        if key not in self._origins:
            tls = self._tls if parts.scheme == "https" else None
            self._origins[key] = _Origin(url.origin, tls, Checked(reach))
        return self._origins[key], url

    async def close(self) -> None:
        """Close all connections."""
        origins, self._origins = self._origins, {}
        for origin in origins.values():
            await origin.close()
