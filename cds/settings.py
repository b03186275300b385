"""Settings, from the environment: `LEGWORK_*`."""

import ipaddress
import re
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cards.wording import WORDING
from cds.clients import fhir_bases
from cds.errors import SettingsError

SANDBOX = "https://sandbox.cds-hooks.org"
"""The origin of the public CDS Hooks sandbox."""

_ORIGIN = re.compile(r"https?://[^/\s*@?#,]+", re.ASCII)
_ADDRESS = re.compile(r"https?://[^/\s@?#]+(/[^\s?#]*)?", re.ASCII)


class Settings(BaseSettings):
    """How a deployment runs; the defaults are those of development on one's own machine.

    Attributes:
        host: the address to listen on; loopback only, as long as callers cannot be authenticated.
        port: the port to listen on.
        public_url: how the outside reaches this service; links are built on it.
        cors_origins: origins whose pages may call the service; in the environment separated by commas.
        max_body_bytes: the largest body that is read [By].
        fhir_servers: FHIR bases that may be read beside those of this machine; in the environment separated by commas.
        fetch_deadline: for how long a call waits for its FHIR server, whatever is asked there [s].
        max_cards: cards beside critical ones; the rest folds into one.
        specification_version: the version of CDS Hooks that discovery states.
    """

    model_config = SettingsConfigDict(env_prefix="LEGWORK_", env_ignore_empty=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: str = ""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = (SANDBOX,)
    max_body_bytes: Annotated[int, Field(ge=1024)] = 24 * 1024 * 1024
    fhir_servers: Annotated[tuple[str, ...], NoDecode] = ()
    fetch_deadline: Annotated[float, Field(gt=0, le=30)] = 0.8
    max_cards: Annotated[int, Field(ge=1, le=20)] = WORDING.max_cards
    specification_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")] = "3.0.0-ballot"

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        if not _is_loopback(host):
            raise ValueError(
                "callers cannot be authenticated yet, so the service listens on this machine only: "
                "give 127.0.0.1, ::1 or localhost"
            )
        return host

    @field_validator("public_url")
    @classmethod
    def _address(cls, url: str) -> str:
        if url and not _ADDRESS.fullmatch(url):
            raise ValueError("must be an address that begins with http:// or https://, without ? and #")
        return url.rstrip("/")

    @field_validator("cors_origins", "fhir_servers", mode="before")
    @classmethod
    def _separated(cls, listed: object) -> object:
        if not isinstance(listed, str):
            return listed
        return tuple(item.strip() for item in listed.split(",") if item.strip())

    @field_validator("fhir_servers")
    @classmethod
    def _bases(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        return fhir_bases(servers)

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError(f"must be origins such as {SANDBOX}, separated by commas: no path, no *")
        return origins

    @property
    def address(self) -> str:
        """The public address, as set or as it follows from host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return _is_loopback(self.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_settings(**given: object) -> Settings:
    """Read the settings; what is given explicitly wins over the environment.

    Raises:
        SettingsError: a setting is wrong; the message names it.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        slips = (f"LEGWORK_{slip['loc'][0]}".upper() + f": {slip['msg']}" for slip in error.errors())
        raise SettingsError("; ".join(slips).replace("Value error, ", "")) from error
