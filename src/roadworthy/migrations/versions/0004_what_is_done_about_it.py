"""Retrainings and observers; alerts that are delivered, acknowledged, muted and escalated; a decision a report."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ROLES = ("data", "model", "infrastructure")  # all others are monitoring's
OF_ALERTS = (
    sa.Column("role", sa.String(20), nullable=False, server_default="monitoring"),
    sa.Column("reached", sa.Text, nullable=False, server_default=""),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_attempt", MOMENT),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Column("acknowledged", MOMENT),
    sa.Column("acknowledged_by", sa.String(200), nullable=False, server_default=""),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("muted_until", MOMENT),
    sa.Column("muted_by", sa.String(200), nullable=False, server_default=""),
    sa.Column("escalated", MOMENT),
    sa.Column("resolved_by", sa.String(200), nullable=False, server_default=""),
)
OF_DECISIONS = (sa.Column("decision", sa.String(40)), sa.Column("judged", MOMENT))


def upgrade() -> None:
    """Create the tables and columns; alerts that are there get the role that their owner's words begin with."""
    for column in OF_ALERTS:
        op.add_column("alerts", column)
    alerts = sa.table("alerts", sa.column("role"), sa.column("owner"))
    for role in ROLES:
        op.execute(alerts.update().where(alerts.c.owner.startswith(f"{role}:")).values(role=role))
    for column in OF_DECISIONS:
        op.add_column("decisions", column)
    op.create_index("ix_decisions_start_end_judged", "decisions", ["start", "end", "judged"], unique=True)
    op.create_index("ix_decisions_decision", "decisions", ["decision"], unique=True)
    op.create_table(
        "retrainings",
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("start", MOMENT, nullable=False),
        sa.Column("end", MOMENT, nullable=False),
        sa.Column("champion", sa.String(200), nullable=False),
        sa.Column("opened", MOMENT, nullable=False),
        sa.Column("step", sa.String(20), nullable=False),
        sa.Column("owner", sa.String(200)),
        sa.Column("until", MOMENT),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retrainings"),
    )
    op.create_index("ix_retrainings_start_end_champion", "retrainings", ["start", "end", "champion"], unique=True)
    op.create_table(
        "observers",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("heartbeat", MOMENT, nullable=False),
        sa.Column("running", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_observers"),
    )


def downgrade() -> None:
    """Drop them; who acknowledged what, and retrainings on their way, are lost."""
    for table in ("observers", "retrainings"):
        op.drop_table(table)
    for index in ("ix_decisions_start_end_judged", "ix_decisions_decision"):
        op.drop_index(index, "decisions")
    for table, columns in (("decisions", OF_DECISIONS), ("alerts", OF_ALERTS)):
        for column in columns:
            op.drop_column(table, column.name)
