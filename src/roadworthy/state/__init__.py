"""The state database: what happened, when, by whom, and where production points.

SQLite by default, PostgreSQL by its address. Every method is one transaction, safe among several processes and
against the death of any of them. Times are UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from roadworthy.errors import StateError
from roadworthy.records import (
    Alert,
    Alias,
    Decision,
    Deployment,
    Finding,
    HistoryEntry,
    Ingestion,
    ModelVersion,
    Record,
    RunRecord,
    WindowReport,
    now,
)
from roadworthy.state.opening import connected, failures_named
from roadworthy.state.schema import (
    alerts,
    aliases,
    decisions,
    deployments,
    history,
    ingestions,
    runs,
    versions,
    windows,
)

_RecordType = TypeVar("_RecordType", bound=Record)


class State:
    """The state database, opened. A context manager; `close` it otherwise.

    Every method raises StateError when the database cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing_engine = engine.execution_options(writes=True)

    @classmethod
    def open(cls, address: str) -> Self:
        """Open the database at an SQLAlchemy address, creating or migrating it where needed.

        Raises
        ------
        StateError
            When the address cannot be understood or reached, the file is no database, or its schema is newer than
            this package's.
        """
        return cls(connected(address))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- data and runs ---------------------------------------------------------------------------------------------

    def record_ingestion(self, record: Ingestion) -> Ingestion:
        """Keep an ingestion and return it; when its batch is on record already, keep and return the first."""
        with self._writing() as connection:
            row = {"dataset": record.dataset, "batch": record.batch, "document": _document(record)}
            _insert_unless_there(connection, ingestions, row, ("dataset", "batch"))
            return _record(Ingestion, connection.execute(_ingestion(record.dataset, record.batch)).scalar_one())

    def ingestion(self, dataset: str, batch: str) -> Ingestion | None:
        """Return the ingestion of a batch, if there was one."""
        return self._one(Ingestion, _ingestion(dataset, batch))

    def ingestions(self, dataset: str | None = None, limit: int = 50) -> list[Ingestion]:
        """Return ingestions, newest first, of one dataset or of all."""
        query = select(ingestions.c.document).order_by(ingestions.c.id.desc()).limit(limit)
        return self._many(Ingestion, query if dataset is None else query.where(ingestions.c.dataset == dataset))

    def save_run(self, record: RunRecord) -> None:
        """Keep a run; one of the same id is replaced."""
        self._put(runs, {"id": record.id, "started": record.started, "document": _document(record)}, ("id",))

    def run(self, run_id: str) -> RunRecord | None:
        """Return a run by its id."""
        return self._one(RunRecord, select(runs.c.document).where(runs.c.id == run_id))

    def runs(self, limit: int = 50) -> list[RunRecord]:
        """Return runs, newest first."""
        order = (runs.c.started.desc(), runs.c.id.desc())
        return self._many(RunRecord, select(runs.c.document).order_by(*order).limit(limit))

    def last_run(self) -> RunRecord | None:
        """Return the newest run."""
        return next(iter(self.runs(limit=1)), None)

    # --- model versions --------------------------------------------------------------------------------------------

    def add_version(self, record: ModelVersion) -> None:
        """Keep a model version.

        Raises
        ------
        StateError
            When its tag is on record already.
        """
        row = {"tag": record.tag, "created": record.created, "document": _document(record)}
        with self._writing() as connection:
            if not _insert_unless_there(connection, versions, row, ("tag",)):
                raise StateError(f"Version {record.tag} is on record already.", "Release it under another tag.")

    def version(self, tag: str) -> ModelVersion | None:
        """Return a version by its full tag."""
        return self._one(ModelVersion, select(versions.c.document).where(versions.c.tag == tag))

    def versions(self) -> list[ModelVersion]:
        """Return all versions, newest first."""
        order = (versions.c.created.desc(), versions.c.tag.desc())
        return self._many(ModelVersion, select(versions.c.document).order_by(*order))

    def alias(self, name: str) -> Alias | None:
        """Return where an alias points."""
        with self._reading() as connection:
            row = connection.execute(select(aliases).where(aliases.c.name == name)).mappings().one_or_none()
        return None if row is None else Alias.model_validate(dict(row))

    def move_alias(self, name: str, tag: str, entry: HistoryEntry) -> HistoryEntry:
        """Point an alias at a version and add the history entry, both or neither.

        The entry's ``version_from`` becomes what the alias pointed at in that very moment, and ``version_to`` the tag,
        so that the history stays a chain whoever races. The entry as added is returned.
        """
        row = {"name": name, "version": tag, "since": entry.at}
        with self._writing() as connection:
            former = None
            if not _insert_unless_there(connection, aliases, row, ("name",)):
                found = select(aliases.c.version).where(aliases.c.name == name).with_for_update()
                former = connection.execute(found).scalar_one()
                connection.execute(update(aliases).where(aliases.c.name == name).values(version=tag, since=entry.at))
            added = entry.model_copy(update={"version_from": former, "version_to": tag})
            connection.execute(history.insert().values(document=_document(added)))
        return added

    def append_history(self, entry: HistoryEntry) -> None:
        """Add an entry to the history; nothing ever changes or removes one."""
        with self._writing() as connection:
            connection.execute(history.insert().values(document=_document(entry)))

    def history(self, limit: int | None = 100) -> list[HistoryEntry]:
        """Return the newest entries of the history, or all, newest first."""
        return self._many(HistoryEntry, select(history.c.document).order_by(history.c.id.desc()).limit(limit))

    # --- monitoring ------------------------------------------------------------------------------------------------

    def save_window(self, record: WindowReport) -> None:
        """Keep a window's report; one of the same start and end is replaced."""
        row = {"start": record.window.start, "end": record.window.end, "document": _document(record)}
        self._put(windows, row, ("start", "end"))

    def windows(self) -> list[WindowReport]:
        """Return the reports of all windows, oldest first."""
        return self._many(WindowReport, select(windows.c.document).order_by(windows.c.start, windows.c.end))

    def save_decision(self, record: Decision) -> None:
        """Keep a decision; one of the same window and moment is replaced, so that an outcome can be added."""
        row = {"start": record.window.start, "end": record.window.end, "at": record.at, "document": _document(record)}
        self._put(decisions, row, ("start", "end", "at"))

    def decisions(self) -> list[Decision]:
        """Return all decisions, oldest first."""
        return self._many(Decision, select(decisions.c.document).order_by(decisions.c.id))

    def raise_alert(self, finding: Finding, owner: str) -> tuple[Alert, bool]:
        """Make sure that the finding's cause has exactly one open alert.

        Returns
        -------
        tuple of Alert and bool
            The alert, and whether it is new; when it was open already its count and its words are brought up to date.
        """
        moment = now()
        words = {"owner": owner, "severity": finding.severity, "title": finding.title, "message": finding.message}
        first = {"cause": finding.cause, "since": moment, "updated": moment, "count": 1, "delivered": False} | words
        again = words | {"updated": moment, "count": alerts.c.count + 1}
        still_open = (alerts.c.cause == finding.cause) & alerts.c.resolved.is_(None)
        with self._writing() as connection:
            while True:  # twice only when the open alert is resolved between the two statements
                new = _insert_unless_there(connection, alerts, first, ("cause",), alerts.c.resolved.is_(None))
                if new or connection.execute(update(alerts).where(still_open).values(again)).rowcount:
                    break
            row = connection.execute(select(alerts).where(still_open)).mappings().one()
        return _alert(row), new

    def mark_delivered(self, cause: str) -> None:
        """Note that the cause's open alert reached its owner."""
        self._change_open_alert(cause, {"delivered": True})

    def resolve_alert(self, cause: str) -> None:
        """Close the cause's open alert; nothing happens when there is none."""
        self._change_open_alert(cause, {"resolved": now()})

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that are not resolved, newest first."""
        return self._alerts(select(alerts).where(alerts.c.resolved.is_(None)))

    def alerts(self, limit: int = 100) -> list[Alert]:
        """Return alerts, open and resolved, newest first."""
        return self._alerts(select(alerts).limit(limit))

    # --- deployments -----------------------------------------------------------------------------------------------

    def heartbeat(self, record: Deployment) -> None:
        """Keep what a service process reports of itself, in place of what it reported before."""
        row = {"id": record.id, "heartbeat": record.heartbeat, "document": _document(record)}
        self._put(deployments, row, ("id",))

    def deployments(self, within_seconds: float | None = None) -> list[Deployment]:
        """Return the service processes that reported within so many seconds, or all on record."""
        query = select(deployments.c.document).order_by(deployments.c.id)
        if within_seconds is not None:
            query = query.where(deployments.c.heartbeat >= now() - timedelta(seconds=within_seconds))
        return self._many(Deployment, query)

    def forget_deployment(self, deployment_id: str) -> None:
        """Remove a service process that has ended."""
        with self._writing() as connection:
            connection.execute(delete(deployments).where(deployments.c.id == deployment_id))

    # --- transactions ----------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with failures_named(self._engine.url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with failures_named(self._engine.url), self._writing_engine.begin() as connection:
            yield connection

    def _put(self, table: Table, row: Mapping[str, Any], key: tuple[str, ...]) -> None:
        with self._writing() as connection:
            statement = _dialect(connection).insert(table).values(row)
            changes = {name: statement.excluded[name] for name in row if name not in key}
            connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changes))

    def _one(self, kind: type[_RecordType], query: Select[Any]) -> _RecordType | None:
        return next(iter(self._many(kind, query)), None)

    def _many(self, kind: type[_RecordType], query: Select[Any]) -> list[_RecordType]:
        with self._reading() as connection:
            documents = connection.execute(query).scalars().all()
        return [_record(kind, document) for document in documents]

    def _change_open_alert(self, cause: str, change: Mapping[str, Any]) -> None:
        still_open = (alerts.c.cause == cause) & alerts.c.resolved.is_(None)
        with self._writing() as connection:
            connection.execute(update(alerts).where(still_open).values(change))

    def _alerts(self, query: Select[Any]) -> list[Alert]:
        with self._reading() as connection:
            return [_alert(row) for row in connection.execute(query.order_by(alerts.c.id.desc())).mappings()]


def _dialect(connection: Connection) -> ModuleType:
    """Return the module with the database's own INSERT, whose ON CONFLICT both spell alike."""
    return postgresql if connection.dialect.name == "postgresql" else sqlite


def _insert_unless_there(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    key: tuple[str, ...],
    where: ColumnElement[bool] | None = None,
) -> bool:
    """Insert a row unless its key is taken (among the rows of a partial index); return whether it was inserted."""
    statement = _dialect(connection).insert(table).values(row)
    statement = statement.on_conflict_do_nothing(index_elements=list(key), index_where=where)
    # What comes back is counted, not `rowcount`: PostgreSQL's driver says -1 there.
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def _ingestion(dataset: str, batch: str) -> Select[Any]:
    return select(ingestions.c.document).where(ingestions.c.dataset == dataset, ingestions.c.batch == batch)


def _alert(row: RowMapping) -> Alert:
    return Alert.model_validate({name: value for name, value in row.items() if name != "id"})


def _document(record: Record) -> str:
    # json, not pydantic's own writer: it keeps NaN and infinity, which pydantic turns into null.
    return json.dumps(record.model_dump(mode="json"))


def _record(kind: type[_RecordType], document: str) -> _RecordType:
    try:
        return kind.model_validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StateError(
            f"A {kind.__name__} in the state database cannot be read: {where}: {first['msg']}.",
            "Use the Roadworthy version that wrote it, or restore the database from a backup.",
        ) from error
