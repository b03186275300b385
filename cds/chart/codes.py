"""Codes and the concepts they mean.

A *concept* is the name of a value set or an analyte ("pad-diagnosis", "ferritin"). The code book answers one question,
for every coding of every resource of every call: which concepts does this coding belong to?
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cds.chart.memory import Remembered

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
ATC = "http://www.whocc.no/atc"
BY_PREFIX = frozenset({ICD, ATC})
"""Systems whose hierarchy is spelled in the code itself."""

_SNOMED = "http://snomed.info/sct"
_LONGEST_PREFIX = 8
NONE: frozenset[str] = frozenset()


def plain(code: str) -> str:
    """Spell a hierarchical code without its dot, in upper case: `i70.2` -> `I702`."""
    return code.replace(".", "").strip().upper()


@dataclass(slots=True)
class CodeSystems:
    """Canonical URIs of code systems, by every spelling that stands for them."""

    _canonical: dict[str, str | None] = field(default_factory=dict)

    def add(self, uri: str, aliases: Iterable[str] = ()) -> None:
        """Make a system known under its URI and its aliases."""
        for spelling in (uri, *aliases):
            self._canonical[spelling] = uri
            self._canonical[_folded(spelling)] = uri

    def canonical(self, spelling: str) -> str | None:
        """Give the URI of the system that a spelling stands for; None for an unknown one."""
        try:
            return self._canonical[spelling]
        except KeyError:
            folded = _folded(spelling)
            if folded.startswith(_SNOMED):  # an edition or a version of SNOMED CT
                folded = _SNOMED
            return self._canonical.get(folded)


def _folded(spelling: str) -> str:
    without_version = spelling.partition("|")[0]
    return without_version.strip().rstrip("/").lower().replace("https://", "http://", 1)


class CodeBook:
    """Which concepts a coding belongs to. Filled when the knowledge is loaded, then only asked."""

    def __init__(self) -> None:
        """Start an empty book."""
        self.systems = CodeSystems()
        self.meanings = Remembered(self._lookup, 65_536)
        """System and code as they are spelled -> what `lookup` gives: charts repeat the same few hundred codings."""
        self.systems_of: dict[str, frozenset[str]] = {}
        """Concept -> the systems in which it is coded."""
        self._spoken: set[str] = set()
        """Systems in which some concept is coded."""
        self._exact: dict[tuple[str, str], frozenset[str]] = {}
        self._below: dict[tuple[str, str], frozenset[str]] = {}
        self._never: dict[tuple[str, str], frozenset[str]] = {}

    def add(self, concept: str, system: str, code: str, *, below: bool = False) -> None:
        """Let a code (and, if `below`, all codes beneath it) mean a concept."""
        if system in BY_PREFIX:
            code = plain(code)
        self._spoken.add(system)
        self.systems_of[concept] = self.systems_of.get(concept, NONE) | {system}
        table = self._below if below else self._exact
        table[system, code] = table.get((system, code), NONE) | {concept}

    def exclude(self, concept: str, system: str, code: str) -> None:
        """Let a code and all codes beneath it not mean a concept after all."""
        code = plain(code) if system in BY_PREFIX else code
        self._never[system, code] = self._never.get((system, code), NONE) | {concept}

    def lookup(self, system: str | None, code: str | None) -> tuple[frozenset[str], bool]:
        """Name the concepts of a coding of any spelling of its system, and say whether we know codes of that system.

        A code of a system that we know decides, even when it means nothing to us; of any other, the words may speak.
        """
        return self.meanings[system, code]

    def _lookup(self, system: str | None, code: str | None) -> tuple[frozenset[str], bool]:
        canonical = self.systems.canonical(system) if system and code else None
        if canonical is None or code is None or canonical not in self._spoken:
            return NONE, False
        if canonical not in BY_PREFIX:
            key = (canonical, code.strip())
            return self._exact.get(key, NONE) - self._never.get(key, NONE), True
        code = plain(code)
        found = self._exact.get((canonical, code), NONE)
        beginnings = [(canonical, code[:length]) for length in range(1, min(len(code), _LONGEST_PREFIX) + 1)]
        for beginning in beginnings:
            found |= self._below.get(beginning, NONE)
        for beginning in beginnings if found else ():
            found -= self._never.get(beginning, NONE)
        return found, True
