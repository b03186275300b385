"""What a FHIR server can give us, and what we make of it: for integrators, before the first clinician sees a card.

Each template is tried as prefetch would try it; then the patient is judged as in a call.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from cards.models import CardsResponse
from cards.rendering import Press
from cards.suggestions import Desk
from cds.chart.chart import Chart
from cds.clients import normal
from cds.errors import NotFetched, ServerError
from cds.fhir import fetching, overlooked, prefetch, resources
from cds.fhir.access import Access
from cds.fhir.overlooked import Overlooked
from cds.fhir.record import PatientRecord
from cds.fhir.server import MOST_BYTES_OF_A_PAGE, FhirServers, Room
from cds.services import assess, knowledge, needs
from cds.settings import Settings

DEADLINE = 30.0
"""For how long a server is waited for: it is to be seen what it gives, late or not [s]."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one prefetch template.

    Attributes:
        key: its key.
        template: as discovery states it.
        results: how many resources came [1].
        pages: on how many pages [1].
        milliseconds: how long it took, all templates being asked at once.
        reason: why it is not wholly known; empty when it is.
    """

    key: str
    template: str
    results: int
    pages: int
    milliseconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What we make of one patient.

    Attributes:
        patient: the id.
        name: of the patient, for those who ask for it.
        answers: what became of each template; none where the data came in a file.
        resources: kind -> how many.
        left_out: why resources were left out -> how many.
        overlooked: what was not understood although it may matter -> how often.
        unknown_systems: kind and code system -> how many codings.
        unknown: areas of the chart that are not known, and why.
        answer: the cards.
    """

    patient: str
    name: str
    answers: Sequence[Answered]
    resources: dict[str, int]
    left_out: dict[str, int]
    overlooked: Sequence[tuple[Overlooked, int]]
    unknown_systems: dict[str, int]
    unknown: dict[str, str]
    answer: CardsResponse


@dataclass(frozen=True, slots=True)
class Capability:
    """What a server says of itself.

    Attributes:
        fhir_version: as it states it.
        software: its name and release.
        lacking: templates that it says it cannot answer, and why.
    """

    fhir_version: str
    software: str
    lacking: dict[str, str]


def judge(
    chart: Chart, record: PatientRecord, bundles: Sequence[bytes], settings: Settings, answers: Sequence[Answered] = ()
) -> Judged:
    """Weigh a chart as in a call, and look into the Bundles that it was read from."""
    vocabulary = knowledge().vocabulary
    kinds, systems, found = Counter[str](), Counter[str](), Counter[Overlooked]()
    for resource in _resources(bundles):
        kinds[type(resource).__name__] += 1
        systems.update(overlooked.unknown_systems(resource, vocabulary))
        found.update(overlooked.codes(resource, vocabulary))
    found.update(overlooked.values(record, vocabulary))
    desk = Desk(chart, knowledge().orders, vocabulary.analytes, None)
    press = Press(desk, knowledge().overrides, settings.address, settings.max_cards)
    return Judged(
        patient=record.patient_id,
        name=_name(bundles, record.patient_id),
        answers=answers,
        resources=dict(sorted(kinds.items())),
        left_out=dict(record.left_out),
        overlooked=found.most_common(),
        unknown_systems=dict(systems.most_common()),
        unknown={str(area): reason for area, reason in chart.unknown.items()},
        answer=press.answer(assess(chart), record.unread),
    )


def _resources(bundles: Iterable[bytes]) -> Iterable[Any]:
    """Give the resources of Bundles that are read, each once."""
    seen: set[bytes] = set()
    for raw in bundles:
        for piece in prefetch.pieces(raw):
            content = bytes(piece)
            if content in seen:
                continue
            seen.add(content)
            try:
                resource, _ = resources.decode(content)
            except resources.Unreadable:
                continue  # the record has counted it
            if resource is not None:
                yield resource


def _name(bundles: Iterable[bytes], patient_id: str) -> str:
    """Give the patient's name, as the Patient writes it first; empty where none can be read."""
    for piece in (piece for raw in bundles for piece in prefetch.pieces(raw)):
        try:
            patient = _named.decode(piece)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if patient.resource_type == "Patient" and patient.id == patient_id and patient.name:
            name = patient.name[0]
            return name.text or " ".join([*name.given, name.family]).strip()
    return ""


class _Name(msgspec.Struct):
    text: str = ""
    family: str = ""
    given: list[str] = []


class _Named(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType", default="")
    id: str = ""
    name: list[_Name] = []


_named = msgspec.json.Decoder(_Named)


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """Looks at one FHIR server, with a token or, where it is open, without."""

    servers: FhirServers
    access: Access
    today: date
    settings: Settings = field(repr=False)

    async def capability(self) -> Capability:
        """Ask the server what it can do.

        Raises:
            ServerError: it does not say.
        """
        stated = await self._read("metadata")
        if stated.get("resourceType") not in {"CapabilityStatement", "Conformance"}:
            raise ServerError(f"{self._base}/metadata is no CapabilityStatement: is this the base of a FHIR server?")
        software = stated.get("software") or {}
        told = (software.get("name"), software.get("version")) if isinstance(software, dict) else ()
        return Capability(
            fhir_version=str(stated.get("fhirVersion", "not stated")),
            software=" ".join(str(part) for part in told if part) or "not stated",
            lacking=_lacking(stated),
        )

    async def sample(self, count: int) -> list[str]:
        """Name some patients.

        Raises:
            ServerError: the server gives none.
        """
        found = await self._read(f"Patient?_count={count}")
        entries = found.get("entry")
        listed = [e.get("resource") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
        ids = [r["id"] for r in listed if isinstance(r, dict) and r.get("resourceType") == "Patient" and "id" in r]
        if not ids:
            raise ServerError(f"{self._base}/Patient gives no patients: name one with --patient")
        return [str(name) for name in ids[:count]]

    async def patient(self, patient_id: str) -> Judged:
        """Try all templates for a patient, and judge them.

        Raises:
            ServerError: the patient cannot be read.
        """
        record = PatientRecord(knowledge().vocabulary, patient_id, self.today)
        supply = prefetch.Supply()
        asked = (prefetch.WHO, *needs())
        for _ in prefetch.read({}, asked, record, supply):
            pass
        questions = fetching.questions(supply, asked, self.access, patient_id)
        timed = await asyncio.gather(*(self._timed(question, patient_id) for question in questions))
        answers = []
        for question, milliseconds in timed:
            for _ in fetching.read([question], self.access, record, supply):
                pass
            reading = supply.reasons.get(question.need.key, "")
            results = sum(1 for page in question.pages for _ in prefetch.pieces(bytes(page)))
            answers.append(
                Answered(question.need.key, question.need.template, results, len(question.pages), milliseconds, reading)
            )
        if record.patient is None:
            reason = supply.reasons.get(prefetch.PATIENT, "not found")
            raise ServerError(f"{self._base}/Patient/{patient_id} cannot be read: {reason}")
        chart = Chart(self.today, record.patient, record, supply.unknown_areas(needs()))
        pages = [bytes(page) for question, _ in timed for page in question.pages]
        return judge(chart, record, pages, self.settings, answers)

    async def _timed(self, question: fetching.Question, patient_id: str) -> tuple[fetching.Question, float]:
        start = time.perf_counter()
        await fetching.fetch(self.servers, self.access, [question], patient_id, DEADLINE)
        return question, (time.perf_counter() - start) * 1e3

    @property
    def _base(self) -> str:
        return normal(self.access.server)

    async def _read(self, address: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(DEADLINE):
                body = await self.servers.get(
                    f"{self._base}/{address}", self.access.token, Room(MOST_BYTES_OF_A_PAGE), self.access.reach
                )
            found = msgspec.json.decode(body)
        except TimeoutError as error:
            raise ServerError(f"{self._base}/{address}: no answer within {DEADLINE:.0f} s") from error
        except NotFetched as error:
            raise ServerError(f"{self._base}/{address}: {error}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ServerError(f"{self._base}/{address}: the answer is not JSON") from error
        return found if isinstance(found, dict) else {}


def _lacking(stated: dict[str, Any]) -> dict[str, str]:
    """Say which templates a server states that it cannot answer; what it does not state is left to be tried."""
    rest = stated.get("rest")
    kinds = {
        kind.get("type"): kind
        for side in (rest if isinstance(rest, list) else [])
        if isinstance(side, dict)
        for kind in (side.get("resource") or [])
        if isinstance(kind, dict)
    }
    lacking = {}
    for need in (prefetch.WHO, *needs()):
        kind = kinds.get(need.kind)
        if kind is None:
            lacking[need.key] = f"{need.kind} is not offered"
            continue
        offered = {p.get("name") for p in kind.get("searchParam") or [] if isinstance(p, dict)}
        wanted = [] if need is prefetch.WHO else ["patient", *need.parameters]
        if missing := [name for name in wanted if offered and name not in offered]:
            lacking[need.key] = f"no search by {', '.join(missing)}"
    return lacking
