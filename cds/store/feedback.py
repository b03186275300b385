"""Feedback, as it is kept: each thing that was said once, however often it is sent."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, select

from cds.store import audit
from cds.store.audit import Sign
from cds.store.database import Store
from cds.store.recording import add
from cds.store.said import Said
from cds.store.tables import feedback

_AT_ONCE = 1_000


def rows_of(client: str, service: str, said: Iterable[Said], now: int) -> list[Mapping[str, Any]]:
    """Make the rows of a message that comes now [ms since 1970]."""
    return [_row(client, service, one, now, place) for place, one in enumerate(said)]


def keep(store: Store, rows: Sequence[Mapping[str, Any]], sign: Sign) -> None:
    """Keep all of a message, or nothing; what is known already stays as it is.

    Raises:
        SQLAlchemyError: the database is not to be had.
    """
    with store.begin() as connection:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            add(connection, feedback, some)
            audit.append(connection, [audit.of_feedback(row) for row in some], sign)


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


def last_words(*which: ColumnElement[bool]) -> Subquery:
    """Select of each card what was said of it last: clinicians change their minds, and clients repeat themselves.

    Args:
        which: of which cards.
    """
    order = (feedback.c.counts_at.desc(), feedback.c.received.desc(), feedback.c.place.desc(), feedback.c.digest)
    rank = func.row_number().over(partition_by=(feedback.c.client, feedback.c.card), order_by=order)
    ranked = select(feedback, rank.label("rank")).where(*which).subquery()
    return select(ranked).where(ranked.c.rank == 1).subquery()
