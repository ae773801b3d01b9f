"""Tables of the state database.

A record is kept as a JSON document beside the columns that queries need; what changes in place (alias, alert) has
columns only. Changing anything here needs a migration, and `HEAD` then names it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Boolean, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

HEAD = "0005"
REVISION_TABLE = "roadworthy_revision"


class Utc(TypeDecorator[datetime]):
    """A moment in UTC, also in databases that know no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn into UTC before storing: SQLite drops the zone and compares the text."""
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"},
)

ingestions = Table(
    "ingestions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("dataset", String(200), nullable=False),
    Column("batch", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_ingestions_dataset_batch", "dataset", "batch", unique=True),
)
runs = Table(
    "runs",
    METADATA,
    Column("id", String(100), primary_key=True),
    Column("started", Utc, nullable=False, index=True),
    Column("document", Text, nullable=False),
)
artifacts = Table(
    "artifacts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, index=True),
    Column("hash", String(64), nullable=False, index=True),
    Column("run_id", String(100), nullable=False),
    Column("task", String(200), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("at", Utc, nullable=False),
)
sources = Table(
    "sources",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("cells", Text, nullable=False),
)
contracts = Table(
    "contracts",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("version", String(100), nullable=False),
    Column("text", Text, nullable=False),
)
pins = Table(
    "pins",
    METADATA,
    Column("dataset", String(200), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("who", String(200), nullable=False),
    Column("at", Utc, nullable=False),
)
versions = Table(
    "versions",
    METADATA,
    Column("tag", String(200), primary_key=True),
    Column("created", Utc, nullable=False, index=True),
    Column("document", Text, nullable=False),
)
aliases = Table(
    "aliases",
    METADATA,
    Column("name", String(100), primary_key=True),
    Column("version", String(200), nullable=False),
    Column("since", Utc, nullable=False),
)
history = Table(
    "history",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("document", Text, nullable=False),
)
windows = Table(
    "windows",
    METADATA,
    Column("start", Utc, primary_key=True),
    Column("end", Utc, primary_key=True),
    Column("document", Text, nullable=False),
)
decisions = Table(
    "decisions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("start", Utc, nullable=False),
    Column("end", Utc, nullable=False),
    Column("at", Utc, nullable=False),
    Column("decision", String(40)),  # its id; those made before the fourth migration have none
    Column("judged", Utc),
    Column("document", Text, nullable=False),
    Index("ix_decisions_start_end_at", "start", "end", "at", unique=True),
    Index("ix_decisions_start_end_judged", "start", "end", "judged", unique=True),  # one decision a report
    Index("ix_decisions_decision", "decision", unique=True),
)
# One retraining for a window and a champion. Whoever leads it on holds its lease: `owner`, `until` that moment.
retrainings = Table(
    "retrainings",
    METADATA,
    Column("id", String(100), primary_key=True),
    Column("start", Utc, nullable=False),
    Column("end", Utc, nullable=False),
    Column("champion", String(200), nullable=False),
    Column("opened", Utc, nullable=False),
    Column("step", String(20), nullable=False),
    Column("owner", String(200)),
    Column("until", Utc),
    Column("document", Text, nullable=False),
    Index("ix_retrainings_start_end_champion", "start", "end", "champion", unique=True),
)
observers = Table(
    "observers",
    METADATA,
    Column("id", String(200), primary_key=True),
    Column("heartbeat", Utc, nullable=False),
    Column("running", Boolean, nullable=False),
    Column("document", Text, nullable=False),
)
alerts = Table(
    "alerts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("cause", String(500), nullable=False),
    Column("role", String(20), nullable=False),
    Column("owner", Text, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("since", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Column("count", Integer, nullable=False),
    Column("delivered", Boolean, nullable=False),
    Column("reached", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt", Utc),
    Column("error", Text, nullable=False),
    Column("acknowledged", Utc),
    Column("acknowledged_by", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("muted_until", Utc),
    Column("muted_by", String(200), nullable=False),
    Column("escalated", Utc),
    Column("resolved", Utc),
    Column("resolved_by", String(200), nullable=False),
    Column("cleared", Text, nullable=False),
    Column("all_clear", Utc),
)
# A cause is open at most once, whoever races: the first migration has the partial index on `cause`. To name it here
# would import PostgreSQL's dialect into every command, for an index option that only the migration needs.
deployments = Table(
    "deployments",
    METADATA,
    Column("id", String(200), primary_key=True),
    Column("heartbeat", Utc, nullable=False),
    Column("document", Text, nullable=False),
)
tokens = Table(
    "tokens",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("created", Utc, nullable=False),
    Column("document", Text, nullable=False),
)
audit = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("document", Text, nullable=False),
)
# At most one rollout runs, whoever races: the third migration has the partial index on `running`.
rollouts = Table(
    "rollouts",
    METADATA,
    Column("id", String(100), primary_key=True),
    Column("started", Utc, nullable=False),
    Column("running", Boolean, nullable=False),
    Column("document", Text, nullable=False),
)
