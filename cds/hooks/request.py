"""The envelope of a hook call: read and checked, its prefetch left raw.

https://cds-hooks.hl7.org/2.0/#calling-a-cds-service. Unknown members are ignored; optional ones that are null count as
absent. Messages name the member and never repeat what was sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from cds.errors import InvalidCall, NotJson
from cds.services import Service

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_USER = re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}", re.ASCII)
_members = msgspec.json.Decoder(dict[str, Raw])
_broken = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A hook call, as far as it is needed."""

    hook: str
    hook_instance: str
    patient_id: str
    encounter_id: str | None = None
    prefetch: Mapping[str, Raw] = field(default_factory=dict)


def read_request(body: bytes, service: Service) -> HookRequest:
    """Read the envelope of a call.

    Raises:
        NotJson: the body is not JSON, or not UTF-8.
        InvalidCall: a member is missing, mistyped or contradicts another.
    """
    members = _object(_decoded(body), "the body")
    hook = _text(members, "hook", "the body")
    instance = _text(members, "hookInstance", "the body")
    if hook != service.hook:
        raise InvalidCall(f"service {service.id} answers the hook {service.hook}; send this hook to the service that discovery names for it")
    if "context" not in members:
        raise InvalidCall("context is missing: an object with the fields of the hook")
    context = _object(members["context"], "context")
    user = _text(context, "userId", "context")
    if not _USER.fullmatch(user):
        raise InvalidCall("context.userId must be ResourceType/id of a Practitioner, PractitionerRole, Patient or RelatedPerson")
    patient_id = _id(context, "patientId")
    encounter_id = None
    if service.hook == "encounter-start" or _is_there(context, "encounterId"):
        encounter_id = _id(context, "encounterId")
    _check_authorization(members, patient_id)
    prefetch = _object(members["prefetch"], "prefetch") if _is_there(members, "prefetch") else {}
    return HookRequest(hook, instance, patient_id, encounter_id, prefetch)


def _decoded(body: bytes) -> Raw:
    # The decoder does not look into strings that it skips, so that bytes which are no UTF-8 would pass unseen.
    try:
        if not body.isascii():
            body.decode()
        msgspec.json.decode(body, type=Raw)
    except _broken as error:
        raise NotJson("the body is not JSON in UTF-8; send one JSON object as application/json") from error
    return Raw(body)


def _object(raw: Raw, place: str) -> dict[str, Raw]:
    try:
        return _members.decode(raw)
    except _broken as error:
        raise InvalidCall(f"{place} must be a JSON object") from error


def _is_there(members: Mapping[str, Raw], name: str) -> bool:
    return name in members and bytes(memoryview(members[name])[:4]) != b"null"


def _text(members: Mapping[str, Raw], name: str, place: str) -> str:
    where = name if place == "the body" else f"{place}.{name}"
    if name not in members:
        raise InvalidCall(f"{where} is missing: a string is required")
    try:
        text = msgspec.json.decode(members[name], type=str)
    except _broken as error:
        raise InvalidCall(f"{where} must be a string") from error
    if not text.strip():
        raise InvalidCall(f"{where} must not be blank")
    return text


def _id(context: Mapping[str, Raw], name: str) -> str:
    text = _text(context, name, "context")
    if not _ID.fullmatch(text):
        raise InvalidCall(f"context.{name} must be a bare FHIR id (letters, digits, '-' and '.', at most 64), not a reference")
    return text


def _check_authorization(members: Mapping[str, Raw], patient_id: str) -> None:
    """Check the rules that tie fhirAuthorization to the rest; its token is not used and not kept."""
    if _is_there(members, "fhirServer"):
        server = _text(members, "fhirServer", "the body")
        if not re.match(r"https?://[^/\s@]+", server):
            raise InvalidCall("fhirServer must be an http(s) address without user or password")
    if not _is_there(members, "fhirAuthorization"):
        return
    authorization = _object(members["fhirAuthorization"], "fhirAuthorization")
    if not _is_there(members, "fhirServer"):
        raise InvalidCall("fhirServer is missing: it is required beside fhirAuthorization")
    for name in ("access_token", "token_type", "scope", "subject"):
        _text(authorization, name, "fhirAuthorization")
    if _text(authorization, "token_type", "fhirAuthorization").lower() != "bearer":
        raise InvalidCall("fhirAuthorization.token_type must be Bearer")
    if not _is_there(authorization, "expires_in"):
        raise InvalidCall("fhirAuthorization.expires_in is missing: an integer is required")
    try:
        msgspec.json.decode(authorization["expires_in"], type=int)
    except _broken as error:
        raise InvalidCall("fhirAuthorization.expires_in must be an integer") from error
    if _is_there(authorization, "patient") and _text(authorization, "patient", "fhirAuthorization") != patient_id:
        raise InvalidCall("fhirAuthorization.patient is not context.patientId")
