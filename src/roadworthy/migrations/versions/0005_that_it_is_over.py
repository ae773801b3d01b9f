"""Alerts: who has heard that the cause has gone."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OF_ALERTS = (
    sa.Column("cleared", sa.Text, nullable=False, server_default=""),
    sa.Column("all_clear", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    """Create the columns; of what is over already nobody is told any more."""
    for column in OF_ALERTS:
        op.add_column("alerts", column)
    alerts = sa.table("alerts", sa.column("resolved"), sa.column("all_clear"))
    op.execute(alerts.update().where(alerts.c.resolved.is_not(None)).values(all_clear=alerts.c.resolved))


def downgrade() -> None:
    """Drop them."""
    for column in OF_ALERTS:
        op.drop_column("alerts", column.name)
