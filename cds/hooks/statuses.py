"""How errors look from outside: one table of statuses, and OperationOutcome as every error's body.

https://build.fhir.org/ig/HL7/cds-hooks/: bodies of answers other than 2xx SHOULD be an OperationOutcome.
"""

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cds.errors import (
    InvalidCall,
    MissingData,
    NotAllowed,
    NotAvailable,
    NotJson,
    NotKept,
    NotTrusted,
    TooLarge,
    TooManyCalls,
    TooSlow,
    UnknownResource,
    UnknownService,
)
from cds.telemetry.requests import current

STATUSES: Mapping[type[Exception], tuple[int, str]] = {
    NotJson: (400, "structure"),
    NotAllowed: (403, "forbidden"),
    UnknownService: (404, "not-found"),
    UnknownResource: (404, "not-found"),
    TooSlow: (408, "timeout"),
    MissingData: (412, "incomplete"),
    TooLarge: (413, "too-long"),
    InvalidCall: (422, "invalid"),
    TooManyCalls: (429, "throttled"),
    NotAvailable: (503, "transient"),
    NotKept: (503, "transient"),
}
"""Error -> status, and code of the issue (http://hl7.org/fhir/issue-type)."""

OF_HTTP: Mapping[int, tuple[str, str]] = {
    404: ("not-found", "there is nothing at this address; GET /cds-services lists the services"),
    405: ("not-supported", "this address does not take this method; services take POST, all else takes GET"),
    415: ("not-supported", "the body is compressed or encoded in some way: send plain JSON, without Content-Encoding"),
    503: ("throttled", "too many large calls at once: try again a little later"),
}
"""Status of an error that is no domain error -> code of the issue, and the words."""

_NOT_TRUSTED = (
    "no token came that this service trusts: send the header Authorization: Bearer with a CDS Hooks JWT of a client "
    "that is registered here. Those who run this service find the reason in its log under this answer's id, and "
    "`legwork clients test-token` explains a token step by step"
)
"""The words of 401, whatever the cause: a caller who may be anybody learns nothing from them."""

JSON = "application/json"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""Of every answer: it is about one patient and one moment, it is no page, and nothing in it is to be run or framed."""


def outcome(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, reason: str = ""
) -> Response:
    """Make an error answer. Its id is the request's: the log has it too, with a reason that is not told outside."""
    handled = current()
    handled.code, handled.reason = code, reason or message
    body = {
        "resourceType": "OperationOutcome",
        "id": handled.id,
        "issue": [{"severity": "error", "code": code, "diagnostics": message}],
    }
    all_headers = {**HEADERS, **(headers or {}), "X-Correlation-Id": handled.id}
    return Response(msgspec.json.encode(body), status, all_headers, media_type=JSON)


def of(error: Exception) -> Response:
    """Make the answer to an error of a call, or of HTTP itself."""
    if isinstance(error, HTTPException):
        code, words = OF_HTTP.get(error.status_code, ("processing", "the request could not be handled"))
        return outcome(error.status_code, code, words, error.headers)
    if isinstance(error, NotTrusted):
        answer = outcome(401, "login", _NOT_TRUSTED, {"WWW-Authenticate": "Bearer"}, reason=str(error))
        current().code = _claim(str(error))
        return answer
    status, code = STATUSES[type(error)]
    headers = {}
    if isinstance(error, TooManyCalls):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, NotKept | NotAvailable):
        headers["Retry-After"] = "30"
    if isinstance(error, TooSlow):
        headers["Connection"] = "close"  # what is still to come is not waited for
    return outcome(status, code, str(error), headers)


def _claim(words: str) -> str:
    """Give the claim of a token that was wrong: messages of `cds.hooks.tokens` begin with it."""
    claim, colon, _ = words.partition(":")
    return claim if colon and claim.isalpha() else "login"
