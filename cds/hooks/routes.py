"""The routes of CDS Hooks: what comes over HTTP, what is fetched beside it, and what goes back."""

import asyncio
import contextlib
import time
from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from cards.account import Restraint, Told
from cards.models import CardsResponse
from cards.rendering import DIFFERENTIAL, unevaluated
from cds.chart.chart import Chart
from cds.clients import Client
from cds.errors import MissingData, TooLarge, TooSlow, UnknownService
from cds.fhir import fetching
from cds.fhir.access import Access
from cds.fhir.server import FhirServers
from cds.hooks import discovery, openapi
from cds.hooks.answered import Answered, AsAnswered
from cds.hooks.answering import NARROW, NOTHING, Conclusion, Opened, chart_of, conclude, open_call
from cds.hooks.statuses import HEADERS, JSON
from cds.services import SERVICES, Service, differential
from cds.settings import Settings
from cds.telemetry import tracing
from cds.telemetry.requests import Fetched, Spoke, current

if TYPE_CHECKING:
    from cds.hooks.journal import Journal  # SQLAlchemy, which development does without

LARGE = 1536 * 1024
"""From this size on a body is read with breaths between, and only one at a time [By]."""

LARGE_CALLS = 32
"""Large calls in hand at once; a further one is sent away for `RETRY_AFTER` seconds, rather than kept waiting."""

RETRY_AFTER = 2

MOST_VALUES = 2_000_000
"""Values in a body, counted by their commas: three times what charts of the largest size hold; each costs memory."""

LEAST_VALUE = 3
"""What a value that costs memory takes at least: an empty object and its comma [By]."""

BODY_SECONDS = 30.0
"""How long a body may take to come [s]: the largest over ten megabits a second."""


@dataclass(slots=True)
class HookRoutes:
    """Answers hook calls under given settings."""

    settings: Settings
    anybody: Client
    """The terms of whoever calls where callers prove nothing."""
    fhir: FhirServers
    journal: "Journal | None" = None
    """Where answers are written down, if anywhere."""
    clock: Callable[[], float] = time.time
    _one_large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    large_calls: int = 0
    """Large calls in hand."""

    @property
    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        router.add_api_route("/cds-services", self.discover, methods=["GET", "HEAD"])
        # A plain route: what FastAPI would look up for each call, this one does not need.
        router.add_route("/cds-services/{service_id}", self.call, methods=["POST"])
        router.add_api_route("/openapi.json", self.describe, methods=["GET", "HEAD"])
        return router

    async def discover(self) -> Response:
        """Describe the services."""
        current().service = "discovery"
        return as_json(discovery.document(self.settings.specification_version))

    async def describe(self) -> Response:
        """Describe every address that programs use."""
        return as_json(openapi.document(self.settings.address))

    async def call(self, request: Request) -> Response:
        """Answer one hook call.

        Raises:
            UnknownService: no such service (404).
            HTTPException: the body is compressed (415), or too many large calls are in hand (503).
            TooLarge: the body is over a limit (413).
            TooSlow: the body does not come (408).
            NotJson: the body is not JSON (400).
            InvalidCall: a member is missing, mistyped or contradicts another (422).
            MissingData: the patient or the problem list is not to be had (412).
        """
        service, client = service_of(request), client_of(request, self.anybody)
        body = await read_body(request, self.settings.max_body_bytes)
        today, start = self._today(), time.perf_counter()
        opened: Opened | None = None
        try:
            opened = await self._gathered(service, body, client, today)
            concluded = NOTHING if opened is None else await self._conclude(opened, client)
        except MissingData as error:
            self._note(
                Answered(
                    current().id,
                    service.id,
                    client,
                    time.perf_counter() - start,
                    evaluated=False,
                    unknown=error.lacking,
                    made=self._made(AsAnswered(body, today, reason=str(error)), opened),
                )
            )
            if client.silent:
                return as_json(CardsResponse(()))
            if client.unevaluated == "status":
                raise
            current().reason = str(error)
            return as_json(unevaluated(error.lacking))
        shown = CardsResponse(()) if client.silent else concluded.answer
        current().cards = len(shown.cards)
        current().spoke = [_spoke(told) for told in concluded.told]
        tracing.describe(current())
        response = as_json(shown)
        self._note(
            Answered(
                id=current().id,
                service=service.id,
                client=client,
                duration=time.perf_counter() - start,
                user=opened.call.user_id if opened else "",
                patient=opened.call.patient_id if opened else "",
                encounter=opened.call.encounter_id if opened else None,
                unknown=concluded.unknown,
                cards=concluded.answer.cards,
                told=concluded.told,
                made=self._made(AsAnswered(body, today, concluded.restraint, answer=concluded.answer), opened),
            )
        )
        return response

    def _made(self, made: AsAnswered, opened: Opened | None) -> AsAnswered | None:
        """Give what an answer rests on, if that is to be recorded."""
        if self.journal is None or not self.journal.records:
            return None
        return made if opened is None else replace(made, asked=opened.asked, obstacle=opened.supply.obstacle)

    def _note(self, answered: Answered) -> None:
        if self.journal is not None:
            self.journal.note(answered)

    async def _conclude(self, opened: Opened, client: Client) -> Conclusion:
        """Conclude what this client wants to hear."""
        if self.journal is None:
            restraint = Restraint(client.plans_off)
        else:
            restraint = await self.journal.restraint(client, opened.call.patient_id, opened.call.encounter_id)
        return conclude(opened, self.settings, restraint, client)

    async def chart(self, service: Service, body: bytes) -> Chart | None:
        """Give the chart that a call of anybody is answered from; None when nothing of the call is weighed at all.

        Raises:
            NotJson, TooLarge, InvalidCall, MissingData: as `call`.
        """
        opened = await self._gathered(service, body, self.anybody, self._today())
        return None if opened is None else chart_of(opened)

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock(), UTC).date()

    async def _gathered(self, service: Service, body: bytes, client: Client, today: date) -> Opened | None:
        """Read what a call brings, and what may be fetched beside it."""
        if len(body) < LARGE:
            opened = open_call(service, body, today)
            for _ in () if opened is None else opened.steps():
                pass
        else:
            opened = await self._open_large(service, body, today)
        if opened is not None and opened.call.access is not None:
            await self._complete(opened, opened.call.access.within(client), client)
        return opened

    async def _open_large(self, service: Service, body: bytes, today: date) -> Opened | None:
        if self.large_calls >= LARGE_CALLS:
            raise HTTPException(503, headers={"Retry-After": str(RETRY_AFTER)})
        if len(body) > MOST_VALUES * LEAST_VALUE and body.count(b",") > MOST_VALUES:
            raise TooLarge(f"the body holds more than {MOST_VALUES} values: {NARROW}")
        self.large_calls += 1
        try:
            async with self._one_large:
                opened = open_call(service, body, today)
                if opened is None:
                    return None
                for _ in opened.steps():
                    await asyncio.sleep(0)
                return opened
        finally:
            self.large_calls -= 1

    async def _complete(self, opened: Opened, access: Access, client: Client) -> None:
        """Fetch what prefetch did not bring, as far as it may be, and read it."""
        lacking = [need for need in opened.needs() if need.key in opened.supply.reasons]
        if not lacking:
            return
        supply = opened.supply
        if obstacle := access.obstacle(client):
            current().obstacle = supply.obstacle = obstacle
            return
        asked = fetching.questions(supply, lacking, access, opened.call.patient_id)
        opened.asked.extend(asked)
        start = time.perf_counter()
        await fetching.fetch(self.fhir, access, asked, opened.call.patient_id, self.settings.fetch_deadline)
        size = sum(question.size for question in asked)
        current().fetched = Fetched(time.perf_counter() - start, size, {one.need.key: one.reason for one in asked})
        is_large = size >= LARGE
        async with self._one_large if is_large else contextlib.nullcontext():
            for _ in fetching.read(asked, access, opened.record, supply):
                await asyncio.sleep(0)


def service_of(request: Request) -> Service:
    """Give the service that a request names.

    Raises:
        UnknownService: there is none.
    """
    service = SERVICES.get(request.path_params["service_id"])
    if service is None:
        raise UnknownService("no service has this id; GET /cds-services lists those there are")
    current().service = service.id
    return service


def client_of(request: Request, anybody: Client) -> Client:
    """Give the client that calls; anybody's terms where callers prove nothing."""
    client: Client = getattr(request.state, "client", anybody)
    current().client = client.name
    tracing.describe(current())
    return client


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body up to a limit. What is beyond is left to the server, which discards it while the client hears of it.

    Raises:
        HTTPException: the body is compressed (415); to inflate it is to be open to bodies that inflate without end.
        TooLarge: the body is over the limit.
        TooSlow: the body does not come.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, headers={"Accept-Encoding": "identity"})
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                current().size = size
                if size > limit:
                    raise TooLarge(f"the body is larger than {limit} bytes: {NARROW}")
                chunks.append(chunk)
    except TimeoutError as error:
        raise TooSlow(f"the body did not come within {BODY_SECONDS:.0f} seconds") from error
    return b"".join(chunks).removeprefix(BOM_UTF8)  # RFC 8259 lets it be ignored; some clients begin so


def _spoke(told: Told) -> Spoke:
    files = [one.plan.knowledge.file for one in told.advice[:1]]
    files += [differential().knowledge.file] if told.plan == DIFFERENTIAL else []
    return Spoke(told.plan, files[0].version if files else "", told.fate)


def as_json(content: object) -> Response:
    """Make the answer of a request that went well."""
    return Response(msgspec.json.encode(content), headers=HEADERS, media_type=JSON)
