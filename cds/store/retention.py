"""How long is kept what was shown: by age, and of one patient at once."""

import logging

from sqlalchemy import ColumnElement, Table, delete, select

from cds.store.database import Store
from cds.store.tables import advice, calls, feedback, losses

_AT_ONCE = 500
"""Rows that are deleted in one transaction, so that nobody waits for it."""

_log = logging.getLogger(__name__)


def purge(store: Store, before: int) -> int:
    """Delete what is older than a moment [ms since 1970]; give the number of calls.

    Raises:
        SQLAlchemyError: the database is not to be had.
    """
    gone = _delete(store, calls, calls.c.at < before)
    said = _delete(store, feedback, feedback.c.received < before)
    _delete(store, losses, losses.c.at < before)
    if gone or said:
        _log.info("records of %d calls and %d entries of feedback have run out and are deleted", gone, said)
    return gone


def forget(store: Store, patient: str) -> int:
    """Delete all that is kept of a patient, who is given as a hash; give the number of calls.

    Raises:
        SQLAlchemyError: the database is not to be had.
    """
    cards = select(advice.c.card).join(calls, calls.c.id == advice.c.call).where(calls.c.patient == patient)
    _delete(store, feedback, feedback.c.card.in_(cards))
    return _delete(store, calls, calls.c.patient == patient)


def _delete(store: Store, table: Table, which: ColumnElement[bool]) -> int:
    key = next(iter(table.primary_key))
    count = 0
    while True:
        with store.begin() as connection:
            chosen = connection.scalars(select(key).where(which).limit(_AT_ONCE)).all()
            connection.execute(delete(table).where(key.in_(chosen)))
        count += len(chosen)
        if len(chosen) < _AT_ONCE:
            return count
