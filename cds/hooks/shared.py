"""The knowledge as FHIR resources, read only: https://hl7.org/fhir/R4/http.html."""

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from cds.export import package
from cds.export.elements import Json
from cds.hooks.statuses import HEADERS
from cds.settings import Settings

FHIR_JSON = "application/fhir+json"
_METHODS = ["GET", "HEAD"]


class SharedKnowledge:
    """Routes below /fhir; plain functions, so that building the resources, once, holds up no hook call."""

    def __init__(self, settings: Settings) -> None:
        """Route them."""
        self._address = settings.address
        self.router = APIRouter(prefix="/fhir")
        self.router.add_api_route("/metadata", self.metadata, methods=_METHODS)
        self.router.add_api_route("/{kind}", self.search, methods=_METHODS)
        self.router.add_api_route("/{kind}/{id_}", self.read, methods=_METHODS)

    def metadata(self) -> Response:
        """Say what can be asked."""
        return _answer(package.capability_statement(self._address))

    def search(self, kind: str, request: Request) -> Response:
        """Give the resources of a type, all or those asked for."""
        if kind not in package.KINDS:
            raise HTTPException(404)
        return _answer(package.searchset(kind, dict(request.query_params), self._address))

    def read(self, kind: str, id_: str) -> Response:
        """Give one resource."""
        resource = package.exported().get(kind, {}).get(id_)
        if resource is None:
            raise HTTPException(404)
        return _answer(resource)


def _answer(resource: Json) -> Response:
    return Response(msgspec.json.encode(resource), headers=HEADERS, media_type=FHIR_JSON)
