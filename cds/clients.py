"""Who may call, and on which terms: one reviewed TOML file, a table for each client."""

import ipaddress
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cds.errors import SettingsError

Dialect = Literal["generic", "epic", "oracle", "sandbox"]
"""In which accent a client is answered; every accent is understood of every client."""

_BASE = re.compile(r"https?://[^/\s@?#]+(/[^\s?#]*)?", re.ASCII)


class Client(BaseModel):
    """One client's terms.

    Attributes:
        dialect: how its answers are shaped.
        fhir_servers: the FHIR bases that may be read for its patients; no other address is ever called.
        loopback_fhir: whether any FHIR server on this machine may be read too, over plain http; for development.
        open_fhir: whether its FHIR servers are read without a token when it sends none.
        unevaluated: what it is told where nothing can be concluded: status 412, or a card that says so, for clients
            that draw a failure as "all clear".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dialect: Dialect = "generic"
    fhir_servers: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    loopback_fhir: bool = False
    open_fhir: bool = False
    unevaluated: Literal["status", "card"] = "status"

    @field_validator("fhir_servers")
    @classmethod
    def _bases(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        return fhir_bases(servers)

    def may_read(self, base: str) -> bool:
        """Whether a FHIR base may be read for this client."""
        try:
            return normal(base) in self.fhir_servers or (self.loopback_fhir and _is_loopback(base))
        except ValueError:  # no address at all
            return False


DEVELOPMENT = Client(loopback_fhir=True, open_fhir=True)
"""Whoever calls a service that listens on its own machine only, and was told of no clients."""


def fhir_bases(servers: Iterable[str]) -> tuple[str, ...]:
    """Give FHIR bases in their normal form.

    Raises:
        ValueError: one is none.
    """
    servers = tuple(servers)
    if not all(_BASE.fullmatch(server) for server in servers):
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


def read_clients(path: Path) -> Mapping[str, Client]:
    """Read the clients' file: name -> terms.

    Raises:
        SettingsError: it cannot be read, or a term is wrong; the message names every one that is.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the clients' file cannot be read: {error}") from error
    clients, slips = {}, []
    for name, table in tables.items():
        try:
            clients[name] = Client.model_validate(table)
        except ValidationError as error:
            slips += [".".join((name, *map(str, slip["loc"]))) + f": {slip['msg']}" for slip in error.errors()]
    if slips:
        raise SettingsError("; ".join(slips))
    return clients
