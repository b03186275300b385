"""What a patient's clinicians have seen: which cards they set aside, and which this encounter has shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from cds.store.feedback import last_words
from cds.store.tables import advice, calls, feedback

_MOST = 500
"""Advice that is looked at, the newest first: more than anybody sees of one patient."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a plan.

    Attributes:
        plan: the plan.
        indicator: how urgent it was.
        facts: what it rested on, hashed.
        card: the uuid of the card.
        set_aside: whether a clinician did so; else it was only shown, in this encounter.
    """

    plan: str
    indicator: int
    facts: frozenset[str]
    card: str
    set_aside: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked of a patient's past.

    Attributes:
        client: whose patient it is.
        patient: hashed.
        since: from when on setting aside counts [ms since 1970]; None: not at all.
        again: reasons for setting a card aside that ask for it to come again.
        encounter: hashed; None: what was only shown does not count.
    """

    client: str
    patient: str
    since: int | None = None
    again: Sequence[str] = ()
    encounter: str | None = None


def seen(connection: Connection, look: Look) -> list[Seen]:
    """Give what of a patient was set aside, and what an encounter has shown."""
    mine = (
        select(advice.c.plan, advice.c.indicator, advice.c.facts, advice.c.card)
        .join(calls, calls.c.id == advice.c.call)
        .where(
            calls.c.patient == look.patient, calls.c.client == look.client, advice.c.leads, advice.c.card.is_not(None)
        )
        .order_by(calls.c.at.desc())
        .limit(_MOST)
    )
    found: list[Seen] = []
    if look.since is not None:
        cards = mine.where(advice.c.fate == "shown").with_only_columns(advice.c.card).order_by(None).limit(None)
        last = last_words(feedback.c.client == look.client, feedback.c.card.in_(cards))
        aside = (last.c.outcome == "overridden", last.c.counts_at >= look.since)
        wanted = or_(last.c.reason.is_(None), last.c.reason.not_in(look.again))
        found += _seen(connection, mine.join(last, last.c.card == advice.c.card).where(*aside, wanted), set_aside=True)
    if look.encounter is not None:
        found += _seen(connection, mine.where(calls.c.encounter == look.encounter), set_aside=False)
    return found


def _seen(connection: Connection, query: Select[Any], *, set_aside: bool) -> list[Seen]:
    rows = connection.execute(query)
    return [Seen(plan, indicator, frozenset(facts.split()), card, set_aside) for plan, indicator, facts, card in rows]
