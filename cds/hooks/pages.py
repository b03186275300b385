"""What is not CDS Hooks: health, readiness, and the review page of a topic that cards link to."""

import msgspec
from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from cds.export.pages import page
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


@router.api_route("/knowledge/{topic}", methods=["GET", "HEAD"])
async def knowledge_page(topic: str) -> Response:
    """Show how a topic's advice is reached, as plain text."""
    for plan in plans():
        if plan.topic == topic:
            return Response(page(plan), headers=HEADERS, media_type="text/plain; charset=utf-8")
    raise HTTPException(404)
