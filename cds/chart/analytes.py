"""Analytes: what can be measured, under which codes, in which units, within which bounds.

What a clinician signs of an analyte (codes, units, plausible range, paired limits) stands in
`cds/knowledge/analytes/<name>.toml`; this is the form in which a chart uses it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from cds.chart.units import Quantity, Unit, normal_spelling


class Use(StrEnum):
    """How far a code is to be trusted."""

    ACCEPT = "accept"
    DEPRECATED = "deprecated"
    CAUTION = "caution"
    UNIT_REQUIRED = "unit-required"


@dataclass(frozen=True, slots=True)
class CodeUse:
    """What holds for one code of an analyte."""

    use: Use = Use.ACCEPT
    caution: str = ""
    missing_unit: str | None = None
    units: Mapping[str, Unit] | None = None
    """The code's own units, where the same name is measured as another substance (urea, urea nitrogen)."""
    display: str = ""
    """What the code system calls it."""
    preferred: int = 0
    """Of results of one time, those whose code stands highest decide."""

    @property
    def molar(self) -> bool | None:
        """Whether the code is for an amount of substance; False for a mass, None where its name does not say."""
        return True if "[Moles/" in self.display else False if "[Mass/" in self.display else None


@dataclass(frozen=True, slots=True, eq=False)
class Analyte:
    """One measurable thing; there is one object for each."""

    name: str
    title: str
    category: str
    unit: str
    units: Mapping[str, Unit]
    """UCUM code -> unit, the canonical one among them."""
    spellings: Mapping[str, str]
    """Normalised spelling -> UCUM code of `units`."""
    plausible: tuple[Decimal, Decimal] | None = None
    reference: tuple[Decimal, Decimal] | None = None
    missing_unit: str | None = None
    missing_unit_by_size: tuple[tuple[str, Decimal, Decimal], ...] = ()
    """Units whose plausible numbers do not overlap: without a unit, a number between the two is in this one."""
    decimals: int | None = None
    """Decimals of the canonical unit to which a value is rounded before it is compared."""
    pairs: tuple[tuple[Quantity, ...], ...] = ()
    uses: Mapping[tuple[str, str], CodeUse] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    """Exact names that stand for the analyte where a result has no code."""

    def unit_for(self, spelling: str, use: CodeUse) -> Unit | None:
        """Find the unit that a spelling stands for; None when it is not one of this analyte's."""
        units = use.units or self.units
        code = spelling.strip()
        if code not in units:
            code = self.spellings.get(normal_spelling(spelling), "")
        return units.get(code)

    def unit_by_size(self, number: Decimal) -> str | None:
        """Tell a missing unit by the size of the number, where sizes tell."""
        return next((unit for unit, low, high in self.missing_unit_by_size if low <= number <= high), None)

    def limit(self, threshold: Quantity, unit: Unit) -> Decimal:
        """Give a limit in the unit of a result, as the paired limits state it or else converted (DS-24).

        A guideline's 6.5 % is its 48 mmol/mol: converting a value at the limit would land it on the wrong side.
        """
        return _limit(self, threshold, unit)

    def states_limits_in(self, unit: Unit) -> bool:
        """Whether limits are stated in numbers of this unit: it is the canonical one, or one of the paired limits."""
        stated = {self.unit, *(quantity.unit for pair in self.pairs for quantity in pair)}
        return any(self.units[code].same_numbers(unit) for code in stated)

    def pair_of(self, threshold: Quantity) -> tuple[Quantity, ...]:
        """Give the same limit in every unit in which it is stated, the canonical one first."""
        return next((pair for pair in self.pairs if threshold in pair), (threshold,))


@lru_cache(maxsize=4096)
def _limit(analyte: Analyte, threshold: Quantity, unit: Unit) -> Decimal:
    for quantity in analyte.pair_of(threshold):
        if analyte.units[quantity.unit].same_numbers(unit):
            return quantity.value
    return unit.from_canonical(analyte.units[threshold.unit].to_canonical(threshold.value))
