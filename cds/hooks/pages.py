"""What is not CDS Hooks: health, readiness, and the review page of a topic that cards link to."""

from functools import cache

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from cds.export.pages import makers
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


@router.api_route("/knowledge/{topic}", methods=["GET", "HEAD"])
def knowledge_page(topic: str) -> Response:
    """Show how a topic's advice is reached, as plain text; a plain function, so that it holds up no hook call."""
    if f"{topic}.md" not in makers():
        raise HTTPException(404)
    return Response(_page(topic), headers=HEADERS, media_type="text/plain; charset=utf-8")


@cache
def _page(topic: str) -> str:
    return makers()[f"{topic}.md"]()
