"""Requests as they came, kept for replay where LEGWORK_RECORD is on. They hold all of a patient's data, sealed.

They are deleted with their calls: by age, and of one patient at once (`retention.py`).
"""

import uuid
import zlib
from collections.abc import Mapping

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from cds.store.patients import PatientKey
from cds.store.tables import requests


class Page(Struct, frozen=True):
    """What was fetched under one prefetch key.

    Attributes:
        key: the key.
        reason: why it is not wholly known; empty when it is.
        continues: whether it goes on where the value that was supplied ends.
        pages: as they came.
    """

    key: str
    reason: str
    continues: bool
    pages: list[bytes]


class Seen(Struct, frozen=True):
    """What was known of a plan when it was held back or not (`cards.account.Known`)."""

    plan: str
    fate: str
    indicator: int
    facts: list[str]
    card: str


class Recording(Struct, frozen=True):
    """A call, with all on which its answer rests.

    Attributes:
        service: its id.
        day: that of the call, YYYY-MM-DD.
        body: as it came, but for the token of `fhirAuthorization`.
        fetched: what was fetched.
        obstacle: why nothing was.
        terms: the client's, as JSON.
        address: the public address of the service.
        max_cards: cards beside critical ones.
        seen: what was known to have been seen.
        release: of the service.
        knowledge: folder -> version and fingerprint.
        answer: the cards, as they were sent or would have been; empty where nothing could be concluded.
        reason: why not.
    """

    service: str
    day: str
    body: bytes
    fetched: list[Page]
    obstacle: str
    terms: bytes
    address: str
    max_cards: int
    seen: list[Seen]
    release: str
    knowledge: Mapping[str, tuple[str, str]]
    answer: bytes
    reason: str = ""


_decoder = msgspec.msgpack.Decoder(Recording)


def packed(recording: Recording, key: PatientKey) -> bytes:
    """Give a recording as it is kept."""
    return key.seal(zlib.compress(msgspec.msgpack.encode(recording), 1))


def recorded(connection: Connection, call: uuid.UUID, key: PatientKey) -> Recording | None:
    """Give the recording of a call; None where there is none."""
    content = connection.scalar(select(requests.c.content).where(requests.c.call == call))
    return None if content is None else _decoder.decode(zlib.decompress(key.unseal(content)))
