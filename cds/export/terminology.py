"""Value sets and code systems, as the reader of charts uses them.

A value set of ours is met by a code of its list; in systems whose hierarchy stands in the code itself (ICD-10-CM, ATC),
`is-a` means every code that begins with it, the point left aside. What is left out there is left out with all below it.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cds.chart.codes import BY_PREFIX
from cds.export import extensions
from cds.export.elements import RELEASE, Json, checked, full, head, systems
from cds.reasoning import files
from cds.reasoning.files import AnalyteFile, Include, IntakeFile, OverridesFile, PlanFile, ValueSetFile
from cds.reasoning.knowledge import KnowledgeBase

_DEPRECATED = "deprecated"


def value_sets(base: KnowledgeBase) -> Iterator[Json]:
    """Export every value set, and the codes of every analyte."""
    for path in sorted(base.root.glob("*/valuesets/*.toml")):
        yield _value_set(files.read(path, ValueSetFile))
    for path in sorted((base.root / "analytes").glob("*.toml")):
        yield _codes_of(files.read(path, AnalyteFile))


def _value_set(file: ValueSetFile) -> Json:
    parts: list[tuple[str, Any]] = []
    if file.text is not None:
        parts += [("phrase", phrase) for phrase in file.text.phrases]
        parts += [("phrase-needs-any", word) for word in file.text.needs_any]
        parts += [("phrase-unless-any", word) for word in file.text.unless_any]
    if file.needs_leg:
        parts.append(("needs-leg", True))
    if file.unless_elsewhere:
        parts.append(("unless-elsewhere", True))
    parts += [("needs-words", word) for word in file.needs_words]
    own = {"extension": list(extensions.MATCHING.of_parts(parts)), "purpose": file.purpose}
    return _published(file, own)


def _codes_of(file: AnalyteFile) -> Json:
    parts: list[tuple[str, Any]] = [("category", file.category), ("unit", file.unit)]
    parts += [("accepts", unit) for unit in file.accepts]
    if file.plausible is not None:
        parts += [("plausible-low", file.plausible[0]), ("plausible-high", file.plausible[1])]
    names = [("exact-name", name) for name in file.text]
    own = {
        "extension": [*extensions.ANALYTE.of_parts(parts), *extensions.MATCHING.of_parts(names)],
        "purpose": f"Results of one thing measured: {file.title} [{file.unit}].",
    }
    return _published(file, own)


def _published(file: ValueSetFile | AnalyteFile, own: Json) -> Json:
    made = head("ValueSet", file.name, file.title, file.version, "draft")
    included = list(_includes(file.include))
    # A set of words alone has no codes to compose.
    compose = {"include": included, "exclude": list(_excludes(file.exclude))} if included else {}
    return checked(
        made
        | {
            "date": _day(file.version),
            "description": "\n\n".join(_notes(file)),
            "copyright": _owners(file.include),
            "compose": full(compose),
        }
        | own
    )


def _notes(file: ValueSetFile | AnalyteFile) -> Iterator[str]:
    yield f"Source: {file.source}."
    used = {i.system for i in file.include if i.descendants_of} | {i.system for i in file.exclude}
    for system in sorted(used & BY_PREFIX):
        name = systems()[system]["name"]
        yield f"In {name} “is-a” goes by the letters: every code that begins so, its point left aside."
    if retired := [f"{code} {display}" for i in file.include if i.use == _DEPRECATED for code, display in i.concept]:
        yield f"Retired codes, kept for old charts: {'; '.join(retired)}."


def _owners(includes: Iterable[Include]) -> str:
    used = sorted({include.system for include in includes})
    return "\n".join(owner for system in used if (owner := systems().get(system, {}).get("owner")))


def _day(version: str) -> str | None:
    try:
        return dt.date.fromisoformat(version).isoformat()
    except ValueError:
        return None


def _includes(includes: Iterable[Include]) -> Iterator[Json]:
    for include in includes:
        meant = [
            *extensions.CODE_USE.of_parts(_use(include)),
            *([extensions.EXPRESSION.of(include.ecl)] if include.ecl else []),
        ]
        # A list and a filter exclude each other in one include, and two filters in one would have to hold both.
        if include.concept:
            yield full({"extension": meant, "system": include.system, "concept": _concepts(include)})
        for code, _ in include.descendants_of:
            yield full({"extension": meant, "system": include.system, "filter": [_is_a(code)]})


def _use(include: Include) -> Iterator[tuple[str, str]]:
    if include.use != "accept":
        yield "use", include.use
    if include.caution:
        yield "caution", include.caution
    if include.missing_unit:
        yield "missing-unit", include.missing_unit
    if include.preferred:
        yield "preferred", str(include.preferred)


def _excludes(excludes: Iterable[Include]) -> Iterator[Json]:
    for exclude in excludes:
        if exclude.system in BY_PREFIX:
            for code, _ in (*exclude.concept, *exclude.descendants_of):
                yield {"system": exclude.system, "filter": [_is_a(code)]}
        elif exclude.concept:
            yield {"system": exclude.system, "concept": _concepts(exclude)}


def _concepts(include: Include) -> list[Json]:
    return [{"code": code, "display": display} for code, display in include.concept]


def _is_a(code: str) -> Json:
    return {"property": "concept", "op": "is-a", "value": code}


def code_systems(
    topics: Sequence[PlanFile], overrides: OverridesFile, intake: IntakeFile, topic_system: str
) -> Iterator[Json]:
    """Export the code systems that are ours: topics, override reasons, answers of the intake form."""
    yield _code_system(topic_system, "Topics of advice", RELEASE, {file.id: file.title for file in topics})
    yield _code_system(overrides.system, "Why a card was set aside", RELEASE, overrides.reasons)
    answers = {code: display for item in intake.item for code, display in item.options}
    yield _code_system(intake.system, "Answers of the leg ache intake form", intake.version, answers)


def _code_system(url: str, title: str, version: str, concepts: Mapping[str, str]) -> Json:
    made = head("CodeSystem", url.rsplit("/", 1)[-1], title, version, "draft")
    return checked(
        made
        | {
            "url": url,
            "caseSensitive": True,
            "content": "complete",
            "count": len(concepts),
            "concept": [{"code": code, "display": display} for code, display in concepts.items()],
        }
    )
