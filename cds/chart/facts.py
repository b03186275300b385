"""Facts: what the chart says, each with where it says so.

A fact is known. That something is known to be absent is a fact too (`Absence`); what is not known is no fact at all but
an `unknown` of a finding (cds.reasoning.findings).

A fact is made once for a chart and is only itself: two facts are the same when they are the same object.
"""

from decimal import Decimal
from enum import IntEnum, StrEnum

from msgspec import Struct

from cds.chart.analytes import Analyte
from cds.chart.dates import Day
from cds.chart.units import Unit, shown


class Indicator(IntEnum):
    """Urgency of a card, in the words of CDS Hooks: routine visit, days, same day."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The word that CDS Hooks has for it."""
        return self.name.lower()


class Fact(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """One thing the chart says.

    Attributes:
        name: what it is, as a card prints it.
        reference: the resource that says so, `Type/id`; empty when the resource has no id.
        on: when it was so.
        value: what was recorded, comparator included, as recorded.
        unit: the unit as recorded.
        notes: what a reader of the card should know of how the fact was read.
        cap: the highest indicator that a finding may reach on this fact alone.
    """

    name: str
    reference: str = ""
    on: Day | None = None
    value: str = ""
    unit: str = ""
    notes: tuple[str, ...] = ()
    cap: Indicator = Indicator.CRITICAL

    @property
    def said(self) -> str:
        """The value with its unit, as a card prints them: a bare ratio has none."""
        return self.value if self.unit in _NO_UNIT else f"{self.value} {shown(self.unit)}".strip()


_NO_UNIT = frozenset({"", "1", "{ratio}", "{score}", "ratio"})


class Absence(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """Something that was looked for in known data and is not there."""

    worth_saying: bool = False
    """Whether a card prints it: a test not done is news, a disease not had is not."""


class Problem(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """A condition, a reason for a visit, or a complaint."""

    onset: Day | None = None
    recorded: Day | None = None
    active: bool = True
    confirmed: bool = True
    """Whether it may count as already diagnosed; provisional and differential ones only support."""
    coded: bool = True
    about_leg: bool = True
    """False when the code names no site, and neither do the resource's body site and words."""
    side: str = ""
    """`left`, `right` or `both`, as the resource's words and body site have it; empty where they do not say."""
    ended: Day | None = None
    vague: bool = False
    """Whether it was asked when it began, and its date is a month or a year."""


class Flag(StrEnum):
    """The laboratory's own judgement of a result."""

    NORMAL = "normal"
    LOW = "low"
    VERY_LOW = "very low"
    HIGH = "high"
    VERY_HIGH = "very high"
    ABNORMAL = "abnormal"


class Measurement(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """A result of an analyte.

    The true value lies between `low` and `high` [scale]; both are the number itself unless a comparator or a range
    leaves one side open. Without `scale` the result holds no number that may be compared; `unreadable` then says why,
    or `flag` is all there is.
    """

    analyte: Analyte
    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False
    scale: Unit | None = None
    range_low: Decimal | None = None
    range_high: Decimal | None = None
    range_text: str = ""
    pregnancy_low: Decimal | None = None
    pregnancy_high: Decimal | None = None
    """The range that the laboratory states for pregnancy."""
    flag: Flag | None = None
    unreadable: str = ""
    absent: bool = False
    """Whether the resource says that there is no value (data-absent-reason, not performed)."""
    final: bool = True
    """Whether the result is released; a preliminary or registered one only says that a test is under way."""
    amended: bool = False
    issued: float = 0.0
    updated: float = 0.0
    preferred: int = 0
    """How high its code stands among those of the analyte."""
    side: str = ""
    haemolysed: bool = False
    sources: tuple[Fact, ...] = ()
    """The results from which a derived one was computed."""

    @property
    def converted(self) -> str:
        """The value in the canonical unit, as a card prints it; empty where limits are stated in its own unit."""
        bound = self.low if self.low is not None else self.high
        if self.scale is None or bound is None or self.analyte.states_limits_in(self.scale):
            return ""
        number = self.scale.to_canonical(bound)
        number = number.quantize(
            Decimal(1).scaleb(min(number.adjusted() - 2, 0))
        )  # three figures, and all before the point
        comparator = "" if self.low == self.high else self.value[: len(self.value) - len(self.value.lstrip("<>=≤≥ "))]
        return f"{comparator}{number:f} {shown(self.analyte.unit)}"

    @property
    def number(self) -> Decimal | None:
        """The value itself, in the canonical unit, where it is one number."""
        if self.scale is None or self.low is None or self.low != self.high:
            return None
        return self.scale.to_canonical(self.low)


class CodedResult(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """A result whose value is a concept or a yes/no."""

    means: frozenset[str] = frozenset()
    """The concepts of the answer."""
    boolean: bool | None = None


class Drug(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """A medication that is prescribed, stated, dispensed or given."""

    start: Day | None = None
    current: bool = False
    finished: bool = False
    """Whether the course was completed; one completed lately is still current."""
    given: bool = False
    """Whether this is one administration, on the day `on`."""


class Order(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """A request for a service."""

    open: bool = True
    """Draft, active or on hold; a completed one is not open."""
    urgent: bool = False
    """Wanted sooner than routine."""


class Act(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """Something done: a procedure, or a report of an examination."""


class Answer(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """An answer of the patient to one item of a questionnaire."""

    codes: frozenset[str] = frozenset()
    boolean: bool | None = None
    number: Decimal | None = None


class Stay(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """An encounter in hospital: where the patient is, or was."""

    ended: Day | None = None
    about: frozenset[str] = frozenset()
    """The concepts of its reasons, its kind and its service."""
    refers: frozenset[str] = frozenset()
    """The resources to which its reasons refer, `Type/id`."""


class Patient(Fact, frozen=True, kw_only=True, eq=False, gc=False):
    """Who the chart is about: what the reasoning asks of a person."""

    birth: Day | None = None
    sex: str | None = None
    deceased: bool = False
    inactive: bool = False
