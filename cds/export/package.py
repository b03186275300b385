"""All exported resources together: found by type and id, described, and written as a FHIR package folder."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from urllib.parse import urlencode

from cards.wording import WORDING
from cds.errors import ExportError
from cds.export.elements import BASE, FHIR, PUBLISHER, RELEASE, Json, checked, full
from cds.export.extensions import structure_definitions
from cds.export.plans import activity_definitions, plan_definition
from cds.export.questionnaire import questionnaire
from cds.export.terminology import code_systems, value_sets
from cds.services import differential, knowledge, plans

_NAME = "org.legwork.knowledge"
_INDEXED = ("resourceType", "id", "url", "version", "kind", "type")


def _code_systems() -> Iterable[Json]:
    topics = [*(plan.knowledge.file for plan in plans()), differential().knowledge.file]
    return code_systems(topics, knowledge().overrides, differential().intake, WORDING.topic_system)


_MAKERS: Mapping[str, Callable[[], Iterable[Json]]] = {
    "PlanDefinition": lambda: (plan_definition(plan, WORDING.topic_system) for plan in plans()),
    "ActivityDefinition": lambda: activity_definitions(knowledge().orders),
    "ValueSet": lambda: value_sets(knowledge()),
    "CodeSystem": _code_systems,
    "Questionnaire": lambda: [questionnaire(differential().intake)],
    "StructureDefinition": structure_definitions,
}
"""What is exported, by type: whoever adds a kind of resource adds a line here."""
KINDS = tuple(_MAKERS)
_making = Lock()


def exported(kind: str) -> Mapping[str, Json]:
    """Give every resource of a type, by id; made once, when somebody first asks.

    Raises:
        KnowledgeError: a knowledge file cannot be said in FHIR.
    """
    with _making:  # two that ask at once wait for one making
        return _made(kind)


@cache
def _made(kind: str) -> Mapping[str, Json]:
    return {resource["id"]: resource for resource in _MAKERS[kind]()}


def _is(held: str, asked: tuple[str, ...]) -> bool:
    return held in asked


def _begins(held: str, asked: tuple[str, ...]) -> bool:
    held = held.casefold()
    return any(held.startswith(one.casefold()) for one in asked)


_SEARCH: Mapping[str, tuple[str, str, Callable[[str, tuple[str, ...]], bool]]] = {
    "_id": ("id", "token", _is),
    "url": ("url", "uri", _is),
    "version": ("version", "token", _is),
    "status": ("status", "token", _is),
    "name": ("name", "string", _begins),
    "title": ("title", "string", _begins),
}
"""Search parameter -> element, kind of parameter, and when one of several values is found in it:
https://hl7.org/fhir/R4/search.html."""


def searchset(kind: str, asked: Sequence[tuple[str, str]], address: str) -> Json:
    """Answer a search with a Bundle; parameters that we do not know are ignored, as the self link shows."""
    used = dict.fromkeys((name, value) for name, value in asked if name in _SEARCH and value)
    wanted = [(*_SEARCH[name], tuple(filter(None, dict.fromkeys(value.split(","))))) for name, value in used]
    entries = [
        {"fullUrl": f"{address}/fhir/{kind}/{resource['id']}", "resource": resource, "search": {"mode": "match"}}
        for resource in exported(kind).values()
        if all(is_match(resource.get(element, ""), values) for element, _, is_match, values in wanted)
    ]
    query = f"?{urlencode(tuple(used))}" if used else ""
    return full({
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(entries),
        "link": [{"relation": "self", "url": f"{address}/fhir/{kind}{query}"}],
        "entry": entries,
    })  # fmt: skip


def capability_statement(address: str) -> Json:
    """Say what can be asked."""
    parameters = [{"name": name, "type": kind} for name, (_, kind, _) in _SEARCH.items()]
    interactions = [{"code": "read"}, {"code": "search-type"}]
    return checked({
        "resourceType": "CapabilityStatement",
        "id": "legwork",
        "status": "draft",
        "date": max(plan.knowledge.file.last_review_date for plan in plans()).isoformat(),
        "publisher": PUBLISHER,
        "kind": "instance",
        "software": {"name": "Legwork", "version": RELEASE},
        "implementation": {"description": "The knowledge of Legwork, read only", "url": f"{address}/fhir"},
        "fhirVersion": FHIR,
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [{"type": kind, "interaction": interactions, "searchParam": parameters} for kind in KINDS],
            }
        ],
    })  # fmt: skip


def write(folder: Path) -> int:
    """Write a FHIR package folder; the same knowledge gives the same bytes, and nothing older stays beside them.

    Returns:
        How many resources were written.

    Raises:
        ExportError: something else than a package of ours is there already, or the folder cannot be written.
    """
    written = {f"{kind}-{id_}.json": resource for kind in KINDS for id_, resource in exported(kind).items()}
    index = [
        {"filename": name} | {key: resource[key] for key in _INDEXED if isinstance(resource.get(key), str)}
        for name, resource in written.items()
    ]
    manifest = {
        "name": _NAME,
        "version": RELEASE,
        "canonical": BASE,
        "title": "Legwork: knowledge on legs that ache at rest",
        "description": "Draft knowledge, approved by no clinician.",
        "fhirVersions": [FHIR],
        "dependencies": {"hl7.fhir.r4.core": FHIR},
        "author": PUBLISHER,
        "license": "Apache-2.0",
        "type": "fhir.kb",
    }
    about = {".index.json": {"index-version": 1, "files": index}, "package.json": manifest}
    package = folder / "package"
    try:
        _clear(package)
        package.mkdir(parents=True, exist_ok=True)
        for name, content in {**written, **about}.items():
            (package / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise ExportError(f"{package} cannot be written: {error.strerror}") from error
    return len(index)


def _clear(package: Path) -> None:
    """Take away an older package of ours."""
    if not package.is_dir() or not any(package.iterdir()):
        return
    try:
        ours = json.loads((package / "package.json").read_text(encoding="utf-8")).get("name") == _NAME
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise ExportError(f"{package} holds something else: name another folder")
    for path in package.glob("*.json"):
        path.unlink()
