"""Derived values. Each formula names its source; inputs and results are in the units stated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Derivation:
    """How an analyte follows from others that were measured at about the same time.

    Attributes:
        gives: the derived analyte.
        inputs: the analytes, in the order of the formula's arguments, each in its canonical unit.
        formula: gives the value in the derived analyte's canonical unit; None where it cannot be computed.
        decimals: to which the value is rounded before it is compared.
    """

    gives: str
    inputs: Sequence[str]
    formula: Callable[..., Decimal | None]
    decimals: int


def saturation(iron: Decimal, binding_capacity: Decimal) -> Decimal | None:
    """Transferrin saturation [%] from iron [ug/dL] and total iron-binding capacity [ug/dL].

    Source:
        The definition: iron / total iron-binding capacity.
    """
    return iron / binding_capacity * 100 if binding_capacity else None


def adjusted_calcium(calcium: Decimal, albumin: Decimal) -> Decimal:
    """Calcium adjusted for albumin [mmol/L] from total calcium [mmol/L] and albumin [g/L].

    Source:
        The formula in common use: 0.02 mmol/L for each g/L of albumin below 40. It is unreliable in kidney disease
        (Lian et al. BMJ Open 2018;8:e017703) and far from a normal albumin.
    """
    for_each, usual = Decimal("0.02"), 40
    return calcium + for_each * (usual - albumin)


TRANSFERRIN_SATURATION = Derivation("transferrin-saturation", ("iron", "iron-binding-capacity"), saturation, decimals=1)
ADJUSTED_CALCIUM = Derivation("adjusted-calcium", ("calcium", "albumin"), adjusted_calcium, decimals=2)
DERIVATIONS = (TRANSFERRIN_SATURATION, ADJUSTED_CALCIUM)
