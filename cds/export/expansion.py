"""SNOMED CT lists rebuilt from a terminology server: https://hl7.org/fhir/R4/valueset-operation-expand.html.

A list in a value set may name the expression (ECL) whose members it is to hold. Nothing of this happens while charts
are read: the list in the file is what counts, and a clinician sees what would change.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cds.errors import KnowledgeError, TerminologyError
from cds.reasoning import files
from cds.reasoning.files import Include, Pair, ValueSetFile
from cds.reasoning.knowledge import base

SNOMED = "http://snomed.info/sct"
_PAGE = 1000
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A list beside its expansion."""

    path: Path
    include: Include
    members: Sequence[Pair]
    """What the expression means today, in the order of the codes."""

    @property
    def added(self) -> list[Pair]:
        """Members that the list lacks."""
        listed = {code for code, _ in self.include.concept}
        return [pair for pair in self.members if pair[0] not in listed]

    @property
    def gone(self) -> list[Pair]:
        """What the list holds beside the members: retired, moved, or meant by hand."""
        members = {code for code, _ in self.members}
        return [pair for pair in self.include.concept if pair[0] not in members]


def lists(root: Path, names: Sequence[str] = ()) -> Iterator[tuple[Path, Include]]:
    """Find the lists that name an expression: all, or those of some value sets.

    Raises:
        KnowledgeError: a name is that of no value set that has one.
    """
    base(root)
    found = [
        (path, include)
        for path in sorted(root.glob("*/valuesets/*.toml"))
        for include in files.read(path, ValueSetFile).include
        if include.ecl
    ]
    if lost := sorted(set(names) - {path.stem for path, _ in found}):
        raise KnowledgeError(f"no value set with an expression is named {', '.join(lost)}")
    yield from (one for one in found if not names or one[0].stem in names)


def rebuild(server: str, path: Path, include: Include) -> Rebuilt:
    """Ask a terminology server what an expression means.

    Raises:
        TerminologyError: the server cannot be reached, or its answer cannot be used.
    """
    url = f"{server.rstrip('/')}/ValueSet/$expand"
    members: dict[str, str] = {}
    with httpx.Client(timeout=_SECONDS, headers={"Accept": "application/fhir+json"}) as client:
        while True:
            asked = {"url": f"{SNOMED}?fhir_vs=ecl/{include.ecl}", "count": str(_PAGE), "offset": str(len(members))}
            expansion = _expansion(client, url, asked)
            page = [entry for entry in expansion.get("contains") or () if isinstance(entry, dict) and "code" in entry]
            before = len(members)
            members.update({str(entry["code"]): str(entry.get("display") or "") for entry in page})
            total = expansion.get("total")
            if len(members) == before or not isinstance(total, int) or len(members) >= total:
                return Rebuilt(path, include, sorted(members.items(), key=lambda pair: int(pair[0])))


def _expansion(client: httpx.Client, url: str, asked: dict[str, str]) -> dict[str, Any]:
    try:
        answer = client.get(url, params=asked)
    except httpx.HTTPError as error:
        raise TerminologyError(f"{url} could not be reached: {type(error).__name__}") from error
    try:
        body = answer.json()
    except ValueError as error:
        raise TerminologyError(f"{url} answered {answer.status_code} with something that is no JSON") from error
    if not answer.is_success:
        issues = body.get("issue") if isinstance(body, dict) else None
        said = (
            issues[0].get("diagnostics") if isinstance(issues, list) and issues and isinstance(issues[0], dict) else ""
        )
        raise TerminologyError(f"{url} answered {answer.status_code}: {said or 'no reason given'}"[:500])
    expansion = body.get("expansion") if isinstance(body, dict) else None
    if not isinstance(expansion, dict):
        raise TerminologyError(f"{url} answered with no ValueSet expansion")
    return expansion


def write(rebuilt: Rebuilt) -> None:
    """Put the members that a list lacks into its file; what is there stays, for a clinician to strike out."""
    text = rebuilt.path.read_text(encoding="utf-8")
    block = re.compile(rf'(ecl = "{re.escape(rebuilt.include.ecl or "")}"\nconcept = \[\n(?:.*\n)*?)(\]\n)')
    lines = "".join(f"  [{_quoted(code)}, {_quoted(display)}],\n" for code, display in rebuilt.added)
    changed, count = block.subn(lambda match: match[1] + lines + match[2], text, count=1)
    if count != 1:
        raise KnowledgeError(
            f"{rebuilt.path.name}: its list could not be found: ecl and concept must follow each other"
        )
    rebuilt.path.write_text(changed, encoding="utf-8")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
