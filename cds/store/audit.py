"""The audit trail: what was asked and answered, and what clinicians did, one entry behind the other, for good.

Each entry bears a keyed hash over itself and the one before, so that whoever changes, takes out or puts in one breaks
the chain behind it; without the key (`cds.store.patients`) nobody can mend it. The database refuses to change or delete
entries as well. Cut off at its end, a chain still holds: so `verify` gives its last link, to be kept elsewhere.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, text

from cds.errors import AuditError
from cds.store.tables import audit

Sign = Callable[[str], str]
"""Gives the keyed hash of a text."""

Content = Mapping[str, Any]
"""What an entry says: `kind` and `about` name it, `at` is its moment [ms since 1970], the rest goes by its kind."""

FIRST = "0" * 64
"""What stands in place of the link before the first."""

_LOCK = 5_197_338_012
"""A number of ours, by which PostgreSQL lets one process at a time add to the chain."""
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        number: its place, from 1.
        content: what it says.
        link: its keyed hash.
    """

    number: int
    content: Content
    link: str


def append(connection: Connection, entries: Sequence[Content], sign: Sign) -> None:
    """Add entries to the end; those that are there already are left, so that to add them twice is to add them once.

    The transaction must have written something before: in SQLite that is what keeps other processes from the end.
    """
    if not entries:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    names = [_name(entry) for entry in entries]
    known = set(connection.scalars(select(audit.c.name).where(audit.c.name.in_(names))))
    last = connection.execute(select(audit.c.number, audit.c.link).order_by(audit.c.number.desc()).limit(1)).first()
    number, link = (last.number, last.link) if last is not None else (0, FIRST)
    rows = []
    for name, entry in zip(names, entries, strict=True):
        if name in known:
            continue
        known.add(name)
        number += 1
        content = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        link = sign(_chained(link, number, content))
        rows.append({"number": number, "name": name, "at": entry["at"], "content": content, "link": link})
    if rows:
        connection.execute(insert(audit), rows)


def _name(entry: Content) -> str:
    return hashlib.blake2b(f"{entry['kind']}\n{entry['about']}".encode(), digest_size=16).hexdigest()


def _chained(before: str, number: int, content: str) -> str:
    return f"{before}\n{number}\n{content}"


def verify(connection: Connection, sign: Sign, kept: tuple[int, str] | None = None) -> Entry | None:
    """Follow the chain from its first link to its last, and give that; None where there are no entries.

    Args:
        connection: to the database.
        sign: as for `append`.
        kept: number and link of an entry, as they were noted elsewhere: the chain must still hold them.

    Raises:
        AuditError: an entry was changed, put in or taken out; the message says where.
    """
    before, number, last = FIRST, 0, None
    for number, row in enumerate(_rows(connection), 1):
        if row.number != number:
            raise AuditError(f"entry {number} is gone: behind entry {number - 1} comes entry {row.number}")
        if row.link != sign(_chained(before, number, row.content)):
            raise AuditError(
                f"entry {number} is not as it was written, or an entry before it was put in or taken out: the chain "
                f"holds up to entry {number - 1}. (With another LEGWORK_PATIENT_KEY it breaks at entry 1)"
            )
        if kept is not None and kept[0] == number and kept[1] != row.link:
            raise AuditError(f"entry {number} is another than the one that was noted: the chain was written anew")
        before, last = row.link, _entry(row)
    if kept is not None and kept[0] > number:
        raise AuditError(f"the chain was cut off: it ends at entry {number}, and entry {kept[0]} was noted")
    return last


def entries(connection: Connection, since: int | None = None, until: int | None = None) -> Iterator[Entry]:
    """Give the entries of a time [ms since 1970], the earliest first."""
    for row in _rows(connection):
        if (since is None or row.at >= since) and (until is None or row.at < until):
            yield _entry(row)


def _rows(connection: Connection) -> Iterator[Any]:
    behind = 0
    while True:
        rows = connection.execute(
            select(audit).where(audit.c.number > behind).order_by(audit.c.number).limit(_AT_ONCE)
        ).all()
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        behind = rows[-1].number


def _entry(row: Any) -> Entry:
    return Entry(row.number, json.loads(row.content), row.link)


def of_call(row: Mapping[str, Any], user: str | None, advised: Iterable[Mapping[str, Any]]) -> Content:
    """Make the entry of a call: who asked when for whom, and which plans spoke or were held back, and why.

    Args:
        row: of the table `calls`.
        user: who asked, as a hash.
        advised: of the table `advice`.
    """
    told = ("plan", "recommendation", "version", "fate", "card", "because")
    return {
        "kind": "call",
        "about": str(row["id"]),
        "at": row["at"],
        "client": row["client"],
        "service": row["service"],
        "user": user,
        "patient": row["patient"],
        "encounter": row["encounter"],
        "evaluated": row["evaluated"],
        "silent": row["silent"],
        "unknown": row["unknown"],
        "plans": [{name: str(one[name]) for name in told if one[name]} for one in advised],
    }


def of_feedback(row: Mapping[str, Any]) -> Content:
    """Make the entry of what a clinician did with a card, from its row of the table `feedback`; without free text."""
    return {
        "kind": "feedback",
        "about": row["digest"],
        "at": row["received"],
        "client": row["client"],
        "service": row["service"],
        "card": row["card"],
        "outcome": row["outcome"],
        "said_at": row["said_at"],
        "reason": row["reason"],
    }


def of_loss(row: Mapping[str, Any]) -> Content:
    """Make the entry of calls that could not be written down, from their row of the table `losses`."""
    return {"kind": "loss", "about": str(row["id"]), "at": row["at"], "calls": row["calls"]}
