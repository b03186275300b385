"""The pages that a clinician reviews and signs: a plan in sentences, its codes, and its cases."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from cds.cases import Case, cases
from cds.reasoning import files
from cds.reasoning.files import AnalyteFile, Include, ValueSetFile
from cds.reasoning.plans import Plan
from cds.reasoning.review import review
from cds.services import differential, knowledge, plans

_SHARED = "codes.md"


def page(plan: Plan) -> str:
    """Write the review page of a topic as Markdown."""
    return "\n".join([review(plan).rstrip(), *_codes(plan), *_cases(plan), *_signature(plan)]) + "\n"


def _codes(plan: Plan) -> Iterator[str]:
    named = sorted(name.removeprefix("codes:") for name in plan.knowledge.used if name.startswith("codes:"))
    own = [name for name in named if _paths()[name].parents[1] == plan.knowledge.folder]
    yield from ("", "## Codes", "")
    for name in own:
        yield from _listed(name)
    shared = [f"[{_read(name).title}]({_SHARED}#{name})" for name in named if name not in own]
    if shared:
        yield from ("", f"Shared with other topics: {', '.join(shared)}.")


def _listed(name: str) -> Iterator[str]:
    file = _read(name)
    purpose = f" {file.purpose}" if isinstance(file, ValueSetFile) else ""
    yield from ("", f"### {name}", "", f"{file.title}.{purpose} Verified: {file.source}.", "")
    for include in file.include:
        yield from _included(include, "")
    for exclude in file.exclude:
        yield from _included(exclude, "not ")
    words = (file.text.phrases if file.text else ()) if isinstance(file, ValueSetFile) else file.text
    if words:
        yield f"- in words: {', '.join(words)}"


def _included(include: Include, prefix: str) -> Iterator[str]:
    use = "" if include.use == "accept" else f" ({include.use})"
    for code, display in include.concept:
        yield f"- {prefix}`{code}` {display}{use} ({_system(include.system)})"
    for code, display in include.descendants_of:
        yield f"- {prefix}`{code}` {display}, and all below it ({_system(include.system)})"


_SYSTEMS: Mapping[str, str] = {
    "http://snomed.info/sct": "SNOMED CT",
    "http://loinc.org": "LOINC",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://www.whocc.no/atc": "ATC",
    "http://www.ama-assn.org/go/cpt": "CPT",
}


def _system(url: str) -> str:
    return _SYSTEMS.get(url, url)


def _cases(plan: Plan) -> Iterator[str]:
    yield from ("", "## Cases", "", "| patient | advice |", "|---|---|")
    yield from (f"| {_cell(case.name)} | {_expected(case)} |" for case in cases(plan))


def _expected(case: Case) -> str:
    return ", ".join(f"{name} ({indicator})" for name, indicator in case.expect.items()) or "silence"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _signature(plan: Plan) -> Iterator[str]:
    yield from ("", "## Signature", "", f"{plan.knowledge.file.title} {plan.knowledge.file.version}.", "")
    yield from ("Reviewed by (name, profession): ", "", "Date, signature: ")


def _overview() -> str:
    rows = [
        f"| [{file.title}]({file.id}.md) | {file.version} | {file.status} | {len(file.recommendations)} | {count} |"
        for file, count in ((plan.knowledge.file, sum(1 for _ in cases(plan))) for plan in plans())
    ]
    return "\n".join([
        "# Knowledge for review",
        "",
        "One page a topic, written by `legwork pages` from the files that are executed. Nothing here is approved yet.",
        "",
        "| topic | version | status | recommendations | cases |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"How causes are set side by side: [the differential](differential.md). Codes that several topics share: "
        f"[{_SHARED}]({_SHARED}).",
    ]) + "\n"  # fmt: skip


def _shared_codes() -> str:
    own = {plan.knowledge.folder for plan in plans()}
    shared = sorted(name for name, path in _paths().items() if path.parents[1] not in own)
    return "\n".join(["# Codes that topics share", *(line for name in shared for line in _listed(name))]) + "\n"


def _weights() -> str:
    """Show what weighs for and against each cause."""
    weighed = differential()
    file, plan = weighed.file, weighed.knowledge.file
    causes = [cause.title for cause in file.causes.values()]
    rows = [
        f"| {feature.words} | {weighed.features[name]} | "
        + " | ".join(f"{feature.weights[c]:+d}" if c in feature.weights else "" for c in file.causes)
        + " |"
        for name, feature in file.features.items()
    ]
    return "\n".join([
        f"# {plan.title} (`{plan.id}` {plan.version}, {plan.status})",
        "",
        plan.purpose,
        "",
        f"A cause is listed from a score of {file.listed}; every weight is proposed and unapproved.",
        "",
        f"| feature | when | {' | '.join(causes)} |",
        f"|---|---|{'---|' * len(causes)}",
        *rows,
        "",
        "## Known gaps",
        "",
        *(f"- {gap}" for gap in plan.known_gaps),
    ]) + "\n"  # fmt: skip


def pages() -> Iterator[tuple[str, str]]:
    """Write every page: its file name and its text."""
    yield "index.md", _overview()
    yield _SHARED, _shared_codes()
    yield "differential.md", _weights()
    yield from ((f"{plan.topic}.md", page(plan)) for plan in plans())


@cache
def _paths() -> Mapping[str, Path]:
    root = knowledge().root
    found: Iterable[Path] = (*root.glob("*/valuesets/*.toml"), *root.glob("analytes/*.toml"))
    return {path.stem: path for path in found}


@cache
def _read(name: str) -> ValueSetFile | AnalyteFile:
    path = _paths()[name]
    return files.read(path, AnalyteFile) if path.parent.name == "analytes" else files.read(path, ValueSetFile)
