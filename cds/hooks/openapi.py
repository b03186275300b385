"""The service as OpenAPI describes it, for tools that read that: https://spec.openapis.org/oas/v3.1.0.

Written by hand, since the routes read their bodies themselves. CDS Hooks clients need only the discovery document. The
pages for people are not in it.
"""

from collections.abc import Sequence
from typing import Any

from cds.export.elements import RELEASE
from cds.export.package import KINDS
from cds.hooks.statuses import JSON
from cds.services import REVIEW, SERVICES, plans

Json = dict[str, Any]

FHIR_JSON = "application/fhir+json"
_TEXT: Json = {"type": "string", "minLength": 1}
_ID: Json = {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"}
_RESOURCE: Json = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": _TEXT}}
_OF_BODY = (400, 408, 413, 415, 422, 503)
"""What any address that takes a body may answer beside its own errors."""
_MEANING = {
    400: "The body is not JSON.",
    401: "No token that is trusted came; only where clients are registered.",
    404: "There is no such thing.",
    408: "The body did not come in time.",
    412: "The patient or the problem list is not to be had.",
    413: "The body is over a limit.",
    415: "The body is compressed or encoded.",
    422: "A member or a parameter is missing, mistyped or contradicts another.",
    429: "The client calls more often than it may.",
    503: "Too many large calls at once.",
}


def document(address: str) -> Json:
    """Describe every address that programs use."""
    service = _parameter("service", "path", {"type": "string", "enum": list(SERVICES)})
    topics = ["index", *(plan.topic for plan in plans())]
    topic = _parameter("topic", "path", {"type": "string", "enum": topics})
    kind = _parameter("kind", "path", {"type": "string", "enum": list(KINDS)})
    searches = [_parameter(name, "query", {"type": "string"}) for name in ("_id", "url", "version", "status", "name")]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Legwork",
            "version": RELEASE,
            "summary": "A CDS Hooks service that weighs the causes of legs that ache at rest",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": address}],
        "paths": {
            "/cds-services": {"get": _operation("Discovery", _body("Discovery"), (401, 429))},
            "/cds-services/{service}": {
                "parameters": [service],
                "post": _operation(
                    "A hook call", _body("Cards"), (401, 404, 412, 429, *_OF_BODY), _sent("HookCall", _example())
                ),
            },
            "/cds-services/{service}/feedback": {
                "parameters": [service],
                "post": _operation(
                    "Feedback on cards", _body("Received"), (401, 404, 429, *_OF_BODY), _sent("Feedback")
                ),
            },
            "/fhir/metadata": {"get": _operation("What of FHIR there is", _body("Resource", FHIR_JSON))},
            "/fhir/{kind}": {
                "parameters": [kind],
                "get": {
                    **_operation("The knowledge as FHIR resources", _body("Resource", FHIR_JSON), (404,)),
                    "parameters": searches,
                },
            },
            "/fhir/{kind}/{id}": {
                "parameters": [kind, _parameter("id", "path", _ID)],
                "get": _operation("One of them", _body("Resource", FHIR_JSON), (404,)),
            },
            "/knowledge/{topic}": {
                "parameters": [topic],
                "get": _operation("How a topic's advice is reached", {"text/plain": {}, "text/html": {}}, (404,)),
            },
            "/health": {"get": _operation("Whether the process lives", _body("Status"))},
            "/ready": {"get": _ready()},
            "/metrics": {"get": _operation("Figures for Prometheus", {"text/plain": {}}, (401, 404))},
            "/openapi.json": {"get": _operation("This description", _body("OpenAPI"))},
        },
        "components": {
            "schemas": _schemas(),
            "responses": {str(status): _error(status) for status in _MEANING},
            "securitySchemes": {
                "client": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "CDS Hooks JWT",
                    "description": "Of registered clients; where none are, the service is heard on its machine only.",
                }
            },
        },
    }


def _ready() -> Json:
    made = _operation("Whether it can answer", _body("Status"))
    made["responses"]["503"] = {"description": "No client can be verified.", "content": _body("Status")}
    return made


def _example() -> Json:
    patient = {"resourceType": "Patient", "id": "p-1", "birthDate": "1960-01-01", "gender": "female"}
    told = {"resourceType": "Condition", "subject": {"reference": "Patient/p-1"}, "code": {"text": "restless legs"}}
    return {
        "hook": REVIEW.hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/dr-1", "patientId": "p-1"},
        "prefetch": {
            "patient": patient,
            "conditions": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": told}]},
        },
    }


def _operation(summary: str, answer: Json, errors: Sequence[int] = (), sent: Json | None = None) -> Json:
    responses: Json = {"200": {"description": summary, "content": answer}}
    responses |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(errors)}
    made: Json = {"summary": summary, "responses": responses}
    if 401 in errors:  # noqa: PLR2004 - only who takes tokens answers so
        made["security"] = [{"client": []}, {}]
    return made if sent is None else {**made, "requestBody": sent}


def _parameter(name: str, place: str, schema: Json) -> Json:
    return {"name": name, "in": place, "schema": schema, "required": place == "path"}


def _sent(schema: str, example: Json | None = None) -> Json:
    content = _body(schema)
    if example is not None:
        content[JSON]["example"] = example
    return {"required": True, "content": content}


def _body(schema: str, kind: str = JSON) -> Json:
    return {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _error(status: int) -> Json:
    headers = {"X-Correlation-Id": {"schema": {"type": "string", "format": "uuid"}, "required": True}}
    return {"description": _MEANING[status], "headers": headers, "content": _body("OperationOutcome")}


def _object(required: Sequence[str], /, **properties: Json) -> Json:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(items: Json, **more: Any) -> Json:
    return {"type": "array", "items": items, **more}


def _schemas() -> Json:
    issue = _object(("severity", "code", "diagnostics"), severity={"const": "error"}, code=_TEXT, diagnostics=_TEXT)
    service = _object(("hook", "id", "title", "description"), hook=_TEXT, id=_TEXT, title=_TEXT, description=_TEXT)
    card = _object(
        ("uuid", "summary", "indicator", "source"),
        uuid={"type": "string", "format": "uuid"},
        summary={"type": "string", "minLength": 1, "maxLength": 139},
        detail=_TEXT,
        indicator={"enum": ["info", "warning", "critical"]},
        source=_object(("label",), label=_TEXT),
        suggestions=_list(_object(("label", "uuid"), label=_TEXT, uuid=_TEXT)),
        links=_list(_object(("label", "url", "type"), label=_TEXT, url=_TEXT, type={"enum": ["absolute", "smart"]})),
    )
    access = _object(
        ("access_token", "token_type", "expires_in", "scope", "subject"),
        access_token=_TEXT, token_type={"const": "Bearer"}, expires_in={"type": "integer"}, scope=_TEXT, subject=_TEXT,
    )  # fmt: skip
    of_card = _object(
        ("card", "outcome", "outcomeTimestamp"),
        card={"type": "string", "minLength": 1, "maxLength": 200},
        outcome={"enum": ["accepted", "overridden"]},
        outcomeTimestamp={"type": "string", "format": "date-time"},
        acceptedSuggestions=_list(_object(("id",), id={"type": "string", "minLength": 1, "maxLength": 200})),
        overrideReason=_object((), reason=_object(("code",), code=_TEXT), userComment={"type": "string"}),
    )
    context = _object(
        ("userId", "patientId"),
        userId={"type": "string", "pattern": r"^(Practitioner|PractitionerRole|Patient)/[A-Za-z0-9\-.]{1,64}$"},
        patientId=_ID, encounterId=_ID, draftOrders=_RESOURCE, selections=_list(_TEXT),
    )  # fmt: skip
    return {
        "Cards": _object(("cards",), cards=_list(card)),
        "Discovery": _object(("services",), services=_list(service, minItems=1)),
        "Feedback": _object(("feedback",), feedback=_list(of_card)),
        "HookCall": _object(
            ("hook", "hookInstance", "context"),
            hook={"enum": sorted({service.hook for service in SERVICES.values()})},
            hookInstance={"type": "string", "format": "uuid"},
            context=context,
            fhirServer={"type": "string", "format": "uri", "pattern": "^https://"},
            fhirAuthorization=access,
            prefetch={"type": "object", "additionalProperties": {"anyOf": [_RESOURCE, {"type": "null"}]}},
        ),
        "OpenAPI": _object(("openapi", "info", "paths"), openapi=_TEXT),
        "OperationOutcome": _object(
            ("resourceType", "id", "issue"),
            resourceType={"const": "OperationOutcome"},
            id={"type": "string", "format": "uuid"},
            issue=_list(issue, minItems=1),
        ),
        "Received": _object(("received", "kept"), received={"type": "integer"}, kept={"type": "integer"}),
        "Resource": _RESOURCE,
        "Status": _object(("status",), status=_TEXT),
    }
