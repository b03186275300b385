"""Prefetch: what is asked for, and what an EHR's answer to it means.

Templates keep to what CDS Hooks 2.0 clients understand (https://cds-hooks.hl7.org/2.0/#prefetch-template): a read or a
type search, tokens of the context, each parameter once. Dates are filtered here, not there.
"""

from collections.abc import Iterable, Iterator, Mapping
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



class _Entry(msgspec.Struct, gc=False):
    resource: Raw = Raw()
    full_url: str | None = msgspec.field(name="fullUrl", default=None)


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Value(msgspec.Struct, gc=False):
    """A prefetch value, looked at from outside."""

    resource_type: str | None = msgspec.field(name="resourceType", default=None)
    entry: Raw = Raw()
    link: Raw = Raw()
    total: Raw = Raw()


_value = msgspec.json.Decoder(_Value)
_entries = msgspec.json.Decoder(list[_Entry])
_raw_entries = msgspec.json.Decoder(list[Raw])
_entry = msgspec.json.Decoder(_Entry)
_links = msgspec.json.Decoder(list[_Link])
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
    prefetch: Mapping[str, Raw], asked: Iterable[Need], record: PatientRecord, supply: Supply
) -> Iterator[None]:
    """Read every key that was asked for into a record, and note what is unknown.

    Keys that were not asked for are left unread. Yields after every `SLICE` resources.
    """
    for need in asked:
        raw = prefetch.get(need.key)
        reason = NOT_SUPPLIED
        if raw is not None:
            reason = yield from _read_value(raw, need.kind, record)
        if reason:
            supply.reasons[need.key] = reason
        else:
            supply.known.add(need.key)


def read_patient(prefetch: Mapping[str, Raw], record: PatientRecord) -> None:
    """Read the patient, who comes as a resource or as the only match of a search."""
    raw = prefetch.get(PATIENT)
    if raw is not None:
        for _ in _read_value(raw, "Patient", record):
            pass


def read_bundle(raw: bytes, record: PatientRecord) -> Iterator[None]:
    """Read a whole Bundle, of any type, into a record."""
    yield from _read_value(Raw(raw), "Bundle", record)


def _read_value(raw: Raw, kind: str, record: PatientRecord) -> Any:  # Generator[None, None, str]
    """Read one value; the generator's result is why it is unknown, empty when it is known."""
    if bytes(memoryview(raw)[:4]) == b"null":
        return ""
    try:
        value = _value.decode(raw)
    except _broken:
        return NOT_USABLE
    if value.resource_type == "OperationOutcome":
        return QUERY_FAILED
    if value.resource_type == kind != "Bundle":
        record.take(raw)
        return ""
    if value.resource_type != "Bundle":
        return NOT_USABLE
    found = 0
    for entry in _entries_of(value.entry, record):
        found += 1
        record.take(entry.resource, entry.full_url)
        if found % SLICE == 0:
            yield
    return INCOMPLETE if _has_more(value, found) else ""


def _entries_of(raw: Raw, record: PatientRecord) -> Iterator[_Entry]:
    """Give the entries that hold a resource; one broken entry costs only itself."""
    if not memoryview(raw):
        return
    try:
        entries = _entries.decode(raw)
    except _broken:
        entries = []
        try:
            slices = _raw_entries.decode(raw)
        except _broken:
            record.unreadable("entries")
            return
        for piece in slices:
            try:
                entries.append(_entry.decode(piece))
            except _broken:
                record.unreadable("entry")
    for entry in entries:
        if memoryview(entry.resource):
            yield entry


def _has_more(value: _Value, found: int) -> bool:
    if memoryview(value.link):
        try:
            if any(link.relation == "next" and link.url for link in _links.decode(value.link)):
                return True
        except _broken:
            pass
    if memoryview(value.total):
        total = bytes(value.total)
        return total.isdigit() and len(total) < 10 and int(total) > found
    return False
