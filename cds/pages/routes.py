"""The routes of the pages. What they compute runs beside the event loop, so that it holds up no hook call."""

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from cards.models import CardsResponse
from cards.wording import WORDING
from cds.errors import InvalidCall
from cds.export.pages import makers
from cds.hooks import discovery
from cds.hooks.build_sheet import DIALECTS, build_sheet
from cds.hooks.routes import HookRoutes, read_body
from cds.hooks.statuses import HEADERS, JSON
from cds.pages import html, intake
from cds.pages.calls import as_written, hook_call
from cds.pages.html import Document
from cds.pages.patients import examples
from cds.pages.why import criteria, why
from cds.services import REVIEW, SERVICES, differential, plans
from cds.settings import SANDBOX, Settings

_AREAS = (("try", "Try it"), ("knowledge", "Knowledge"), ("intake", "Intake"), ("connect", "Connect"))
_GUARDED = _AREAS[1:3]
"""What is left where only clients may call."""
_REPORTS = (("reports", "Reports"),)
_FIRST = "rls-iron-epic"
"""The example patient who is chosen to begin with: one with cards, and results over time."""


class Pages:
    """Routes of the pages, under given settings."""

    def __init__(self, settings: Settings, hooks: HookRoutes) -> None:
        """Route them."""
        self._settings, self._hooks = settings, hooks
        # Where only clients with a token may call, nobody can try it from a page, nor hears of the services.
        self._is_open = settings.clients is None
        areas = (_AREAS if self._is_open else _GUARDED) + (_REPORTS if settings.has_reports else ())
        self.html = html.Pages(settings.address, areas)
        self._one_explained = asyncio.Semaphore(1)
        self.router = APIRouter()
        self._route("/", self.home)
        self._route("/knowledge", self.knowledge_index)
        self._route("/knowledge/{topic}", self.knowledge)
        self._route("/intake", self.intake)
        self._route("/static/{version}/{name}", self.asset)
        if not settings.has_reports:
            self._route("/reports", self.no_reports)
        if self._is_open:
            self._route("/connect", self.connect)
            self._route("/connect/{client}", self.build_sheet)
            self._route("/try", self.try_it)
            self._route("/try/patients/{slug}", self.patient)
            self._route("/try/call", self.call, ["POST"])
            self._route("/try/cards", self.cards, ["POST"])
            self._route("/try/why", self.why, ["POST"])
            self._route("/try/why/{topic}", self.criteria, ["POST"])

    def _route(self, path: str, answer: Callable[..., Any], methods: Sequence[str] = ("GET", "HEAD")) -> None:
        self.router.add_api_route(path, answer, methods=list(methods))

    def home(self) -> Response:
        """Lead to the first page."""
        return RedirectResponse(self.html.areas[0][0], headers=HEADERS)

    # --- Try it ------------------------------------------------------------------------------------------------------

    def try_it(self) -> Response:
        """Show the page on which a patient is chosen and the cards are seen."""
        return self.html.page(
            "try.html",
            "try",
            examples=examples().values(),
            first=_FIRST,
            limit=self._settings.max_body_bytes,
            service=REVIEW,
            kept=_kept(self._settings),
        )

    def patient(self, slug: str) -> Response:
        """Give an example patient's Bundle."""
        if slug not in examples():
            raise HTTPException(404)
        return Response(examples()[slug].bundle(), headers=HEADERS, media_type=JSON)

    async def call(self, request: Request, patient: str | None = None) -> Response:
        """Turn a Bundle into the hook call that an EHR would make of it.

        Raises:
            NotJson: it is not JSON (400).
            TooLarge: it is over the limit (413).
            InvalidCall: it is no Bundle, or holds no such patient (422).
        """
        made = await run_in_threadpool(hook_call, await self._body(request), patient)
        return Response(as_written.encode(made), headers=HEADERS, media_type=JSON)

    async def cards(self, request: Request) -> Response:
        """Draw an answer of this service's hooks as an EHR would.

        Raises:
            InvalidCall: it is no such answer (422).
        """
        body = await self._body(request)
        try:
            answer = msgspec.json.decode(body, type=CardsResponse)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InvalidCall("these are not the cards of this service") from error
        return await run_in_threadpool(self._drawn, answer)

    def _drawn(self, answer: CardsResponse) -> Response:
        return self.html.fragment("cards.html", cards=answer.cards, markdown=html.card_html)

    async def why(self, request: Request) -> Response:
        """Explain a call of the review: what each plan makes of it, what would change that, and the results over time.

        Raises:
            NotJson, TooLarge, InvalidCall, MissingData: as the hook itself.
        """
        chart = await self._hooks.chart(REVIEW, await self._body(request))
        return await self._explained(lambda: self.html.fragment("why.html", why=chart and why(chart, REVIEW)))

    async def criteria(self, request: Request, topic: str) -> Response:
        """Explain what one plan makes of a call, criterion by criterion.

        Raises:
            NotJson, TooLarge, InvalidCall, MissingData: as the hook itself.
        """
        plan = next((plan for plan in plans() if plan.topic == topic), None)
        chart = await self._hooks.chart(REVIEW, await self._body(request))
        if plan is None or chart is None:
            raise HTTPException(404)
        return await self._explained(
            lambda: self.html.fragment("criteria.html", criteria=criteria(plan, chart, REVIEW))
        )

    async def _explained(self, explain: Callable[[], Response]) -> Response:
        async with self._one_explained:
            return await run_in_threadpool(explain)

    async def _body(self, request: Request) -> bytes:
        # A form of a foreign page cannot send this type, so that none can put words into pages of ours.
        if request.headers.get("content-type", "").partition(";")[0].strip() != JSON:
            raise HTTPException(415)
        return await read_body(request, self._settings.max_body_bytes)

    # --- Knowledge ---------------------------------------------------------------------------------------------------

    def knowledge_index(self, request: Request) -> Response:
        """List the topics."""
        return self._knowledge("index", request)

    def knowledge(self, topic: str, request: Request) -> Response:
        """Show how a topic's advice is reached: to a browser as a page, else as the text that it is made of."""
        return self._knowledge(topic, request)

    def _knowledge(self, topic: str, request: Request) -> Response:
        if f"{topic}.md" not in makers():
            raise HTTPException(404)
        if "text/html" not in request.headers.get("accept", ""):
            return Response(_text(topic), headers={**HEADERS, "Vary": "Accept"}, media_type="text/plain; charset=utf-8")
        drawn = self.html.page(
            "knowledge.html",
            "knowledge",
            topic=topic,
            document=_document(topic),
            topics=[(plan.topic, plan.knowledge.file.title) for plan in plans()],
            order=WORDING.order,
        )
        drawn.headers["Vary"] = "Accept"
        return drawn

    # --- Intake and Connect ------------------------------------------------------------------------------------------

    def intake(self) -> Response:
        """Show the intake form; its answers may be sent to a FHIR server that the person names."""
        form = differential().intake
        return self.html.page(
            "intake.html",
            "intake",
            connects="https: http:",
            form=form,
            kind=intake.kind,
            can_be_tried=self._is_open,
        )

    def connect(self) -> Response:
        """Show how the service is registered at each kind of client."""
        document: Any = discovery.document(self._settings.specification_version)
        address = f"{self._settings.address}/cds-services"
        asked = {"serviceDiscoveryURL": address, "hook": REVIEW.hook, "screen": REVIEW.hook}
        return self.html.page(
            "connect.html",
            "connect",
            services=SERVICES.values(),
            sheets=[(client, html.document(build_sheet(client, self._settings)).title) for client in DIALECTS],
            sandbox=f"{SANDBOX}/?{urlencode(asked)}",
            required=document["services"][0]["extension"][discovery.REQUIRED],
            prefetch=document["services"][0]["prefetch"],
            document=msgspec.json.format(msgspec.json.encode(document), indent=2).decode(),
            settings=self._settings,
        )

    def build_sheet(self, client: str) -> Response:
        """Show what is typed in at one kind of client."""
        dialect = next((dialect for dialect in DIALECTS if dialect == client), None)
        if dialect is None:
            raise HTTPException(404)
        document = html.document(build_sheet(dialect, self._settings))
        return self.html.page("build_sheet.html", "connect", document=document)

    # --- Reports ------------------------------------------------------------------------------------------------------

    def no_reports(self) -> Response:
        """Say what to set, so that there are reports."""
        return self.html.page("no_reports.html", "reports", status=404, settings=self._settings)

    def asset(self, version: str, name: str) -> Response:  # noqa: ARG002 - the version makes the address new
        """Give a file that pages load."""
        if name not in html.assets():
            raise HTTPException(404)
        return html.asset_response(html.assets()[name])


def _kept(settings: Settings) -> str:
    """Tell what the service keeps of a call that is made from a page: as much as of any other."""
    if not settings.keeps_state:
        return "It is neither stored nor logged."
    what = "It is kept whole, sealed" if settings.record else "Of it is kept what the cards say, sealed"
    return (
        f"{what}, for {settings.retention_days} days, as of every call: this service has a database. It is not logged."
    )


@cache
def _text(topic: str) -> str:
    return makers()[f"{topic}.md"]()


@cache
def _document(topic: str) -> Document:
    return html.document(_text(topic))
