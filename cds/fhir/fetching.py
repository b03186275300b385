"""Fetching what prefetch did not bring: what is asked of the FHIR server, in parallel, within one deadline.

What comes back is read as if it had been supplied (`cds.fhir.prefetch`), once it is certain that it answers what was
asked; else the data stay unknown. Nothing that a server does is an error of the call.
"""

import asyncio
import logging
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
from msgspec import Raw

from cds.clients import normal
from cds.errors import NotFetched, place_of
from cds.fhir.access import Access, Grant
from cds.fhir.prefetch import (
    BY_CHOICE,
    INCOMPLETE,
    NOT_AUTHORISED,
    NOT_SUPPLIED,
    NOT_USABLE,
    NOTHING,
    PARTLY_AUTHORISED,
    QUERY_FAILED,
    WHO,
    Need,
    Reading,
    Supply,
    listed,
    read_value,
)
from cds.fhir.record import PatientRecord
from cds.fhir.references import unversioned
from cds.fhir.resources import ABOUT_PATIENT
from cds.fhir.server import TOO_MUCH, UNREADABLE, FhirServers, Room
from cds.telemetry import tracing

MOST_BYTES = 24 * 1024 * 1024
"""Of all answers to one call together, as of a body that brings them [B]."""
MOST_PAGES = 10
"""Of one search."""
MOST_ENTRIES = 10_000
"""Of a page: they are looked at in one go, in which no other call is heard."""
MOST_VALUES = 750_000
"""Values in a page, counted by their commas; each costs memory."""

LATE = "not fetched in time"
ELSEWHERE = "the next page is not on the FHIR server of the call"
IN_CIRCLES = "the pages of the FHIR server lead in circles"
NOT_WHAT_WAS_ASKED = "the FHIR server answered something else than what was asked"
ANOTHER_PATIENT = "the FHIR server answered with data of another or an unnamed patient"

_MISFITS = frozenset({NOT_WHAT_WAS_ASKED, ANOTHER_PATIENT})
_WORTH_ASKING = frozenset({NOT_SUPPLIED, NOT_USABLE, INCOMPLETE})
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Question:
    """What is asked under one key, and what has come of it."""

    need: Need
    address: str
    """Empty where the token does not reach."""
    continues: bool = False
    """Whether it goes on where the value that was supplied ends."""
    pages: list[Raw] = field(default_factory=list)
    reason: str = LATE
    """Why not all has come; empty when it has."""
    size: int = 0
    """Of its pages [B]."""


def questions(supply: Supply, asked: Iterable[Need], access: Access, patient_id: str) -> list[Question]:
    """List what is to be asked of the server: what is missing, unusable or cut short, as far as the token reaches.

    Where a query failed at the client's, or found nothing, nothing is asked again.
    """
    base = normal(access.server)
    found = []
    for need in asked:
        if supply.reasons.get(need.key) not in _WORTH_ASKING:
            continue
        if access.token and access.grants(need.kind, None if need is WHO else need.search) is Grant.NONE:
            found.append(Question(need, "", reason=NOT_AUTHORISED))
            continue
        begun = supply.begun.get(need.key)
        following = begun.next if begun is not None else ""
        address = following or f"{base}/{need.query(patient_id)}"
        found.append(Question(need, address, continues=bool(following)))
    return found


async def fetch(
    servers: FhirServers, access: Access, asked: Sequence[Question], patient_id: str, deadline: float
) -> None:
    """Ask all questions at once; what has not come within the deadline [s] stays unanswered."""
    room = Room(MOST_BYTES)
    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            for question in filter(lambda question: question.address, asked):
                group.create_task(_answer(question, servers, access, patient_id, room))
    except TimeoutError:
        pass  # each question says so itself


async def _answer(question: Question, servers: FhirServers, access: Access, patient_id: str, room: Room) -> None:
    """Fetch the pages of one question; whatever happens is its reason."""
    with tracing.fetching(question.need.key) as span:
        try:
            await _turn(question, servers, access, patient_id, room)
            question.reason = ""
        except NotFetched as error:
            question.reason = str(error)
        except Exception as error:  # noqa: BLE001 - nothing that a server does may cost the call
            _log.error("fetching %s failed: %s", question.need.key, place_of(error))
            question.reason = UNREADABLE
        finally:
            span.set_attribute("legwork.outcome", question.reason or "whole")


async def _turn(question: Question, servers: FhirServers, access: Access, patient_id: str, room: Room) -> None:
    """Fetch page after page.

    Raises:
        NotFetched: one is not to be had, or no answer to what was asked.
    """
    base, token = normal(access.server), access.token
    address, asked = question.address, set[str]()
    while address:
        address = urljoin(f"{base}/", address)
        if not is_under(base, address):
            raise NotFetched(ELSEWHERE)
        if address in asked:
            raise NotFetched(IN_CIRCLES)
        if len(asked) == MOST_PAGES:
            raise NotFetched(TOO_MUCH)
        asked.add(address)
        body = (await servers.get(address, token, room, access.reach)).removeprefix(BOM_UTF8)  # some servers begin so
        page = _opened(body, question.need, patient_id)
        question.pages.append(Raw(body))
        question.size += len(body)
        if page.misfit:
            raise NotFetched(page.misfit)
        address = page.next


def is_under(base: str, address: str) -> bool:
    """Whether an address is the base of a server or below it, by what it says and not only by how it begins."""
    try:
        bare = normal(address)
    except ValueError:
        return False
    path = unquote(urlsplit(address).path).replace("\\", "/")
    segments = {segment.partition(";")[0] for segment in path.split("/")}  # Java servers take "..;" for ".."
    return (bare == base or bare.startswith(f"{base}/")) and not {".", ".."} & segments


class _Whose(msgspec.Struct, gc=False):
    """Of a resource: what it is, and about whom."""

    resource_type: Any = msgspec.field(name="resourceType", default=None)
    id: Any = None
    subject: Any = None
    patient: Any = None


class _Entry(msgspec.Struct, gc=False):
    resource: _Whose | None = None


class _Body(msgspec.Struct, gc=False):
    resource_type: Any = msgspec.field(name="resourceType", default=None)
    id: Any = None
    entry: Raw = NOTHING
    link: Any = None


_body = msgspec.json.Decoder(_Body)
_entries = msgspec.json.Decoder(list[Raw])
_entry = msgspec.json.Decoder(_Entry)


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page says beside its resources."""

    next: str = ""
    misfit: str = ""
    """Why it cannot be the answer to what was asked. What in it is the patient's own counts; what is not in it, not."""


def _opened(body: bytes, need: Need, patient_id: str) -> _Page:
    """Look whether a page answers what was asked, about the patient who was meant, and for the next one.

    Whether its resources can be read is not asked here: a broken one costs only itself.

    Raises:
        NotFetched: it is no answer at all.
    """
    if body.count(b",") > MOST_VALUES:
        raise NotFetched(TOO_MUCH)
    try:
        body.decode()  # the decoder does not look into strings that it skips
        page = _body.decode(body)
        if page.resource_type == "OperationOutcome":
            raise NotFetched(QUERY_FAILED)
        if need is WHO:
            _check_patient(page, patient_id)
            return _Page()
        if page.resource_type != "Bundle":
            raise NotFetched(NOT_WHAT_WAS_ASKED)
        entries = _entries.decode(listed(page.entry))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotFetched(UNREADABLE) from error
    if len(entries) > MOST_ENTRIES:
        raise NotFetched(TOO_MUCH)
    links = page.link if isinstance(page.link, list) else []
    following = [link.get("url") for link in links if isinstance(link, dict) and link.get("relation") == "next"]
    misfits = filter(None, (_misfit(resource, need, patient_id) for resource in _resources(entries)))
    return _Page(next((address for address in following if isinstance(address, str)), ""), next(misfits, ""))


def _misfit(resource: _Whose, need: Need, patient_id: str) -> str:
    """Say why a resource has no place in the answer; some servers overlook what is asked, even the patient."""
    if resource.resource_type == need.kind:
        return "" if _names(resource, patient_id) else ANOTHER_PATIENT
    return NOT_WHAT_WAS_ASKED if resource.resource_type in ABOUT_PATIENT else ""


def _check_patient(page: _Body, patient_id: str) -> None:
    if page.resource_type != WHO.kind:
        raise NotFetched(NOT_WHAT_WAS_ASKED)
    if page.id != patient_id:
        raise NotFetched(ANOTHER_PATIENT)


def _resources(entries: Iterable[Raw]) -> Iterator[_Whose]:
    for raw in entries:
        try:
            entry = _entry.decode(raw)
        except (msgspec.MsgspecError, RecursionError):
            continue
        if entry.resource is not None:
            yield entry.resource


def _names(resource: _Whose, patient_id: str) -> bool:
    """Whether a resource names the patient; one that names nobody is no answer to a search by patient."""
    subject = resource.subject or resource.patient
    reference = subject.get("reference") if isinstance(subject, dict) else None
    if not isinstance(reference, str):
        return False
    return f"/{unversioned(reference)}".endswith(f"/Patient/{patient_id}") or reference == f"urn:uuid:{patient_id}"


def read(asked: Iterable[Question], access: Access, record: PatientRecord, supply: Supply) -> Iterator[None]:
    """Read what has come into the record, as what was supplied is read, and note what is still unknown.

    In the order of the keys, whichever came first: equal data give equal advice. Yields as `prefetch.read` does.
    """
    for question in asked:
        key, before = question.need.key, supply.reasons[question.need.key]
        begun = supply.begun.get(key)
        reading = begun if question.continues and begun is not None else Reading(before)
        for page in question.pages:
            reading = yield from read_value(page, question.need.kind, record, reading.found)
            if reading.reason not in {"", INCOMPLETE}:
                break
        arrived = bool(question.pages) and reading.reason in {"", INCOMPLETE}
        if not question.reason and arrived:
            supply.note(key, reading if reading.reason else Reading(_granted(access, question.need)))
        elif (arrived and question.reason not in _MISFITS) or before == INCOMPLETE:
            supply.reasons[key] = INCOMPLETE
        elif before == NOT_SUPPLIED or question.reason not in BY_CHOICE:
            supply.reasons[key] = question.reason or reading.reason


def _granted(access: Access, need: Need) -> str:
    """Say why even a whole answer may hold only a part of the data."""
    is_partly = access.token and access.grants(need.kind, None if need is WHO else need.search) is Grant.PART
    return PARTLY_AUTHORISED if is_partly else ""
