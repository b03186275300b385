"""Settings, from the environment: `LEGWORK_*`."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cards.wording import WORDING
from cds.clients import fhir_bases
from cds.errors import SettingsError

SANDBOX = "https://sandbox.cds-hooks.org"
"""The origin of the public CDS Hooks sandbox."""

_ORIGIN = re.compile(r"https?://[^/\s*@?#,]+", re.ASCII)
_DATABASE = re.compile(r"sqlite:///[^?]+|postgresql://\S+", re.ASCII)
_ADDRESS = re.compile(r"https?://[^/\s@?#]+(/[^\s?#]*)?", re.ASCII)


class Settings(BaseSettings):
    """How a deployment runs; the defaults are those of development on one's own machine.

    Attributes:
        clients: the clients' file; without one, whoever reaches the service may call it.
        host: the address to listen on; loopback only without `clients`.
        port: the port to listen on.
        public_url: how the outside reaches this service; links are built on it, and tokens must be made out to it.
        database: where state is kept, as an address that begins with sqlite:/// or postgresql://; without it and
            without `clients`, nothing is.
        patient_key: the file with the secret by which patients are kept as hashes, the same for all processes of one
            database; it is made where there is none.
        retention_days: how long is kept what was shown and what became of it [d].
        cors_origins: origins whose pages may call the service; in the environment separated by commas.
        max_body_bytes: the largest body that is read [By].
        fhir_servers: FHIR bases that may be read beside those of this machine; in the environment separated by commas.
        fetch_deadline: for how long a call waits for its FHIR server, whatever is asked there [s].
        max_cards: cards beside critical ones; the rest folds into one.
        specification_version: the version of CDS Hooks that discovery states.
    """

    model_config = SettingsConfigDict(env_prefix="LEGWORK_", env_ignore_empty=True, extra="ignore")

    clients: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: Annotated[str, Field(validate_default=True)] = ""
    database: Annotated[str, Field(repr=False)] = "sqlite:///legwork.db"
    patient_key: Path = Path("legwork.key")
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    cors_origins: Annotated[tuple[str, ...], NoDecode] = (SANDBOX,)
    max_body_bytes: Annotated[int, Field(ge=1024)] = 24 * 1024 * 1024
    fhir_servers: Annotated[tuple[str, ...], NoDecode] = ()
    fetch_deadline: Annotated[float, Field(gt=0, le=30)] = 0.8
    max_cards: Annotated[int, Field(ge=1, le=20)] = WORDING.max_cards
    specification_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")] = "3.0.0-ballot"

    @field_validator("clients")
    @classmethod
    def _file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("there is no such file")
        return path

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str, given: ValidationInfo) -> str:
        if given.data.get("clients", True) is None and not _is_loopback(host):
            raise ValueError(
                "callers cannot be authenticated without LEGWORK_CLIENTS, so the service listens on this machine only: "
                "give 127.0.0.1, ::1 or localhost, or name the clients"
            )
        return host

    @field_validator("public_url")
    @classmethod
    def _address(cls, url: str, given: ValidationInfo) -> str:
        if url and not _ADDRESS.fullmatch(url):
            raise ValueError("must be an address that begins with http:// or https://, without ? and #")
        if not _is_loopback(given.data.get("host", "localhost")) and not url.startswith("https://"):
            raise ValueError("must be the https:// address by which clients call: their tokens are made out to it")
        return url.rstrip("/")

    @field_validator("database")
    @classmethod
    def _database(cls, url: str) -> str:
        if not _DATABASE.fullmatch(url):
            raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
        return url

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
    def keeps_state(self) -> bool:
        """Whether there is a database: for clients always, for development where one was asked for."""
        return self.clients is not None or "database" in self.model_fields_set

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
        SettingsError: settings are wrong; the message names each on a line of its own.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        slips = (f"LEGWORK_{slip['loc'][0]}".upper() + f": {slip['msg']}" for slip in error.errors())
        raise SettingsError("\n".join(slips).replace("Value error, ", "")) from error
