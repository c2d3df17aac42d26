"""Relational tables of what platforms say to each other over JT/T 809.

Same ``metadata`` and the same rules as ``tables``: times are epoch milliseconds (0 = unknown), enumerations their
numbers or words, and a change needs a migration.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from monitor.store.tables import metadata

_RowId = BigInteger().with_variant(Integer(), "sqlite")

platform_links = Table(
    "platform_links",
    metadata,
    Column("link", String(64), primary_key=True),
    Column("channel", String(8), primary_key=True),
    Column("role", String(8), nullable=False),
    Column("platform", String(64), nullable=False),
    Column("up", Boolean, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("reason", String(500), nullable=False),
)
"""How each channel of each link stands."""

link_events = Table(
    "link_events",
    metadata,
    Column("event_id", _RowId, primary_key=True),
    Column("link", String(64), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("up", Boolean, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", String(500), nullable=False),
    Index("uq_link_events_once", "link", "at_ms", "channel", "up", unique=True),
    sqlite_autoincrement=True,
)

link_outages = Table(
    "link_outages",
    metadata,
    Column("outage_id", _RowId, primary_key=True),
    Column("link", String(64), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("cause", String(8), nullable=False),  # supervision.connectivity.OutageCause
    Column("reason", String(500), nullable=False),
    Column("announced_by", String(64), nullable=False),
    Column("announced_ms", BigInteger, nullable=False),
    Index(None, "link", "from_ms"),
    sqlite_autoincrement=True,
)
"""Outages of a link that were announced before they began."""

inquiries = Table(
    "inquiries",
    metadata,
    Column("inquiry_id", _RowId, primary_key=True),  # info_id of those that we ask
    Column("direction", String(8), nullable=False),
    Column("link", String(64), nullable=False),
    Column("platform", String(64), nullable=False),
    Column("info_id", BigInteger, nullable=False),
    Column("sn", BigInteger, nullable=False),
    Column("object_type", Integer, nullable=False),
    Column("object_id", String(64), nullable=False),
    Column("question", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("deadline_ms", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    Column("answer", Text, nullable=False),
    Column("responder", String(64), nullable=False),
    Column("responder_tel", String(64), nullable=False),
    Column("answered_ms", BigInteger),
    Column("answered_by", String(64), nullable=False),
    Index(None, "asked_ms"),
    Index(None, "link", "direction", "info_id"),
    Index(None, "state", "deadline_ms"),
    sqlite_autoincrement=True,
)

platform_texts = Table(
    "platform_texts",
    metadata,
    Column("text_id", _RowId, primary_key=True),  # info_id of those that we send
    Column("direction", String(8), nullable=False),
    Column("link", String(64), nullable=False),
    Column("platform", String(64), nullable=False),
    Column("info_id", BigInteger, nullable=False),
    Column("sn", BigInteger, nullable=False),
    Column("object_type", Integer, nullable=False),
    Column("object_id", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("sent_by", String(64), nullable=False),
    Column("received_ms", BigInteger),  # when the other side said that it has it
    Index(None, "at_ms"),
    Index(None, "link", "direction", "info_id"),
    sqlite_autoincrement=True,
)

supervision_orders = Table(
    "supervision_orders",
    metadata,
    Column("order_id", _RowId, primary_key=True),  # supervision_id of those that we give
    Column("direction", String(8), nullable=False),
    Column("link", String(64), nullable=False),
    Column("alarm_id", String(36), nullable=False),
    Column("supervision_id", BigInteger, nullable=False),
    Column("sn", BigInteger, nullable=False),
    Column("source_type", Integer, nullable=False),
    Column("source_sn", BigInteger, nullable=False),
    Column("platform_id", String(64), nullable=False),
    Column("plate", String(64), nullable=False),
    Column("plate_color", Integer, nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("warn_type", Integer, nullable=False),
    Column("warn_source", Integer, nullable=False),
    Column("warn_ms", BigInteger, nullable=False),
    Column("ordered_ms", BigInteger, nullable=False),
    Column("ordered_by", String(64), nullable=False),
    Column("deadline_ms", BigInteger, nullable=False),
    Column("level", Integer, nullable=False),
    Column("supervisor", String(64), nullable=False),
    Column("supervisor_tel", String(64), nullable=False),
    Column("supervisor_email", String(64), nullable=False),
    Column("state", String(8), nullable=False),
    Column("result", Integer),
    Column("content", Text, nullable=False),
    Column("answered_ms", BigInteger),
    Column("answered_by", String(64), nullable=False),
    Index(None, "ordered_ms"),
    Index(None, "alarm_id"),
    Index(None, "link", "direction", "supervision_id"),
    Index(None, "state", "deadline_ms"),
    sqlite_autoincrement=True,
)

platform_alarms = Table(
    "platform_alarms",
    metadata,
    Column("report_id", _RowId, primary_key=True),
    Column("link", String(64), nullable=False),
    Column("msg_type", Integer, nullable=False),
    Column("sn", BigInteger, nullable=False),
    Column("info_id", BigInteger, nullable=False),
    Column("source_type", Integer, nullable=False),
    Column("source_sn", BigInteger, nullable=False),
    Column("platform_id", String(64), nullable=False),
    Column("plate", String(64), nullable=False),
    Column("plate_color", Integer, nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("warn_type", Integer, nullable=False),
    Column("warn_source", Integer, nullable=False),
    Column("warn_ms", BigInteger, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("result", Integer),
    Column("result_ms", BigInteger),
    Index(None, "at_ms"),
    Index(None, "link", "warn_ms"),
    Index(None, "link", "info_id"),
    Index(None, "link", "msg_type", "sn"),
    sqlite_autoincrement=True,
)
"""Alarms that another platform reported, with what became of them; a result that belongs to none has its own row."""

sent_references = Table(
    "sent_references",
    metadata,
    Column("link", String(64), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("msg_type", Integer, primary_key=True, autoincrement=False),
    Column("sn", BigInteger, primary_key=True, autoincrement=False),
    Column("info_id", BigInteger, nullable=False),
    Column("alarm_id", String(36), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("plate", String(64), nullable=False),
    Column("plate_color", Integer, nullable=False),
    Column("warn_type", Integer, nullable=False),
    Column("warn_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
    Index(None, "alarm_id", "link"),
    Index(None, "link", "plate", "warn_ms"),
    Index(None, "sent_ms"),
)
"""Which of our alarms a message carried: orders and results of 2019 name the message, those of 2011 the vehicle,
type and time. An epoch is one run of a link's sequence numbers."""

waybills = Table(
    "waybills",
    metadata,
    Column("key", String, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
    Column("cargo", String(200), nullable=False),
    Column("load", String(8), nullable=False),
    Index(None, "at_ms"),
)

vehicle_drivers = Table(
    "vehicle_drivers",
    metadata,
    Column("plate_color", String, primary_key=True),
    Column("plate", String(64), primary_key=True),
    Column("vehicle_id", String, nullable=False),
    Column("link", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("driver_id", String(64), nullable=False),
    Column("licence", String(64), nullable=False),
    Column("issuer", String(200), nullable=False),
    Column("valid_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""The driver that a platform last named for a vehicle."""

vehicle_conflicts = Table(
    "vehicle_conflicts",
    metadata,
    Column("link", String(64), primary_key=True),
    Column("plate_color", String, primary_key=True),
    Column("plate", String(64), primary_key=True),
    Column("field", String(32), primary_key=True),
    Column("vehicle_id", String, nullable=False),
    Column("stated", String(200), nullable=False),
    Column("kept", String(200), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""What a platform states of a vehicle and the registry says otherwise; the registry is not changed."""

forward_cursors = Table(
    "forward_cursors",
    metadata,
    Column("link", String(64), primary_key=True),
    Column("journal_offset", BigInteger, nullable=False),
    Column("clock_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
)
"""Every journal record up to the offset was taken by the link."""
