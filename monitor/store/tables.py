"""Relational tables. Changes to them need a migration in ``migrations/versions``; a test compares the two.

Times are epoch milliseconds, days Beijing day numbers unless the type is DATE, enumerations their numbers or words.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from monitor.model.day import COUNTERS
from monitor.model.indicator import INDICATOR_COUNTS

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only for a column of exactly INTEGER.
_RowId = BigInteger().with_variant(Integer(), "sqlite")

registry_imports = Table(
    "registry_imports",
    metadata,
    Column("import_id", _RowId, primary_key=True),
    Column("imported_ms", BigInteger, nullable=False),
    Column("imported_by", String, nullable=False),
    Column("path", String, nullable=False),
    Column("effective", Date, nullable=False),
    Column("rows_total", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("retired", Integer, nullable=False),
    sqlite_autoincrement=True,
)

enterprises = Table(
    "enterprises",
    metadata,
    Column("enterprise_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("region", String, nullable=False),
)

vehicles = Table(
    "vehicles",
    metadata,
    Column("span_id", _RowId, primary_key=True),
    Column("import_id", _RowId, ForeignKey("registry_imports.import_id"), nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("plate", String, nullable=False),
    Column("plate_color", String, nullable=False),
    Column("vehicle_class", String, nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("enterprise_name", String, nullable=False),
    Column("region", String, nullable=False),
    Column("terminal_phone", String, nullable=False),
    Column("max_speed_kmh", Double),
    Column("suspended_from", Date),
    Column("suspended_to", Date),
    Column("vin", String, nullable=False),
    Column("licence_no", String, nullable=False),
    Column("in_service_from", Date),
    Column("retired_on", Date),
    Column("crew", Integer, nullable=False),
    Column("line_km", Double),
    Column("curfew_exempt", Boolean, nullable=False),
    Column("relay_from", Date),
    Column("relay_to", Date),
    Column("gross_mass_kg", Double),
    Column("platform", String, nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    # Each vehicle has one row in force at most; with one writer this keeps spans from overlapping.
    Index(
        "uq_vehicles_in_force",
        "vehicle_id",
        unique=True,
        sqlite_where=text("valid_to IS NULL"),
        postgresql_where=text("valid_to IS NULL"),
    ),
    Index(None, "vehicle_id", "valid_from"),
    Index(None, "enterprise_id"),
    sqlite_autoincrement=True,
)

alarms = Table(
    "alarms",
    metadata,
    Column("alarm_id", String(36), primary_key=True),
    Column("subject", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("certainty", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("plate", String, nullable=False),
    Column("vehicle_class", String, nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("driver_id", String, nullable=False),
    Column("onset_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger),
    Column("peak", Double),
    Column("mean", Double),
    Column("limit", Double),
    Column("limit_source", Integer, nullable=False),
    Column("suspected_serious", Boolean, nullable=False),
    Column("night_only", Boolean, nullable=False),
    Column("distance_m", Double),
    Column("n_reports", Integer, nullable=False),
    Column("start_lon", Double),
    Column("start_lat", Double),
    Column("end_lon", Double),
    Column("end_lat", Double),
    Column("start_place", String, nullable=False),
    Column("end_place", String, nullable=False),
    Column("end_reason", Integer, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("inhibited_by", String, nullable=False),
    Column("cargo", String, nullable=False, server_default=""),
    Column("load", String, nullable=False, server_default=""),
    Column("platform", String, nullable=False, server_default=""),
    Column("sequence", Integer, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index(None, "onset_ms"),
    Index(None, "vehicle_id", "onset_ms"),
    Index(None, "enterprise_id", "onset_ms"),
    Index(
        "ix_alarms_active",
        "onset_ms",
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
    ),
)

alarm_changes = Table(
    "alarm_changes",
    metadata,
    Column("alarm_id", String(36), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("transition", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("journal_offset", BigInteger, nullable=False),
    Column("record", Text, nullable=False),  # JSON
)

alarm_evidence = Table(
    "alarm_evidence",
    metadata,
    Column("alarm_id", String(36), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("payload", Text, nullable=False),  # JSON of model.evidence.Evidence
)
"""What each change of an alarm was found in; withdrawn and merged alarms keep theirs."""

prewarnings = Table(
    "prewarnings",
    metadata,
    Column("warning_id", String, primary_key=True),
    Column("rule", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("plate", String, nullable=False),
    Column("vehicle_class", String, nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("driver_id", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("limit", Double, nullable=False),
    Column("remaining_s", Double, nullable=False),
    Index(None, "at_ms"),
)

device_records = Table(
    "device_records",
    metadata,
    Column("record_id", String(36), primary_key=True),
    Column("rule", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("plate", String, nullable=False),
    Column("vehicle_class", String, nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("driver_id", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("found_ms", BigInteger, nullable=False),
    Column("lon", Double),
    Column("lat", Double),
    Column("fence_id", String, nullable=False),
    Column("fence_name", String, nullable=False),
    Column("late", Boolean, nullable=False),
    Index(None, "at_ms"),
    Index(None, "vehicle_id", "at_ms"),
)
"""What terminals said that is worth keeping and nothing to alarm anybody about."""

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", _RowId, primary_key=True),  # never used twice: cursors point at it
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("topic", String, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Column("journal_offset", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("sink", String, nullable=False, server_default=""),  # for that one alone; empty = for all
    sqlite_autoincrement=True,
)

push_sequences = Table(
    "push_sequences",
    metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("sequence", Integer, nullable=False),
)
"""Last sequence of pushes that the store numbers itself; it outlives the outbox rows."""

sink_cursors = Table(
    "sink_cursors",
    metadata,
    Column("sink", String, primary_key=True),
    Column("outbox_id", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_ms", BigInteger, nullable=False),
    Column("last_error", String, nullable=False),
    Column("first_try_ms", BigInteger, nullable=False, server_default="0"),
    Column("answered_ms", BigInteger, nullable=False, server_default="0"),
)

vehicle_days = Table(
    "vehicle_days",
    metadata,
    Column("vehicle_id", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    *(Column(name, Double if name.startswith("mileage") else Integer, nullable=False) for name in COUNTERS),
    Index(None, "day"),
)

indicators = Table(
    "indicators",
    metadata,
    Column("scope", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("provisional", Boolean, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in INDICATOR_COUNTS),
    Index(None, "date", "period", "scope"),
)

supervision_entries = Table(
    "supervision_entries",
    metadata,
    Column("object_type", String, primary_key=True),
    Column("object_id", String, primary_key=True),
    Column("rule_id", String, primary_key=True),
    Column("entered_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("left_ms", BigInteger),
    Column("reason", Text, nullable=False),
    Column("alarm_ids", Text, nullable=False),  # JSON array
    Column("figures", Text, nullable=False),  # JSON object
    Index(None, "entered_ms"),
)

drivers = Table(
    "drivers",
    metadata,
    Column("driver_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("licence_no", String, nullable=False),
    Column("qualification_no", String, nullable=False),
    Column("card_no", String, nullable=False),
    Column("enterprise_id", String, nullable=False),
    Column("phone", String, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index(None, "enterprise_id"),
)

journal_position = Table(
    "journal_position",
    metadata,
    Column("journal", String, primary_key=True),
    Column("journal_offset", BigInteger, nullable=False),
    Column("committed_ms", BigInteger, nullable=False),
)
"""Offset of the last journal record whose outcome is in the tables, one row per journal."""
