"""SNOMED CT lists rebuilt from a terminology server: https://hl7.org/fhir/R4/valueset-operation-expand.html.

A list in a value set may name the expression (ECL) whose members it is to hold. Nothing of this happens while charts
are read: the list in the file is what counts, and a clinician sees what would change.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from cds.errors import KnowledgeError, TerminologyError
from cds.reasoning import files
from cds.reasoning.files import Include, Pair, ValueSetFile
from cds.reasoning.knowledge import base

SNOMED = "http://snomed.info/sct"
_PAGE = 1000
_MOST = 20_000
"""Members of an expression; one that has more is no list for a value set."""
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A list beside its expansion."""

    path: Path
    include: Include
    members: Sequence[Pair]
    """What the expression means today, in the order of the codes."""
    release: str = ""
    """The edition and release of SNOMED CT that was asked, as the server names it."""

    @property
    def added(self) -> list[Pair]:
        """Members that the whole set neither holds nor leaves out on purpose."""
        file = files.read(self.path, ValueSetFile)
        settled = {code for part in (*file.include, *file.exclude) if part.system == SNOMED for code, _ in part.concept}
        return [pair for pair in self.members if pair[0] not in settled]

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
        known = ", ".join(sorted({path.stem for path, _ in found}))
        raise KnowledgeError(f"no expression (ecl) stands in {', '.join(lost)}; there is one in {known}")
    yield from (one for one in found if not names or one[0].stem in names)


def rebuild(server: str, path: Path, include: Include) -> Rebuilt:
    """Ask a terminology server what an expression means.

    Raises:
        TerminologyError: the server cannot be reached, or its answer cannot be used.
    """
    url = f"{server.rstrip('/')}/ValueSet/$expand"
    members: dict[str, str] = {}
    asked = {"url": f"{SNOMED}?fhir_vs=ecl/{include.ecl}", "count": str(_PAGE)}
    with httpx.Client(timeout=_SECONDS, headers={"Accept": "application/fhir+json"}) as client:
        while True:
            expansion = _expansion(client, url, asked | {"offset": str(len(members))})
            page = dict(_members(expansion.get("contains"), url))
            known = len(members)
            members |= page
            total = expansion.get("total")
            is_last = len(members) >= total if isinstance(total, int) else len(page) < _PAGE
            if is_last or len(members) == known:
                break
            if len(members) > _MOST:
                raise TerminologyError(f"{include.ecl} has more than {_MOST} members: name something narrower")
    if isinstance(total, int) and len(members) < total:
        raise TerminologyError(f"{url} gave {len(members)} members of {total}, and no more when asked again")
    in_order = sorted(members.items(), key=lambda pair: int(pair[0]))
    return Rebuilt(path, include, in_order, _release(expansion))


def _expansion(client: httpx.Client, url: str, asked: dict[str, str]) -> dict[str, Any]:
    try:
        answer = client.get(url, params=asked)
    except httpx.TimeoutException as error:
        raise TerminologyError(f"{url} did not answer within {_SECONDS:.0f} seconds") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TerminologyError(f"{url} could not be reached: {type(error).__name__}") from error
    try:
        body = answer.json()
    except ValueError as error:
        kind = answer.headers.get("content-type", "").partition(";")[0] or "no stated type"
        raise TerminologyError(f"{url} answered {answer.status_code} with {kind}, which is no JSON") from error
    if not answer.is_success:
        raise TerminologyError(f"{url} answered {answer.status_code}: {_reason(body) or 'no reason given'}"[:500])
    if not isinstance(body, dict) or body.get("resourceType") != "ValueSet":
        raise TerminologyError(f"{url} answered with something that is no ValueSet: {_reason(body)}"[:500])
    expansion = body.get("expansion")
    if not isinstance(expansion, dict):
        raise TerminologyError(f"{url} answered with a ValueSet that has no expansion")
    return expansion


def _reason(body: Any) -> str:
    """Give the words of an OperationOutcome, else the type of what came."""
    if not isinstance(body, dict):
        return type(body).__name__
    issues = body.get("issue")
    first = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    details = first.get("details")
    said = first.get("diagnostics") or (details.get("text") if isinstance(details, dict) else None)
    return " ".join(str(said or body.get("resourceType") or "").split())


def _members(contains: Any, url: str) -> Iterator[Pair]:
    """Give the concepts of a page, those listed beneath others among them."""
    for entry in contains if isinstance(contains, list) else ():
        if not isinstance(entry, dict):
            continue
        code, display = entry.get("code"), " ".join(str(entry.get("display") or "").split())
        if code is not None and entry.get("system") == SNOMED and not entry.get("abstract"):
            if not (str(code).isascii() and str(code).isdigit() and display):
                raise TerminologyError(f"{url} gave a concept without a number or without a display")
            yield str(code), display
        yield from _members(entry.get("contains"), url)


def _release(expansion: dict[str, Any]) -> str:
    parameters = expansion.get("parameter")
    for parameter in parameters if isinstance(parameters, list) else ():
        if isinstance(parameter, dict) and parameter.get("name") in {"version", "used-codesystem"}:
            return str(parameter.get("valueUri") or parameter.get("valueString") or "")
    return ""


def write(rebuilt: Rebuilt, today: date) -> None:
    """Put the members that a list lacks into its file, under a new version of the set.

    What is there stays, for a clinician to strike out: a code that was retired still stands in old charts.

    Raises:
        KnowledgeError: the list cannot be found in the file.
    """
    name, text = rebuilt.path.name, rebuilt.path.read_text(encoding="utf-8")
    block = re.compile(rf'(ecl = "{re.escape(rebuilt.include.ecl or "")}"\nconcept = \[\n(?:.*\n)*?)(\]\n)')
    lines = "".join(f"  [{_quoted(code)}, {_quoted(display)}],\n" for code, display in rebuilt.added)
    changed, count = block.subn(lambda match: match[1] + lines + match[2], text, count=1)
    if count != 1:
        raise KnowledgeError(f"{name}: its list could not be found: ecl and concept must follow each other")
    changed = _VERSION.sub(f'version = "{today.isoformat()}"', changed, count=1)
    files.checked(tomllib.loads(changed), ValueSetFile, name)
    rebuilt.path.write_text(changed, encoding="utf-8")


_VERSION = re.compile(r'^version = ".*"$', re.MULTILINE)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a string of JSON is one of TOML
