"""What all exported resources share: where they live, who publishes them, and how they are checked."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

import cds.chart
from cds.errors import KnowledgeError
from cds.reasoning import files

Json = dict[str, Any]

BASE = "https://legwork.org/fhir"
"""The canonical base of every resource of ours."""
FHIR = "4.0.1"
"""The version of FHIR that we speak."""
PUBLISHER = "The Legwork authors"
RELEASE = version("legwork-cds")
"""The version of what has none of its own."""
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


def concept(system: str, code: str, display: str) -> Json:
    """Make a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def full(made: Mapping[str, Any]) -> Json:
    """Leave out what is empty: FHIR knows no empty lists and texts."""
    return {name: value for name, value in made.items() if value not in (None, [], {}, "")}


def checked(made: Mapping[str, Any]) -> Json:
    """Check a resource as FHIR R4, by the models of R4B, whose resources of these types do not differ in what we use.

    Raises:
        KnowledgeError: it is not valid; the knowledge file behind it is to be mended.
    """
    kind = made["resourceType"]
    try:
        # The model is loaded when it is first needed: the service starts without it.
        valid: Json = get_fhir_model_class(kind).model_validate(full(made)).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        slips = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise KnowledgeError(f"{kind}/{made['id']} is no valid FHIR: {slips}") from error
    return valid


@cache
def systems() -> Mapping[str, Mapping[str, str]]:
    """Give what is known of each code system, by its URI: its name, and whose it is."""
    table = files.load(Path(cds.chart.__file__ or "").parent / "systems.toml")["system"]
    return {entry["uri"]: entry for entry in table}
