"""The envelope of a hook call: read and checked, the resources of its prefetch left raw.

https://cds-hooks.hl7.org/2.0/#calling-a-cds-service. Unknown members are ignored; optional ones that are null count as
absent. Messages name the member and never repeat what was sent.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, defstruct

from cds.errors import InvalidCall, NotJson
from cds.fhir.access import Access
from cds.fhir.drafts import Draft, drafts
from cds.fhir.prefetch import NOTHING, PATIENT, Value, is_usual
from cds.services import Service, needs

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_USER_TYPES = "Practitioner, PractitionerRole, Patient, RelatedPerson"
_USER = re.compile(rf"({_USER_TYPES.replace(', ', '|')})/{_ID.pattern}", re.ASCII)
_SERVER = re.compile(r"https?://[^/\s@]+(/\S*)?", re.ASCII)
P = TypeVar("P")


class _Context(Struct, gc=False, rename="camel"):
    """The context fields of the hooks of our services; what is being ordered stays raw, since it may be anything."""

    user_id: str
    patient_id: str
    encounter_id: str | None = None
    draft_orders: Raw = NOTHING
    selections: Raw = NOTHING


class _Authorization(Struct, gc=False):
    """fhirAuthorization; its token lives no longer than the call."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    subject: str
    patient: str | None = None


class _Envelope(Struct, Generic[P], gc=False, rename="camel"):
    """A hook call, with its prefetch in one of two forms."""

    hook: str
    hook_instance: str
    context: _Context
    fhir_server: str | None = None
    fhir_authorization: _Authorization | None = None
    prefetch: P | None = None


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A hook call, as far as it is needed."""

    hook_instance: str
    user_id: str
    patient_id: str
    encounter_id: str | None
    prefetch: Mapping[str, Raw | Value | None]
    orders: Sequence[Draft] = ()
    """What is being ordered; only for services that are asked about orders."""
    access: Access | None = None
    """The FHIR server that the client offers."""


def read_request(body: bytes, service: Service) -> HookRequest:
    """Read the envelope of a call.

    Raises:
        NotJson: the body is not JSON, or not UTF-8.
        InvalidCall: a member is missing, mistyped or contradicts another.
    """
    envelope, prefetch = _decoded(body)
    if not envelope.hook_instance.strip():
        raise InvalidCall("hookInstance must not be blank")
    if envelope.hook != service.hook:
        raise InvalidCall(f"hook: this service answers {service.hook}; discovery names the service of another hook")
    context = envelope.context
    _check_context(context, service.hook)
    access = _access(envelope)
    orders = _orders(context, service.hook) if service.orders else ()
    return HookRequest(
        envelope.hook_instance, context.user_id, context.patient_id, context.encounter_id, prefetch, orders, access
    )


def _orders(context: _Context, hook: str) -> Sequence[Draft]:
    """Read the orders at hand; before anything is chosen clients leave out both members, and the type of the Bundle."""
    selected = None
    if not _is_none(context.selections):
        try:
            selections = _raw_list.decode(context.selections)
        except msgspec.ValidationError as error:
            raise InvalidCall("context.selections must be a list of Type/id") from error
        if hook == "order-select":
            selected = frozenset(map(_text, selections))
    if _is_none(context.draft_orders):
        if hook == "order-sign":
            raise InvalidCall("context.draftOrders is missing: the hook order-sign requires it")
        return ()
    try:
        return drafts(context.draft_orders, selected)
    except msgspec.ValidationError as error:
        raise InvalidCall("context.draftOrders must be a Bundle") from error


def _is_none(raw: Raw) -> bool:
    return raw is NOTHING or bytes(memoryview(raw)[:5]) == b"null"


def _text(raw: Raw) -> str:
    try:
        return _string.decode(raw)
    except msgspec.ValidationError:
        return ""


_raw_list = msgspec.json.Decoder(list[Raw])
_string = msgspec.json.Decoder(str)


def _check_context(context: _Context, hook: str) -> None:
    if not _USER.fullmatch(context.user_id):
        raise InvalidCall(f"context.userId must be Type/id, with one of the types {_USER_TYPES}")
    for name, id_ in (("patientId", context.patient_id), ("encounterId", context.encounter_id)):
        if id_ is not None and not _ID.fullmatch(id_):
            raise InvalidCall(f"context.{name} must be a bare FHIR id (1 to 64 of A-Z a-z 0-9 - .), not a reference")
    if hook == "encounter-start" and context.encounter_id is None:
        raise InvalidCall("context.encounterId is missing: the hook encounter-start requires it")


def _access(envelope: _Envelope[Any]) -> Access | None:
    """Read what a client says of its FHIR server."""
    authorization = envelope.fhir_authorization
    if envelope.fhir_server is not None and not _SERVER.fullmatch(envelope.fhir_server):
        raise InvalidCall("fhirServer must be an http(s) address without user or password")
    if authorization is None:
        return Access(envelope.fhir_server) if envelope.fhir_server is not None else None
    if envelope.fhir_server is None:
        raise InvalidCall("fhirServer is missing: it is required beside fhirAuthorization")
    if not all(text.strip() for text in (authorization.access_token, authorization.scope, authorization.subject)):
        raise InvalidCall("fhirAuthorization: access_token, scope and subject must not be blank")
    if authorization.token_type.lower() != "bearer":
        raise InvalidCall("fhirAuthorization.token_type must be Bearer")
    if authorization.patient not in {None, envelope.context.patient_id}:
        raise InvalidCall("fhirAuthorization.patient is not context.patientId")
    return Access(envelope.fhir_server, authorization.access_token, authorization.scope, authorization.expires_in)


@cache
def _usual() -> msgspec.json.Decoder[_Envelope[Any]]:
    """The decoder of a call that is as it should be, resources included, in one pass."""
    fields: list[tuple[str, Any, Any]] = [(PATIENT, Raw, NOTHING)]
    fields += [(need.key, Value | None | UnsetType, UNSET) for need in needs()]
    prefetch = defstruct("Prefetch", fields, gc=False)
    return msgspec.json.Decoder(_Envelope[prefetch])  # type: ignore[valid-type]  # made at run time from the needs


_by_key = msgspec.json.Decoder(_Envelope[dict[str, Raw]])
_anything = msgspec.json.Decoder(Raw)
ONE_PASS = 1536 * 1024
"""Up to this size a body is decoded in one pass, in which no other call is heard; a larger one key by key [By]."""


def _decoded(body: bytes) -> tuple[_Envelope[Any], Mapping[str, Raw | Value | None]]:
    try:
        # The decoder does not look into strings that it skips, so that bytes which are no UTF-8 would pass unseen.
        if not body.isascii():
            body.decode()
        if len(body) <= ONE_PASS and (decoded := _in_one_pass(body)) is not None:
            return decoded
        return _key_by_key(body)
    except RecursionError as error:
        raise NotJson("the body is nested too deeply to be read") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson("the body is not JSON in UTF-8; send one JSON object as application/json") from error


def _in_one_pass(body: bytes) -> tuple[_Envelope[Any], Mapping[str, Raw | Value | None]] | None:
    """Decode a call whose resources are all as they should be; None when one is not, and has to be looked at alone."""
    try:
        envelope = _usual().decode(body)
    except msgspec.ValidationError:
        return None
    values = {} if envelope.prefetch is None else msgspec.structs.asdict(envelope.prefetch)
    given = {key: value for key, value in values.items() if value is not UNSET and value is not NOTHING}
    if any(isinstance(value, Value) and not is_usual(value) for value in given.values()):
        return None
    return envelope, given


def _key_by_key(body: bytes) -> tuple[_Envelope[Any], Mapping[str, Raw | Value | None]]:
    """Decode the envelope of a call, its prefetch left raw."""
    try:
        envelope = _by_key.decode(body)
    except msgspec.ValidationError as error:
        _anything.decode(body)  # a decoder stops at the first wrong type; what follows may be no JSON at all
        raise InvalidCall(in_words(str(error))) from error
    return envelope, envelope.prefetch or {}


def in_words(error: str) -> str:
    """Put the decoder's words for a wrong type into ours; they name the place and the types, never a value."""
    words, _, place = error.partition(" - at `$")
    words = words.replace("Object missing required field", "lacks the required member")
    words = words.replace("Expected `object`", "must be a JSON object").replace("Expected", "must be")
    return f"{place.rstrip('`').lstrip('.') or 'the body'}: {words}"
