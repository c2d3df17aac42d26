"""Dead letters in the place of refusals, silences, and what each receiver has heard of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_KEEP_REFUSALS = """
INSERT INTO dead_letters (sink, kind, key, sequence, topic, data, created_ms, cause, reason, attempts, first_try_ms,
                          last_try_ms, state, decided_by, note)
SELECT r.sink, r.kind, r.key, r.sequence, COALESCE(o.topic, ''), COALESCE(o.data, ''), COALESCE(o.created_ms, r.at_ms),
       'refused', r.reason, 1, r.at_ms, r.at_ms, 'waiting', '', ''
FROM refused_deliveries r LEFT JOIN outbox o ON o.outbox_id = r.outbox_id
ORDER BY r.sink, r.outbox_id
"""

# What was pushed before: as monitor.alarms.pushing decides about alarms that last.
_TOLD_SO_FAR = """
INSERT INTO alarm_standings (sink, alarm_id, hearing, sequence, rule, grade, enterprise_id, since_ms, begun, ended,
                             digest, topic, data)
SELECT c.sink, a.alarm_id, 'told', a.sequence, a.rule, a.grade, a.enterprise_id, a.raised_ms, :no, :no, '', '', ''
FROM sink_cursors c CROSS JOIN alarms a
WHERE a.state = 'active' AND a.inhibited_by = '' AND NOT (a.rule = 'offline' AND a.kind = 'parked' AND a.grade < 2)
"""


def upgrade() -> None:
    op.add_column("outbox", sa.Column("sink", sa.String(), nullable=False, server_default=""))
    for name in ("first_try_ms", "answered_ms"):
        op.add_column("sink_cursors", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "dead_letters",
        sa.Column("letter_id", _ROW_ID, nullable=False),
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger()),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_dead_letters")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_dead_letters_sink_state"), "dead_letters", ["sink", "state"])
    op.create_table(
        "silences",
        sa.Column("silence_id", _ROW_ID, nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("vehicle_class", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("vehicle_id", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("expired_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("silence_id", name=op.f("pk_silences")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_silences_ends_ms"), "silences", ["ends_ms"])
    op.create_table(
        "alarm_standings",
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("alarm_id", sa.String(36), nullable=False),
        sa.Column("hearing", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("due_ms", sa.BigInteger()),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sink", "alarm_id", name=op.f("pk_alarm_standings")),
    )
    op.create_index(op.f("ix_alarm_standings_sink_due_ms"), "alarm_standings", ["sink", "due_ms"])
    op.create_table(
        "sink_budgets",
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sink", name=op.f("pk_sink_budgets")),
    )
    op.execute(_KEEP_REFUSALS)
    op.execute(sa.text(_TOLD_SO_FAR).bindparams(sa.bindparam("no", False, sa.Boolean())))
    op.drop_table("refused_deliveries")


def downgrade() -> None:
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
    for table in ("sink_budgets", "alarm_standings", "silences", "dead_letters"):
        op.drop_table(table)
    for name in ("answered_ms", "first_try_ms"):
        op.drop_column("sink_cursors", name)
    op.drop_column("outbox", "sink")
