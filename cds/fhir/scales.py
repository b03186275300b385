"""In which unit a value is (DS-14, DS-15): as it says, else as a rule of its analyte allows; never by a guess."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct

from cds.chart.analytes import Analyte, CodeUse, Use
from cds.chart.units import Unit
from cds.fhir.recognition import Recognised
from cds.fhir.resources import Range
from cds.fhir.values import Value

_FIVE_PERCENT = 20
"""One part in so many."""


class Scale(Struct, frozen=True, gc=False):
    """The unit of a value.

    Attributes:
        unit: None when nobody can tell.
        note: what a reader of the card should know of it.
        trouble: why there is none.
    """

    unit: Unit | None = None
    note: str = ""
    trouble: str = ""


def scale_of(value: Value, recognised: Recognised, ranges: Iterable[Range]) -> Scale:
    """Decide on the unit of a value."""
    analyte, use = recognised.analyte, recognised.use
    stated = [text for text in (value.unit_code, value.unit_text) if text]
    if stated and use.use is Use.UNIT_REQUIRED and not recognised.named:
        return Scale(trouble="the code alone does not tell the test, and its name does not either")
    if stated:
        units = [unit for text in stated if (unit := analyte.unit_for(text, use)) is not None]
        return _agreed(units, value, recognised) if units else Scale(trouble=f"unit {stated[-1]!r} not understood")
    if use.use is Use.UNIT_REQUIRED:
        return Scale(trouble="no unit, and the code does not tell it")
    return _assumed(value, recognised, ranges)


def _agreed(units: list[Unit], value: Value, recognised: Recognised) -> Scale:
    """Settle between the unit for machines and the unit for people."""
    first, last = units[0], units[-1]
    chosen: Unit | None = first
    if not first.same_numbers(last):
        sane = [unit for unit in units if is_plausible(unit.to_canonical(value.number), recognised.analyte)]
        one, other = first.to_canonical(value.number), last.to_canonical(value.number)
        far_apart = abs(one - other) * _FIVE_PERCENT > max(abs(one), abs(other))
        chosen = sane[0] if len(sane) == 1 else None if far_apart else first
    if chosen is None:
        return Scale(trouble="two units that do not agree")
    return Scale(chosen, note=_contradiction(chosen, recognised.use))


def _contradiction(unit: Unit, use: CodeUse) -> str:
    """Note a unit of mass under a code for substance, or the other way about: the unit is trusted."""
    if use.molar is None or use.molar == unit.molar:
        return ""
    return "the unit does not fit the code; the unit was trusted"


def _assumed(value: Value, recognised: Recognised, ranges: Iterable[Range]) -> Scale:
    """Take the unit of the reference range, else the one that the analyte allows to be assumed."""
    analyte, use = recognised.analyte, recognised.use
    for text in _spellings(ranges):
        if unit := analyte.unit_for(text, use):
            return Scale(unit, note=f"unit not stated, assumed {unit.code} as in the reference range")
    assumed = use.missing_unit or analyte.missing_unit or analyte.unit_by_size(value.number)
    if assumed is None:
        return Scale(trouble="no unit")
    note = "" if assumed == "1" else f"unit not stated, assumed {assumed}"
    return Scale((use.units or analyte.units)[assumed], note=note)


def _spellings(ranges: Iterable[Range]) -> Iterator[str]:
    for entry in ranges:
        for bound in (entry.low, entry.high):
            yield from (text for text in ((bound.code, bound.unit) if bound else ()) if text)


def is_plausible(canonical: Decimal, analyte: Analyte) -> bool:
    """Whether a number in the canonical unit can be a result of the analyte at all (DS-16)."""
    return analyte.plausible is None or analyte.plausible[0] <= canonical <= analyte.plausible[1]
