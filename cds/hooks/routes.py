"""The routes of CDS Hooks, as the path of the data: envelope, resources, chart, findings, advice, cards."""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from cards.account import Restraint, Told, tell
from cards.dialects import SHAPES
from cards.models import CardsResponse
from cards.rendering import DIFFERENTIAL, Press, unevaluated
from cards.suggestions import Desk
from cards.wording import WORDING
from cds.chart.chart import Chart
from cds.clients import DEVELOPMENT, Client
from cds.errors import InvalidCall, MissingData, TooLarge, TooSlow, UnknownService
from cds.fhir import fetching, prefetch
from cds.fhir.access import Access
from cds.fhir.record import PatientRecord
from cds.fhir.server import FhirServers
from cds.hooks import discovery, openapi
from cds.hooks.answered import Answered, AsAnswered
from cds.hooks.request import ONE_PASS, HookRequest, read_request
from cds.hooks.statuses import HEADERS, JSON
from cds.services import SERVICES, Service, assess, differential, knowledge, needs, order_concepts
from cds.settings import Settings
from cds.telemetry import tracing
from cds.telemetry.requests import Fetched, Spoke, current

if TYPE_CHECKING:
    from cds.hooks.journal import Journal  # SQLAlchemy, which development does without

LARGE = ONE_PASS
"""From this size on a body is read with breaths between, and only one at a time [By]."""

LARGE_CALLS = 32
"""Large calls in hand at once; a further one is sent away for `RETRY_AFTER` seconds, rather than kept waiting."""

RETRY_AFTER = 2

MOST_VALUES = 2_000_000
"""Values in a body, counted by their commas: three times what charts of the largest size hold; each costs memory."""

MOST_ENTRIES = 50_000
"""Entries of Bundles in a body, whatever is in them."""

BODY_SECONDS = 30.0
"""How long a body may take to come [s]: the largest over ten megabits a second."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NARROW = "narrow the prefetch queries by date or count"


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
        opened: _Opened | None = None
        try:
            opened = await self._gathered(service, body, client, today)
            concluded = _NOTHING if opened is None else await self._conclude(opened, client)
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

    def _made(self, made: AsAnswered, opened: "_Opened | None") -> AsAnswered | None:
        """Give what an answer rests on, if that is to be recorded."""
        if self.journal is None or not self.journal.records:
            return None
        return made if opened is None else replace(made, asked=opened.asked, obstacle=opened.supply.obstacle)

    def _note(self, answered: Answered) -> None:
        if self.journal is not None:
            self.journal.note(answered)

    async def _conclude(self, opened: "_Opened", client: Client) -> "_Conclusion":
        """Conclude what this client wants to hear."""
        if self.journal is None:
            restraint = Restraint(client.plans_off)
        else:
            restraint = await self.journal.restraint(client, opened.call.patient_id, opened.call.encounter_id)
        return _conclude(opened, self.settings, restraint, client)

    async def chart(self, service: Service, body: bytes) -> Chart | None:
        """Give the chart that a call of anybody is answered from; None when nothing of the call is weighed at all.

        Raises:
            NotJson, TooLarge, InvalidCall, MissingData: as `call`.
        """
        opened = await self._gathered(service, body, self.anybody, self._today())
        return None if opened is None else _chart(opened)

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock(), UTC).date()

    async def _gathered(self, service: Service, body: bytes, client: Client, today: date) -> "_Opened | None":
        """Read what a call brings, and what may be fetched beside it."""
        if len(body) < LARGE:
            opened = _open(service, body, today)
            for _ in () if opened is None else opened.steps():
                pass
        else:
            opened = await self._open_large(service, body, today)
        if opened is not None and opened.call.access is not None:
            await self._complete(opened, opened.call.access.within(client), client)
        return opened

    async def _open_large(self, service: Service, body: bytes, today: date) -> "_Opened | None":
        if self.large_calls >= LARGE_CALLS:
            raise HTTPException(503, headers={"Retry-After": str(RETRY_AFTER)})
        if body.count(b",") > MOST_VALUES:
            raise TooLarge(f"the body holds more than {MOST_VALUES} values: {_NARROW}")
        self.large_calls += 1
        try:
            async with self._one_large:
                opened = _open(service, body, today)
                if opened is None:
                    return None
                for _ in opened.steps():
                    await asyncio.sleep(0)
                return opened
        finally:
            self.large_calls -= 1

    async def _complete(self, opened: "_Opened", access: Access, client: Client) -> None:
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
                    raise TooLarge(f"the body is larger than {limit} bytes: {_NARROW}")
                chunks.append(chunk)
    except TimeoutError as error:
        raise TooSlow(f"the body did not come within {BODY_SECONDS:.0f} seconds") from error
    return b"".join(chunks)


def answer(service: Service, body: bytes, today: date, settings: Settings) -> CardsResponse:
    """Answer a call in one go, from what it brings.

    Raises:
        NotJson, InvalidCall, MissingData: as `HookRoutes.call`.
    """
    return answer_again(service, AsAnswered(body, today), settings, DEVELOPMENT)


def answer_again(service: Service, made: AsAnswered, settings: Settings, client: Client) -> CardsResponse:
    """Answer a call in one go, from what it brought and what was fetched then.

    Raises:
        NotJson, InvalidCall, MissingData: as `HookRoutes.call`.
    """
    opened = _open(service, made.body, made.day)
    if opened is None:
        return CardsResponse(())
    for _ in opened.steps():
        pass
    opened.supply.obstacle = made.obstacle
    if opened.call.access is not None:
        for _ in fetching.read(made.asked, opened.call.access, opened.record, opened.supply):
            pass
    return _conclude(opened, settings, made.restraint, client).answer


@dataclass(frozen=True, slots=True)
class _Opened:
    """A call whose envelope, orders and patient are read."""

    service: Service
    call: HookRequest
    record: PatientRecord
    supply: prefetch.Supply = field(default_factory=prefetch.Supply)
    asked: list[fetching.Question] = field(default_factory=list)
    """What was asked of the FHIR server."""

    def steps(self) -> Iterator[None]:
        """Read what was supplied; between the steps others may be heard.

        Raises:
            TooLarge: there are more entries than any chart has.
        """
        for count, _ in enumerate(prefetch.read(self.call.prefetch, needs(), self.record, self.supply), 1):
            if count * prefetch.SLICE > MOST_ENTRIES:
                raise TooLarge(f"the body holds more than {MOST_ENTRIES} entries: {_NARROW}")
            yield

    def needs(self) -> Sequence[prefetch.Need]:
        """List what may still be asked for: the patient, as long as there is none, and whatever else was wanted."""
        return needs() if self.record.patient is not None else (prefetch.WHO, *needs())


def _open(service: Service, body: bytes, today: date) -> _Opened | None:
    """Read a call up to its patient; None when it is about orders, and none that is at hand means anything to us."""
    call = read_request(body, service)
    current().instance = call.hook_instance if _UUID.fullmatch(call.hook_instance) else ""
    record = PatientRecord(knowledge().vocabulary, call.patient_id, today)
    for draft in call.orders:
        record.take_draft(draft.resource, at_hand=draft.at_hand)
    if service.orders and record.at_hand().isdisjoint(order_concepts()):
        return None
    opened = _Opened(service, call, record)
    prefetch.read_patient(call.prefetch, record, opened.supply)
    if record.patient is None and record.other_patients:
        raise InvalidCall("prefetch.patient is not the patient of context.patientId: its id is another, or missing")
    if record.patient is None and call.access is None:
        raise _without_patient(opened)
    return opened


def _chart(opened: _Opened) -> Chart:
    if opened.record.patient is None:
        raise _without_patient(opened)
    return Chart(opened.record.today, opened.record.patient, opened.record, opened.supply.unknown_areas(needs()))


@dataclass(frozen=True, slots=True)
class _Conclusion:
    """The cards of a call, what became of each plan's advice, and the areas of the chart that were not to be had."""

    answer: CardsResponse
    told: Sequence[Told] = ()
    unknown: Sequence[str] = ()
    restraint: Restraint = field(default_factory=Restraint)


_NOTHING = _Conclusion(CardsResponse(()))


def _conclude(opened: _Opened, settings: Settings, restraint: Restraint, client: Client) -> _Conclusion:
    """Weigh the chart and word the cards in the client's dialect."""
    call, record, supply = opened.call, opened.record, opened.supply
    chart = _chart(opened)
    handled = current()
    handled.left_out = record.left_out
    handled.unknown = list(chart.unknown)
    assessment = assess(chart, ordering=opened.service.orders)
    handled.failed = assessment.failed
    lacking = [need for need in needs() if need.required and need.key not in supply.known]
    if assessment.undecided and lacking:
        reasons = "; ".join(f"prefetch.{need.key}: {supply.reasons[need.key]}" for need in lacking)
        reasons += _not_fetched(supply)
        raise MissingData(
            f"without these data nobody can tell whether the patient has a leg symptom: {reasons}",
            [f"{area} ({supply.reasons[need.key]})" for need in lacking for area in need.areas],
        )
    shape, orders, analytes = SHAPES[client.dialect], knowledge().orders, knowledge().vocabulary.analytes
    desk = Desk(chart, orders, analytes, call.encounter_id, shape.catalogue(client.orders))
    press = Press(desk, knowledge().overrides, settings.address, client.max_cards or settings.max_cards, shape)
    return _Conclusion(*tell(press, assessment, record.unread, restraint), list(chart.unknown), restraint)


def _spoke(told: Told) -> Spoke:
    files = [one.plan.knowledge.file for one in told.advice[:1]]
    files += [differential().knowledge.file] if told.plan == DIFFERENTIAL else []
    return Spoke(told.plan, files[0].version if files else "", told.fate)


def _without_patient(opened: _Opened) -> MissingData:
    supply = opened.supply
    reason = supply.reasons.get(prefetch.PATIENT, prefetch.NOT_SUPPLIED)
    return MissingData(
        "prefetch.patient is missing or could not be read: send the Patient of context.patientId, or let it be fetched"
        f" ({reason}{_not_fetched(supply)})",
        [f"{WORDING.patient} ({reason})"],
    )


def _not_fetched(supply: prefetch.Supply) -> str:
    return f"; nothing was fetched: {supply.obstacle}" if supply.obstacle else ""


def as_json(content: object) -> Response:
    """Make the answer of a request that went well."""
    return Response(msgspec.json.encode(content), headers=HEADERS, media_type=JSON)
