"""Who calls: every address but the open ones is answered to clients only, and before their bodies are read."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from cds.clients import RegisteredClient
from cds.errors import CallError, NotTrusted
from cds.hooks import statuses
from cds.hooks.keys import Keys
from cds.hooks.limits import Allowance
from cds.hooks.tokens import LARGEST, SKEW, Token, Verifier
from cds.store.replay import ReplayGuard
from cds.telemetry.requests import current

OPEN = frozenset(("", "health", "ready", "knowledge", "intake", "static", "fhir", "metrics", "openapi.json", "reports"))
"""Addresses that take no client's token, by their first part: nothing there is about a patient. All others take one.

The first, "/", leads a browser to the pages that are open.

The figures have a token of their own (`cds.hooks.health`), and the reports a login (`cds.pages.login`): when a plan
spoke is nobody's business but ours.
"""


class Trusted:
    """Lets clients in whose token holds, within their limits; others are answered 401 or 429."""

    def __init__(
        self, app: ASGIApp, address: str, clients: Mapping[str, RegisteredClient], keys: Keys, guard: ReplayGuard
    ) -> None:
        """Take the public address, which tokens must be made out to, and what they are held against."""
        self.app = app
        self._address = address
        self._verifier = Verifier(clients.values(), keys)
        self._guard = guard
        self._allowances = {name: Allowance(client) for name, client in clients.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request together with its client's terms, in `request.state.client`."""
        if scope["type"] != "http" or scope["path"].lstrip("/").partition("/")[0] in OPEN:
            await self.app(scope, receive, send)
            return
        try:
            token = Token(_bearer(scope), self._audiences(scope))
            await self._verifier.verify(token)
            current().client = token.client.name
            allowance = self._allowances[token.client.name]
            allowance.check()  # before the database is asked; a token that is refused so may come again
            await self._check_new(token)
            allowance.enter()
        except CallError as error:
            await statuses.of(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["client"] = token.client
        try:
            await self.app(scope, receive, send)
        finally:
            allowance.leave()

    def _audiences(self, scope: Scope) -> frozenset[str]:
        """Give the addresses by which this one may be meant: as it was sent, and as it is read here."""
        return frozenset((self._address + scope["path"], self._address + scope.get("raw_path", b"").decode("latin-1")))

    async def _check_new(self, token: Token) -> None:
        claims = token.claims
        if not await self._guard.is_new(claims.iss, claims.jti, int(claims.exp) + SKEW + 1):
            raise NotTrusted(f"jti: client {token.client.name} sent this token before")


def _bearer(scope: Scope) -> str:
    """Give the token of a request: https://www.rfc-editor.org/rfc/rfc6750#section-2.1."""
    given: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        raise NotTrusted("one header Authorization: Bearer must come" if not given else "Authorization came twice")
    scheme, _, token = given[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotTrusted("Authorization must be Bearer and a token")
    if len(token) > LARGEST:
        raise NotTrusted(f"the token is longer than {LARGEST} bytes")
    return token.strip()
