"""Derived values. Each formula names its source; inputs and results are in the units stated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Derivation:
    """How an analyte follows from others that were measured on the same day, in the same draw, or about then.

    Attributes:
        gives: the derived analyte.
        inputs: the analytes, in the order of the formula's arguments, each in its canonical unit.
        formula: gives the value in the derived analyte's canonical unit; None where it cannot be computed.
        decimals: to which the value is rounded before it is compared.
        same_draw: whether the inputs must be of one moment, not of one day only.
    """

    gives: str
    inputs: Sequence[str]
    formula: Callable[..., Decimal | None]
    decimals: int
    same_draw: bool = False


def saturation(iron: Decimal, binding_capacity: Decimal) -> Decimal | None:
    """Transferrin saturation [%] from iron [ug/dL] and total iron-binding capacity [ug/dL].

    Source:
        The definition: iron / total iron-binding capacity.
    """
    return iron / binding_capacity * 100 if binding_capacity else None


def saturation_by_unsaturated(iron: Decimal, unsaturated: Decimal) -> Decimal | None:
    """Transferrin saturation [%] from iron [ug/dL] and unsaturated iron-binding capacity [ug/dL].

    Source:
        The definition: the total capacity is iron and what is unsaturated.
    """
    return saturation(iron, iron + unsaturated)


def saturation_by_transferrin(iron: Decimal, transferrin: Decimal) -> Decimal | None:
    """Transferrin saturation [%] from iron [ug/dL] and transferrin [g/L].

    Source:
        One gram of transferrin binds 25.1 umol of iron, 140 ug: two atoms for each molecule of 79.6 kDa (proposed).
    """
    each_gram = 140  # [ug/dL] of capacity for one g/L
    return saturation(iron, transferrin * each_gram)


def adjusted_calcium(calcium: Decimal, albumin: Decimal) -> Decimal:
    """Calcium adjusted for albumin [mmol/L] from total calcium [mmol/L] and albumin [g/L].

    Source:
        The formula in common use: 0.02 mmol/L for each g/L of albumin below 40. It is unreliable in kidney disease
        (Lian et al. BMJ Open 2018;8:e017703) and far from a normal albumin.
    """
    for_each, usual = Decimal("0.02"), 40
    return calcium + for_each * (usual - albumin)


def osmolarity(sodium: Decimal, potassium: Decimal, glucose: Decimal, urea: Decimal) -> Decimal:
    """Osmolarity of the blood [mosm/L] from sodium, potassium, glucose and urea [mmol/L].

    Source:
        Khajuria and Krahn's equation, as validated in Hooper L et al. BMJ Open 2015;5:e008846 and recommended by the
        ESPEN guideline on nutrition and hydration in geriatrics 2022.
    """
    salts, sugar, rest = Decimal("1.86"), Decimal("1.15"), 14
    return salts * (sodium + potassium) + sugar * glucose + urea + rest


def pressure_fall(lying: Decimal, standing: Decimal) -> Decimal:
    """Fall of the systolic pressure on standing [mm[Hg]] from that lying and that standing [mm[Hg]].

    Source:
        The definition: lying less standing.
    """
    return lying - standing


TRANSFERRIN_SATURATION = tuple(
    Derivation("transferrin-saturation", ("iron", capacity), formula, decimals=1)
    for capacity, formula in (
        ("iron-binding-capacity", saturation),
        ("unsaturated-iron-binding-capacity", saturation_by_unsaturated),
        ("transferrin", saturation_by_transferrin),
    )
)
"""By the capacity that was measured, the surest first."""
OSMOLARITY, OSMOLARITY_FASTING = (
    Derivation("calculated-osmolarity", ("sodium", "potassium", sugar, "urea"), osmolarity, decimals=0, same_draw=True)
    for sugar in ("glucose", "fasting-glucose")
)
POSTURAL_PRESSURE_FALL = Derivation(
    "postural-pressure-fall", ("lying-systolic-pressure", "standing-systolic-pressure"), pressure_fall, decimals=0
)
ADJUSTED_CALCIUM = Derivation("adjusted-calcium", ("calcium", "albumin"), adjusted_calcium, decimals=2)
DERIVATIONS = (*TRANSFERRIN_SATURATION, ADJUSTED_CALCIUM, OSMOLARITY, OSMOLARITY_FASTING, POSTURAL_PRESSURE_FALL)
