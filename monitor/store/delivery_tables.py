"""Tables of delivery: dead letters, silences, and what each receiver has heard of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, String, Table, Text

from monitor.store.tables import metadata

_RowId = BigInteger().with_variant(Integer(), "sqlite")

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("letter_id", _RowId, primary_key=True),
    Column("sink", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("topic", String, nullable=False),
    Column("data", Text, nullable=False),  # JSON; empty where only the refusal was kept
    Column("created_ms", BigInteger, nullable=False),
    Column("cause", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_try_ms", BigInteger, nullable=False),
    Column("last_try_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),  # waiting, resent, discarded
    Column("decided_ms", BigInteger),
    Column("decided_by", String, nullable=False),
    Column("note", String, nullable=False),
    Index(None, "sink", "state"),
    sqlite_autoincrement=True,
)
"""Messages that a receiver did not take, whole, passed over so that they do not hold up the next."""

silences = Table(
    "silences",
    metadata,
    Column("silence_id", _RowId, primary_key=True),
    Column("author", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("sink", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("grade", Integer, nullable=False),  # at most
    Column("vehicle_class", String, nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("expired_by", String, nullable=False),
    Index(None, "ends_ms"),
    sqlite_autoincrement=True,
)

alarm_standings = Table(
    "alarm_standings",
    metadata,
    Column("sink", String, primary_key=True),
    Column("alarm_id", String(36), primary_key=True),
    Column("hearing", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("rule", String, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("begun", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("digest", String, nullable=False),
    Column("due_ms", BigInteger),
    Column("topic", String, nullable=False),
    Column("data", Text, nullable=False),  # JSON of an edition kept back
    Index(None, "sink", "due_ms"),
)
"""Alarms that last, and what each receiver has heard of them."""

sink_budgets = Table(
    "sink_budgets",
    metadata,
    Column("sink", String, primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
"""What the cap of a receiver left, so that a restart does not fill it up."""
