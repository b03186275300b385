"""Value sets and code systems, as the reader of charts uses them."""

from collections.abc import Iterable, Iterator, Mapping

from fhir.resources.R4B.codesystem import CodeSystem
from fhir.resources.R4B.valueset import ValueSet

from cds.export.elements import Json, checked, extension, head
from cds.reasoning import files
from cds.reasoning.files import AnalyteFile, Include, IntakeFile, OverridesFile, Phrases, ValueSetFile
from cds.reasoning.knowledge import KnowledgeBase
from cds.reasoning.plans import Plan

_DOTTED = "http://hl7.org/fhir/sid/icd-10"
"""How the systems begin whose hierarchy stands in the code itself."""


def value_sets(base: KnowledgeBase) -> Iterator[Json]:
    """Export every value set, and the codes of every analyte."""
    for path in sorted(base.root.glob("*/valuesets/*.toml")):
        yield _value_set(files.read(path, ValueSetFile))
    for path in sorted((base.root / "analytes").glob("*.toml")):
        yield _codes_of(files.read(path, AnalyteFile))


def _value_set(file: ValueSetFile) -> Json:
    made = head("ValueSet", file.name, file.title, file.version, "draft")
    made |= {"purpose": file.purpose, "description": f"Source: {file.source}.", "copyright": _COPYRIGHT}
    made["extension"] = list(_phrases(file.text)) + (
        [extension("needs-leg", "A code counts only where the resource names a leg.")] if file.needs_leg else []
    )
    return _composed(made, file.include, file.exclude)


def _codes_of(file: AnalyteFile) -> Json:
    made = head("ValueSet", file.name, file.title, file.version, "draft")
    made |= {
        "purpose": f"Results of one thing measured: {file.title} [{file.unit}].",
        "description": f"Source: {file.source}.",
        "copyright": _COPYRIGHT,
        "extension": [extension("exact-name", name) for name in file.text],
    }
    return _composed(made, file.include, file.exclude)


_COPYRIGHT = "Codes and displays belong to the owners of their code systems; see NOTICE."


def _phrases(text: Phrases | None) -> Iterator[Json]:
    """Say which words mean the concept where a resource has no code."""
    if text is not None:
        yield from (extension("phrase", phrase) for phrase in text.phrases)
        yield from (extension("phrase-needs-any", word) for word in text.needs_any)
        yield from (extension("phrase-unless-any", word) for word in text.unless_any)


def _composed(made: Json, includes: Iterable[Include], excludes: Iterable[Include]) -> Json:
    compose: Json = {"include": list(_includes(includes))}
    if excluded := list(_includes(excludes)):
        compose["exclude"] = excluded
    if compose["include"]:  # a set of words alone has no codes to compose
        made["compose"] = compose
    if not made["extension"]:
        del made["extension"]
    return checked(made, ValueSet)


def _includes(includes: Iterable[Include]) -> Iterator[Json]:
    for include in includes:
        if include.concept:
            concepts = [{"code": code, "display": display} for code, display in include.concept]
            yield {"system": include.system, "concept": concepts}
        for code, _ in include.descendants_of:
            # In ICD-10-CM that is every code that begins so, the point left aside.
            yield {"system": include.system, "filter": [{"property": "concept", "op": "is-a", "value": code}]}


def code_systems(plans: Iterable[Plan], overrides: OverridesFile, intake: IntakeFile, topic_system: str) -> list[Json]:
    """Export the code systems that are ours: topics, override reasons, answers of the intake form."""
    topics = {plan.topic: plan.knowledge.file.title for plan in plans if not plan.accompanies}
    answers = {code: display for item in intake.item for code, display in item.options}
    return [
        _code_system(topic_system, "Topics of advice", topics),
        _code_system(overrides.system, "Why a card was set aside", overrides.reasons),
        _code_system(intake.system, "Answers of the leg ache intake form", answers),
    ]


def _code_system(url: str, title: str, concepts: Mapping[str, str]) -> Json:
    id_ = url.rsplit("/", 1)[-1]
    made = head("CodeSystem", id_, title, "0.1.0", "draft")
    made |= {
        "url": url,
        "caseSensitive": True,
        "content": "complete",
        "count": len(concepts),
        "concept": [{"code": code, "display": display} for code, display in concepts.items()],
    }
    return checked(made, CodeSystem)
