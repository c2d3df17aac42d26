"""Tables of JT/T 808 terminals and of the orders to them, on the ``metadata`` of ``monitor.store.tables``.

Changes to them need a migration in ``migrations/versions``; a test compares the two. Times are epoch milliseconds.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Table, Text, text

from monitor.store.tables import metadata

terminals = Table(
    "terminals",
    metadata,
    Column("phone", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("registered_ms", BigInteger, nullable=False),
    Column("authenticated_ms", BigInteger, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("province", Integer, nullable=False),
    Column("county", Integer, nullable=False),
    Column("maker", String, nullable=False),
    Column("model", String, nullable=False),
    Column("terminal_id", String, nullable=False),
    Column("plate", String, nullable=False),
    Column("plate_color", Integer, nullable=False),
    Column("imei", String, nullable=False),
    Column("software", String, nullable=False),
    Column("driver_id", String, nullable=False),
    Column("driver_name", String, nullable=False),
    Column("driver_licence", String, nullable=False),
    Column("card_ms", BigInteger, nullable=False),
    Column("reports", BigInteger, nullable=False),
    Column("last_fix_ms", BigInteger, nullable=False),
    Column("lon_deg", Double, nullable=False),
    Column("lat_deg", Double, nullable=False),
    Index(None, "last_seen_ms"),
)

OPEN = text("state IN ('queued', 'sent')")
"""Orders with which something can still happen. In the same words in a query, the partial index is used."""

downlinks = Table(
    "downlinks",
    metadata,
    Column("downlink_id", String(64), primary_key=True),
    Column("phone", String, nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("state", String, nullable=False),
    Column("requested_by", String, nullable=False),
    Column("queued_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("alarm_id", String, nullable=False),
    Column("sent_ms", BigInteger),
    Column("answered_ms", BigInteger),
    Column("answer", Text, nullable=False),  # JSON
    Index(None, "queued_ms"),
    Index(None, "phone", "queued_ms"),
    Index(None, "vehicle_id", "queued_ms"),
    Index("ix_downlinks_open", "phone", "queued_ms", sqlite_where=OPEN, postgresql_where=OPEN),
)
