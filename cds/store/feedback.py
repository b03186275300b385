"""Feedback, as it is kept: each thing that was said once, however often it is sent."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Subquery, func, select

from cds.store import audit
from cds.store.audit import Sign
from cds.store.database import Store
from cds.store.patients import PatientKey
from cds.store.recording import add
from cds.store.said import Said
from cds.store.tables import feedback

OTHER_REASON = "other"
"""Stands for a reason whose code is none, but a sentence: that may hold anything."""

_AT_ONCE = 1_000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}", re.ASCII)
_decoder = msgspec.json.Decoder(Said)


def rows_of(client: str, service: str, said: Iterable[Said], now: int, key: PatientKey) -> list[Mapping[str, Any]]:
    """Make the rows of a message that comes now [ms since 1970]."""
    return [
        {"client": client, "service": service, "received": now, "place": place, **_row(client, one, now, key)}
        for place, one in enumerate(said)
    ]


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


def _row(client: str, said: Said, now: int, key: PatientKey) -> Mapping[str, Any]:
    words = msgspec.json.encode(said)
    return {
        "digest": key.said(client, words.decode()),
        "card": said.card if _UUID.fullmatch(said.card) else key.said(client, said.card),
        "outcome": said.outcome,
        "said_at": said.at,
        "counts_at": min(said.at, now),  # a clock that runs ahead must not have the last word for ever
        "reason": said.reason if said.reason is None or _CODE.fullmatch(said.reason) else OTHER_REASON,
        "said": key.seal(words),
    }


def words_of(sealed: bytes, key: PatientKey) -> Said:
    """Give what the client said, word for word.

    Raises:
        StoreError: it was kept with another key.
    """
    return _decoder.decode(key.unseal(sealed))


def last_words(*which: ColumnElement[bool]) -> Subquery:
    """Select of each card what was said of it last: clinicians change their minds, and clients repeat themselves.

    Args:
        which: of which cards.
    """
    order = (feedback.c.counts_at.desc(), feedback.c.received.desc(), feedback.c.place.desc(), feedback.c.digest)
    rank = func.row_number().over(partition_by=(feedback.c.client, feedback.c.card), order_by=order)
    ranked = select(feedback, rank.label("rank")).where(*which).subquery()
    return select(ranked).where(ranked.c.rank == 1).subquery()
