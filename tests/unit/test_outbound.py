"""Where the service may go: addresses, names, and what is tried to get around both."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from cds.outbound import REACH, Outbound, Reach, may_reach, system_resolve

EVERYWHERE = Reach.PUBLIC | Reach.PRIVATE | Reach.LOOPBACK

NOBODY = [
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "239.255.255.250",
    "255.255.255.255",
    "240.0.0.1",
    "0.0.0.0",  # noqa: S104 - refused
    "0.1.2.3",
    "::",
    "192.0.2.7",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::8.8.8.8",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2001:0:7f00:1::1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "fec0::1",
    "100::1",
    "",
    "localhost",
    "2130706433",
    "0x7f.1",
    "127.1",
    "0177.0.0.1",
]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "fd12:3456::1",
    "fc00::1",
    "64:ff9b::a00:1",
]
LOOPBACK = ["127.0.0.1", "127.8.9.1", "::1", "64:ff9b::7f00:1"]
PUBLIC = ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", NOBODY)
def test_some_addresses_are_never_reached(address):
    assert not may_reach(address, EVERYWHERE)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_network_is_reached_only_where_that_is_allowed(address):
    assert may_reach(address, Reach.PRIVATE)
    assert not may_reach(address, Reach.PUBLIC | Reach.LOOPBACK)


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_is_reached_only_where_that_is_allowed(address):
    assert may_reach(address, Reach.LOOPBACK)
    assert not may_reach(address, Reach.PUBLIC | Reach.PRIVATE)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reached(address):
    assert may_reach(address, Reach.PUBLIC)
    assert not may_reach(address, Reach.PRIVATE | Reach.LOOPBACK)


WAYS = ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "017700000001", "0", "localhost", "LOCALHOST"]
WAYS += ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "127.0.0.1.", "①②⑦.⓪.⓪.①"]
"""This machine, as it may be written."""


class Wire(httpcore.AsyncMockBackend):
    """A network that notes who is connected to, and answers nothing."""

    def __init__(self, *dead):
        super().__init__([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"] * 3)
        self.dead, self.connected = dead, []

    async def connect_tcp(self, host, port, *_, **__):
        self.connected.append((host, port))
        if host in self.dead:
            raise httpcore.ConnectError("nobody")
        return await super().connect_tcp(host, port)


def fetch(url, addresses=("8.8.8.8",), reach=None, wire=None):
    """Fetch from an address whose name has these addresses; give the wire, and how often the name was looked up."""
    looked_up = []

    async def resolve(host, port):
        looked_up.append((host, port))
        return addresses(len(looked_up)) if callable(addresses) else addresses

    async def get():
        extensions = {} if reach is None else {REACH: reach}
        async with httpx.AsyncClient(transport=Outbound(resolve, wire), trust_env=False) as client:
            return await client.get(url, extensions=extensions)

    wire = wire or Wire()
    assert asyncio.run(get()).status_code == 200
    return wire.connected, looked_up


def test_what_was_checked_is_what_is_connected_to():
    connected, looked_up = fetch("https://ehr.example.org/fhir", ["8.8.8.8"])

    assert connected == [("8.8.8.8", 443)]
    assert looked_up == [("ehr.example.org", 443)]


def test_a_name_that_changes_its_mind_changes_nothing():
    """DNS rebinding: it would lead inside when asked again, and is not asked again."""
    connected, _ = fetch("https://ehr.example.org/fhir", lambda time: ["8.8.8.8"] if time == 1 else ["127.0.0.1"])

    assert connected == [("8.8.8.8", 443)]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["8.8.8.8", "10.0.0.1"],
        ["8.8.8.8", "::ffff:10.0.0.1"],
        ["::1", "8.8.8.8"],
        [],
    ],
)
def test_a_name_with_one_address_inside_is_not_called_at_all(addresses):
    wire = Wire()

    with pytest.raises(httpx.ConnectError, match="may not be reached"):
        fetch("https://ehr.example.org/fhir", addresses, wire=wire)

    assert not wire.connected


def test_the_next_address_is_tried_where_nobody_answers():
    connected, _ = fetch("https://ehr.example.org/", ["8.8.8.8", "8.8.4.4"], wire=Wire("8.8.8.8"))

    assert connected == [("8.8.8.8", 443), ("8.8.4.4", 443)]


def test_a_private_network_may_be_allowed_and_needs_no_tls():
    connected, _ = fetch("http://fhir.hospital:8080/r4", ["10.1.2.3"], Reach.PUBLIC | Reach.PRIVATE)

    assert connected == [("10.1.2.3", 8080)]


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("http://ehr.example.org/fhir", None),
        ("http://ehr.example.org/fhir", Reach.PUBLIC | Reach.PRIVATE),
        ("ftp://ehr.example.org/fhir", EVERYWHERE),
        ("file:///etc/passwd", EVERYWHERE),
        ("gopher://127.0.0.1:6379/_INFO", EVERYWHERE),
        ("https://user@ehr.example.org/fhir", EVERYWHERE),
        ("https://ehr.example.org:443@8.8.8.8/fhir", EVERYWHERE),
    ],
)
def test_public_networks_are_crossed_by_https_only_and_no_user_is_named(url, reach):
    wire = Wire()

    with pytest.raises((httpx.ConnectError, httpx.UnsupportedProtocol)):
        fetch(url, ["8.8.8.8"], reach, wire)

    assert not wire.connected


@pytest.mark.parametrize("host", WAYS)
def test_no_way_to_write_this_machine_leads_to_it(host):
    """By the resolver of this system, which knows more ways than one would think."""
    wire = Wire()

    async def get():
        async with httpx.AsyncClient(transport=Outbound(wire=wire), trust_env=False) as client:
            await client.get(f"https://{host}/")

    with pytest.raises((httpx.HTTPError, httpx.InvalidURL)):
        asyncio.run(get())

    assert not wire.connected


def test_a_connection_is_not_shared_with_one_who_may_not_go_there():
    async def resolve(*_):
        return ["10.0.0.1"]

    async def both():
        async with httpx.AsyncClient(transport=Outbound(resolve, Wire()), trust_env=False) as client:
            await client.get("https://fhir.hospital/", extensions={REACH: Reach.PRIVATE})
            await client.get("https://fhir.hospital/", extensions={REACH: Reach.PUBLIC})

    with pytest.raises(httpx.ConnectError, match="may not be reached"):
        asyncio.run(both())


def test_tls_is_verified_for_the_name_though_an_address_is_connected_to(tmp_path):
    """A server whose certificate nobody vouches for is told which name is wanted, and then left."""
    asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path, "ehr.example.org"))
    context.sni_callback = lambda _, name, __: asked.append(name)

    async def here(*_):
        return ["127.0.0.1"]

    async def get():
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            async with httpx.AsyncClient(transport=Outbound(here), trust_env=False) as client:
                await client.get(f"https://ehr.example.org:{port}/", extensions={REACH: Reach.LOOPBACK})

    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(get())

    assert asked == ["ehr.example.org"]


def self_signed(folder, name):
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder(who, who, key.public_key(), 1, today - timedelta(1), today + timedelta(1))
    made = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


@given(st.ip_addresses())
def test_an_address_belongs_to_one_reach_at_most(address):
    assert sum(may_reach(str(address), reach) for reach in (Reach.PUBLIC, Reach.PRIVATE, Reach.LOOPBACK)) <= 1


@given(st.ip_addresses(v=4))
def test_what_is_not_global_is_never_public(address):
    assert not may_reach(str(address), Reach.PUBLIC) or address.is_global


@given(st.text())
def test_what_is_no_address_is_not_reached(text):
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(text.partition("%")[0])
        return
    assert not may_reach(text, EVERYWHERE)


def test_a_name_that_does_not_resolve_is_an_error_of_httpx():
    async def resolve(*_):
        raise socket.gaierror

    async def get():
        async with httpx.AsyncClient(transport=Outbound(resolve, Wire()), trust_env=False) as client:
            await client.get("https://nowhere.example/")

    with pytest.raises(httpx.ConnectError, match="not known"):
        asyncio.run(get())


def test_a_resolver_that_does_not_answer_is_not_waited_for():
    async def resolve(*_):
        await asyncio.Event().wait()

    async def get():
        async with httpx.AsyncClient(transport=Outbound(resolve, Wire()), trust_env=False, timeout=0.01) as client:
            await client.get("https://slow.example/")

    with pytest.raises(httpx.ConnectTimeout):
        asyncio.run(get())


def test_the_system_resolves_this_machine():
    assert asyncio.run(system_resolve("127.0.0.1", 80)) == ["127.0.0.1"]
