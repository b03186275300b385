"""The shapes of the knowledge files. Unknown keys are refused: a slip of the pen must not pass for knowledge."""

import datetime as dt
import string
import tomllib
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds.errors import KnowledgeError

F = TypeVar("F", bound="File")
Text = Annotated[str, Field(min_length=1)]
Pair = tuple[Text, Text]
"""A code and its display."""


class File(BaseModel):
    """Any knowledge file, or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Include(File):
    """FHIR ValueSet.compose.include: codes of one system; and how far to trust them, in an analyte."""

    system: Text
    concept: tuple[Pair, ...] = ()
    descendants_of: tuple[Pair, ...] = ()
    ecl: str | None = None
    """The SNOMED CT expression whose members `concept` is to hold; only read when lists are rebuilt."""
    use: Literal["accept", "deprecated", "caution", "unit-required"] = "accept"
    caution: str = ""
    missing_unit: str | None = None
    molar_mass: Decimal | None = None
    accepts: tuple[Text, ...] = ()
    preferred: int = 0
    """Of results of one time, those whose code stands highest decide."""


class Phrases(File):
    """Words that mean the concept where a resource has no code."""

    phrases: tuple[Text, ...]
    needs_any: tuple[Text, ...] = ()
    unless_any: tuple[Text, ...] = ()


class ValueSetFile(File):
    """`valuesets/<name>.toml`."""

    name: Text
    title: Text
    version: Text
    purpose: Text
    source: Text
    kind: Literal["drug"] | None = None
    needs_leg: bool = False
    unless_elsewhere: bool = False
    """Whether the codes leave the site open, and another place than a leg that the resource names tells it."""
    needs_words: tuple[Text, ...] = ()
    """Words of which the resource must name one: a site that the code leaves open."""
    include: tuple[Include, ...] = ()
    exclude: tuple[Include, ...] = ()
    text: Phrases | None = None


class Affine(File):
    """canonical = slope * x + offset."""

    slope: Decimal
    offset: Decimal


class AnalyteFile(File):
    """`analytes/<name>.toml`."""

    name: Text
    title: Text
    version: Text
    category: Literal["laboratory", "vital-signs", "exam", "social-history", "survey"]
    source: Text
    unit: Text
    accepts: tuple[Text, ...]
    molar_mass: Decimal | None = None
    equivalents_per_mole: int | None = None
    plausible: tuple[Decimal, Decimal] | None = None
    reference: tuple[Decimal, Decimal] | None = None
    missing_unit: str | None = None
    missing_unit_by_size: tuple[tuple[Text, Decimal, Decimal], ...] = ()
    decimals: int | None = None
    pairs: tuple[tuple[Text, ...], ...] = ()
    text: tuple[Text, ...] = ()
    spellings: dict[str, Text] = {}
    affine: dict[str, Affine] = {}
    include: tuple[Include, ...] = ()
    exclude: tuple[Include, ...] = ()
    panel: tuple[Include, ...] = ()


class Evidence(File):
    """The literature behind a plan; `label` is how a card names it."""

    label: Text
    citation: Text
    url: str | None = None
    strength: Text


class ThresholdFile(File):
    """A limit, of an analyte or of age (unit `a`)."""

    value: Decimal
    unit: Text
    analyte: str | None = None
    evidence: Text


class PeriodFile(File):
    """A span of time [d]."""

    days: Annotated[int, Field(gt=0)]
    evidence: Text


def placeholders(text: str) -> tuple[str, ...]:
    """Name the placeholders of a sentence of plan.toml."""
    return tuple(name for _, name, _, _ in string.Formatter().parse(text) if name)


class RecommendationFile(File):
    """What is recommended, in words; when, says criteria.py."""

    rule: Text
    indicator: Literal["info", "warning", "critical"]
    summary: Text
    why: Text
    consider: tuple[Text, ...]
    notes: dict[str, Text] = {}
    suggests: tuple[Text, ...] = ()
    beside: tuple[Text, ...] = ()
    """Topics on whose cards it is a line; it makes no card of its own."""
    only_in_calm: bool = False
    """Whether it is made only where nothing else that is advised is more urgent than info."""
    not_beside: tuple[Text, ...] = ()
    """Topics that explain the complaint where they warn or call: it is not made then."""
    evidence: Annotated[tuple[Text, ...], Field(min_length=1)]

    @property
    def texts(self) -> tuple[str, ...]:
        """All its sentences that may hold placeholders."""
        return (self.summary, self.why, *self.consider, *self.notes.values())

    @cached_property
    def placeholders(self) -> tuple[str, ...]:
        """Name what its sentences leave open, each once."""
        return tuple(dict.fromkeys(name for text in self.texts for name in placeholders(text)))


class SourceAttributes(File):
    """The 13 source attributes of 45 CFR 170.315(b)(11)(iv) for evidence-based decision support."""

    bibliographic_citation: Text
    developer: Text
    funding_source: Text
    release_and_revision_dates: Text
    race: Text
    ethnicity: Text
    language: Text
    sexual_orientation: Text
    gender_identity: Text
    sex: Text
    date_of_birth: Text
    social_determinants: Text
    health_status_assessments: Text


class ChangeFile(File):
    """What a version brought, in words that a clinician signs."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    date: dt.date
    what: Text


class PlanFile(File):
    """`plan.toml`: what a clinician signs."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+$")]
    title: Text
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["draft", "active", "retired"]
    approval_date: dt.date | None = None
    approved_by: str | None = None
    last_review_date: dt.date
    purpose: Text
    known_gaps: tuple[Text, ...] = ()
    override_reasons: tuple[Text, ...] = ()
    changes: tuple[ChangeFile, ...] = ()
    """What each version brought, the newest first."""
    evidence: dict[str, Evidence] = {}
    source_attributes: SourceAttributes | None = None
    thresholds: dict[str, ThresholdFile] = {}
    periods: dict[str, PeriodFile] = {}
    recommendations: dict[str, RecommendationFile] = {}


class CauseFile(File):
    """A cause that the differential weighs; `next` is the one next step where its topic has nothing to advise."""

    title: Text
    next: Text


class FeatureFile(File):
    """What a chart may show, and how it weighs for or against each cause; `asks` is the question that settles it."""

    words: Text
    asks: str = ""
    weights: dict[str, int]


class FeaturesFile(File):
    """`differential/features.toml`."""

    listed: int
    clear_lead: int
    most_for: int
    most_against: int
    most_questions: int
    causes: dict[str, CauseFile]
    features: dict[str, FeatureFile]
    severity: dict[str, Text]


class IntakeItem(File):
    """A question: with options, with a score between two numbers, or else yes or no."""

    link: Annotated[str, Field(pattern=r"^[a-z][a-z-]*$")]
    text: Text
    options: tuple[Pair, ...] = ()
    repeats: bool = False
    score: tuple[int, int] | None = None
    code: Pair | None = None


class IntakeFile(File):
    """`intake/questionnaire.toml`."""

    id: Text
    title: Text
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["draft", "active", "retired"]
    purpose: Text
    emergency: Text
    """What a page says above the form, so that nobody fills it in instead of getting help."""
    url: Text
    system: Text
    gate: Text
    item: tuple[IntakeItem, ...]


class OrderCode(File):
    """A Coding."""

    system: Text
    code: Text
    display: Text


class OrderFile(File):
    """One entry of `orders.toml`."""

    label: Text
    description: Text
    text: Text
    code: OrderCode | None = None
    category: OrderCode | None = None
    priority: Literal["routine", "urgent", "asap", "stat"] = "routine"
    measures: tuple[Text, ...] = ()


class OverridesFile(File):
    """`overrides.toml`."""

    system: Text
    again: tuple[Text, ...]
    reasons: dict[str, Text]


def load(path: Path) -> dict[str, Any]:
    """Read a TOML file; numbers with a point are decimals.

    Raises:
        KnowledgeError: it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KnowledgeError(f"{_place(path)}: {error}") from error


def read(path: Path, shape: type[F]) -> F:
    """Read a knowledge file of a shape.

    Raises:
        KnowledgeError: it has not that shape; the message names the file and the key.
    """
    return checked(load(path), shape, _place(path))


def checked(members: Any, shape: type[F], place: str) -> F:
    """Read a part of a knowledge file of a shape, from what TOML gave."""
    try:
        return shape.model_validate(members)
    except ValidationError as error:
        slips = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise KnowledgeError(f"{place}: {slips}") from error


def _place(path: Path) -> str:
    return "/".join(path.parts[-3:])
