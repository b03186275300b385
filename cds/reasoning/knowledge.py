"""The knowledge base in memory: its files read once, checked, and given to criteria by name.

A wrong name, unit or reference raises KnowledgeError when the knowledge is loaded, so that no call ever meets it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path

from cds.chart.analytes import Analyte, CodeUse, Use
from cds.chart.text import Cues, Phrasebook, phrases, words_of
from cds.chart.units import SPELLINGS, Conversion, Quantity, Unit, conversion_factor
from cds.chart.vocabulary import Question, Vocabulary
from cds.errors import KnowledgeError
from cds.reasoning import files
from cds.reasoning.files import AnalyteFile, Include, IntakeFile, OrderFile, OverridesFile, PlanFile, ValueSetFile

_CHART_DATA = Path(__file__).parent.parent / "chart"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
PROPOSED = "proposed"
"""The evidence of what has no source: the authors' own judgement, to be reviewed first."""

_YEAR = 365
_MONTHS = {91: 3, 92: 3, 182: 6, 183: 6}
"""Days that are so many months."""
_WEEKS = range(2, 27)
"""How many weeks are said as such; else days are counted."""
_LONGEST_IN_MONTHS = 3
"""Years that a card still counts in months."""

_QUANTITY = re.compile(r"(-?[\d.]+)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Codes:
    """A concept that criteria name: a value set, or an analyte."""

    name: str
    title: str
    category: str = ""
    analyte: Analyte | None = field(default=None, compare=False)

    @property
    def measured(self) -> bool:
        """Whether it is an analyte."""
        return self.analyte is not None


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit that a clinician signs."""

    name: str
    quantity: Quantity
    evidence: str
    also: tuple[Quantity, ...] = ()
    """The same limit in further units."""

    @property
    def value(self) -> Decimal:
        """The number, in its own unit."""
        return self.quantity.value

    def __str__(self) -> str:
        others = f" ({', '.join(map(str, self.also))})" if self.also else ""
        return f"{self.quantity}{others}"


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time that a clinician signs."""

    name: str
    days: int
    evidence: str

    def __str__(self) -> str:
        years, rest = divmod(self.days, _YEAR)
        if rest == 0:
            return f"{years} years" if years > _LONGEST_IN_MONTHS else f"{years * 12} months"
        if self.days in _MONTHS:
            return f"{_MONTHS[self.days]} months"
        weeks, rest = divmod(self.days, 7)
        return f"{weeks} weeks" if rest == 0 and weeks in _WEEKS else f"{self.days} days"


@dataclass(slots=True)
class KnowledgeBase:
    """All that the folders under one root hold."""

    root: Path
    vocabulary: Vocabulary
    concepts: dict[str, Codes]
    observation_codes: dict[str, frozenset[str]]
    """Concept -> the codes under which an Observation may carry it."""
    orders: dict[str, OrderFile]
    overrides: OverridesFile
    intake: IntakeFile
    asked: set[str] = field(default_factory=set)
    """The concepts that criteria asked for: what a service needs to be given."""


@cache
def base(root: Path) -> KnowledgeBase:
    """Read the knowledge base under a root, once.

    Raises:
        KnowledgeError: a file is wrong.
    """
    loaded = KnowledgeBase(
        root,
        Vocabulary(phrases=Phrasebook(_cues()), drugs=Phrasebook()),
        {},
        {},
        {
            name: files.checked(members, OrderFile, f"orders.toml {name}")
            for name, members in files.load(root / "orders.toml").items()
        },
        files.read(root / "overrides.toml", OverridesFile),
        files.read(root / "intake" / "questionnaire.toml", IntakeFile),
    )
    for entry in files.load(_CHART_DATA / "systems.toml")["system"]:
        loaded.vocabulary.codes.systems.add(entry["uri"], entry["aliases"])
    for path in sorted(root.glob("*/valuesets/*.toml")):
        _add_value_set(loaded, path)
    for path in sorted((root / "analytes").glob("*.toml")):
        _add_analyte(loaded, path)
    reading = files.load(root / "reading.toml")
    loaded.vocabulary.local_routes = frozenset(reading["local_routes"])
    loaded.vocabulary.leg = frozenset(reading["leg_words"])
    loaded.vocabulary.limb = frozenset(reading["limb_words"])
    loaded.vocabulary.elsewhere = frozenset(reading["elsewhere_words"])
    loaded.vocabulary.sides = {word: side for side, words in reading["side_words"].items() for word in words}
    loaded.vocabulary.questions = {
        item.link: Question(item.text, {code: display.lower() for code, display in item.options})
        for item in loaded.intake.item
    }
    loaded.vocabulary.also_item = dict(reading["also_item"])
    for name, order in loaded.orders.items():
        if lost := set(order.measures) - set(loaded.concepts):
            raise KnowledgeError(f"orders.toml {name}: measures {', '.join(sorted(lost))}, which nothing defines")
    return loaded


def _cues() -> Cues:
    cues = files.load(_CHART_DATA / "negation.toml")
    before, anywhere, after, doubt = (
        tuple(tuple(words_of(text)) for text in cues[key]) for key in ("before", "anywhere", "after", "doubt")
    )
    return Cues(before, anywhere, after, frozenset(doubt))


def _introduce(base_: KnowledgeBase, path: Path, codes: Codes) -> None:
    if codes.name != path.stem:
        raise KnowledgeError(f"{path.name}: its name is {codes.name!r}")
    if codes.name in base_.concepts:
        raise KnowledgeError(f"{path.name}: the name is taken by another file")
    base_.concepts[codes.name] = codes
    base_.vocabulary.titles[codes.name] = codes.title


def _add_value_set(base_: KnowledgeBase, path: Path) -> None:
    file = files.read(path, ValueSetFile)
    _introduce(base_, path, Codes(file.name, file.title, file.kind or ""))
    vocabulary = base_.vocabulary
    _add_codes(vocabulary, file.name, file.include)
    _exclude(vocabulary, file.name, file.exclude)
    base_.observation_codes[file.name] = frozenset(c for i in file.include if i.system == LOINC for c, _ in i.concept)
    if file.needs_leg:
        vocabulary.needs_leg |= {file.name}
    if file.unless_elsewhere:
        vocabulary.unless_elsewhere |= {file.name}
    if file.needs_words:
        vocabulary.needs_words[file.name] = frozenset(file.needs_words)
    needs_any, unless_any = (file.text.needs_any, file.text.unless_any) if file.text else ((), ())
    book = vocabulary.drugs if file.kind == "drug" else vocabulary.phrases
    spoken = list(file.text.phrases) if file.text else []
    if file.kind == "drug":
        spoken += [display for i in file.include if i.system == _RXNORM for _, display in i.concept]
    for phrase in phrases(file.name, spoken, needs_any, unless_any):
        book.add(phrase)


def _add_codes(vocabulary: Vocabulary, concept: str, includes: Iterable[Include]) -> None:
    for include in includes:
        if vocabulary.codes.systems.canonical(include.system) != include.system:
            raise KnowledgeError(f"{concept}: {include.system} is no canonical system of systems.toml")
        for code, _ in include.concept:
            vocabulary.codes.add(concept, include.system, code)
        for code, _ in include.descendants_of:
            vocabulary.codes.add(concept, include.system, code, below=True)


def _exclude(vocabulary: Vocabulary, concept: str, excludes: Iterable[Include]) -> None:
    for exclude in excludes:
        for code, _ in (*exclude.concept, *exclude.descendants_of):
            vocabulary.codes.exclude(concept, exclude.system, code)


def _add_analyte(base_: KnowledgeBase, path: Path) -> None:
    file = files.read(path, AnalyteFile)
    try:
        analyte = _analyte(file)
    except KnowledgeError as error:
        raise KnowledgeError(f"analytes/{path.name}: {error}") from error
    _introduce(base_, path, Codes(file.name, file.title, file.category, analyte))
    vocabulary = base_.vocabulary
    vocabulary.analytes[file.name] = analyte
    for name in analyte.names:
        if vocabulary.names.setdefault(name, file.name) != file.name:
            raise KnowledgeError(f"analytes/{path.name}: the name {name!r} is taken by {vocabulary.names[name]}")
    _add_codes(vocabulary, file.name, file.include)
    _add_codes(vocabulary, f"panel:{file.name}", file.panel)
    _exclude(vocabulary, file.name, file.exclude)
    base_.observation_codes[file.name] = frozenset(code for i in (*file.include, *file.panel) for code, _ in i.concept)


def _analyte(file: AnalyteFile) -> Analyte:
    units = _units(file, file.molar_mass)
    uses = {
        (include.system, code): CodeUse(
            Use(include.use),
            include.caution,
            include.missing_unit,
            _own_units(file, include),
            display,
            include.preferred,
        )
        for include in file.include
        for code, display in include.concept
    }
    spellings = {**SPELLINGS, **file.spellings}
    by_size = [unit for unit, _, _ in file.missing_unit_by_size]
    for unit in (file.missing_unit, *by_size, *file.spellings.values(), *(u.missing_unit for u in uses.values())):
        if unit is not None and unit not in units:
            raise KnowledgeError(f"{unit!r} is not among the units it accepts")
    return Analyte(
        name=file.name,
        title=file.title,
        category=file.category,
        unit=file.unit,
        units=units,
        spellings=spellings,
        plausible=file.plausible,
        reference=file.reference,
        missing_unit=file.missing_unit,
        missing_unit_by_size=file.missing_unit_by_size,
        decimals=file.decimals,
        pairs=tuple(tuple(_quantity(text, units) for text in pair) for pair in file.pairs),
        uses=uses,
        names=frozenset(file.text),
    )


def _units(file: AnalyteFile, molar_mass: Decimal | None) -> dict[str, Unit]:
    units = {file.unit: Unit(file.unit, Decimal(1))}
    for code in file.accepts:
        if code in file.affine:
            units[code] = Unit(code, file.affine[code].slope, file.affine[code].offset)
        elif code != file.unit:
            conversion = Conversion(code, file.unit, molar_mass, file.equivalents_per_mole)
            units[code] = Unit(code, conversion_factor(conversion))
    return units


def _own_units(file: AnalyteFile, include: Include) -> dict[str, Unit] | None:
    if not include.molar_mass and not include.accepts:
        return None
    units = _units(file, include.molar_mass or file.molar_mass)
    return {code: unit for code, unit in units.items() if not include.accepts or code in include.accepts}


def _quantity(text: str, units: dict[str, Unit]) -> Quantity:
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in units:
        raise KnowledgeError(f"the pair {text!r} is no number and unit that it accepts")
    return Quantity(Decimal(match[1]), match[2])


class Knowledge:
    """What criteria.py may name: the files beside it, and the shared ones."""

    def __init__(self, folder: Path) -> None:
        """Open the knowledge of one folder."""
        self.folder = folder
        self.base = base(folder.parent)
        self.file = files.read(folder / "plan.toml", PlanFile)
        self.used: set[str] = set()
        """Names that criteria asked for, by kind: `threshold:x`, `period:x`, `codes:x`."""
        self._check_evidence()

    @classmethod
    def beside(cls, file: str) -> "Knowledge":
        """Open the knowledge of the folder in which a module lies."""
        return cls(Path(file).parent)

    def codes(self, name: str) -> Codes:
        """A value set of this folder or a shared one, or an analyte."""
        if name not in self.base.concepts:
            raise KnowledgeError(f"{self.folder.name}: no value set or analyte is named {name!r}")
        self.used.add(f"codes:{name}")
        self.base.asked.add(name)
        return self.base.concepts[name]

    def threshold(self, name: str) -> Threshold:
        """A limit of plan.toml."""
        if name not in self.file.thresholds:
            raise KnowledgeError(f"{self.folder.name}/plan.toml: no threshold is named {name!r}")
        self.used.add(f"threshold:{name}")
        limit = self.file.thresholds[name]
        quantity = Quantity(limit.value, limit.unit)
        also: tuple[Quantity, ...] = ()
        if limit.analyte is not None:
            analyte = self.base.vocabulary.analytes.get(limit.analyte)
            if analyte is None or limit.unit not in analyte.units:
                raise KnowledgeError(
                    f"{self.folder.name}/plan.toml: threshold {name!r} is not in a unit of its analyte"
                )
            also = tuple(other for other in analyte.pair_of(quantity) if other != quantity and other.unit != "1")
        return Threshold(name, quantity, limit.evidence, also)

    def period(self, name: str) -> Period:
        """A span of time of plan.toml."""
        if name not in self.file.periods:
            raise KnowledgeError(f"{self.folder.name}/plan.toml: no period is named {name!r}")
        self.used.add(f"period:{name}")
        return Period(name, self.file.periods[name].days, self.file.periods[name].evidence)

    def _check_evidence(self) -> None:
        cited = [
            *(limit.evidence for limit in self.file.thresholds.values()),
            *(period.evidence for period in self.file.periods.values()),
            *(key for recommendation in self.file.recommendations.values() for key in recommendation.evidence),
        ]
        if lost := sorted(set(cited) - set(self.file.evidence) - {PROPOSED}):
            raise KnowledgeError(f"{self.folder.name}/plan.toml: no evidence is named {', '.join(lost)}")
        for recommendation in self.file.recommendations.values():
            if lost := sorted(set(recommendation.suggests) - set(self.base.orders)):
                raise KnowledgeError(f"{self.folder.name}/plan.toml: no order is named {', '.join(lost)}")
        if lost := sorted(set(self.file.override_reasons) - set(self.base.overrides.reasons)):
            raise KnowledgeError(f"{self.folder.name}/plan.toml: no override reason is named {', '.join(lost)}")
        if self.file.status == "active" and not (self.file.approval_date and self.file.approved_by):
            raise KnowledgeError(f"{self.folder.name}/plan.toml: an active plan needs approval_date and approved_by")
