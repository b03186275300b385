"""The pages that a clinician reviews and signs: a plan in sentences, its codes, and its cases."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from cds.cases import Case, cases
from cds.export.elements import systems
from cds.reasoning import files
from cds.reasoning.files import AnalyteFile, Include, Pair, ValueSetFile
from cds.reasoning.plans import Plan
from cds.reasoning.review import cell, changes, concepts, review
from cds.reasoning.versions import fingerprint
from cds.services import differential, knowledge, plans

_SHARED = "codes.md"


def page(plan: Plan) -> str:
    """Write the review page of a topic as Markdown."""
    parts = (_orders(plan), _codes(plan), _cases(plan), _signature(plan))
    return "\n".join([review(plan).rstrip(), *(line for part in parts for line in part)]) + "\n"


def _orders(plan: Plan) -> Iterator[str]:
    suggested = {name for words in plan.knowledge.file.recommendations.values() for name in words.suggests}
    if suggested:
        yield from ("", "## Draft orders", "", "| button | order | priority | code |", "|---|---|---|---|")
    for name in sorted(suggested):
        order = plan.knowledge.base.orders[name]
        code = f"`{order.code.code}` {order.code.display} ({_system(order.code.system)})" if order.code else "in words"
        yield f"| {cell(order.label)} | {cell(order.text)} | {order.priority} | {cell(code)} |"


def _codes(plan: Plan) -> Iterator[str]:
    own = sorted(name for name, path in _paths().items() if path.parents[1] == plan.knowledge.folder)
    yield from ("", "## Codes")
    for name in own:
        yield from _listed(name)
    if shared := [name for name in concepts(plan) if name not in own]:
        yield from ("", "### Read from shared sets", "", "| set | codes | retired | verified |", "|---|---|---|---|")
        for name in shared:
            file, retired = _read(name), len(_retired(name)) or ""
            count = sum(len(i.concept) + len(i.descendants_of) for i in file.include)
            link = f"[{cell(file.title)}]({_home(name)}#{name})"
            yield f"| {link} | {count} | {retired} | {cell(file.source)} |"


def _home(name: str) -> str:
    """Name the page on which a set is listed."""
    folder = _paths()[name].parents[1]
    return next((f"{plan.topic}.md" for plan in plans() if plan.knowledge.folder == folder), _SHARED)


def _listed(name: str) -> Iterator[str]:
    file = _read(name)
    yield from ("", f"### {name}", "", f"{file.title}.{_purpose(file)} Verified: {file.source}.", "")
    for include in file.include:
        yield from _included(include, "")
        if include.ecl:
            yield f"- to be held against the SNOMED CT expression `{include.ecl}`"
    for exclude in file.exclude:
        yield from _included(exclude, "not ")
    if isinstance(file, AnalyteFile):
        yield from _in_words(file.text)
    elif file.text is not None:
        yield from _in_words(file.text.phrases)
        for label, words in (("only beside", file.text.needs_any), ("not beside", file.text.unless_any)):
            if words:
                yield f"- words count {label} one of: {', '.join(words)}"


def _purpose(file: ValueSetFile | AnalyteFile) -> str:
    if isinstance(file, ValueSetFile):
        leg = " It counts only where the resource names a leg." if file.needs_leg else ""
        leg += " It does not count where another place than a leg is named." if file.unless_elsewhere else ""
        words = f" It counts only beside one of: {', '.join(file.needs_words)}." if file.needs_words else ""
        return f" {file.purpose}{leg}{words}"
    plausible = f" Believed from {file.plausible[0]} to {file.plausible[1]}." if file.plausible else ""
    return f" In {file.unit}, read also in {', '.join(file.accepts)}.{plausible}"


def _in_words(words: Sequence[str]) -> Iterator[str]:
    if words:
        yield f"- in words: {', '.join(words)}"


def _included(include: Include, prefix: str) -> Iterator[str]:
    preferred = "preferred among results of one time" if include.preferred else ""
    notes = [_USES.get(include.use, ""), preferred, include.caution]
    said = "".join(f"; {note}" for note in notes if note)
    for code, display in include.concept:
        yield f"- {prefix}`{code}` {display} ({_system(include.system)}{said})"
    for code, display in include.descendants_of:
        yield f"- {prefix}`{code}` {display}, and all below it ({_system(include.system)}{said})"


_USES: Mapping[str, str] = {"deprecated": "retired", "unit-required": "only with a unit"}


def _system(url: str) -> str:
    return systems()[url]["name"] if url in systems() else url


def _retired(name: str) -> list[Pair]:
    return [pair for include in _read(name).include if include.use == "deprecated" for pair in include.concept]


def _cases(plan: Plan) -> Iterator[str]:
    yield from ("", "## Cases", "", "| patient | advice |", "|---|---|")
    yield from (f"| {cell(case.name)} | {_expected(case)} |" for case in cases(plan))


def _expected(case: Case) -> str:
    return ", ".join(f"{name} ({indicator})" for name, indicator in case.expect.items()) or "silence"


def _signature(plan: Plan) -> Iterator[str]:
    file = plan.knowledge.file
    yield from ("", "## Signature", "")
    yield f"{file.title} {file.version}, {file.status}; files {fingerprint(plan.knowledge.folder)[:12]}."
    yield from ("", "| | |", "|---|---|")
    yield from (f"| {line} | |" for line in ("Reviewed by (name, profession)", "Approved, or what to change", "Date"))
    yield "| Signature | |"


def _overview() -> str:
    rows = [
        f"| [{file.title}]({file.id}.md) | {file.version} | {file.status} | {file.approved_by or 'nobody yet'} "
        f"| {len(file.recommendations)} | {count} |"
        for file, count in ((plan.knowledge.file, sum(1 for _ in cases(plan))) for plan in plans())
    ]
    retired = [
        f"| `{code}` | {cell(display)} | [{name}]({_home(name)}#{name}) |"
        for name in sorted(_paths())
        for code, display in _retired(name)
    ]
    return "\n".join([
        "# Knowledge for review",
        "",
        "One page a topic, written by `legwork pages` from the files that are executed. To approve a topic: sign its",
        "page, then set `status`, `approval_date`, `approved_by`, a new `version` and its entry under",
        "`[[changes]]` in its `plan.toml`.",
        "",
        "| topic | version | status | approved by | recommendations | cases |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"How causes are set side by side: [the differential](differential.md). Codes that several topics share: "
        f"[the list]({_SHARED}).",
        "",
        "## Retired codes",
        "",
        "Kept because old charts carry them; none is sent.",
        "",
        "| code | display | set |",
        "|---|---|---|",
        *retired,
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
        "",
        "## Changes",
        "",
        *(f"- {line}" for line in changes(plan)),
    ]) + "\n"  # fmt: skip


def makers() -> Mapping[str, Callable[[], str]]:
    """Give every page by its file name, each still to be written."""
    shared = {"index.md": _overview, _SHARED: _shared_codes, "differential.md": _weights}
    return shared | {f"{plan.topic}.md": partial(page, plan) for plan in plans()}


def pages() -> Iterator[tuple[str, str]]:
    """Write every page: its file name and its text."""
    yield from ((name, make()) for name, make in makers().items())


@cache
def _paths() -> Mapping[str, Path]:
    root = knowledge().root
    found: Iterable[Path] = (*root.glob("*/valuesets/*.toml"), *root.glob("analytes/*.toml"))
    return {path.stem: path for path in found}


@cache
def _read(name: str) -> ValueSetFile | AnalyteFile:
    path = _paths()[name]
    return files.read(path, AnalyteFile) if path.parent.name == "analytes" else files.read(path, ValueSetFile)
