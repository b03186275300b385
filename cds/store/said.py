"""What a client says of a card; it needs no database, which development does without."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """What a clinician did with a card, as the client says it: https://cds-hooks.hl7.org/2.0/#feedback.

    Attributes:
        card: the uuid of the card.
        outcome: `accepted` or `overridden`.
        at: outcomeTimestamp [ms since 1970].
        suggestions: the uuids of the suggestions that were accepted.
        reason: the code of the reason for overriding.
        reason_system: its code system, which clients often leave out.
        reason_display: its words.
        comment: free text.
    """

    card: str
    outcome: str
    at: int
    suggestions: Sequence[str] = ()
    reason: str | None = None
    reason_system: str | None = None
    reason_display: str | None = None
    comment: str | None = None
