"""The knowledge as FHIR resources, read only: https://hl7.org/fhir/R4/http.html."""

import msgspec
from fastapi import APIRouter, Request, Response

from cds.errors import UnknownResource
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
        """Give the resources of a type, all or those asked for.

        Raises:
            UnknownResource: the type is not one of ours (404).
        """
        return _answer(package.searchset(_known(kind), request.query_params.multi_items(), self._address))

    def read(self, kind: str, id_: str) -> Response:
        """Give one resource.

        Raises:
            UnknownResource: the type is not one of ours, or no resource of it has this id (404).
        """
        resource = package.exported(_known(kind)).get(id_)
        if resource is None:
            raise UnknownResource("no resource of this type has this id; a search without parameters gives them all")
        return _answer(resource)


def _known(kind: str) -> str:
    if kind not in package.KINDS:
        raise UnknownResource(f"of FHIR there are {', '.join(package.KINDS)} here, and metadata")
    return kind


def _answer(resource: Json) -> Response:
    return Response(msgspec.json.encode(resource), headers=HEADERS, media_type=FHIR_JSON)
