"""What surrounds the routes: requests told of, addresses tidied, browsers let in, and no error without words."""

import time

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.errors import place_of
from cds.hooks.statuses import outcome
from cds.telemetry import logs, requests
from cds.telemetry.metrics import Metrics

_ERRORS = 400
"""The first of the statuses that are errors."""


class Watched:
    """Gives each request its correlation id, which every answer bears, and tells of it when it is answered."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request; what is neither a call nor an error leaves no line, so that probes do not fill the log."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        handled = requests.begin()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                handled.status = message["status"]
                if handled.status < _ERRORS:
                    message["headers"].append((b"x-correlation-id", handled.id.encode()))
            await send(message)

        self._metrics.in_hand += 1
        try:
            await self.app(scope, receive, named)
        finally:
            self._metrics.in_hand -= 1
            handled.seconds = time.perf_counter() - handled.started
            self._metrics.count(handled)
            if handled.service or handled.status >= _ERRORS:
                logs.tell(handled)


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
        if answer.status_code < _ERRORS:
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
            words = "something went wrong on our side; our log names it by this answer's id"
            answer = outcome(500, "exception", words, reason=place_of(error))
            await answer(scope, receive, send)
