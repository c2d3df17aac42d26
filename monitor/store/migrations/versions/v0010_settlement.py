"""Settled days, and the alarms judged in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "settled_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("begun_from", sa.String(), nullable=False),
        sa.Column("ended_as", sa.String(), nullable=False),
        sa.Column("settings", sa.String(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("reports", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_settled_days")),
    )
    op.create_table(
        "settled_alarms",
        sa.Column("alarm_id", sa.String(length=36), nullable=False),
        sa.Column("settled_id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("alarm_id", name=op.f("pk_settled_alarms")),
    )
    op.create_index(op.f("ix_settled_alarms_day"), "settled_alarms", ["day"])
    op.create_index(op.f("ix_settled_alarms_settled_id"), "settled_alarms", ["settled_id"])


def downgrade() -> None:
    op.drop_table("settled_alarms")
    op.drop_table("settled_days")
