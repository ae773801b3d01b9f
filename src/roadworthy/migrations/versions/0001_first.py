"""The first tables.

A migration is a photograph: it spells out its own columns and never imports the present schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables of version 0.1."""
    _data_and_runs()
    _versions()
    _monitoring()


def _data_and_runs() -> None:
    op.create_table(
        "ingestions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("batch", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ingestions"),
    )
    op.create_index("ix_ingestions_dataset_batch", "ingestions", ["dataset", "batch"], unique=True)
    op.create_table(
        "runs",
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("started", MOMENT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_started", "runs", ["started"])


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("tag", sa.String(200), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tag", name="pk_versions"),
    )
    op.create_index("ix_versions_created", "versions", ["created"])
    op.create_table(
        "aliases",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_aliases"),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_table(
        "deployments",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("heartbeat", MOMENT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deployments"),
    )


def _monitoring() -> None:
    op.create_table(
        "windows",
        sa.Column("start", MOMENT, nullable=False),
        sa.Column("end", MOMENT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("start", "end", name="pk_windows"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("start", MOMENT, nullable=False),
        sa.Column("end", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_start_end_at", "decisions", ["start", "end", "at"], unique=True)
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("cause", sa.String(500), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("updated", MOMENT, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("delivered", sa.Boolean, nullable=False),
        sa.Column("resolved", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    still_open = sa.text("resolved IS NULL")
    op.create_index(
        "ix_alerts_open_cause",
        "alerts",
        ["cause"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def downgrade() -> None:
    """Drop everything; the documents are lost."""
    for table in ("alerts", "decisions", "windows", "deployments", "history", "aliases", "versions", "runs"):
        op.drop_table(table)
    op.drop_table("ingestions")
