"""Units of measure: UCUM by a UCUM library, sloppy spellings by one reviewed table.

All arithmetic with units happens before a call, which only looks up the factor. Numbers are decimals: what a laboratory
wrote is what is compared.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

_TABLE = tomllib.loads(Path(__file__).with_name("units.toml").read_text(encoding="utf-8"))
SPELLINGS: Mapping[str, str] = _TABLE["spellings"]
"""Normalised sloppy spelling -> UCUM code, for every analyte."""

_ANNOTATION = re.compile(r"\{(?!1\.73_m2\})[^}]*\}")
_AROUND_SLASH = re.compile(r"\s*/\s*")
_BLANKS = re.compile(r"\s+")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number [unit] in UCUM."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        return f"{self.value} {shown(self.unit)}" if self.unit != "1" else str(self.value)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of an analyte, and how its numbers become the analyte's canonical ones: factor * x + offset."""

    code: str
    factor: Decimal
    offset: Decimal = Decimal(0)

    @property
    def molar(self) -> bool:
        """Whether it counts particles (moles, equivalents) instead of weighing them."""
        return "mol" in self.code or "eq" in self.code

    def to_canonical(self, value: Decimal) -> Decimal:
        """Convert a number in this unit to the analyte's canonical unit."""
        return value * self.factor + self.offset

    def from_canonical(self, value: Decimal) -> Decimal:
        """Convert a number in the analyte's canonical unit to this unit."""
        return (value - self.offset) / self.factor

    def same_numbers(self, other: "Unit") -> bool:
        """Whether both units give the same numbers (ng/mL and ug/L)."""
        return self.factor == other.factor and self.offset == other.offset


def shown(unit: str) -> str:
    """Give a UCUM unit as clinicians write it."""
    text: str = _TABLE["shown"].get(unit, unit)
    return text


def normal_spelling(text: str) -> str:
    """Fold a unit string to the form in which spellings are listed.

    NFKC, micro signs to u, blanks dropped around a slash, annotations dropped but for `{1.73_m2}`, lower case.
    """
    return _normal(text[:_LONGEST])


@lru_cache(maxsize=4096)
def _normal(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).strip().replace("\u00b5", "u").replace("\u03bc", "u")
    folded = _AROUND_SLASH.sub("/", _ANNOTATION.sub("", folded))
    return _BLANKS.sub(" ", folded).strip().lower()


class Conversion(NamedTuple):
    """A number in `source` is to be in `target`, both UCUM.

    Attributes:
        source: the unit to convert from.
        target: the unit to convert to.
        molar_mass: of the analyte [g/mol], for units of mass against units of substance.
        equivalents_per_mole: of the analyte, for units counted in `eq`.
    """

    source: str
    target: str
    molar_mass: Decimal | None = None
    equivalents_per_mole: int | None = None


FACTORS = Path(__file__).with_name("factors.lock")
"""What the UCUM library gave for every conversion of the knowledge: to ask it anew would double the time of a start."""

asked: dict[Conversion, Decimal] = {}
"""Every conversion that was asked for, and its factor."""


def conversion_factor(conversion: Conversion) -> Decimal:
    """Say what a number is multiplied by to be in another unit.

    Raises:
        KnowledgeError: a unit is no UCUM, or they measure different things.
    """
    if conversion not in asked:
        factor = locked().get(conversion)
        asked[conversion] = computed(conversion) if factor is None else factor
    return asked[conversion]


def computed(conversion: Conversion) -> Decimal:
    """Say the same by the UCUM library, whatever is locked.

    Raises:
        KnowledgeError: as `conversion_factor`.
    """
    from cds.chart import ucum  # noqa: PLC0415 - it brings the library, which what is locked does without

    return ucum.factor(*conversion)


@cache
def locked() -> Mapping[Conversion, Decimal]:
    """Read the factors that were locked."""
    lines = FACTORS.read_text(encoding="utf-8").splitlines() if FACTORS.is_file() else []
    return dict(_unlocked(line) for line in lines if not line.startswith("#"))


def _unlocked(line: str) -> tuple[Conversion, Decimal]:
    source, target, mass, equivalents, factor = line.split(" ")
    conversion = Conversion(
        source, target, None if mass == "-" else Decimal(mass), None if equivalents == "-" else int(equivalents)
    )
    return conversion, Decimal(factor)


def lock() -> None:
    """Compute anew what was asked for and write it down, so that no start has to."""
    lines = sorted(" ".join("-" if part is None else str(part) for part in (*one, computed(one))) for one in asked)
    heading = "# from, to, molar mass [g/mol], equivalents per mole, factor; written by `legwork lock`"
    FACTORS.write_text("\n".join((heading, *lines, "")), encoding="utf-8")
