"""Terminals of JT/T 808 and the orders to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "terminals",
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("registered_ms", sa.BigInteger(), nullable=False),
        sa.Column("authenticated_ms", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("province", sa.Integer(), nullable=False),
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("maker", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("terminal_id", sa.String(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("plate_color", sa.Integer(), nullable=False),
        sa.Column("imei", sa.String(), nullable=False),
        sa.Column("software", sa.String(), nullable=False),
        sa.Column("driver_id", sa.String(), nullable=False),
        sa.Column("driver_name", sa.String(), nullable=False),
        sa.Column("driver_licence", sa.String(), nullable=False),
        sa.Column("card_ms", sa.BigInteger(), nullable=False),
        sa.Column("reports", sa.BigInteger(), nullable=False),
        sa.Column("last_fix_ms", sa.BigInteger(), nullable=False),
        sa.Column("lon_deg", sa.Double(), nullable=False),
        sa.Column("lat_deg", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("phone", name=op.f("pk_terminals")),
    )
    op.create_index(op.f("ix_terminals_last_seen_ms"), "terminals", ["last_seen_ms"])
    op.create_table(
        "downlinks",
        sa.Column("downlink_id", sa.String(length=64), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("queued_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("alarm_id", sa.String(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("downlink_id", name=op.f("pk_downlinks")),
    )
    op.create_index(op.f("ix_downlinks_queued_ms"), "downlinks", ["queued_ms"])
    op.create_index(op.f("ix_downlinks_phone_queued_ms"), "downlinks", ["phone", "queued_ms"])
    op.create_index(op.f("ix_downlinks_vehicle_id_queued_ms"), "downlinks", ["vehicle_id", "queued_ms"])
    op.create_index(
        "ix_downlinks_open",
        "downlinks",
        ["phone", "queued_ms"],
        sqlite_where=sa.text("state IN ('queued', 'sent')"),
        postgresql_where=sa.text("state IN ('queued', 'sent')"),
    )


def downgrade() -> None:
    op.drop_table("downlinks")
    op.drop_table("terminals")
