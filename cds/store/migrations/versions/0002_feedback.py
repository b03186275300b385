"""What was shown, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "calls",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("client", sa.String(500), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(32)),
        sa.Column("encounter", sa.String(32)),
        sa.Column("silent", sa.Boolean, nullable=False),
        sa.Column("evaluated", sa.Boolean, nullable=False),
        sa.Column("duration", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Text, nullable=False),
        sa.Column("cards", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_at", "calls", ["at"])
    op.create_index("ix_calls_patient", "calls", ["patient", "at"])
    op.create_table(
        "advice",
        sa.Column("call", sa.Uuid, nullable=False),
        sa.Column("number", sa.SmallInteger, nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("recommendation", sa.String(100), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("indicator", sa.SmallInteger, nullable=False),
        sa.Column("fate", sa.String(8), nullable=False),
        sa.Column("card", sa.String(36)),
        sa.Column("leads", sa.Boolean, nullable=False),
        sa.Column("unknown", sa.Boolean, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("because", sa.String(36)),
        sa.PrimaryKeyConstraint("call", "number", name="pk_advice"),
        sa.ForeignKeyConstraint(["call"], ["calls.id"], name="fk_advice_call", ondelete="CASCADE"),
    )
    op.create_index("ix_advice_card", "advice", ["card"])
    op.create_table(
        "feedback",
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("card", sa.String(36), nullable=False),
        sa.Column("client", sa.String(500), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("said_at", sa.BigInteger, nullable=False),
        sa.Column("counts_at", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(64)),
        sa.Column("said", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_feedback"),
    )
    op.create_index("ix_feedback_card", "feedback", ["card"])
    op.create_index("ix_feedback_received", "feedback", ["received"])
    op.create_table(
        "losses",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_losses"),
    )
    op.create_table(
        "patient_key",
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_patient_key"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("patient_key", "losses", "feedback", "advice", "calls"):
        op.drop_table(table)
