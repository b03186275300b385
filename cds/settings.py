"""Settings, from the environment: `LEGWORK_*`."""

import ipaddress
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cds.errors import SettingsError

SANDBOX = "https://sandbox.cds-hooks.org"
"""The public CDS Hooks sandbox: https://sandbox.cds-hooks.org."""


class Settings(BaseSettings):
    """How a deployment runs; the defaults are those of development on one's own machine.

    Attributes:
        host: the address to listen on; without configured clients, loopback only.
        port: the port to listen on.
        public_url: how the outside reaches this service; links and discovery are built on it.
        cors_origins: origins whose pages may call the service.
        max_body_bytes: the largest body that is read [By].
        max_cards: cards beside critical ones; the rest folds into one.
        specification_version: the version of CDS Hooks that discovery states.
    """

    model_config = SettingsConfigDict(env_prefix="LEGWORK_", extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: str = ""
    cors_origins: tuple[str, ...] = (SANDBOX,)
    max_body_bytes: Annotated[int, Field(ge=1024)] = 24 * 1024 * 1024
    max_cards: Annotated[int, Field(ge=1, le=20)] = 3
    specification_version: str = "3.0.0-ballot"

    @field_validator("public_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @property
    def address(self) -> str:
        """The public address, as set or as it follows from host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def load_settings(**given: object) -> Settings:
    """Read the settings; what is given explicitly wins over the environment.

    Raises:
        SettingsError: a setting is wrong; the message names it.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        slips = "; ".join(f"LEGWORK_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(slips) from error
    if not settings.is_loopback:
        raise SettingsError(
            f"LEGWORK_HOST is {settings.host}: callers cannot be authenticated yet, so only a loopback address is allowed"
        )
    return settings
