"""Health and readiness, for whoever keeps the service running."""

import msgspec
from fastapi import APIRouter, Response

from cds.hooks.statuses import HEADERS, JSON
from cds.services import plans

router = APIRouter()


@router.api_route("/health", methods=["GET", "HEAD"])
async def health() -> Response:
    """Say that the process lives."""
    return Response(msgspec.json.encode({"status": "ok"}), headers=HEADERS, media_type=JSON)


@router.api_route("/ready", methods=["GET", "HEAD"])
async def ready() -> Response:
    """Say that the knowledge is loaded; the application does not listen before it is."""
    loaded = {plan.topic: plan.knowledge.file.version for plan in plans()}
    return Response(msgspec.json.encode({"status": "ready", "plans": loaded}), headers=HEADERS, media_type=JSON)
