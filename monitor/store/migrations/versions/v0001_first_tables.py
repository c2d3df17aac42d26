"""The first tables: registry, alarms and their log, outbox and cursors, counters, indicators, key supervision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alarm_changes",
        sa.Column("alarm_id", sa.String(length=36), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("transition", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("journal_offset", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alarm_id", "sequence", name=op.f("pk_alarm_changes")),
    )
    op.create_table(
        "alarms",
        sa.Column("alarm_id", sa.String(length=36), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("certainty", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("vehicle_class", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("driver_id", sa.String(), nullable=False),
        sa.Column("onset_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=True),
        sa.Column("peak", sa.Double(), nullable=True),
        sa.Column("mean", sa.Double(), nullable=True),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("limit_source", sa.Integer(), nullable=False),
        sa.Column("suspected_serious", sa.Boolean(), nullable=False),
        sa.Column("night_only", sa.Boolean(), nullable=False),
        sa.Column("distance_m", sa.Double(), nullable=True),
        sa.Column("n_reports", sa.Integer(), nullable=False),
        sa.Column("start_lon", sa.Double(), nullable=True),
        sa.Column("start_lat", sa.Double(), nullable=True),
        sa.Column("end_lon", sa.Double(), nullable=True),
        sa.Column("end_lat", sa.Double(), nullable=True),
        sa.Column("start_place", sa.String(), nullable=False),
        sa.Column("end_place", sa.String(), nullable=False),
        sa.Column("end_reason", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("inhibited_by", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alarm_id", name=op.f("pk_alarms")),
    )
    op.create_index(
        "ix_alarms_active",
        "alarms",
        ["onset_ms"],
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(op.f("ix_alarms_enterprise_id_onset_ms"), "alarms", ["enterprise_id", "onset_ms"])
    op.create_index(op.f("ix_alarms_onset_ms"), "alarms", ["onset_ms"])
    op.create_index(op.f("ix_alarms_vehicle_id_onset_ms"), "alarms", ["vehicle_id", "onset_ms"])

    op.create_table(
        "enterprises",
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", name=op.f("pk_enterprises")),
    )
    op.create_table(
        "indicators",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("vehicles_registered", sa.BigInteger(), nullable=False),
        sa.Column("vehicles_joined", sa.BigInteger(), nullable=False),
        sa.Column("vehicles_online", sa.BigInteger(), nullable=False),
        sa.Column("reports_total", sa.BigInteger(), nullable=False),
        sa.Column("reports_qualified", sa.BigInteger(), nullable=False),
        sa.Column("mileage_m", sa.BigInteger(), nullable=False),
        sa.Column("mileage_complete_m", sa.BigInteger(), nullable=False),
        sa.Column("drift_points", sa.BigInteger(), nullable=False),
        sa.Column("vehicles_drift", sa.BigInteger(), nullable=False),
        sa.Column("speeding_n", sa.BigInteger(), nullable=False),
        sa.Column("speeding_serious_n", sa.BigInteger(), nullable=False),
        sa.Column("fatigue_s", sa.BigInteger(), nullable=False),
        sa.Column("fatigue_n", sa.BigInteger(), nullable=False),
        sa.Column("night_curfew_n", sa.BigInteger(), nullable=False),
        sa.Column("offline_n", sa.BigInteger(), nullable=False),
        sa.Column("alarms_n", sa.BigInteger(), nullable=False),
        sa.Column("alarms_handled_n", sa.BigInteger(), nullable=False),
        sa.Column("inquiries_n", sa.BigInteger(), nullable=False),
        sa.Column("inquiries_answered_n", sa.BigInteger(), nullable=False),
        sa.Column("link_minutes", sa.BigInteger(), nullable=False),
        sa.Column("link_down_minutes", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_plate", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_time", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_longitude", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_latitude", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_speed", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_altitude", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_direction", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_no_fix", sa.BigInteger(), nullable=False),
        sa.Column("unqualified_status", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", "period", "date", name=op.f("pk_indicators")),
    )
    op.create_index(op.f("ix_indicators_date_period_scope"), "indicators", ["date", "period", "scope"])

    op.create_table(
        "journal_position",
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("journal_offset", sa.BigInteger(), nullable=False),
        sa.Column("committed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journal", name=op.f("pk_journal_position")),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", _ROW_ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("journal_offset", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "prewarnings",
        sa.Column("warning_id", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("vehicle_class", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("driver_id", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("limit", sa.Double(), nullable=False),
        sa.Column("remaining_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("warning_id", name=op.f("pk_prewarnings")),
    )
    op.create_index(op.f("ix_prewarnings_at_ms"), "prewarnings", ["at_ms"])

    op.create_table(
        "push_sequences",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_push_sequences")),
    )
    op.create_table(
        "refused_deliveries",
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("outbox_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sink", "outbox_id", name=op.f("pk_refused_deliveries")),
    )
    op.create_table(
        "registry_imports",
        sa.Column("import_id", _ROW_ID, nullable=False),
        sa.Column("imported_ms", sa.BigInteger(), nullable=False),
        sa.Column("imported_by", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("effective", sa.Date(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_registry_imports")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sink_cursors",
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sink", name=op.f("pk_sink_cursors")),
    )
    op.create_table(
        "supervision_entries",
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("entered_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("left_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("alarm_ids", sa.Text(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "object_type", "object_id", "rule_id", "entered_ms", name=op.f("pk_supervision_entries")
        ),
    )
    op.create_index(op.f("ix_supervision_entries_entered_ms"), "supervision_entries", ["entered_ms"])

    op.create_table(
        "vehicle_days",
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reports_total", sa.Integer(), nullable=False),
        sa.Column("reports_qualified", sa.Integer(), nullable=False),
        sa.Column("bad_time", sa.Integer(), nullable=False),
        sa.Column("bad_longitude", sa.Integer(), nullable=False),
        sa.Column("bad_latitude", sa.Integer(), nullable=False),
        sa.Column("bad_speed", sa.Integer(), nullable=False),
        sa.Column("bad_altitude", sa.Integer(), nullable=False),
        sa.Column("bad_direction", sa.Integer(), nullable=False),
        sa.Column("no_fix", sa.Integer(), nullable=False),
        sa.Column("bad_status", sa.Integer(), nullable=False),
        sa.Column("not_registered", sa.Integer(), nullable=False),
        sa.Column("drift_points", sa.Integer(), nullable=False),
        sa.Column("drift_vehicle", sa.Integer(), nullable=False),
        sa.Column("mileage_m", sa.Double(), nullable=False),
        sa.Column("mileage_complete_m", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle_id", "day", name=op.f("pk_vehicle_days")),
    )
    op.create_index(op.f("ix_vehicle_days_day"), "vehicle_days", ["day"])

    op.create_table(
        "vehicles",
        sa.Column("span_id", _ROW_ID, nullable=False),
        sa.Column("import_id", _ROW_ID, nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("plate_color", sa.String(), nullable=False),
        sa.Column("vehicle_class", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("enterprise_name", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("terminal_phone", sa.String(), nullable=False),
        sa.Column("max_speed_kmh", sa.Double(), nullable=True),
        sa.Column("suspended_from", sa.Date(), nullable=True),
        sa.Column("suspended_to", sa.Date(), nullable=True),
        sa.Column("vin", sa.String(), nullable=False),
        sa.Column("licence_no", sa.String(), nullable=False),
        sa.Column("in_service_from", sa.Date(), nullable=True),
        sa.Column("retired_on", sa.Date(), nullable=True),
        sa.Column("crew", sa.Integer(), nullable=False),
        sa.Column("line_km", sa.Double(), nullable=True),
        sa.Column("curfew_exempt", sa.Boolean(), nullable=False),
        sa.Column("relay_from", sa.Date(), nullable=True),
        sa.Column("relay_to", sa.Date(), nullable=True),
        sa.Column("gross_mass_kg", sa.Double(), nullable=True),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["registry_imports.import_id"], name=op.f("fk_vehicles_import_id_registry_imports")
        ),
        sa.PrimaryKeyConstraint("span_id", name=op.f("pk_vehicles")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_vehicles_enterprise_id"), "vehicles", ["enterprise_id"])
    op.create_index(op.f("ix_vehicles_vehicle_id_valid_from"), "vehicles", ["vehicle_id", "valid_from"])
    op.create_index(
        "uq_vehicles_in_force",
        "vehicles",
        ["vehicle_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )


def downgrade() -> None:
    for table in (
        "vehicles",
        "vehicle_days",
        "supervision_entries",
        "sink_cursors",
        "registry_imports",
        "refused_deliveries",
        "push_sequences",
        "prewarnings",
        "outbox",
        "journal_position",
        "indicators",
        "enterprises",
        "alarms",
        "alarm_changes",
    ):
        op.drop_table(table)
