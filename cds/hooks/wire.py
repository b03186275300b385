"""HTTP before it is a request: bounded, and no error without words.

The parser itself has no limit: a header without an end would fill the memory, whoever sends it.
"""

from contextvars import copy_context
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cds.hooks.statuses import outcome
from cds.telemetry import logs
from cds.telemetry.requests import begin

LARGEST_HEAD = 64 * 1024
"""What may come of a request line, of headers, of framing and trailers, without anything of a body [By]; somewhat more
passes where it comes at once."""


class Bounded(HttpToolsProtocol):
    """A connection on which nothing but a body may be large."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._beside = 0
        """Bytes that came since the request began, or since the last of its body."""
        self._goes_on = True

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        self._goes_on = True
        super().data_received(data)
        self._beside = self._beside + len(data) if self._goes_on else 0
        if self._beside > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse(431, "too-long", f"the address and the headers may have {LARGEST_HEAD} bytes together")

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._beside = 0
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """End a request."""
        self._goes_on = False
        super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Take in a part of a body."""
        self._goes_on = False
        if not self.cycle.body:  # handed on as it is, where uvicorn would copy it twice
            self.cycle.body, body = body, b""  # type: ignore[assignment]
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours say more
        """Answer what is no HTTP."""
        self._refuse(400, "structure", "this is not a request of HTTP/1.1")

    def _refuse(self, status: int, code: str, words: str) -> None:
        """Answer in the place of the application, where it has not begun to answer, and close."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(copy_context().run(_answer, status, code, words))
        self.transport.close()


def _answer(status: int, code: str, words: str) -> bytes:
    handled = begin()
    handled.status = status
    answer = outcome(status, code, words)
    logs.tell(handled)
    head = b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode())
    lines = [b"%s: %s\r\n" % pair for pair in (*answer.raw_headers, (b"connection", b"close"))]
    return b"".join((head, *lines, b"\r\n", bytes(answer.body)))
