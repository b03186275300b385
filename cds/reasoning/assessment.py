"""What all plans together conclude about a chart: what the cards are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from cds.reasoning.differential import NOTHING, View
from cds.reasoning.plans import Advice


@dataclass(frozen=True, slots=True)
class Assessment:
    """What all plans conclude about a chart."""

    advice: Sequence[Advice] = ()
    self_care: Sequence[Advice] = ()
    """Lines for the cards of other topics; they make no card."""
    failed: Sequence[str] = ()
    """Titles of plans that broke down: their silence means nothing."""
    lost: Sequence[str] = ()
    """Areas of the chart that were asked for and failed to arrive, while the legs trouble the patient."""
    undecided: bool = False
    """Whether even the complaint is unknown, so that silence would mean nothing."""
    view: View = NOTHING
    """The causes side by side."""
