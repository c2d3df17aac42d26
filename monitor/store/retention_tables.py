"""Tables of legal holds and of what was deleted when. Times are epoch milliseconds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from monitor.store.tables import metadata

_RowId = BigInteger().with_variant(Integer(), "sqlite")

legal_holds = Table(
    "legal_holds",
    metadata,
    Column("hold_id", _RowId, primary_key=True),
    Column("vehicle_id", String, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),  # the last millisecond held
    Column("author", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("released_ms", BigInteger),
    Column("released_by", String(64), nullable=False),
    Column("release_reason", Text, nullable=False),
    Index(None, "vehicle_id", "from_ms"),
    sqlite_autoincrement=True,
)
"""Vehicles and spans whose data nothing deletes; a released hold stays on record."""

deletions = Table(
    "deletions",
    metadata,
    Column("deletion_id", _RowId, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("what", String(64), nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("from_ms", BigInteger, nullable=False),  # of what was deleted
    Column("to_ms", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Index(None, "at_ms"),
    sqlite_autoincrement=True,
)
"""What retention deleted, to be shown; ``held`` are those that a legal hold kept."""
