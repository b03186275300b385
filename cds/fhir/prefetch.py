"""Prefetch: what is asked for, and what an EHR's answer to it means.

Templates keep to what CDS Hooks 2.0 clients understand (https://cds-hooks.hl7.org/2.0/#prefetch-template): a read or a
type search, tokens of the context, each parameter once. Dates are filtered here, not there.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

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
        """The prefetch template: a search, but of the patient a read."""
        return f"{self.kind}/{_PATIENT}" if self is WHO else f"{self.kind}?patient={_PATIENT}{self.search}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The search parameters beside the patient, those of every search aside."""
        return tuple(name for name, _ in parse_qsl(self.search) if not name.startswith("_"))

    def query(self, patient_id: str) -> str:
        """The template with its token filled in, relative to the base of a FHIR server."""
        return self.template.replace(_PATIENT, patient_id)


PATIENT = "patient"
WHO = Need(PATIENT, "Patient", (), required=True)
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
    search: Any = None


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

_OUTCOME = {"mode": "outcome"}
"""How a search marks what it has to say beside its matches."""

NOT_SUPPLIED = "not supplied"
QUERY_FAILED = "the query failed"
INCOMPLETE = "only a part was supplied"
NOT_USABLE = "the data supplied could not be used"
NOT_AUTHORISED = "not authorised"
PARTLY_AUTHORISED = "only a part is authorised"
NOT_OFFERED = "not found on the FHIR server"

BY_CHOICE = frozenset({NOT_SUPPLIED, NOT_AUTHORISED, PARTLY_AUTHORISED, NOT_OFFERED})
"""Why data may be lacking without anything having failed: what an EHR never set up or grants is its choice."""

SLICE = 250
"""Entries read between two breaths: at most about a millisecond in which no other call is heard."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a value was read."""

    reason: str = ""
    """Why it is not wholly known; empty when it is."""
    found: int = 0
    """How many resources its pages held so far."""
    next: str = ""
    """Where its next page is."""


@dataclass(slots=True)
class Supply:
    """What became of each key."""

    reasons: dict[str, str] = field(default_factory=dict)
    """Key -> why its data are not wholly known; keys that are known are not in it."""
    known: set[str] = field(default_factory=set)
    begun: dict[str, Reading] = field(default_factory=dict)
    """Key -> how far the pages of one that is not wholly supplied were read."""
    obstacle: str = ""
    """Why nothing of what is lacking could be fetched."""

    def note(self, key: str, reading: Reading) -> None:
        """Note what became of a key."""
        if reading.reason:
            self.known.discard(key)
            self.reasons[key] = reading.reason
            self.begun[key] = reading
        else:
            self.known.add(key)
            self.reasons.pop(key, None)

    def unknown_areas(self, asked: Iterable[Need]) -> dict[Area, str]:
        """Say of each area that is not wholly known why.

        Several keys may bring one area. It is known when one that is enough by itself arrived whole, or when some
        arrived and none failed; what an EHR never set up or grants is no failure of the rest.
        """
        by_area: dict[Area, list[Need]] = {}
        for need in asked:
            for area in need.areas:
                by_area.setdefault(area, []).append(need)
        unknown: dict[Area, str] = {}
        for area, area_needs in by_area.items():
            arrived = [need for need in area_needs if need.key in self.known]
            reasons = [self.reasons[need.key] for need in area_needs if need.key in self.reasons]
            failed = [reason for reason in reasons if reason not in BY_CHOICE]
            enough_needed = any(need.enough for need in area_needs)
            if any(need.enough for need in arrived) or (arrived and not failed and not enough_needed):
                continue
            told = failed or [reason for reason in reasons if reason != NOT_SUPPLIED]
            unknown[area] = told[0] if told else NOT_SUPPLIED
        return unknown


def read(prefetch: Mapping[str, Raw], asked: Iterable[Need], record: PatientRecord, supply: Supply) -> Iterator[None]:
    """Read every key that was asked for into a record, and note what is unknown.

    Keys that were not asked for are left unread. Yields after every `SLICE` entries, whatever is in them.
    """
    for need in asked:
        if need.key in prefetch:
            supply.note(need.key, (yield from read_value(prefetch[need.key], need.kind, record)))
        else:
            supply.reasons[need.key] = NOT_SUPPLIED


def read_patient(prefetch: Mapping[str, Raw], record: PatientRecord, supply: Supply) -> None:
    """Read the patient, who comes as a resource or as the only match of a search."""
    for _ in read({PATIENT: prefetch[PATIENT]} if PATIENT in prefetch else {}, (WHO,), record, supply):
        pass


def read_bundle(raw: bytes, record: PatientRecord) -> Iterator[None]:
    """Read a whole Bundle, of any type, into a record."""
    yield from read_value(Raw(raw), "Bundle", record)


def read_value(raw: Raw, kind: str, record: PatientRecord, found: int = 0) -> Generator[None, None, Reading]:
    """Read one value, or a further page of one of which `found` resources were read before.

    null, and a Bundle without entries, mean that somebody looked and found nothing.
    """
    value = _decoded(raw)
    if value is None:
        return (yield from _read_odd(raw, kind, record, found))
    if value.resource_type == "OperationOutcome":
        return _FAILED
    entries = value.entry or []
    for start in range(0, len(entries), SLICE):
        if start:
            yield
        found += record.put(entries[start : start + SLICE])
    following = next((link.url for link in value.link or () if link.relation == "next" and link.url), "")
    return _read_so_far(found, value.total or 0, following)


_WHOLE, _FAILED, _UNUSABLE = Reading(), Reading(QUERY_FAILED), Reading(NOT_USABLE)


def _read_so_far(found: int, total: int, following: str) -> Reading:
    return Reading(INCOMPLETE, found, following) if following or total > found else _WHOLE


def pieces(raw: bytes) -> Iterator[Raw]:
    """Give the resources of a Bundle as they were written; of anything else, itself."""
    odd = _odd.decode(raw)
    if odd.resource_type != "Bundle":
        yield Raw(raw)
        return
    yield from inside(odd.entry)


def inside(entries: Raw) -> Iterator[Raw]:
    """Give the resources in the entries of a Bundle as they were written; an entry that holds none is passed over.

    Raises:
        msgspec.ValidationError: the entries are no list.
    """
    for piece in [] if entries is NOTHING else _raw_entries.decode(entries):
        try:
            entry = _odd_entry.decode(piece)
        except _broken:
            continue
        if entry.resource is not NOTHING:
            yield entry.resource


def _decoded(raw: Raw) -> Value | None:
    """Decode a Bundle or an OperationOutcome that is as it should be; None for all else."""
    try:
        value = _value.decode(raw)
    except _broken:
        return None
    return value if value.resource_type in {"Bundle", "OperationOutcome"} else None


def _read_odd(raw: Raw, kind: str, record: PatientRecord, found: int) -> Generator[None, None, Reading]:
    """Read a value that is not as it should be; a broken entry costs only itself, a broken resource likewise.

    Where none could be read, it is as good as not supplied: that there is nothing was never said.
    """
    try:
        odd = _odd.decode(raw)
    except _broken:
        return _WHOLE if _is_nothing(raw) else _UNUSABLE
    if odd.resource_type == kind != "Bundle":
        record.take(raw)
        return _WHOLE
    if odd.resource_type != "Bundle":
        return _FAILED if odd.resource_type == "OperationOutcome" else _UNUSABLE
    try:
        pieces = _raw_entries.decode(listed(odd.entry))
    except _broken:
        record.unreadable("list of entries")
        return _UNUSABLE
    readable = lost = False
    for count, piece in enumerate(pieces, 1):
        if count % SLICE == 0:
            yield
        try:
            entry = _odd_entry.decode(piece)
        except _broken:
            record.unreadable("entry")
            lost = True
            continue
        if not _is_nothing(entry.resource) and entry.search != _OUTCOME:
            found += 1
            was_read = record.take(entry.resource, entry.full_url if isinstance(entry.full_url, str) else None)
            readable, lost = readable or was_read, lost or not was_read
    links = resources.items(odd.link)
    nexts = [link.get("url") for link in links if isinstance(link, dict) and link.get("relation") == "next"]
    total = odd.total if isinstance(odd.total, int) else 0
    if lost and not readable:
        return _UNUSABLE
    following = next((url for url in nexts if isinstance(url, str)), "")
    return Reading(INCOMPLETE, found, following) if nexts else _read_so_far(found, total, "")


def _is_nothing(raw: Raw) -> bool:
    return raw is NOTHING or bytes(memoryview(raw)) == b"null"


def listed(raw: Raw) -> bytes:
    """Give a list as it came, a single object as a list of one, and where there is nothing a list of none."""
    if _is_nothing(raw):
        return b"[]"
    written = bytes(memoryview(raw))
    return b"[" + written + b"]" if written.startswith(b"{") else written
