"""What the parts of the state share: an opened database, its transactions, and records as documents in rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Engine, Select, Table
from sqlalchemy.dialects import sqlite

from roadworthy.errors import StateError
from roadworthy.records import Record
from roadworthy.state.opening import connected, failures_named

RecordType = TypeVar("RecordType", bound=Record)


class Database:
    """The state database, opened. A context manager; `close` it otherwise."""

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
            put(connection, table, row, key)

    def _one(self, kind: type[RecordType], query: Select[Any]) -> RecordType | None:
        return next(iter(self._many(kind, query)), None)

    def _many(self, kind: type[RecordType], query: Select[Any]) -> list[RecordType]:
        with self._reading() as connection:
            documents = connection.execute(query).scalars().all()
        return [record_of(kind, document) for document in documents]


def dialect(connection: Connection) -> ModuleType:
    """Return the module with the database's own INSERT, whose ON CONFLICT both spell alike."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # 25 ms that SQLite's users need not pay

        return postgresql
    return sqlite


def put(connection: Connection, table: Table, row: Mapping[str, Any], key: tuple[str, ...]) -> None:
    """Insert a row, or change the one that has its key."""
    statement = dialect(connection).insert(table).values(row)
    changes = {name: statement.excluded[name] for name in row if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changes))


def insert_unless_there(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    key: tuple[str, ...],
    where: ColumnElement[bool] | None = None,
) -> bool:
    """Insert a row unless its key is taken (among the rows of a partial index); return whether it was inserted."""
    statement = dialect(connection).insert(table).values(row)
    statement = statement.on_conflict_do_nothing(index_elements=list(key), index_where=where)
    # What comes back is counted, not `rowcount`: PostgreSQL's driver says -1 there.
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def document(record: Record) -> str:
    """Return a record as it is kept."""
    # json, not pydantic's own writer: it keeps NaN and infinity, which pydantic turns into null.
    return json.dumps(record.model_dump(mode="json"))


def record_of(kind: type[RecordType], document: str) -> RecordType:
    """Return a record as it was kept; raise StateError when another version of Roadworthy wrote it."""
    try:
        return kind.model_validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StateError(
            f"A {kind.__name__} in the state database cannot be read: {where}: {first['msg']}.",
            "Use the Roadworthy version that wrote it, or restore the database from a backup.",
        ) from error
