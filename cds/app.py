"""Assembly: the parts put together into one ASGI application, warm before its first call."""

import gc
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from cards.suggestions import warm_up as warm_up_orders
from cds.errors import CallError, place_of
from cds.hooks import pages, statuses
from cds.hooks.routes import HookRoutes, answer
from cds.hooks.statuses import outcome
from cds.services import REVIEW, knowledge, needs
from cds.settings import Settings, load_settings

_log = logging.getLogger(__name__)

_HTTP_ISSUES = {404: "not-found", 405: "not-supported", 413: "too-long", 415: "not-supported"}
_HTTP_WORDS = {
    404: "there is nothing at this address; GET /cds-services lists the services",
    405: "this address does not take this method; services take POST, discovery takes GET",
}


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Build the application.

    Raises:
        KnowledgeError: a knowledge file is wrong.
        SettingsError: a setting is wrong.
    """
    settings = settings or load_settings()
    routes = HookRoutes(settings)
    app = FastAPI(title="Legwork", docs_url=None, redoc_url=None, lifespan=_lifespan(settings))
    app.include_router(routes.router)
    app.include_router(pages.router)
    app.add_exception_handler(CallError, _of_call)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_middleware(_Guarded)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["X-Correlation-Id"],
        max_age=600,
    )
    return _Tidied(app)


def _lifespan(settings: Settings) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warm_up(settings)
        yield

    return lifespan


def warm_up(settings: Settings) -> None:
    """Do before the first call what it would otherwise pay for, and keep the collector off what stays for ever."""
    needs()
    warm_up_orders(knowledge().orders)
    today = "2026-01-02"
    body = {
        "hook": REVIEW.hook,
        "hookInstance": str(uuid.UUID(int=0)),
        "context": {"userId": "Practitioner/warm-up", "patientId": "warm-up"},
        "prefetch": {"patient": {"resourceType": "Patient", "id": "warm-up", "birthDate": "1960-01-01"}, **_warm_chart(today)},
    }
    for _ in range(3):
        answer(REVIEW, json.dumps(body).encode(), date.fromisoformat(today), settings)
    gc.collect()
    gc.freeze()
    # Structures of a call are made without the collector; what little it sees needs no eager passes.
    gc.set_threshold(50_000, 20, 1000)


def _warm_chart(today: str) -> dict[str, Any]:
    subject = {"reference": "Patient/warm-up"}
    legs = {"resourceType": "Condition", "id": "c", "subject": subject, "code": {"text": "leg pain"}, "onsetDateTime": today}
    return {"conditions": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": legs}]}}


async def _of_call(_: Request, error: Exception) -> Response:
    return statuses.of(error)


async def _of_http(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = _HTTP_WORDS.get(status, "the request could not be handled")
    answer_ = outcome(status, _HTTP_ISSUES.get(status, "processing"), words)
    if isinstance(error, HTTPException) and error.headers:
        answer_.headers.update(error.headers)
    return answer_


async def _of_validation(_: Request, __: Exception) -> Response:
    return outcome(422, "invalid", "a part of the address is not as it should be")


class _Guarded:
    """Turns any error that nobody foresaw into an OperationOutcome, inside CORS, so that browsers may read it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def noting(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            if started:
                raise
            response = outcome(500, "exception", "something went wrong on our side; the id of this answer names it in our log")
            _log.error("%s %s", response.headers["X-Correlation-Id"], place_of(error))
            await response(scope, receive, send)


class _Tidied:
    """Takes doubled and trailing slashes for single ones and none: some clients join addresses carelessly."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and ("//" in path or (path.endswith("/") and path != "/")):
            scope = {**scope, "path": "/" + "/".join(part for part in path.split("/") if part)}
        await self.app(scope, receive, send)
