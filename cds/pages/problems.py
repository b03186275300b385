"""What went wrong, as a page: an OperationOutcome on its way to a person's browser is put into words and links."""

from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.pages.html import Pages

_OF_PROGRAMS = frozenset(("cds-services", "fhir", "health", "ready", "metrics", "static"))
"""First parts of addresses at which there is no page: whoever asks there gets the outcome, a browser too."""

_ERRORS = 400


class _Issue(msgspec.Struct):
    diagnostics: str


class _Outcome(msgspec.Struct):
    id: str
    issue: list[_Issue]


_decoder = msgspec.json.Decoder(_Outcome)


class Worded:
    """Gives browsers a page where programs get an OperationOutcome."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        """Take what draws pages."""
        self.app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request; of a browser's, hold an error back until all of it has come."""
        if scope["type"] != "http" or not _is_of_person(scope):
            await self.app(scope, receive, send)
            return
        started: list[Message] = []
        body = bytearray()

        async def worded(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_outcome(message):
                started.append(message)
            elif not started:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._page(started[0], bytes(body), scope, receive, send)

        await self.app(scope, receive, worded)

    async def _page(self, start: Message, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        outcome = _decoder.decode(body)
        said: dict[str, Any] = {"number": outcome.id, "words": outcome.issue[0].diagnostics}
        page = self._pages.page("problem.html", "", status=start["status"], code=start["status"], **said)
        own = {name.encode() for name in page.headers} | {b"content-length", b"content-type"}
        page.raw_headers.extend((name, value) for name, value in start["headers"] if name.lower() not in own)
        page.headers["Vary"] = "Accept"
        await page(scope, receive, send)


def _is_of_person(scope: Scope) -> bool:
    first = scope["path"].lstrip("/").partition("/")[0]
    return first not in _OF_PROGRAMS and "text/html" in Headers(scope=scope).get("accept", "")


def _is_outcome(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return bool(message["status"] >= _ERRORS and kind == "application/json")
