"""Assembly: the parts put together into one ASGI application, warm before its first call."""

import asyncio
import gc
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from cards.dialects import OWN_CODES
from cards.suggestions import warm_up as warm_up_orders
from cds.clients import DEVELOPMENT, SANDBOX_ISSUER, check_orders, read_clients
from cds.errors import CallError
from cds.fhir.server import FhirServers
from cds.hooks import health, statuses
from cds.hooks.answering import answer
from cds.hooks.feedback import FeedbackRoute
from cds.hooks.middleware import Cors, Guarded, Tidied, Watched
from cds.hooks.routes import HookRoutes
from cds.hooks.shared import SharedKnowledge
from cds.pages.html import Pages as Html
from cds.pages.problems import Worded
from cds.pages.routes import Pages
from cds.services import REVIEW, SERVICES, check_signed, check_topics, knowledge, needs, plans
from cds.settings import Settings, load_settings
from cds.telemetry import tracing
from cds.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from cds.pages.login import Login
    from cds.store.database import Store

_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, clock: Callable[[], float] = time.time) -> ASGIApp:
    """Build the application; its knowledge is loaded when it starts.

    Args:
        settings: how to run; by default as the environment says.
        clock: what tells the day of a call [s since 1970].

    Raises:
        SettingsError: a setting, or the clients' file, is wrong.
        StoreError: the tables of the database are of another version.
    """
    settings = settings or load_settings()
    if settings.refuses_drafts:
        check_signed()
    token, metrics = settings.secret("metrics_token"), Metrics(_loaded)
    state = _State(settings, clock) if settings.keeps_state else None
    trust = None if settings.clients is None or state is None else _Trust(settings, settings.clients, state.store)
    journal = None if state is None else state.journal
    fhir = FhirServers()
    anybody = DEVELOPMENT.model_copy(update={"fhir_servers": settings.fhir_servers})
    routes = HookRoutes(settings, anybody, fhir, journal, clock)
    # FastAPI's own OpenAPI would know nothing of bodies: cds/hooks/openapi.py describes them.
    app = FastAPI(
        title="Legwork",
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(settings, fhir, state, trust),
        telemetry=tracing.config({f"/cds-services/{id_}" for id_ in SERVICES}),
    )
    app.state.store = None if state is None else state.store
    app.state.journal, app.state.trust, app.state.metrics, app.state.metrics_token = journal, trust, metrics, token
    app.include_router(routes.router)
    metrics.add(lambda: {"legwork_large_calls_in_hand": routes.large_calls})
    if state is not None:
        metrics.add(state.figures)
    app.include_router(FeedbackRoute(settings, anybody, journal).router)
    app.include_router(health.router)
    pages = Pages(settings, routes)
    app.include_router(pages.router)
    if settings.has_reports and state is not None:
        app.router.routes.extend(state.reports(settings, pages.html, clock))
    app.include_router(SharedKnowledge(settings).router)
    app.add_exception_handler(CallError, _of_error)
    app.add_exception_handler(HTTPException, _of_error)
    app.add_exception_handler(RequestValidationError, _of_address)
    if trust:
        trust.join(app)
    app.add_middleware(Guarded)
    app.add_middleware(
        Cors,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        # Browsers ask this of a service on the user's own machine, before a public page may call it.
        allow_private_network=settings.is_loopback,
        expose_headers=["X-Correlation-Id", "Retry-After"],
        max_age=600,
    )
    app.add_middleware(Worded, pages=pages.html)
    return Watched(Tidied(app), metrics)


def _loaded() -> list[tuple[str, str, str]]:
    files = ((plan.topic, plan.knowledge.file) for plan in plans())
    return [(topic, file.version, file.status) for topic, file in files]


async def _of_error(_: Request, error: Exception) -> Response:
    return statuses.of(error)


async def _of_address(_: Request, __: Exception) -> Response:
    # In place of FastAPI's own words, which repeat what was sent.
    return statuses.outcome(422, "invalid", "a part of the address is not as it should be")


class _State:
    """What is remembered. A service that was told of no database and no clients has none, nor loads what it needs."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        from cds.hooks.journal import Journal  # noqa: PLC0415 - SQLAlchemy
        from cds.store.database import Store  # noqa: PLC0415 - likewise
        from cds.store.patients import PatientKey  # noqa: PLC0415 - likewise

        self.store = Store(settings.database)
        self.store.prepare()
        self.key = PatientKey.at(settings.patient_key)
        self.journal = Journal(self.store, self.key, settings, clock)

    def reports(self, settings: Settings, html: Html, clock: Callable[[], float]) -> Sequence[BaseRoute]:
        """Route the reports, behind a login where one is set."""
        from cds.pages.reports import Reports  # noqa: PLC0415 - SQLAlchemy

        return Reports(html, self.store, self._login(settings, html, clock), clock).routes()

    def _login(self, settings: Settings, html: Html, clock: Callable[[], float]) -> "Login | None":
        secret, hash_ = settings.secret("oidc_client_secret"), settings.secret("reports_password")
        if secret is not None:
            from cds.pages.oidc import OidcLogin  # noqa: PLC0415 - Authlib

            who = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_claim, *settings.oidc_values)
            return OidcLogin(html, self.key.session("\x1f".join(who).encode() + secret), clock, settings, secret)
        if hash_ is not None:
            from cds.pages.login import PasswordLogin  # noqa: PLC0415 - itsdangerous
            from cds.passwords import Password  # noqa: PLC0415 - likewise

            return PasswordLogin(html, self.key.session(hash_), clock, Password(hash_))
        return None

    def figures(self) -> Mapping[str, float]:
        """Give the figures of what is written down."""
        recorder = self.journal.recorder
        return {
            "legwork_records_waiting": recorder.waiting,
            "legwork_records_kept_total": recorder.kept,
            "legwork_records_lost_total": recorder.lost,
            "legwork_looks_missed_total": self.journal.unlooked,
            "legwork_database_failures_total": self.store.failures,
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write behind the answers, and in the end what is left to write."""
        self.journal.start()
        yield
        await asyncio.to_thread(self.journal.close)
        self.store.close()


class _Trust:
    """What verifies callers. A service that was told of no clients has none of it, nor loads what it needs."""

    def __init__(self, settings: Settings, clients: Path, store: "Store") -> None:
        from cds.hooks.keys import Keys  # noqa: PLC0415 - cryptography

        self.clients = read_clients(clients)
        check_orders(self.clients, knowledge().orders, OWN_CODES)
        for client in self.clients.values():
            if client.issuer == SANDBOX_ISSUER:
                _log.warning("client %s is the public sandbox, in whose name anybody may call", client.name)
        check_topics(self.clients.values())
        self.store = store
        self.keys = Keys()
        self._address = settings.address

    def join(self, app: FastAPI) -> None:
        """Put it before the routes."""
        from cds.hooks.trust import Trusted  # noqa: PLC0415 - likewise
        from cds.store.replay import ReplayGuard  # noqa: PLC0415 - likewise

        guard = ReplayGuard(self.store)
        app.add_middleware(Trusted, address=self._address, clients=self.clients, keys=self.keys, guard=guard)

    def with_keys(self) -> int:
        """Count the clients whose keys are at hand."""
        return sum(self.keys.are_at_hand(client) for client in self.clients.values())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask for keys before somebody waits for them, and close in the end what was opened."""
        asking = asyncio.create_task(self.keys.fetch_all(self.clients.values()))
        yield
        asking.cancel()
        await self.keys.close()


def _lifespan(
    settings: Settings, fhir: FhirServers, state: _State | None, trust: _Trust | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warm_up(settings)
        async with state.running() if state else nullcontext(), trust.running() if trust else nullcontext():
            yield
        await fhir.close()

    return lifespan


def warm_up(settings: Settings) -> None:
    """Do before the first call what it would otherwise pay for, and keep the collector off what stays for ever.

    Raises:
        KnowledgeError: a knowledge file is wrong.
    """
    needs()
    warm_up_orders(knowledge().orders)
    today = date(2026, 1, 2)
    body = _made_up_call(today)
    for _ in range(3):
        answer(REVIEW, body, today, settings)
    gc.collect()
    gc.freeze()
    # Structures of a call are made without the collector; what little it sees needs no eager passes.
    gc.set_threshold(50_000, 20, 1000)


def _made_up_call(today: date) -> bytes:
    legs = {
        "resourceType": "Condition",
        "subject": {"reference": "Patient/warm-up"},
        "code": {"text": "leg pain"},
        "onsetDateTime": today.isoformat(),
    }
    call = {
        "hook": REVIEW.hook,
        "hookInstance": str(uuid.UUID(int=0)),
        "context": {"userId": "Practitioner/warm-up", "patientId": "warm-up"},
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "warm-up", "birthDate": "1960-01-01"},
            "conditions": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": legs}]},
        },
    }
    return json.dumps(call).encode()
