"""What all exported resources share: where they live, who publishes them, and how they are checked."""

import re
from collections.abc import Mapping
from typing import Any

from fhir.resources.R4B.fhirresourcemodel import FHIRResourceModel
from pydantic import ValidationError

from cds.errors import KnowledgeError

Json = dict[str, Any]

BASE = "https://legwork.org/fhir"
"""The canonical base of every resource of ours."""
PUBLISHER = "The Legwork authors"
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9]+")


def canonical(kind: str, id_: str) -> str:
    """Give the canonical url of a resource."""
    return f"{BASE}/{kind}/{id_}"


def name_of(id_: str) -> str:
    """Give a name for machines: words run together, each with a capital."""
    return "".join(word[:1].upper() + word[1:] for word in _NOT_IN_NAME.split(id_))


def head(kind: str, id_: str, title: str, version: str, status: str) -> Json:
    """Begin a resource that is published."""
    return {
        "resourceType": kind,
        "id": id_,
        "url": canonical(kind, id_),
        "version": version,
        "name": name_of(id_),
        "title": title,
        "status": status,
        "experimental": status != "active",
        "publisher": PUBLISHER,
    }


def extension(name: str, text: str) -> Json:
    """Make an extension of ours that holds a text."""
    return {"url": canonical("StructureDefinition", name), "valueString": text}


def concept(system: str, code: str, display: str) -> Json:
    """Make a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def checked(resource: Mapping[str, Any], model: type[FHIRResourceModel]) -> Json:
    """Check a resource as FHIR R4.

    Raises:
        KnowledgeError: it is not valid; the knowledge file behind it is to be mended.
    """
    try:
        valid: Json = model.model_validate(resource).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        slips = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise KnowledgeError(f"{resource['resourceType']}/{resource['id']} is no valid FHIR: {slips}") from error
    return valid
