"""Legal holds, and what was deleted when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("hold_id", _ROW_ID, nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("released_ms", sa.BigInteger()),
        sa.Column("released_by", sa.String(64), nullable=False),
        sa.Column("release_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_legal_holds")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_legal_holds_vehicle_id_from_ms"), "legal_holds", ["vehicle_id", "from_ms"])
    op.create_table(
        "deletions",
        sa.Column("deletion_id", _ROW_ID, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("deletion_id", name=op.f("pk_deletions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deletions_at_ms"), "deletions", ["at_ms"])


def downgrade() -> None:
    op.drop_table("deletions")
    op.drop_table("legal_holds")
