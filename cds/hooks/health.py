"""Health, readiness and figures, for whoever keeps the service running."""

import hmac

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from cds.errors import NotTrusted
from cds.hooks.statuses import HEADERS, JSON
from cds.services import plans
from cds.telemetry.metrics import CONTENT_TYPE

router = APIRouter()


@router.api_route("/health", methods=["GET", "HEAD"])
async def health() -> Response:
    """Say that the process lives."""
    return Response(msgspec.json.encode({"status": "ok"}), headers=HEADERS, media_type=JSON)


@router.api_route("/ready", methods=["GET", "HEAD"])
async def ready(request: Request) -> Response:
    """Say whether calls should come here (200) or not (503): the knowledge is loaded, and some client can be verified.

    Without the database cards come all the same, so that it makes the service poorer, not unready.
    """
    known = request.app.state
    state = {"status": "ready", "plans": {plan.topic: plan.knowledge.file.version for plan in plans()}}
    if known.store is not None:
        up = await known.store.is_up()
        state["database"] = "ok" if up else "not to be had: a used token is known in its process only"
    if known.journal is not None:
        recorder = known.journal.recorder
        state["records"] = {"waiting": recorder.waiting, "lost": recorder.lost}
    status = 200
    if known.trust is not None:
        with_keys, clients = known.trust.with_keys(), len(known.trust.clients)
        state["keys"] = f"those of {with_keys} of {clients} clients are to be had"
        if not with_keys:
            state["status"], status = "not ready: no client can be verified", 503
    return Response(msgspec.json.encode(state), status, HEADERS, media_type=JSON)


@router.api_route("/metrics", methods=["GET", "HEAD"])
async def figures(request: Request) -> Response:
    """Give the figures to Prometheus: with its token, or on a service that only this machine reaches.

    Without either there is nothing at this address. When a plan spoke is not for everybody to know.
    """
    known, given = request.app.state, request.headers.get("authorization", "").encode()
    if known.metrics_token is not None:
        if not hmac.compare_digest(given, b"Bearer " + known.metrics_token):
            raise NotTrusted("metrics: the header Authorization must be Bearer and the token of LEGWORK_METRICS_TOKEN")
    elif known.trust is not None:
        raise HTTPException(404)
    return Response(known.metrics.page(), headers=HEADERS, media_type=CONTENT_TYPE)
