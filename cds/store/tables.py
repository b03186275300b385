"""The tables, as they are after the last step of `migrations/versions/`."""

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table

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
