"""UCUM by a UCUM library, `pint` with `ucumvert`: for conversions that are new, and to prove those that are locked."""

from decimal import Decimal
from functools import cache
from typing import Any

import pint
from ucumvert import PintUcumRegistry

from cds.errors import KnowledgeError

_SIGNIFICANT = 12


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


def factor(source: str, target: str, molar_mass: Decimal | None, equivalents_per_mole: int | None) -> Decimal:
    """Compute what a number in `source` is multiplied by to be in `target`; the arguments are those of a Conversion.

    Raises:
        KnowledgeError: a unit is no UCUM, or they measure different things.
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
