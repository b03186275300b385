"""What a call came to, and on what its answer rests: for whoever writes it down or answers it again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from cards.account import Restraint, Told
from cards.models import Card, CardsResponse
from cds.clients import Client
from cds.fhir.fetching import Question


@dataclass(frozen=True, slots=True)
class AsAnswered:
    """All that an answer rests on beside knowledge and terms, so that the call can be answered again.

    Attributes:
        body: of the call.
        day: of the call.
        restraint: what was not to be said.
        asked: what was fetched.
        obstacle: why nothing was.
        answer: what came of it; None where nothing could be concluded.
        reason: why not.
    """

    body: bytes
    day: date
    restraint: Restraint = field(default_factory=Restraint)
    asked: Sequence[Question] = ()
    obstacle: str = ""
    answer: CardsResponse | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a call came to.

    Attributes:
        id: the correlation id of the request.
        service: the id of the service.
        client: who called.
        duration: from the body to the answer [s].
        user: who asked.
        patient: of whom; empty where nobody was read.
        encounter: in which encounter, if any.
        evaluated: whether there was enough to conclude anything.
        unknown: the areas of the chart that were not to be had.
        cards: what is shown, or would be.
        told: what became of each plan's advice.
        made: all it rests on, where that is recorded.
    """

    id: str
    service: str
    client: Client
    duration: float
    user: str = ""
    patient: str = ""
    encounter: str | None = None
    evaluated: bool = True
    unknown: Sequence[str] = ()
    cards: Sequence[Card] = ()
    told: Sequence[Told] = ()
    made: AsAnswered | None = None
