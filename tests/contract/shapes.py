"""What an answer may look like: as closed as the tables of CDS Hooks 2.0 and 3.0-ballot, and apart from our models.

https://cds-hooks.hl7.org/2.0/#cds-service-response
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import httpx
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.servicerequest import ServiceRequest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
SUMMARY_UNITS = 140
PAGES = ("/health", "/ready", "/knowledge", "/try", "/intake", "/connect", "/static")


def _short(summary: str) -> str:
    if len(summary.encode("utf-16-le")) // 2 >= SUMMARY_UNITS:
        raise ValueError("a summary has fewer than 140 characters, as JavaScript counts")
    return summary


Text = Annotated[str, StringConstraints(pattern=r"\S")]
Line = Annotated[str, StringConstraints(pattern=r"^\S([^\x00-\x1f\x7f\u2028\u2029]*\S)?$")]
Uuid = Annotated[str, StringConstraints(pattern=rf"^{UUID}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s@?#]+(/[^\s]*)?$")]
Uri = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*:\S+$")]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Coding(Closed):
    code: Line
    system: Uri
    display: Line | None = None


class Reason(Coding):
    display: Line


class TopicCoding(Coding):
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,100}$")]  # as Epic keys remembered overrides


class Source(Closed):
    label: Line
    url: Url | None = None
    icon: Url | None = None
    topic: TopicCoding


class Action(Closed):
    type: Literal["create", "update", "delete"]
    description: Line
    resource: dict[str, Any] | None = None
    resourceId: str | None = None  # noqa: N815 - the standard's name

    @model_validator(mode="after")
    def _by_type(self) -> "Action":
        if self.type == "delete":
            assert self.resource is None
            assert self.resourceId is not None
        else:
            assert self.resourceId is None
            assert self.resource is not None
            assert self.type == "create" or self.resource.get("id")
        return self


class Suggestion(Closed):
    label: Line
    uuid: Uuid
    isRecommended: bool | None = None  # noqa: N815 - the standard's name
    actions: Annotated[list[Action], Field(min_length=1)]


class Link(Closed):
    label: Line
    url: Url
    type: Literal["absolute", "smart"]
    appContext: Text | None = None  # noqa: N815 - the standard's name

    @model_validator(mode="after")
    def _context_only_for_smart(self) -> "Link":
        assert self.type == "smart" or self.appContext is None
        return self


class Fact(Closed):
    fact: Line
    value: Line | None = None
    unit: Line | None = None
    on: Line | None = None
    reference: Text | None = None


class Advice(Closed):
    topic: Line
    plan: Line
    recommendation: Line
    indicator: Literal["info", "warning", "critical"]
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["draft", "active"]
    basis: list[Fact] = []
    unknown: list[Line] = []


class Extension(Closed):
    advice: list[Advice] = Field(alias="org.legwork.advice", min_length=1)


class Card(Closed):
    uuid: Uuid
    summary: Annotated[Line, AfterValidator(_short)]
    detail: Text | None = None
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: list[Suggestion] | None = None
    selectionBehavior: Literal["at-most-one", "any"] | None = None  # noqa: N815 - the standard's name
    overrideReasons: list[Reason] | None = None  # noqa: N815 - the standard's name
    links: list[Link] | None = None
    extension: Extension | None = None

    @model_validator(mode="after")
    def _suggestions_say_how_many(self) -> "Card":
        assert (self.suggestions is None) == (self.selectionBehavior is None)
        recommended = [s for s in self.suggestions or () if s.isRecommended]
        assert self.selectionBehavior != "at-most-one" or len(recommended) <= 1
        return self


class Cards(Closed):
    cards: list[Card]


class Service(Closed):
    hook: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*$")]
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Line
    description: Line
    prefetch: dict[str, Line]
    usageRequirements: Line  # noqa: N815 - the standard's name
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+(-[0-9a-z.-]+)?$")]
    hookVersion: Line  # noqa: N815 - the standard's name
    extension: dict[str, Any]


class Discovery(Closed):
    services: Annotated[list[Service], Field(min_length=1)]


def strict_json(raw: bytes) -> Any:
    """Parse as RFC 8259 has it: UTF-8, no member twice, no NaN."""
    return json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_refused)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a member is there twice"
    return dict(pairs)


def _refused(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


def empties(value: Any, place: str = "$") -> Iterator[str]:
    """Name every place that holds null, a blank string, or an empty list or object."""
    if value is None or value in ([], {}) or (isinstance(value, str) and not value.strip()):
        yield place
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from empties(member, f"{place}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from empties(item, f"{place}[{index}]")


def _checked_headers(headers: Mapping[str, str]) -> None:
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    assert "x-powered-by" not in headers


def cards_of(response: httpx.Response, patient_id: str = "p-1") -> list[dict[str, Any]]:
    """Give the cards of an answer that is valid in every respect, and about this patient only."""
    assert response.status_code == httpx.codes.OK, response.text
    _checked_headers(response.headers)
    body = strict_json(response.content)
    assert [place for place in empties(body) if place != "$.cards"] == []
    Cards.model_validate(body)
    cards: list[dict[str, Any]] = body["cards"]
    uuids = [c["uuid"] for c in cards] + [s["uuid"] for c in cards for s in c.get("suggestions", ())]
    assert len(set(uuids)) == len(uuids)
    for resource in resources_of(cards):
        _checked_request(resource, patient_id)
    return cards


def resources_of(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [a["resource"] for c in cards for s in c.get("suggestions", ()) for a in s["actions"] if "resource" in a]


def _checked_request(resource: dict[str, Any], patient_id: str) -> None:
    assert resource["resourceType"] == "ServiceRequest"
    assert json.loads(ServiceRequest.model_validate(resource).model_dump_json(exclude_none=True)) == resource
    assert (resource["status"], resource["intent"]) == ("draft", "proposal")
    assert resource["subject"] == {"reference": f"Patient/{patient_id}"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", resource["authoredOn"])


def outcome_of(response: httpx.Response, *statuses: int) -> str:
    """Give the words of an error that looks as every error should, and has one of these statuses."""
    assert response.status_code in statuses, response.text
    _checked_headers(response.headers)
    body = strict_json(response.content)
    assert list(empties(body)) == []
    OperationOutcome.model_validate(body)
    assert body["id"] == response.headers["x-correlation-id"]
    assert re.fullmatch(UUID, body["id"])
    (issue,) = body["issue"]
    assert issue["severity"] == "error"
    words: str = issue["diagnostics"]
    assert not re.search(r"Traceback|File \"|\.py\b|pydantic|starlette|fastapi|msgspec|<html", words, re.IGNORECASE)
    return words


def fully_valid(response: httpx.Response, path: str, patient_id: str = "p-1") -> None:
    """Check an answer to anything at all: spec-valid if it is a success, else an error of the client's in words."""
    if response.status_code != httpx.codes.OK:
        assert httpx.codes.is_client_error(response.status_code), response.text
        if response.request.method != "HEAD":
            outcome_of(response, response.status_code)
    elif response.request.method == "HEAD":
        assert response.content == b""
    elif path.startswith("/cds-services/"):
        cards_of(response, patient_id)
    elif path == "/cds-services":
        Discovery.model_validate(strict_json(response.content))
    else:
        assert path == "/" or path.startswith(PAGES)


def advised(cards: list[dict[str, Any]]) -> list[str]:
    """Name every recommendation of an answer, folded ones included, in order."""
    return [a["recommendation"] for c in cards for a in c.get("extension", {}).get("org.legwork.advice", ())]


def unknowns(cards: list[dict[str, Any]]) -> set[str]:
    """Give what the cards say was not checked."""
    return {
        u for c in cards for a in c.get("extension", {}).get("org.legwork.advice", ()) for u in a.get("unknown", ())
    }


def told(cards: list[dict[str, Any]]) -> Any:
    """Give an answer without what is new in each: its uuids."""
    return json.loads(re.sub(UUID, "uuid", json.dumps(cards)))
