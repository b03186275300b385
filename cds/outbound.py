"""Where the service may go: a transport that looks at every address before it connects, and connects to that very one.

A name on an allowlist is a name; where it leads is decided by whoever answers for it. So its addresses are asked for
once, all of them are checked, and one of those is connected to: an answer that changes in between changes nothing.
TLS is verified for the name all the same. Redirects are not followed by httpx unless it is told to.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import asyncio
import ipaddress
import logging
import socket
import typing
from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import Flag, auto

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Name and port -> the addresses that the name has."""

CONNECTIONS = 100
"""Connections open at once, for each reach."""

REACH = "reach"
"""The name of a request's extension that says how far it may go; without it, to public addresses only."""

_log = logging.getLogger(__name__)


class Reach(Flag):
    """How far a request may go."""

    PUBLIC = auto()
    PRIVATE = auto()
    LOOPBACK = auto()


_PRIVATE = [
    ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = {
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # Amazon, containers
        "fd00:ec2::254",  # Amazon
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
        "fd20:ce::254",  # Google
    )
}
"""Where clouds hand out credentials to whoever asks; some lie within ranges that are private or public."""


def may_reach(text: str, reach: Reach) -> bool:
    """Whether an address, in the form in which a resolver gives it, may be connected to."""
    needed = _needed(text)
    return needed is not None and needed in reach


def _needed(text: str) -> Reach | None:
    """Say how far one has to go for an address; None where nobody goes."""
    try:
        address = _itself(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return None
    if address.is_loopback:
        return Reach.LOOPBACK
    if any(address in net for net in _PRIVATE if net.version == address.version):
        return Reach.PRIVATE
    outside = address in _GLOBAL_IPV6 if isinstance(address, ipaddress.IPv6Address) else not address.is_reserved
    return Reach.PUBLIC if outside and address.is_global else None


def _itself(address: Address) -> Address:
    """Give the address that is meant by one that holds another.

    Raises:
        ValueError: no resolver has a reason to give one like this.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:  # networks without IPv4 reach its hosts so
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped or address.sixtofour or address.teredo:
        raise ValueError("an address within an address")
    return address


async def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system for a name's addresses."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses within reach only."""

    def __init__(
        self, reach: Reach, resolve: Resolve | None = None, wire: httpcore.AsyncNetworkBackend | None = None
    ) -> None:
        """Take how far to go; how names are resolved and what connects are only told by tests."""
        self._reach, self._resolve, self._wire = reach, resolve or system_resolve, wire or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[typing.Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host, if all its addresses may be reached."""
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(host, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("no connection within the time given") from error

    async def _connect(
        self, host: str, port: int, local_address: str | None, socket_options: Iterable[typing.Any] | None
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the host's name is not known") from error
        if not addresses or not all(may_reach(address, self._reach) for address in addresses):
            # All or nothing: a name with an address inside and one outside is how filters are got around.
            _log.warning("%.100r was not called: it has an address that its client may not reach", host)
            raise httpcore.ConnectError("the host has an address that may not be reached")
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await self._wire.connect_tcp(
                    address, port, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - as the interface has it
        timeout: float | None = None,  # noqa: ARG002 - likewise
        socket_options: Iterable[typing.Any] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.AsyncNetworkStream:
        """Refuse to connect to a socket of this machine."""
        raise httpcore.ConnectError("sockets of this machine may not be reached")

    async def sleep(self, seconds: float) -> None:
        """Wait, between tries."""
        await self._wire.sleep(seconds)


class _Within(httpx.AsyncHTTPTransport):
    """httpx's own transport, over connections within one reach."""

    def __init__(self, reach: Reach, resolve: Resolve, wire: httpcore.AsyncNetworkBackend) -> None:
        context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        # httpx lets nobody choose the network beneath, httpcore does: the pool is httpx's, but for that.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS // 5,
            keepalive_expiry=5,
            network_backend=Checked(reach, resolve, wire),
        )


class Outbound(httpx.AsyncBaseTransport):
    """The transport of every client here: `httpx.AsyncClient(transport=Outbound())`.

    A request goes as far as its extension says: `extensions={REACH: client.reach}`. Connections are not shared between
    reaches, so that nobody rides on a connection that another was allowed.
    """

    def __init__(self, resolve: Resolve = system_resolve, wire: httpcore.AsyncNetworkBackend | None = None) -> None:
        """Take how names are resolved and what connects; both are only told by tests."""
        self._resolve, self._wire = resolve, wire or httpcore.AnyIOBackend()
        self._within: dict[Reach, _Within] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, if it may go where it wants to.

        Raises:
            httpx.ConnectError: it may not, or nobody is there.
            httpx.UnsupportedProtocol: it is plain http over public networks, or no http at all.
        """
        reach: Reach = request.extensions.get(REACH, Reach.PUBLIC)
        if request.url.userinfo:
            raise httpx.ConnectError("an address with a user in it is not called")
        if request.url.scheme == "http":
            reach &= ~Reach.PUBLIC
        if request.url.scheme not in {"http", "https"} or not reach:
            raise httpx.UnsupportedProtocol("only https is called; http in a private network, where it is allowed")
        within = self._within.get(reach)
        if within is None:
            within = self._within[reach] = _Within(reach, self._resolve, self._wire)
        return await within.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for within in self._within.values():
            await within.aclose()
