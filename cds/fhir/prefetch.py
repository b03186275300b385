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



class Entry(msgspec.Struct, gc=False):
    """An entry of a Bundle, its resource left raw."""

    resource: Raw = Raw()
    full_url: str | None = msgspec.field(name="fullUrl", default=None)


class Link(msgspec.Struct, gc=False):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class Value(msgspec.Struct, gc=False):
    """A prefetch value, looked at from outside."""

    resource_type: str | None = msgspec.field(name="resourceType", default=None)
    entry: list[Entry] | None = None
    link: list[Link] | None = None
    total: int | None = None


class _Odd(msgspec.Struct, gc=False):
    """A value that is not as a Value should be, looked at as little as possible."""

    resource_type: str | None = msgspec.field(name="resourceType", default=None)
    entry: Raw = Raw()
    link: Any = None
    total: Any = None


_value = msgspec.json.Decoder(Value)
_odd = msgspec.json.Decoder(_Odd)
_raw_entries = msgspec.json.Decoder(list[Raw])
_entry = msgspec.json.Decoder(Entry)
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
        if bytes(memoryview(value)[:4]) == b"null":
            return ""
        if _is_resource(value, kind):
            record.take(value)
            return ""
        value = _looked_at(value, record)
    if value is None or value.resource_type not in {"Bundle", "OperationOutcome"}:
        return NOT_USABLE
    if value.resource_type == "OperationOutcome":
        return QUERY_FAILED
    found = 0
    for entry in value.entry or ():
        if memoryview(entry.resource):
            found += 1
            record.take(entry.resource, entry.full_url)
            if found % SLICE == 0:
                yield
    return INCOMPLETE if _has_more(value, found) else ""


def _is_resource(raw: Raw, kind: str) -> bool:
    try:
        return kind != "Bundle" and _odd.decode(raw).resource_type == kind
    except _broken:
        return False


def _looked_at(raw: Raw, record: PatientRecord) -> Value | None:
    """Decode a value; a broken entry costs only itself. None when it is no object."""
    try:
        return _value.decode(raw)
    except _broken:
        pass
    try:
        odd = _odd.decode(raw)
    except _broken:
        return None
    entries: list[Entry] = []
    try:
        pieces = _raw_entries.decode(odd.entry) if memoryview(odd.entry) else []
    except _broken:
        record.unreadable("list of entries")
        return None
    for piece in pieces:
        try:
            entries.append(_entry.decode(piece))
        except _broken:
            record.unreadable("entry")
    links = odd.link if isinstance(odd.link, list) else []
    more = [Link("next", "next") for link in links if isinstance(link, dict) and link.get("relation") == "next"]
    return Value(odd.resource_type, entries, more, odd.total if isinstance(odd.total, int) else None)


def _has_more(value: Value, found: int) -> bool:
    """Whether this is only a page: it links to a next one, or states a total that it does not hold."""
    return any(link.relation == "next" and link.url for link in value.link or ()) or (value.total or 0) > found
