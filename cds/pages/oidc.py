"""Login at an OpenID provider: https://openid.net/specs/openid-connect-core-1_0.html, by code with PKCE."""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from authlib.deprecate import AuthlibDeprecationWarning
from fastapi import Request, Response
from joserfc.errors import JoseError
from starlette.routing import Route

from cds.errors import NotAllowed, NotAvailable, place_of
from cds.pages.html import Pages
from cds.pages.login import Login
from cds.settings import Settings

with warnings.catch_warnings():
    # Authlib would rather have httpx2, a fork that nothing else here uses.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.starlette_client import OAuth, OAuthError

_LONGEST = 10.0
"""How long the provider is waited for [s]."""
_SKEW = 60
"""How far its clock may be off [s]."""
_SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the provider can make: no shared secret, and not none."""

_log = logging.getLogger(__name__)


class OidcLogin(Login):
    """Whoever the provider says may."""

    def __init__(self, html: Pages, key: str, clock: Callable[[], float], settings: Settings, secret: bytes) -> None:
        """Take where the provider is and who may, beside what every way takes; nothing is asked there yet."""
        super().__init__(html, key, clock)
        self._issuer, self._claim, self._values = settings.oidc_issuer, settings.oidc_claim, set(settings.oidc_values)
        self._client_id = settings.oidc_client_id
        self._provider: Any = OAuth().register(
            "provider",
            client_id=self._client_id,
            client_secret=secret.decode("utf-8", "replace"),
            server_metadata_url=f"{self._issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid",
                "trust_env": False,
                "code_challenge_method": "S256",
                "timeout": _LONGEST,
            },
        )

    def more(self) -> Sequence[Route]:
        """Route where the provider sends people back to."""
        return [self._route("/reports/callback", self.finish)]

    async def begin(self, request: Request) -> Response:
        """Lead to the provider.

        Raises:
            NotAvailable: it is not to be had (503).
        """
        offered = (await self._look()).get("scopes_supported") or ()
        scope = " ".join(["openid", *(one for one in ("profile", "email", self._claim) if one in offered)])
        address = f"{self._html.address}/reports/callback"
        answer: Response = await self._provider.authorize_redirect(request, address, scope=scope)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def finish(self, request: Request) -> Response:
        """Take what the provider says of who comes back.

        Raises:
            NotAllowed: it does not hold, or they may not read the reports (403).
            NotAvailable: the provider is not to be had (503).
        """
        await self._look()
        said = await self._said(request)
        values = said.get(self._claim)
        if not self._values & set(map(str, values if isinstance(values, list) else [values])):
            _log.warning("somebody logged in who may not read the reports: see LEGWORK_OIDC_CLAIM, LEGWORK_OIDC_VALUES")
            raise NotAllowed("you are logged in, but may not read the reports: ask those who run this service")
        return self._let_in(request)

    async def _said(self, request: Request) -> Mapping[str, Any]:
        """Verify the answer and the ID token, and give its claims."""
        expected = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        try:
            token = await self._provider.authorize_access_token(request, claims_options=expected, leeway=_SKEW)
            if "id_token" not in token:
                raise KeyError("id_token")
            said: Mapping[str, Any] = token["userinfo"]
        except httpx.HTTPError as error:
            raise self._away(error) from error
        except (OAuthError, JoseError, KeyError, TypeError, ValueError) as error:
            _log.warning("a login to the reports does not hold: %s", place_of(error))
            raise NotAllowed("the login did not work: open the reports anew, and log in again") from error
        return said

    async def _look(self) -> Mapping[str, Any]:
        """Give what the provider says of itself, which must be who it is; it is asked once.

        Raises:
            NotAvailable: it is another, or not to be had.
        """
        try:
            said: dict[str, Any] = await self._provider.load_server_metadata()
        except (httpx.HTTPError, ValueError) as error:
            raise self._away(error) from error
        if said.get("issuer") != self._issuer:
            said.pop("_loaded_at", None)  # it is asked anew next time
            _log.error("the OpenID provider is not the issuer that LEGWORK_OIDC_ISSUER names, to the letter")
            raise NotAvailable("the login is not set up as it should be: ask those who run this service")
        offered = said.get("id_token_signing_alg_values_supported") or ["RS256"]
        said["id_token_signing_alg_values_supported"] = [one for one in offered if one in _SIGNED_BY] or ["RS256"]
        return said

    def _away(self, error: Exception) -> NotAvailable:
        _log.error("the OpenID provider is not to be had: %s", place_of(error))
        return NotAvailable("the login is not to be had: try again a little later")
