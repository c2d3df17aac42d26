"""What alarms were found in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm_evidence",
        sa.Column("alarm_id", sa.String(36), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alarm_id", "sequence", name=op.f("pk_alarm_evidence")),
    )


def downgrade() -> None:
    op.drop_table("alarm_evidence")
