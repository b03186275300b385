"""Calls that offer a FHIR server, and the words for what may become of it."""

from typing import Any

from tests.contract.calls import (
    AUTHORIZATION,
    REVIEW,
    SNOMED,
    TYPES,
    call,
    coded,
    condition,
    without,
)
from tests.contract.shapes import cards_of
from tests.servers.stub import Stub

HURRY = 0.5
"""A deadline [s] for what is meant to be late."""
PATIENCE = 20.0
"""One for what is not, however busy the machine is."""
LOW_IRON = "low-stores"
ALL_KEYS = ["patient", *TYPES]
TOKEN = "opaque-token-7c1f"
SCOPE = "patient/*.read"
LATE = "not fetched in time"
FAILED = "the FHIR server failed"
REFUSED = "the FHIR server refused"
UNREADABLE = "the FHIR server's answer could not be read"
ELSE = "the FHIR server answered something else than what was asked"
TOO_LARGE = "the FHIR server's answer is too large"
UNREACHABLE = "the FHIR server could not be reached"
OBSERVATIONS = {"labs", "observations", "examinations"}
OTHER = condition(coded(SNOMED, "38341003", "Hypertension"), id="other")
"""Another condition, of which the service never speaks."""


def asking(fhir: Stub, values: Any = None, hook: str = "patient-view", **token: Any) -> dict[str, Any]:
    """Make a call that offers the server, with these prefetch values and no others."""
    given = {**AUTHORIZATION, "access_token": TOKEN, "scope": SCOPE, **token}
    made = call({} if values is None else values, hook, fhirServer=fhir.base, fhirAuthorization=given)
    return made if values is not None else without(made, "prefetch")


def answer(client, made, address=REVIEW):
    return cards_of(client.post(address, json=made))
