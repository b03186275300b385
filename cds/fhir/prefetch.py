"""Prefetch: what is asked for, and what an EHR's answer to it means.

Templates keep to what CDS Hooks 2.0 clients understand (https://cds-hooks.hl7.org/2.0/#prefetch-template): a read or a
type search, tokens of the context, each parameter once. Dates are filtered here, not there.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from cds.chart.chart import Area
from cds.fhir import resources
from cds.fhir.record import PatientRecord

_PATIENT = "{{context.patientId}}"


@dataclass(frozen=True, slots=True)
class Need:
    """One prefetch key: a kind of resource, and the area of the chart that its answer makes known."""

    key: str
    kind: str
    areas: tuple[Area, ...]
    search: str = ""
    """Search parameters beside the patient."""
    required: bool = False
    enough: bool = False
    """Whether this answer alone makes its areas known, whatever became of the other keys of the same areas."""

    @property
    def template(self) -> str:
        """The prefetch template."""
        return f"{self.kind}?patient={_PATIENT}{self.search}"


PATIENT = "patient"
PATIENT_TEMPLATE = f"Patient/{_PATIENT}"
_NEWEST = "&_sort=-date&_count=500"


def needs(observation_codes: Iterable[str]) -> tuple[Need, ...]:
    """List the keys that the plans need, the observations by the codes that they name.

    Laboratory results are asked for twice, by category and by code: laboratories leave out codes, others categories.
    """
    codes = ",".join(sorted(observation_codes))
    return (
        Need("conditions", "Condition", (Area.PROBLEMS,), required=True),
        Need("labs", "Observation", (Area.LABORATORY,), "&category=laboratory" + _NEWEST, enough=True),
        Need(
            "observations", "Observation", (Area.OBSERVATIONS, Area.LABORATORY), f"&code={codes}{_NEWEST}", enough=True
        ),
        Need("examinations", "Observation", (Area.OBSERVATIONS,), "&category=exam,procedure,survey" + _NEWEST),
        Need("medications", "MedicationRequest", (Area.MEDICATIONS,)),
        Need("statements", "MedicationStatement", (Area.MEDICATIONS,)),
        Need("administrations", "MedicationAdministration", (Area.MEDICATIONS,)),
        Need("orders", "ServiceRequest", (Area.ORDERS,)),
        Need("procedures", "Procedure", (Area.PROCEDURES,)),
        Need("reports", "DiagnosticReport", (Area.REPORTS,)),
        Need("encounters", "Encounter", (Area.ENCOUNTERS,)),
        Need("answers", "QuestionnaireResponse", (Area.ANSWERS,)),
        Need("family", "FamilyMemberHistory", (Area.FAMILY,)),
        Need("allergies", "AllergyIntolerance", (Area.ALLERGIES,)),
    )


NOTHING = Raw()
"""Stands where a member is missing: a raw member cannot be optional."""


class Entry(msgspec.Struct, gc=False):
    """An entry of a Bundle."""

    resource: resources.Decodable = None
    full_url: str | None = msgspec.field(name="fullUrl", default=None)


class Link(msgspec.Struct, gc=False):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class Value(msgspec.Struct, gc=False):
    """A prefetch value as it should be: a Bundle, or an OperationOutcome."""

    resource_type: str | None = msgspec.field(name="resourceType", default=None)
    entry: list[Entry] | None = None
    link: list[Link] | None = None
    total: int | None = None


class _OddEntry(msgspec.Struct, gc=False):
    """An entry whose resource may be broken."""

    resource: Raw = NOTHING
    full_url: Any = msgspec.field(name="fullUrl", default=None)


class _OddValue(msgspec.Struct, gc=False):
    """A value that is not as it should be, looked at as little as possible."""

    resource_type: str | None = msgspec.field(name="resourceType", default=None)
    entry: Raw = NOTHING
    link: Any = None
    total: Any = None


_value = msgspec.json.Decoder(Value)
_odd = msgspec.json.Decoder(_OddValue)
_raw_entries = msgspec.json.Decoder(list[Raw])
_odd_entry = msgspec.json.Decoder(_OddEntry)
_broken = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

NOT_SUPPLIED = "not supplied"
QUERY_FAILED = "the query failed"
INCOMPLETE = "only a part was supplied"
NOT_USABLE = "the data supplied could not be used"

SLICE = 250
"""Resources read between two breaths: at most about a millisecond in which no other call is heard."""


@dataclass(slots=True)
class Supply:
    """What became of each key."""

    reasons: dict[str, str] = field(default_factory=dict)
    """Key -> why its data are not wholly known; keys that are known are not in it."""
    known: set[str] = field(default_factory=set)

    def unknown_areas(self, asked: Iterable[Need]) -> dict[Area, str]:
        """Say of each area that is not wholly known why.

        Several keys may bring one area. It is known when one that is enough by itself arrived whole, or when some
        arrived and none failed; that a key was never set up at the EHR is no failure of the others.
        """
        by_area: dict[Area, list[Need]] = {}
        for need in asked:
            for area in need.areas:
                by_area.setdefault(area, []).append(need)
        unknown: dict[Area, str] = {}
        for area, area_needs in by_area.items():
            arrived = [need for need in area_needs if need.key in self.known]
            failed = [r for need in area_needs if (r := self.reasons.get(need.key, NOT_SUPPLIED)) != NOT_SUPPLIED]
            enough_needed = any(need.enough for need in area_needs)
            if any(need.enough for need in arrived) or (arrived and not failed and not enough_needed):
                continue
            unknown[area] = failed[0] if failed else NOT_SUPPLIED
        return unknown


def read(
    prefetch: Mapping[str, Raw | Value | None], asked: Iterable[Need], record: PatientRecord, supply: Supply
) -> Iterator[None]:
    """Read every key that was asked for into a record, and note what is unknown.

    Keys that were not asked for are left unread. Yields after every `SLICE` resources.
    """
    for need in asked:
        reason = NOT_SUPPLIED
        if need.key in prefetch:
            reason = yield from _read_value(prefetch[need.key], need.kind, record)
        if reason:
            supply.reasons[need.key] = reason
        else:
            supply.known.add(need.key)


def read_patient(prefetch: Mapping[str, Raw | Value | None], record: PatientRecord) -> None:
    """Read the patient, who comes as a resource or as the only match of a search."""
    for _ in _read_value(prefetch.get(PATIENT), "Patient", record):
        pass


def read_bundle(raw: bytes, record: PatientRecord) -> Iterator[None]:
    """Read a whole Bundle, of any type, into a record."""
    yield from _read_value(Raw(raw), "Bundle", record)


def _read_value(value: Raw | Value | None, kind: str, record: PatientRecord) -> Generator[None, None, str]:
    """Read one value; the generator's result is why it is unknown, empty when it is known.

    null, and a Bundle without entries, mean that somebody looked and found nothing.
    """
    if value is None:
        return ""
    if isinstance(value, Raw):
        decoded = _decoded(value)
        if decoded is None:
            return (yield from _read_odd(value, kind, record))
        value = decoded
    if value.resource_type == "OperationOutcome":
        return QUERY_FAILED
    found = 0
    for entry in value.entry or ():
        if entry.resource is not None:
            found += 1
            record.put(entry.resource, entry.full_url)
            if found % SLICE == 0:
                yield
    has_next = any(link.relation == "next" and link.url for link in value.link or ())
    return INCOMPLETE if has_next or (value.total or 0) > found else ""


def is_usual(value: Value) -> bool:
    """Whether a value is a Bundle or an OperationOutcome, and nothing that is wanted raw."""
    return value.resource_type in {"Bundle", "OperationOutcome"}


def _decoded(raw: Raw) -> Value | None:
    try:
        value = _value.decode(raw)
    except _broken:
        return None
    return value if is_usual(value) else None


def _read_odd(raw: Raw, kind: str, record: PatientRecord) -> Generator[None, None, str]:
    """Read a value that is not as it should be; a broken entry costs only itself, a broken resource likewise."""
    try:
        odd = _odd.decode(raw)
    except _broken:
        return "" if _is_nothing(raw) else NOT_USABLE
    if odd.resource_type == "OperationOutcome":
        return QUERY_FAILED
    if odd.resource_type == kind != "Bundle":
        record.take(raw)
        return ""
    if odd.resource_type != "Bundle":
        return NOT_USABLE
    try:
        pieces = [] if _is_nothing(odd.entry) else _raw_entries.decode(_listed(odd.entry))
    except _broken:
        record.unreadable("list of entries")
        return NOT_USABLE
    found = 0
    for piece in pieces:
        try:
            entry = _odd_entry.decode(piece)
        except _broken:
            record.unreadable("entry")
            continue
        if not _is_nothing(entry.resource):
            found += 1
            record.take(entry.resource, entry.full_url if isinstance(entry.full_url, str) else None)
            if found % SLICE == 0:
                yield
    links = resources.items(odd.link)
    has_next = any(isinstance(link, dict) and link.get("relation") == "next" for link in links)
    total = odd.total if isinstance(odd.total, int) else 0
    return INCOMPLETE if has_next or total > found else ""


def _is_nothing(raw: Raw) -> bool:
    return raw is NOTHING or bytes(memoryview(raw)) == b"null"


def _listed(raw: Raw) -> bytes:
    """Give a list as it came, and a single object as a list of one."""
    written = bytes(memoryview(raw))
    return b"[" + written + b"]" if written.startswith(b"{") else written
