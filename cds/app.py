"""Assembly: the parts put together into one ASGI application, warm before its first call."""

import gc
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from cards.suggestions import warm_up as warm_up_orders
from cds.clients import DEVELOPMENT
from cds.errors import CallError
from cds.fhir.server import FhirServers
from cds.hooks import health, statuses
from cds.hooks.middleware import Cors, Guarded, Tidied
from cds.hooks.routes import HookRoutes, answer
from cds.hooks.shared import SharedKnowledge
from cds.pages.routes import Pages
from cds.services import REVIEW, knowledge, needs
from cds.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Build the application; its knowledge is loaded when it starts.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = settings or load_settings()
    # Without OpenAPI: the discovery document describes the services, and no page is served that nobody asked for.
    fhir = FhirServers()
    client = DEVELOPMENT.model_copy(update={"fhir_servers": settings.fhir_servers})
    app = FastAPI(title="Legwork", openapi_url=None, redirect_slashes=False, lifespan=_lifespan(settings, fhir))
    hooks = HookRoutes(settings, client, fhir)
    app.include_router(hooks.router)
    app.include_router(health.router)
    app.include_router(Pages(settings, hooks).router)
    app.include_router(SharedKnowledge(settings).router)
    app.add_exception_handler(CallError, _of_error)
    app.add_exception_handler(HTTPException, _of_error)
    app.add_exception_handler(RequestValidationError, _of_address)
    app.add_middleware(Guarded)
    app.add_middleware(
        Cors,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        # Browsers ask this of a service on the user's own machine, before a public page may call it.
        allow_private_network=settings.is_loopback,
        expose_headers=["X-Correlation-Id"],
        max_age=600,
    )
    return Tidied(app)


async def _of_error(_: Request, error: Exception) -> Response:
    return statuses.of(error)


async def _of_address(_: Request, __: Exception) -> Response:
    # In place of FastAPI's own words, which repeat what was sent.
    return statuses.outcome(422, "invalid", "a part of the address is not as it should be")


def _lifespan(settings: Settings, fhir: FhirServers) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warm_up(settings)
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
