"""The routes of CDS Hooks, as the path of the data: envelope, resources, chart, findings, advice, cards."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import msgspec
from fastapi import APIRouter, Request, Response

from cards.models import CardsResponse
from cards.rendering import Press
from cards.suggestions import Desk
from cds.chart.chart import Chart
from cds.errors import InvalidCall, MissingData, TooLarge, UnknownService
from cds.fhir import prefetch
from cds.fhir.record import PatientRecord
from cds.hooks import discovery
from cds.hooks.request import HookRequest, read_request
from cds.hooks.statuses import HEADERS, JSON
from cds.services import SERVICES, Service, assess, knowledge, needs
from cds.settings import Settings

LARGE = 512 * 1024
"""From this size on a body is read with breaths between, and only one at a time [By]."""


@dataclass(slots=True)
class HookRoutes:
    """Answers hook calls under given settings."""

    settings: Settings
    _one_large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    @property
    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        router.add_api_route("/cds-services", self.discover, methods=["GET"])
        router.add_api_route("/cds-services/{service_id}", self.call, methods=["POST"])
        return router

    async def discover(self) -> Response:
        """Describe the services."""
        return _json(discovery.document(self.settings.specification_version))

    async def call(self, service_id: str, request: Request) -> Response:
        """Answer one hook call.

        Raises:
            UnknownService: no such service (404).
            TooLarge: the body is over the limit (413).
            NotJson: the body is not JSON (400).
            InvalidCall: a member is missing, mistyped or contradicts another (422).
            MissingData: the patient or the problem list is not to be had (412).
        """
        service = SERVICES.get(service_id)
        if service is None:
            raise UnknownService("no service has this id; GET /cds-services lists those there are")
        body = await read_body(request, self.settings.max_body_bytes)
        today = datetime.now(UTC).date()
        if len(body) < LARGE:
            return _json(answer(service, body, today, self.settings))
        async with self._one_large:
            return _json(await self._answer_large(service, body, today))

    async def _answer_large(self, service: Service, body: bytes, today: date) -> CardsResponse:
        call, record, supply = _opened(service, body, today)
        for _ in prefetch.read(call.prefetch, needs(), record, supply):
            await asyncio.sleep(0)
        return _concluded(call, record, supply, self.settings)


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body up to a limit; what is beyond is taken off the wire for a while, so that the client hears the answer.

    Raises:
        TooLarge: the body is over the limit.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
        if size > 8 * limit:
            break
    if size > limit:
        raise TooLarge(f"the body is larger than {limit // 1024 // 1024} MiB: narrow the prefetch queries by date or count")
    return b"".join(chunks)


def answer(service: Service, body: bytes, today: date, settings: Settings) -> CardsResponse:
    """Answer a call in one go.

    Raises:
        NotJson, InvalidCall, MissingData: as `HookRoutes.call`.
    """
    call, record, supply = _opened(service, body, today)
    _exhaust(prefetch.read(call.prefetch, needs(), record, supply))
    return _concluded(call, record, supply, settings)


def _opened(service: Service, body: bytes, today: date) -> tuple[HookRequest, PatientRecord, prefetch.Supply]:
    """Read the envelope and the patient."""
    call = read_request(body, service)
    record = PatientRecord(knowledge().vocabulary, call.patient_id, today)
    prefetch.read_patient(call.prefetch, record)
    if record.patient is None:
        if record.other_patients:
            raise InvalidCall("prefetch.patient is another patient than context.patientId")
        raise MissingData("prefetch.patient is missing or could not be read: send the Patient of context.patientId")
    return call, record, prefetch.Supply()


def _concluded(
    call: HookRequest, record: PatientRecord, supply: prefetch.Supply, settings: Settings
) -> CardsResponse:
    """Weigh the chart and word the cards."""
    unknown = supply.unknown_areas(needs())
    chart = Chart(record.today, record.patient, record, unknown)  # type: ignore[arg-type]  # checked when opened
    assessment = assess(chart)
    lacking = [need.key for need in needs() if need.required and need.key not in supply.known]
    if assessment.undecided and lacking:
        reasons = "; ".join(f"prefetch.{key}: {supply.reasons[key]}" for key in lacking)
        raise MissingData(f"without these data nobody can tell whether the patient has a leg symptom: {reasons}")
    desk = Desk(chart, knowledge().orders, call.encounter_id)
    press = Press(desk, knowledge().overrides, settings.address, settings.max_cards)
    return press.answer(assessment.advice, assessment.failed)


def _exhaust(steps: Iterator[None] | Iterable[None]) -> None:
    for _ in steps:
        pass


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), headers=HEADERS, media_type=JSON)
