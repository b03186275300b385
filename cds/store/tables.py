"""The tables, as they are after the last step of `migrations/versions/`. Moments are milliseconds since 1970 (UTC)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

tokens = Table(
    "tokens",
    metadata,
    Column("token", String(64), primary_key=True),  # SHA-256 of issuer and jti, so that a row says nothing of either
    Column("expires", BigInteger, nullable=False),  # seconds since 1970
    Index("ix_tokens_expires", "expires"),
)
"""Tokens that were used, until they have run out."""

calls = Table(
    "calls",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("client", String(500), nullable=False),
    Column("service", String(64), nullable=False),
    Column("patient", String(32)),  # by the patient key; null where the call ended before its patient was read
    Column("encounter", String(32)),  # likewise
    Column("silent", Boolean, nullable=False),
    Column("evaluated", Boolean, nullable=False),  # false: answered 412
    Column("duration", Integer, nullable=False),  # from the body to the answer [us]
    Column("unknown", Text, nullable=False),  # the areas of the chart that were not to be had
    Column("cards", LargeBinary),  # what the cards say, compressed and sealed; null without cards
    Index("ix_calls_at", "at"),
    Index("ix_calls_patient", "patient", "at"),
)
"""Calls that were answered."""

advice = Table(
    "advice",
    metadata,
    Column("call", Uuid, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("plan", String(64), nullable=False),
    Column("recommendation", String(100), nullable=False),
    Column("version", String(32), nullable=False),
    Column("indicator", SmallInteger, nullable=False),  # 1 info, 2 warning, 3 critical
    Column("fate", String(8), nullable=False),  # a word of `cards.account.Fate`
    Column("card", String(36)),  # its uuid; null where it was held back
    Column("leads", Boolean, nullable=False),  # whether it is the strongest of its plan: each plan speaks once a call
    Column("unknown", Boolean, nullable=False),  # whether something could not be checked
    Column("facts", Text, nullable=False),  # keyed hashes of what its plan rests on, with the one that leads
    Column("because", String(36)),  # the earlier card that holds it back
    Index("ix_advice_card", "card"),
)
"""What the plans advised, and what became of it."""

feedback = Table(
    "feedback",
    metadata,
    Column("digest", String(32), primary_key=True),  # of all that the client says, so that saying it again is no news
    Column("card", String(36), nullable=False),  # its uuid; what is none is hashed, since it may be anything
    Column("client", String(500), nullable=False),
    Column("service", String(64), nullable=False),
    Column("outcome", String(10), nullable=False),  # accepted or overridden
    Column("said_at", BigInteger, nullable=False),  # outcomeTimestamp
    Column("counts_at", BigInteger, nullable=False),  # the same, but no later than `received`
    Column("received", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),  # in its message
    Column("reason", String(64)),  # its code; `other` where that is none
    Column("said", LargeBinary, nullable=False),  # word for word and sealed: free text may hold anything of a patient
    Index("ix_feedback_card", "card"),
    Index("ix_feedback_received", "received"),
)
"""What clients say that became of cards, in any order; a card may be unknown, or known only later."""

losses = Table(
    "losses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("calls", Integer, nullable=False),
)
"""Calls that were answered and could not be recorded, written down as soon as something could be."""

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(32), nullable=False, unique=True),  # of what it is about, so that it is told once
    Column("at", BigInteger, nullable=False),
    Column("content", Text, nullable=False),  # JSON
    Column("link", String(64), nullable=False),  # keyed hash over this entry and the link before
)
"""The audit trail (`audit.py`); triggers keep its rows from being changed or deleted."""

requests = Table(
    "requests",
    metadata,
    Column("call", Uuid, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),  # msgpack, compressed and sealed
)
"""Requests as they came, with all of the patient's data, where LEGWORK_RECORD is on; else none."""

patient_key = Table("patient_key", metadata, Column("fingerprint", String(32), primary_key=True))
"""By which key patients are hashed here: one row."""
