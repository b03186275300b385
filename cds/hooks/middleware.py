"""What surrounds the routes: addresses tidied, browsers let in, and no error without words."""

import logging

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.errors import place_of
from cds.hooks.statuses import outcome

_log = logging.getLogger(__name__)


class Tidied:
    """Takes doubled and trailing slashes for single ones and none: some clients join addresses carelessly."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request under its tidy address."""
        path = scope.get("path", "")
        if scope["type"] == "http" and ("//" in path or path.endswith("/")):
            scope = {**scope, "path": "/" + "/".join(part for part in path.split("/") if part)}
        await self.app(scope, receive, send)


class Cors(CORSMiddleware):
    """CORS by an allowlist of origins. A refused preflight gets an OperationOutcome like any other error."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:  # noqa: PLR2004 - the first of the statuses that are errors
            return answer
        own = {"content-type", "content-length"}
        headers = {name: value for name, value in answer.headers.items() if name not in own}
        words = (
            "this page may not call this service so: see LEGWORK_CORS_ORIGINS; methods and headers must be usual ones"
        )
        return outcome(answer.status_code, "forbidden", words, headers)


class Guarded:
    """Turns any error that nobody foresaw into an OperationOutcome, inside CORS, so that browsers may read it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request, and answer for whatever comes of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except ClientDisconnect:
            return  # nobody is left to hear an answer
        except Exception as error:
            if started:
                raise
            answer = outcome(500, "exception", "something went wrong on our side; our log names it by this answer's id")
            _log.error("%s %s", answer.headers["X-Correlation-Id"], place_of(error))
            await answer(scope, receive, send)
