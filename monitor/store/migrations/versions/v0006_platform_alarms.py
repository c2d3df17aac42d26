"""The platform of a platform's alarm."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alarms", sa.Column("platform", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("alarms", "platform")
