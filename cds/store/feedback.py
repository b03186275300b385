"""Feedback, as it is kept: each thing that was said once, however often it is sent."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Subquery, func, select

from cds.store.database import Store
from cds.store.recording import add
from cds.store.tables import feedback

_AT_ONCE = 1_000


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


def keep(store: Store, client: str, service: str, said: Iterable[Said], now: int) -> None:
    """Keep all of a message, or nothing; what is known already stays as it is.

    Raises:
        SQLAlchemyError: the database is not to be had.
    """
    rows = [_row(client, service, one, now, place) for place, one in enumerate(said)]
    with store.begin() as connection:
        for start in range(0, len(rows), _AT_ONCE):
            add(connection, feedback, rows[start : start + _AT_ONCE])


def _row(client: str, service: str, said: Said, now: int, place: int) -> Mapping[str, Any]:
    suggestions = json.dumps(sorted(said.suggestions))
    reason = (said.reason, said.reason_system, said.reason_display, said.comment)
    whole = json.dumps([client, said.card, said.outcome, said.at, suggestions, *reason])
    return {
        "digest": hashlib.blake2b(whole.encode(), digest_size=16).hexdigest(),
        "card": said.card,
        "client": client,
        "service": service,
        "outcome": said.outcome,
        "said_at": said.at,
        "counts_at": min(said.at, now),  # a clock that runs ahead must not have the last word for ever
        "received": now,
        "place": place,
        "reason": said.reason,
        "reason_system": said.reason_system,
        "reason_display": said.reason_display,
        "comment": said.comment,
        "suggestions": suggestions,
    }


def last_words() -> Subquery:
    """Select of each card what was said of it last: clinicians change their minds, and clients repeat themselves."""
    order = (feedback.c.counts_at.desc(), feedback.c.received.desc(), feedback.c.place.desc(), feedback.c.digest)
    rank = func.row_number().over(partition_by=(feedback.c.client, feedback.c.card), order_by=order)
    ranked = select(feedback, rank.label("rank")).subquery()
    return select(ranked).where(ranked.c.rank == 1).subquery()
