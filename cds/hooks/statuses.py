"""How errors look from outside: one table of statuses, and OperationOutcome as every error's body."""

import uuid
from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from cds.errors import InvalidCall, MissingData, NotJson, TooLarge, UnknownService

STATUSES: Mapping[type[Exception], tuple[int, str]] = {
    NotJson: (400, "structure"),
    UnknownService: (404, "not-found"),
    MissingData: (412, "incomplete"),
    TooLarge: (413, "too-long"),
    InvalidCall: (422, "invalid"),
}
"""Error -> status, and code of the issue (http://hl7.org/fhir/issue-type)."""

JSON = "application/json"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer: it is about one patient and one moment."""


def outcome(status: int, code: str, message: str) -> Response:
    """Make an error answer. Its id is new, and stands in the log beside the cause."""
    correlation = str(uuid.uuid4())
    body = {
        "resourceType": "OperationOutcome",
        "id": correlation,
        "issue": [{"severity": "error", "code": code, "diagnostics": message}],
    }
    headers = {**HEADERS, "X-Correlation-Id": correlation}
    return Response(msgspec.json.encode(body), status, headers, media_type=JSON)


def of(error: Exception) -> Response:
    """Make the answer to an error of ours."""
    status, code = STATUSES[type(error)]
    return outcome(status, code, str(error))
