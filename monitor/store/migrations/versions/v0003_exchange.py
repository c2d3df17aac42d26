"""What platforms say to each other over JT/T 809, waybills, and the cargo and load of hazmat alarms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name in ("cargo", "load"):
        op.add_column("alarms", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.create_table(
        "platform_links",
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("platform", sa.String(length=64), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("link", "channel", name=op.f("pk_platform_links")),
    )
    op.create_table(
        "link_events",
        sa.Column("event_id", _ROW_ID, nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_link_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_link_events_once", "link_events", ["link", "at_ms", "channel", "up"], unique=True)
    op.create_table(
        "link_outages",
        sa.Column("outage_id", _ROW_ID, nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("announced_by", sa.String(length=64), nullable=False),
        sa.Column("announced_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("outage_id", name=op.f("pk_link_outages")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_link_outages_link_from_ms"), "link_outages", ["link", "from_ms"])
    op.create_table(
        "inquiries",
        sa.Column("inquiry_id", _ROW_ID, nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=64), nullable=False),
        sa.Column("info_id", sa.BigInteger(), nullable=False),
        sa.Column("sn", sa.BigInteger(), nullable=False),
        sa.Column("object_type", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.String(length=64), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("responder", sa.String(length=64), nullable=False),
        sa.Column("responder_tel", sa.String(length=64), nullable=False),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("inquiry_id", name=op.f("pk_inquiries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_inquiries_asked_ms"), "inquiries", ["asked_ms"])
    op.create_index(op.f("ix_inquiries_link_direction_info_id"), "inquiries", ["link", "direction", "info_id"])
    op.create_index(op.f("ix_inquiries_state_deadline_ms"), "inquiries", ["state", "deadline_ms"])
    op.create_table(
        "platform_texts",
        sa.Column("text_id", _ROW_ID, nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=64), nullable=False),
        sa.Column("info_id", sa.BigInteger(), nullable=False),
        sa.Column("sn", sa.BigInteger(), nullable=False),
        sa.Column("object_type", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_by", sa.String(length=64), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("text_id", name=op.f("pk_platform_texts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_platform_texts_at_ms"), "platform_texts", ["at_ms"])
    op.create_index(
        op.f("ix_platform_texts_link_direction_info_id"), "platform_texts", ["link", "direction", "info_id"]
    )
    op.create_table(
        "supervision_orders",
        sa.Column("order_id", _ROW_ID, nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("alarm_id", sa.String(length=36), nullable=False),
        sa.Column("supervision_id", sa.BigInteger(), nullable=False),
        sa.Column("sn", sa.BigInteger(), nullable=False),
        sa.Column("source_type", sa.Integer(), nullable=False),
        sa.Column("source_sn", sa.BigInteger(), nullable=False),
        sa.Column("platform_id", sa.String(length=64), nullable=False),
        sa.Column("plate", sa.String(length=64), nullable=False),
        sa.Column("plate_color", sa.Integer(), nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("warn_type", sa.Integer(), nullable=False),
        sa.Column("warn_source", sa.Integer(), nullable=False),
        sa.Column("warn_ms", sa.BigInteger(), nullable=False),
        sa.Column("ordered_ms", sa.BigInteger(), nullable=False),
        sa.Column("ordered_by", sa.String(length=64), nullable=False),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("supervisor", sa.String(length=64), nullable=False),
        sa.Column("supervisor_tel", sa.String(length=64), nullable=False),
        sa.Column("supervisor_email", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("result", sa.Integer(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_supervision_orders")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_supervision_orders_alarm_id"), "supervision_orders", ["alarm_id"])
    op.create_index(
        op.f("ix_supervision_orders_link_direction_supervision_id"),
        "supervision_orders",
        ["link", "direction", "supervision_id"],
    )
    op.create_index(op.f("ix_supervision_orders_ordered_ms"), "supervision_orders", ["ordered_ms"])
    op.create_index(op.f("ix_supervision_orders_state_deadline_ms"), "supervision_orders", ["state", "deadline_ms"])
    op.create_table(
        "platform_alarms",
        sa.Column("report_id", _ROW_ID, nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("msg_type", sa.Integer(), nullable=False),
        sa.Column("sn", sa.BigInteger(), nullable=False),
        sa.Column("info_id", sa.BigInteger(), nullable=False),
        sa.Column("source_type", sa.Integer(), nullable=False),
        sa.Column("source_sn", sa.BigInteger(), nullable=False),
        sa.Column("platform_id", sa.String(length=64), nullable=False),
        sa.Column("plate", sa.String(length=64), nullable=False),
        sa.Column("plate_color", sa.Integer(), nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("warn_type", sa.Integer(), nullable=False),
        sa.Column("warn_source", sa.Integer(), nullable=False),
        sa.Column("warn_ms", sa.BigInteger(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Integer(), nullable=True),
        sa.Column("result_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_platform_alarms")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_platform_alarms_at_ms"), "platform_alarms", ["at_ms"])
    op.create_index(op.f("ix_platform_alarms_link_info_id"), "platform_alarms", ["link", "info_id"])
    op.create_index(op.f("ix_platform_alarms_link_msg_type_sn"), "platform_alarms", ["link", "msg_type", "sn"])
    op.create_index(op.f("ix_platform_alarms_link_warn_ms"), "platform_alarms", ["link", "warn_ms"])
    op.create_table(
        "sent_references",
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("msg_type", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sn", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("info_id", sa.BigInteger(), nullable=False),
        sa.Column("alarm_id", sa.String(length=36), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("plate", sa.String(length=64), nullable=False),
        sa.Column("plate_color", sa.Integer(), nullable=False),
        sa.Column("warn_type", sa.Integer(), nullable=False),
        sa.Column("warn_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("link", "epoch", "msg_type", "sn", name=op.f("pk_sent_references")),
    )
    op.create_index(op.f("ix_sent_references_alarm_id_link"), "sent_references", ["alarm_id", "link"])
    op.create_index(op.f("ix_sent_references_link_plate_warn_ms"), "sent_references", ["link", "plate", "warn_ms"])
    op.create_index(op.f("ix_sent_references_sent_ms"), "sent_references", ["sent_ms"])
    op.create_table(
        "waybills",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("cargo", sa.String(length=200), nullable=False),
        sa.Column("load", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("key", "at_ms", name=op.f("pk_waybills")),
    )
    op.create_index(op.f("ix_waybills_at_ms"), "waybills", ["at_ms"])
    op.create_table(
        "vehicle_drivers",
        sa.Column("plate_color", sa.String(), nullable=False),
        sa.Column("plate", sa.String(length=64), nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("driver_id", sa.String(length=64), nullable=False),
        sa.Column("licence", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("valid_ms", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("plate_color", "plate", name=op.f("pk_vehicle_drivers")),
    )
    op.create_table(
        "vehicle_conflicts",
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("plate_color", sa.String(), nullable=False),
        sa.Column("plate", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=32), nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("stated", sa.String(length=200), nullable=False),
        sa.Column("kept", sa.String(length=200), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("link", "plate_color", "plate", "field", name=op.f("pk_vehicle_conflicts")),
    )
    op.create_table(
        "forward_cursors",
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("journal_offset", sa.BigInteger(), nullable=False),
        sa.Column("clock_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("link", name=op.f("pk_forward_cursors")),
    )


def downgrade() -> None:
    for table in (
        "forward_cursors",
        "vehicle_conflicts",
        "vehicle_drivers",
        "waybills",
        "sent_references",
        "platform_alarms",
        "supervision_orders",
        "platform_texts",
        "inquiries",
        "link_outages",
        "link_events",
        "platform_links",
    ):
        op.drop_table(table)
    for name in ("load", "cargo"):
        op.drop_column("alarms", name)
