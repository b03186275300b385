"""Settings, from the environment: `LEGWORK_*`."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cards.wording import WORDING
from cds.clients import fhir_bases
from cds.errors import SettingsError
from cds.telemetry.logs import Form

SANDBOX = "https://sandbox.cds-hooks.org"
"""The origin of the public CDS Hooks sandbox."""

_ORIGIN = re.compile(r"https?://[^/\s*@?#,]+", re.ASCII)
_DATABASE = re.compile(r"sqlite:///[^?]+|postgresql://\S+", re.ASCII)
_ADDRESS = re.compile(r"https?://[^/\s@?#]+(/[^\s?#]*)?", re.ASCII)

_SHORTEST_SECRET = 16


Setting = TypeVar("Setting")


class Settings(BaseSettings):
    """How a deployment runs; the defaults are those of development on one's own machine.

    Attributes:
        clients: the clients' file; without one, whoever reaches the service may call it.
        drafts: whether plans that no clinician has signed are served: `allow` or `refuse`, which stops the start. By
            default they are refused where there are clients.
        host: the address to listen on; loopback only without `clients`.
        port: the port to listen on.
        public_url: how the outside reaches this service; links are built on it, and tokens must be made out to it.
        database: where state is kept, as an address that begins with sqlite:/// or postgresql://; without it and
            without `clients`, nothing is.
        patient_key: the file with the secret by which patients are kept as hashes, the same for all processes of one
            database; it is made where there is none.
        retention_days: how long is kept what was shown and what became of it [d].
        record: whether requests are kept as they came, for `legwork replay`: with all of the patients' data, sealed
            with the patient key, as long as their calls are.
        log: how the log is written, `text` or `json`.
        metrics_token: the file with the token that whoever asks for the figures has to bring; without one they are
            given by a service without `clients` only.
        reports_password: the file that `legwork password` made: whoever knows the password may read the reports.
        oidc_issuer: the OpenID provider at which readers of the reports log in: its address, to the letter.
        oidc_client_id: what this service is called there.
        oidc_client_secret: the file with the secret that it has there.
        oidc_claim: the claim of the ID token that says who may read the reports.
        oidc_values: its values that may; in the environment separated by commas.
        cors_origins: origins whose pages may call the service; in the environment separated by commas.
        max_body_bytes: the largest body that is read [By].
        fhir_servers: FHIR bases that may be read beside those of this machine; in the environment separated by commas.
        fetch_deadline: for how long a call waits for its FHIR server, whatever is asked there [s].
        max_cards: cards beside critical ones; the rest folds into one.
        specification_version: the version of CDS Hooks that discovery states.
    """

    model_config = SettingsConfigDict(env_prefix="LEGWORK_", env_ignore_empty=True, extra="ignore")

    clients: Path | None = None
    drafts: Literal["allow", "refuse"] | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: Annotated[str, Field(validate_default=True)] = ""
    database: Annotated[str, Field(repr=False)] = "sqlite:///legwork.db"
    patient_key: Path = Path("legwork.key")
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    record: bool = False
    log: Form = "text"
    metrics_token: Path | None = None
    reports_password: Path | None = None
    oidc_issuer: str = ""
    oidc_client_id: Annotated[str, Field(validate_default=True)] = ""
    oidc_client_secret: Annotated[Path | None, Field(validate_default=True)] = None
    oidc_claim: Annotated[str, Field(min_length=1)] = "groups"
    oidc_values: Annotated[tuple[str, ...], NoDecode, Field(validate_default=True)] = ()
    cors_origins: Annotated[tuple[str, ...], NoDecode] = (SANDBOX,)
    max_body_bytes: Annotated[int, Field(ge=1024)] = 24 * 1024 * 1024
    fhir_servers: Annotated[tuple[str, ...], NoDecode] = ()
    fetch_deadline: Annotated[float, Field(gt=0, le=30)] = 0.8
    max_cards: Annotated[int, Field(ge=1, le=20)] = WORDING.max_cards
    specification_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")] = "3.0.0-ballot"

    @field_validator("clients", "metrics_token", "reports_password", "oidc_client_secret")
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

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, issuer: str, given: ValidationInfo) -> str:
        if issuer and not _is_private(issuer):
            raise ValueError(
                "must be an address that begins with https://, without ? and #; http:// on this machine only"
            )
        if issuer and given.data.get("reports_password") is not None:
            raise ValueError("there is one way to log in: leave out this, or LEGWORK_REPORTS_PASSWORD")
        return issuer

    @field_validator("oidc_client_id", "oidc_client_secret", "oidc_values")
    @classmethod
    def _of_issuer(cls, value: Setting, given: ValidationInfo) -> Setting:
        if bool(value) != bool(given.data.get("oidc_issuer", value)):
            raise ValueError("must be set together with LEGWORK_OIDC_ISSUER")
        return value

    @field_validator("cors_origins", "fhir_servers", "oidc_values", mode="before")
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
    def has_login(self) -> bool:
        """Whether people log in to read the reports."""
        return self.reports_password is not None or bool(self.oidc_issuer)

    @property
    def has_reports(self) -> bool:
        """Whether reports are served: to who logs in, or without a login to the one machine of development."""
        return self.keeps_state and (self.has_login or self.is_development)

    @property
    def is_development(self) -> bool:
        """Whether nobody but this machine calls, by an address of this machine."""
        return self.clients is None and _is_loopback(urlsplit(self.address).hostname or "")

    def secret(self, name: str) -> bytes | None:
        """Read the file that a setting names; None where it names none.

        Raises:
            SettingsError: the file cannot be read, or holds no secret worth the name.
        """
        path: Path | None = getattr(self, name)
        if path is None:
            return None
        setting = f"{self.model_config['env_prefix']}{name.upper()}"
        try:
            secret = path.read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"{setting}: the file cannot be read: {error.strerror}") from error
        if len(secret) < _SHORTEST_SECRET:
            raise SettingsError(f"{setting}: the file must hold {_SHORTEST_SECRET} characters or more")
        return secret

    @property
    def refuses_drafts(self) -> bool:
        """Whether plans in draft stop the start: where there are clients, unless told otherwise."""
        return self.drafts == "refuse" or (self.drafts is None and self.clients is not None)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return _is_loopback(self.host)


def _is_private(address: str) -> bool:
    """Whether nobody on the way reads what is sent to an address."""
    parts = urlsplit(address) if _ADDRESS.fullmatch(address) else None
    return parts is not None and (parts.scheme == "https" or _is_loopback(parts.hostname or ""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_settings(**given: object) -> Settings:
    """Read the settings; what is given explicitly wins over the environment, and that over files of LEGWORK_SECRETS.

    In that folder, such as /run/secrets, a file `legwork_database` holds what LEGWORK_DATABASE would.

    Raises:
        SettingsError: settings are wrong; the message names each on a line of its own.
    """
    secrets = os.environ.get("LEGWORK_SECRETS") or None
    if secrets is not None and not Path(secrets).is_dir():
        raise SettingsError("LEGWORK_SECRETS: there is no such folder")
    try:
        explicit = {name: value for name, value in given.items() if value is not None}
        return Settings(_secrets_dir=secrets, **explicit)  # type: ignore[arg-type]
    except ValidationError as error:
        slips = (f"LEGWORK_{slip['loc'][0]}".upper() + f": {slip['msg']}" for slip in error.errors())
        raise SettingsError("\n".join(slips).replace("Value error, ", "")) from error
