"""The routes of CDS Hooks, as the path of the data: envelope, resources, chart, findings, advice, cards."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from cards.models import CardsResponse
from cards.rendering import Press
from cards.suggestions import Desk
from cds.chart.chart import Chart
from cds.chart.facts import Patient
from cds.errors import InvalidCall, MissingData, TooLarge, UnknownService
from cds.fhir import prefetch
from cds.fhir.record import PatientRecord
from cds.hooks import discovery
from cds.hooks.request import ONE_PASS, HookRequest, read_request
from cds.hooks.statuses import HEADERS, JSON
from cds.services import SERVICES, Service, assess, knowledge, needs, order_concepts
from cds.settings import Settings

LARGE = ONE_PASS
"""From this size on a body is read with breaths between, and only one at a time [By]."""

LARGE_CALLS = 32
"""Large calls in hand at once; a further one is sent away for `RETRY_AFTER` seconds, rather than kept waiting."""

RETRY_AFTER = 2

MOST_VALUES = 2_000_000
"""Values in a body, counted by their commas: three times what charts of the largest size hold; each costs memory."""

MOST_RESOURCES = 50_000
"""Resources in a body."""

_NARROW = "narrow the prefetch queries by date or count"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class HookRoutes:
    """Answers hook calls under given settings."""

    settings: Settings
    _one_large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    _large_calls: int = 0

    @property
    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        router.add_api_route("/cds-services", self.discover, methods=["GET", "HEAD"])
        # A plain route: what FastAPI would look up for each call, this one does not need.
        router.add_route("/cds-services/{service_id}", self.call, methods=["POST"])
        return router

    async def discover(self) -> Response:
        """Describe the services."""
        return _json(discovery.document(self.settings.specification_version))

    async def call(self, request: Request) -> Response:
        """Answer one hook call.

        Raises:
            UnknownService: no such service (404).
            HTTPException: the body is compressed (415), or too many large calls are in hand (503).
            TooLarge: the body is over a limit (413).
            NotJson: the body is not JSON (400).
            InvalidCall: a member is missing, mistyped or contradicts another (422).
            MissingData: the patient or the problem list is not to be had (412).
        """
        service = SERVICES.get(request.path_params["service_id"])
        if service is None:
            raise UnknownService("no service has this id; GET /cds-services lists those there are")
        body = await read_body(request, self.settings.max_body_bytes)
        today = datetime.now(UTC).date()
        if len(body) < LARGE:
            return _json(answer(service, body, today, self.settings))
        return _json(await self._answer_large(service, body, today))

    async def _answer_large(self, service: Service, body: bytes, today: date) -> CardsResponse:
        if self._large_calls >= LARGE_CALLS:
            raise HTTPException(503, headers={"Retry-After": str(RETRY_AFTER)})
        if body.count(b",") > MOST_VALUES:
            raise TooLarge(f"the body holds more than {MOST_VALUES} values: {_NARROW}")
        self._large_calls += 1
        try:
            async with self._one_large:
                opened = _open(service, body, today)
                if opened is None:
                    return CardsResponse(())
                steps = prefetch.read(opened.call.prefetch, needs(), opened.record, opened.supply)
                for count, _ in enumerate(steps, 1):
                    if count * prefetch.SLICE > MOST_RESOURCES:
                        raise TooLarge(f"the body holds more than {MOST_RESOURCES} resources: {_NARROW}")
                    await asyncio.sleep(0)
                return _conclude(opened, self.settings)
        finally:
            self._large_calls -= 1


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body up to a limit. What is beyond is left to the server, which discards it while the client hears of it.

    Raises:
        HTTPException: the body is compressed (415); to inflate it is to be open to bodies that inflate without end.
        TooLarge: the body is over the limit.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, headers={"Accept-Encoding": "identity"})
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body is larger than {limit} bytes: {_NARROW}")
        chunks.append(chunk)
    return b"".join(chunks)


def answer(service: Service, body: bytes, today: date, settings: Settings) -> CardsResponse:
    """Answer a call in one go.

    Raises:
        NotJson, InvalidCall, MissingData: as `HookRoutes.call`.
    """
    opened = _open(service, body, today)
    if opened is None:
        return CardsResponse(())
    for _ in prefetch.read(opened.call.prefetch, needs(), opened.record, opened.supply):
        pass
    return _conclude(opened, settings)


def chart_of(service: Service, body: bytes, today: date) -> Chart | None:
    """Give the chart that a call is answered from; None when nothing that the call brings is weighed at all.

    Raises:
        NotJson, InvalidCall, MissingData: as `HookRoutes.call`.
    """
    opened = _open(service, body, today)
    if opened is None:
        return None
    for _ in prefetch.read(opened.call.prefetch, needs(), opened.record, opened.supply):
        pass
    return _chart(opened)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A call whose envelope and patient are read."""

    service: Service
    call: HookRequest
    patient: Patient
    record: PatientRecord
    supply: prefetch.Supply = field(default_factory=prefetch.Supply)


def _open(service: Service, body: bytes, today: date) -> _Opened | None:
    """Read a call up to its patient; None when it is about orders, and none that is at hand means anything to us."""
    call = read_request(body, service)
    record = PatientRecord(knowledge().vocabulary, call.patient_id, today)
    for draft in call.orders:
        record.take_draft(draft.resource, at_hand=draft.at_hand)
    if service.orders and record.at_hand().isdisjoint(order_concepts()):
        return None
    prefetch.read_patient(call.prefetch, record)
    if record.patient is None:
        if record.other_patients:
            raise InvalidCall("prefetch.patient is not the patient of context.patientId: its id is another, or missing")
        raise MissingData("prefetch.patient is missing or could not be read: send the Patient of context.patientId")
    return _Opened(service, call, record.patient, record)


def _chart(opened: _Opened) -> Chart:
    return Chart(opened.record.today, opened.patient, opened.record, opened.supply.unknown_areas(needs()))


def _conclude(opened: _Opened, settings: Settings) -> CardsResponse:
    """Weigh the chart and word the cards."""
    call, record, supply = opened.call, opened.record, opened.supply
    if record.left_out:
        _log.info("call %.80r: left out %s", call.hook_instance, dict(record.left_out))
    chart = _chart(opened)
    assessment = assess(chart, ordering=opened.service.orders)
    lacking = [need.key for need in needs() if need.required and need.key not in supply.known]
    if assessment.undecided and lacking:
        reasons = "; ".join(f"prefetch.{key}: {supply.reasons[key]}" for key in lacking)
        raise MissingData(f"without these data nobody can tell whether the patient has a leg symptom: {reasons}")
    desk = Desk(chart, knowledge().orders, knowledge().vocabulary.analytes, call.encounter_id)
    press = Press(desk, knowledge().overrides, settings.address, settings.max_cards)
    return press.answer(assessment, record.unread)


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), headers=HEADERS, media_type=JSON)
