"""The story of a card: what was shown, why, and what became of it."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, select

from cds.store.feedback import words_of
from cds.store.patients import PatientKey
from cds.store.said import Said
from cds.store.tables import advice, calls, feedback


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client said of a card, and when it came [ms since 1970]."""

    said: Said
    counts_at: int
    received: int


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a card.

    Attributes:
        call: the call that it answered; None where the card is not known, but feedback is.
        card: what it says, as `Journal` keeps it.
        advice: the rows of the advice that it carries.
        feedback: what was said of it, the earliest first.
        kept_away: how often advice was held back because of it, and why: fate -> times.
    """

    call: RowMapping | None
    card: Mapping[str, Any]
    advice: Sequence[RowMapping]
    feedback: Sequence[Heard]
    kept_away: Mapping[str, int]

    @property
    def is_known(self) -> bool:
        """Whether there is anything to tell."""
        return self.call is not None or bool(self.feedback)


def story(connection: Connection, card: str, key: PatientKey) -> Story:
    """Find out what is known of a card, by its uuid."""
    rows = connection.execute(select(advice).where(advice.c.card == card).order_by(advice.c.number)).mappings().all()
    call = None
    said: Mapping[str, Any] = {}
    if rows:
        call = connection.execute(select(calls).where(calls.c.id == rows[0]["call"])).mappings().one()
        cards = json.loads(zlib.decompress(key.unseal(call["cards"]))) if call["cards"] else []
        said = next((one for one in cards if one["uuid"] == card), {})
    mine = feedback.c.card == card
    if call is not None:
        mine = and_(mine, feedback.c.client == call["client"])
    order = (feedback.c.counts_at, feedback.c.received, feedback.c.place)
    heard = connection.execute(select(feedback).where(mine).order_by(*order)).mappings().all()
    away = select(advice.c.fate, func.count()).where(advice.c.because == card, advice.c.leads).group_by(advice.c.fate)
    said_of_it = [Heard(words_of(row["said"], key), row["counts_at"], row["received"]) for row in heard]
    return Story(call, said, rows, said_of_it, {row[0]: row[1] for row in connection.execute(away)})


def moment(at: int) -> str:
    """Write a moment [ms since 1970]."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(" ", "milliseconds").replace("+00:00", " UTC")
