"""How answers are shaped for each kind of EHR, from dialects.toml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from cards.suggestions import Catalogue
from cds.reasoning.files import File, Text, read


class Shape(File):
    """What an EHR can show and do.

    Attributes:
        selection_behavior: how many suggestions of a card may be taken.
        links: whether links are sent.
        order_system: the system of the client's own codes of orders, where it takes no others.
    """

    selection_behavior: Literal["any", "at-most-one"]
    links: bool
    order_system: Text | None = None

    def catalogue(self, codes: Mapping[str, str]) -> Catalogue | None:
        """Give the client's codes of orders; None where it takes ours."""
        return Catalogue(self.order_system, codes) if self.order_system else None


class _Shapes(File):
    """`dialects.toml`."""

    generic: Shape
    epic: Shape
    oracle: Shape
    sandbox: Shape


SHAPES: Mapping[str, Shape] = dict(read(Path(__file__).with_name("dialects.toml"), _Shapes))
"""Name of a dialect -> how its answers are shaped."""
GENERIC = SHAPES["generic"]
OWN_CODES = tuple(name for name, shape in SHAPES.items() if shape.order_system)
"""Dialects in which orders are named by the client's own codes."""
