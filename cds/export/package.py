"""All exported resources together: found by type and id, described, and written as a FHIR package folder."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from cards.wording import WORDING
from cds.export.elements import BASE, PUBLISHER, Json, checked
from cds.export.plans import activity_definitions, plan_definition
from cds.export.questionnaire import questionnaire
from cds.export.terminology import code_systems, value_sets
from cds.services import differential, knowledge, plans

KINDS = ("PlanDefinition", "ActivityDefinition", "ValueSet", "CodeSystem", "Questionnaire")
_FHIR = "4.0.1"
_NAME = "org.legwork.knowledge"
_INDEXED: tuple[str, ...] = ("resourceType", "id", "url", "version", "kind")


@cache
def exported() -> Mapping[str, Mapping[str, Json]]:
    """Give every resource, by type and id; made once, when somebody first asks.

    Raises:
        KnowledgeError: a knowledge file cannot be said in FHIR.
    """
    base, intake = knowledge(), differential().intake
    made: dict[str, Iterable[Json]] = {
        "PlanDefinition": [plan_definition(plan, WORDING.topic_system) for plan in plans()],
        "ActivityDefinition": activity_definitions(base.orders),
        "ValueSet": value_sets(base),
        "CodeSystem": code_systems(plans(), base.overrides, intake, WORDING.topic_system),
        "Questionnaire": [questionnaire(intake)],
    }
    return {kind: {resource["id"]: resource for resource in made[kind]} for kind in KINDS}


def found(kind: str, wanted: Mapping[str, str]) -> Sequence[Json]:
    """Search the resources of a type by `_id`, `url` or `name`; other parameters are ignored."""
    by = {"_id": "id", "url": "url", "name": "name"}
    asked = {by[key]: value for key, value in wanted.items() if key in by}
    return [r for r in exported()[kind].values() if all(r.get(key) == value for key, value in asked.items())]


def searchset(kind: str, wanted: Mapping[str, str], address: str) -> Json:
    """Answer a search with a Bundle."""
    entries = [
        {"fullUrl": f"{address}/fhir/{kind}/{r['id']}", "resource": r, "search": {"mode": "match"}}
        for r in found(kind, wanted)
    ]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return bundle | ({"entry": entries} if entries else {})


def capability_statement(address: str) -> Json:
    """Say what can be asked."""
    parameters = [{"name": "url", "type": "uri"}, {"name": "name", "type": "string"}, {"name": "_id", "type": "token"}]
    interactions = [{"code": "read"}, {"code": "search-type"}]
    made: Json = {
        "resourceType": "CapabilityStatement",
        "id": "legwork",
        "status": "draft",
        "date": max(plan.knowledge.file.last_review_date for plan in plans()).isoformat(),
        "publisher": PUBLISHER,
        "kind": "instance",
        "software": {"name": "Legwork", "version": version("legwork-cds")},
        "implementation": {"description": "The knowledge of Legwork, read only", "url": f"{address}/fhir"},
        "fhirVersion": _FHIR,
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [{"type": kind, "interaction": interactions, "searchParam": parameters} for kind in KINDS],
            }
        ],
    }
    return checked(made, CapabilityStatement)


def write(folder: Path) -> int:
    """Write a FHIR package folder; the same knowledge gives the same bytes.

    Returns:
        How many resources were written.
    """
    package = folder / "package"
    package.mkdir(parents=True, exist_ok=True)
    index: list[Json] = []
    for kind in KINDS:
        for id_, resource in exported()[kind].items():
            name = f"{kind}-{id_}.json"
            _write(package / name, resource)
            index.append({"filename": name} | {key: resource[key] for key in _INDEXED if key in resource})
    _write(package / ".index.json", {"index-version": 1, "files": index})
    manifest: Json = {
        "name": _NAME,
        "version": version("legwork-cds"),
        "canonical": BASE,
        "title": "Legwork: knowledge on legs that ache at rest",
        "description": "Draft knowledge, approved by no clinician.",
        "fhirVersions": [_FHIR],
        "dependencies": {"hl7.fhir.r4.core": _FHIR},
        "author": PUBLISHER,
        "license": "Apache-2.0",
        "type": "fhir.kb",
    }
    _write(package / "package.json", manifest)
    return len(index)


def _write(path: Path, content: Json) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
