"""Who may call, and on which terms: one reviewed TOML file, a table for each client."""

import ipaddress
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cds.errors import SettingsError
from cds.outbound import Reach

Dialect = Literal["generic", "epic", "oracle", "sandbox"]
"""In which accent a client is answered; every accent is understood of every client."""

SANDBOX_ISSUER = "https://sandbox.cds-hooks.org"
"""Whose private key is public: whoever trusts it trusts everybody."""

Key = Mapping[str, Any]
"""A JSON Web Key as it was published: https://www.rfc-editor.org/rfc/rfc7517."""

_ADDRESS = re.compile(r"https?://[^/\s@?#]+(/[^\s?#]*)?", re.ASCII)
_KEYS_ADDRESS = re.compile(r"https?://[^/\s@?#]+(/[^\s#]*)?", re.ASCII)
Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^\S(.*\S)?$")]


class Limits(BaseModel):
    """How much of the service one client may have.

    Attributes:
        calls_per_minute: calls over time, and at once after a pause.
        concurrent: calls in hand at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    concurrent: Annotated[int, Field(ge=1, le=10_000)] = 16


class Client(BaseModel):
    """One client's terms.

    Attributes:
        dialect: how its answers are shaped.
        fhir_servers: the FHIR bases that may be read for its patients; no other address is ever called.
        loopback_fhir: whether any FHIR server on this machine may be read too, over plain http; for development.
        private_network: whether its FHIR servers and keys may lie in a private network, and be called over plain http
            there.
        open_fhir: whether its FHIR servers are read without a token when it sends none.
        unevaluated: what it is told where nothing can be concluded: status 412, or a card that says so, for clients
            that draw a failure as "all clear".
        orders: name of an order in `cds/knowledge/orders.toml` -> the client's own code of it, for a dialect that takes
            no others; an order without one is not suggested there.
        plans_off: topics of plans that say nothing to it, emergencies included; it is for the client to answer for.
        max_cards: cards beside critical ones, in place of LEGWORK_MAX_CARDS.
        snooze_days: how long a card stays away from a patient's chart after a clinician set it aside there, unless
            something is new; 0: it comes at each call. Critical cards always come.
        once_per_encounter: whether a card is shown once in an encounter, unless something is new. Critical ones always
            come.
        silent: whether everything is weighed and recorded, and nothing shown: to see what would be.
        limits: how much of the service it may have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "development"
    dialect: Dialect = "generic"
    fhir_servers: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    loopback_fhir: bool = False
    private_network: bool = False
    open_fhir: bool = False
    unevaluated: Literal["status", "card"] = "status"
    orders: Mapping[str, Text] = {}
    plans_off: Annotated[frozenset[Text], Field(max_length=100)] = frozenset()
    max_cards: Annotated[int | None, Field(ge=1, le=20)] = None
    snooze_days: Annotated[int, Field(ge=0, le=365)] = 0
    once_per_encounter: bool = False
    silent: bool = False
    limits: Limits = Limits()

    @field_validator("fhir_servers")
    @classmethod
    def _bases(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        return fhir_bases(servers)

    @property
    def reach(self) -> Reach:
        """How far a request on its behalf may go."""
        private = Reach.PRIVATE if self.private_network else Reach(0)
        at_home = self.loopback_fhir or any(map(_is_loopback, self.fhir_servers))
        return Reach.PUBLIC | private | (Reach.LOOPBACK if at_home else Reach(0))

    def may_read(self, base: str) -> bool:
        """Whether a FHIR base may be read for this client."""
        try:
            known = _ADDRESS.fullmatch(base) is not None and normal(base) in self.fhir_servers
            return known or (self.loopback_fhir and _is_loopback(base))
        except ValueError:  # what stands in brackets is no address
            return False


class RegisteredClient(Client):
    """A client that proves by its tokens who it is: https://cds-hooks.hl7.org/2.0/#trusting-cds-clients.

    Attributes:
        name: the name of its table.
        issuer: the `iss` of its tokens.
        tenants: the `tenant` that its tokens may name; without any, what they name is of no account.
        jku: where its keys are published; the header `jku` of a token must be one of these, if there is one.
        jwks: a file beside the clients' file that holds its keys; then no address is asked for them.
        keys: what that file holds.
    """

    name: str
    issuer: Text
    tenants: tuple[Text, ...] = ()
    jku: tuple[str, ...] = ()
    jwks: Text | None = None
    keys: tuple[Key, ...] = Field(default=(), exclude=True)

    @field_validator("jku")
    @classmethod
    def _key_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_KEYS_ADDRESS.fullmatch(address) for address in addresses):
            raise ValueError("must be addresses such as https://ehr.example.org/jwks.json, without user and #")
        return addresses

    @model_validator(mode="after")
    def _whole(self) -> "RegisteredClient":
        slips = list(self._slips())
        if slips:
            raise ValueError("; ".join(slips))
        return self

    def _slips(self) -> Iterator[str]:
        if not self.jku and not self.jwks:
            yield "has no keys: give jku, where they are published, or jwks, a file that holds them"
        if not (self.private_network or self.loopback_fhir):
            for name, addresses in (("fhir_servers", self.fhir_servers), ("jku", () if self.jwks else self.jku)):
                if any(address.startswith("http:") for address in addresses):
                    yield f"{name}: http is for private networks (private_network = true); give https"


DEVELOPMENT = Client(loopback_fhir=True, private_network=True, open_fhir=True)
"""Whoever calls a service that listens on its own machine only, and was told of no clients."""


def fhir_bases(servers: Iterable[str]) -> tuple[str, ...]:
    """Give FHIR bases in their normal form.

    Raises:
        ValueError: one is none.
    """
    servers = tuple(servers)
    if not all(_ADDRESS.fullmatch(server) for server in servers):
        raise ValueError("must be FHIR bases such as https://ehr.example.org/fhir, without user, ? and #")
    return tuple(map(normal, servers))


def normal(base: str) -> str:
    """Give a base address the form in which two that mean the same are equal."""
    parts = urlsplit(base)
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}{parts.path.rstrip('/')}"


def _is_loopback(base: str) -> bool:
    host = urlsplit(base).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_clients(path: Path) -> Mapping[str, RegisteredClient]:
    """Read the clients' file: name -> terms.

    Raises:
        SettingsError: it cannot be read, or a term is wrong; the message names every one that is.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the clients' file cannot be read: {error}") from error
    clients: dict[str, RegisteredClient] = {}
    slips: list[str] = [] if tables else ["the clients' file names no client: give each a table, [name]"]
    for name, table in tables.items():
        try:
            clients[name] = _client(path.parent, name, table)
        except ValidationError as error:
            slips += [".".join((name, *map(str, slip["loc"]))) + f": {slip['msg']}" for slip in error.errors()]
        except SettingsError as error:
            slips.append(f"{name}.{error}")
    slips += _shared_names(list(clients.values()))
    if slips:
        raise SettingsError("\n".join(slips).replace("Value error, ", ""))
    return clients


def check_orders(clients: Mapping[str, Client], known: Collection[str], dialects: Collection[str]) -> None:
    """Check that clients have codes for what may be ordered, and in a dialect that uses them.

    Args:
        clients: name -> terms.
        known: the names of orders.
        dialects: those in which orders are named by the client's own codes.

    Raises:
        SettingsError: an order is not known, or its code would never be used; the message names every one.
    """
    slips = []
    for name, client in clients.items():
        slips += [f"{name}.orders.{order}: there is no such order" for order in client.orders if order not in known]
        if client.orders and client.dialect not in dialects:
            slips.append(f"{name}.orders: of no use to the dialect {client.dialect}, only to {', '.join(dialects)}")
    if slips:
        raise SettingsError("\n".join(slips))


def _client(folder: Path, name: str, table: object) -> RegisteredClient:
    if not isinstance(table, dict):
        raise SettingsError(" must be a table, [name]")
    for own in ("name", "keys"):
        if own in table:
            raise SettingsError(f"{own}: is no term: the table's name is the client's, and jwks names a file of keys")
    client = RegisteredClient.model_validate({"name": name, **table})
    if client.jwks is None:
        return client
    return client.model_copy(update={"keys": _read_keys(folder / client.jwks)})


def _read_keys(path: Path) -> tuple[Key, ...]:
    """Read a JSON Web Key Set that belongs to a client."""
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])["keys"]
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise SettingsError(
            f'jwks: {path.name} cannot be read as {{"keys": [...]}} beside the clients\' file'
        ) from error
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise SettingsError(f"jwks: {path.name} holds no list of keys")
    if any("d" in key or "k" in key for key in keys):
        raise SettingsError(f"jwks: {path.name} holds a private or secret key; only public keys belong there")
    return tuple(keys)


def _shared_names(clients: Sequence[RegisteredClient]) -> Iterator[str]:
    """Say which clients could not be told from each other."""
    claims = Counter((client.issuer, tenant) for client in clients for tenant in client.tenants or (None,))
    for issuer in {issuer for issuer, _ in claims}:
        of_issuer = {tenant: count for (whose, tenant), count in claims.items() if whose == issuer}
        if max(of_issuer.values()) > 1 or (None in of_issuer and len(of_issuer) > 1):
            names = ", ".join(client.name for client in clients if client.issuer == issuer)
            yield f"{names}: have one issuer; then each must name tenants that no other names"
