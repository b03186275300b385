"""Health and readiness, for whoever keeps the service running."""

import msgspec
from fastapi import APIRouter, Request, Response

from cds.hooks.statuses import HEADERS, JSON
from cds.services import plans

router = APIRouter()


@router.api_route("/health", methods=["GET", "HEAD"])
async def health() -> Response:
    """Say that the process lives."""
    return Response(msgspec.json.encode({"status": "ok"}), headers=HEADERS, media_type=JSON)


@router.api_route("/ready", methods=["GET", "HEAD"])
async def ready(request: Request) -> Response:
    """Say that the knowledge is loaded, which it is before anybody is heard, and whether the database is to be had.

    Without the database cards come all the same, so that it makes the service poorer, not unready.
    """
    state = {"status": "ready", "plans": {plan.topic: plan.knowledge.file.version for plan in plans()}}
    store = request.app.state.store
    if store is not None:
        state["database"] = "ok" if await store.is_up() else "not to be had: a used token is known in its process only"
    return Response(msgspec.json.encode(state), headers=HEADERS, media_type=JSON)
