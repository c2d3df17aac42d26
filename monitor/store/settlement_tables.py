"""Tables of settlement: which days are settled, from what, and which alarm was judged in which of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, String, Table, Text

from monitor.store.tables import metadata

settled_days = Table(
    "settled_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("complete", Boolean, nullable=False),
    Column("generation", BigInteger, nullable=False),  # of the state file; grows with every settlement of the day
    Column("version", String, nullable=False),  # of the archive's rows
    Column("begun_from", String, nullable=False),  # digest of the state that the day began with
    Column("ended_as", String, nullable=False),  # and of the one that it ended with
    Column("settings", String, nullable=False),  # digest of what was in force
    Column("settled_ms", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("reports", BigInteger, nullable=False),
    Column("changes", Text, nullable=False),  # JSON: how many by transition
)
"""A day without a complete row is provisional. Its figures are no more overwritten by live ones once it has a row."""

settled_alarms = Table(
    "settled_alarms",
    metadata,
    Column("alarm_id", String(36), primary_key=True),
    Column("settled_id", String(36), nullable=False),  # id by the settled onset; empty where nothing was matched
    Column("day", Integer, nullable=False),  # in whose settlement it was judged first
    Column("last_day", Integer, nullable=False),  # and the newest
    Index(None, "day"),
    Index(None, "settled_id"),
)
