"""Units of measure: UCUM by a UCUM library, sloppy spellings by one reviewed table.

All arithmetic with units happens when the knowledge is loaded, through `pint` with `ucumvert`; a call only looks up the
factor. Numbers are decimals: what a laboratory wrote is what is compared.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pint
from ucumvert import PintUcumRegistry

from cds.errors import KnowledgeError

_TABLE = tomllib.loads(Path(__file__).with_name("units.toml").read_text(encoding="utf-8"))
SPELLINGS: Mapping[str, str] = _TABLE["spellings"]
"""Normalised sloppy spelling -> UCUM code, for every analyte."""

_ANNOTATION = re.compile(r"\{(?!1\.73_m2\})[^}]*\}")
_AROUND_SLASH = re.compile(r"\s*/\s*")
_BLANKS = re.compile(r"\s+")
_LONGEST = 60
_SIGNIFICANT = 12


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


@cache
def _registry() -> Any:  # pint's registry types are generated at run time
    registry = PintUcumRegistry()
    pint.set_application_registry(registry)  # type: ignore[no-untyped-call]  # the parser's answers live in the application's registry
    return registry


@cache
def _in_ucum(code: str) -> Any:
    parsed = _registry().from_ucum(code)
    # A bare annotation such as {score} comes back as a token: in UCUM it is the unit 1.
    return parsed if hasattr(parsed, "dimensionality") else _registry().Quantity(1)


def conversion_factor(
    source: str, target: str, *, molar_mass: Decimal | None = None, equivalents_per_mole: int | None = None
) -> Decimal:
    """Compute what a number in `source` is multiplied by to be in `target`, both UCUM.

    Args:
        source: the unit to convert from.
        target: the unit to convert to.
        molar_mass: of the analyte [g/mol], for units of mass against units of substance.
        equivalents_per_mole: of the analyte, for units counted in `eq`.

    Raises:
        KnowledgeError: one of them is no UCUM, or they measure different things.
    """
    try:
        ratio = _in_ucum(source) / _in_ucum(target)
    except Exception as error:  # the parser raises its own kinds, and lark's
        raise KnowledgeError(f"unit {source!r} or {target!r} is not UCUM") from error
    if equivalents_per_mole and ("eq" in source) != ("eq" in target):
        ratio = ratio / equivalents_per_mole if "eq" in source else ratio * equivalents_per_mole
    if molar_mass is not None and not ratio.unitless:
        per_mole = _registry().Quantity(float(molar_mass), "gram / mole")
        for candidate in (ratio / per_mole, ratio * per_mole):
            if candidate.dimensionless:
                ratio = candidate
    if not ratio.dimensionless:
        raise KnowledgeError(f"unit {source!r} cannot be converted to {target!r}")
    # Floats of the library carry noise in the 16th place; twelve digits are more than any laboratory reports.
    return Decimal(f"{float(ratio.to('dimensionless').magnitude):.{_SIGNIFICANT}g}")
