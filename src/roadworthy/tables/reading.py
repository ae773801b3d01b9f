"""Reading a version of a table, whole or as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from roadworthy.errors import TableError
from roadworthy.tables.base import first_line
from roadworthy.tables.files import Files
from roadworthy.tables.rows import dtypes

# One partition: rows of a version come in the same order at every reading, so that a training run can be repeated.
_IN_ORDER = {"datafusion.execution.target_partitions": "1"}


class Reading(Files):
    """The part of the tables that reads."""

    def columns(self, name: str, *, version: int | None = None) -> tuple[str, ...]:
        """Return the names of a version's columns, in their order; none when there is no table."""
        return tuple(field.name for field in self._at(name, version).schema().fields) if self.exists(name) else ()

    def read(
        self,
        name: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
    ) -> pd.DataFrame:
        """Return the rows of a version, by default the one that ``as_of`` lists, or the newest.

        Text comes back as ``str``, moments as ``datetime64[us, UTC]``, nullable truth values as ``boolean``. The order
        of rows is the same at every reading of a version; it is not the order in which they were appended.

        Parameters
        ----------
        version
            A version's number.
        columns
            The columns to read, in that order; all when None.
        between
            A timestamp column, the first moment that belongs, and the first that no longer does.

        Raises
        ------
        TableError
            When there is no such table, version or column, or its files cannot be read.
        """
        table = self._at(name, version)
        wanted, query = _query(name, table, columns, between)
        try:
            found = pa.table(QueryBuilder(_IN_ORDER).register("rows", table).execute(query).read_all())
        except Exception as error:  # the query engine raises bare Exception, for a missing file among others
            raise self._unreadable(name, table, error) from error
        self._note(name, table.version(), "read", explicit=version is not None)
        frame: pd.DataFrame = found.to_pandas()
        return frame.astype(dtypes(table, found))[wanted]

    def stream(
        self,
        name: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Return the rows of a version in Arrow batches, for what does not fit into memory.

        The same rows in the same order as `read` gives, with its parameters and errors.
        """
        table = self._at(name, version)
        batches = self._batches(name, table, columns, between)
        self._note(name, table.version(), "read", explicit=version is not None)
        return batches

    def _batches(
        self,
        name: str,
        table: DeltaTable,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        _, query = _query(name, table, columns, between)
        return self._answered(name, table, query)

    def _answered(self, name: str, table: DeltaTable, query: str) -> Iterator[pa.RecordBatch]:
        try:
            for batch in QueryBuilder(_IN_ORDER).register("rows", table).execute(query):
                yield pa.record_batch(batch)
        except Exception as error:  # as in `read`
            raise self._unreadable(name, table, error) from error

    def _unreadable(self, name: str, table: DeltaTable, error: Exception) -> TableError:
        version, missing = table.version(), self._missing(name, table)
        if missing and version < self.newest(name):
            return self._gone(name, version, missing)
        fact = f"{missing} of its files are missing." if missing else first_line(error)
        return TableError(
            f"Version {version} of table {name!r} in {self._place(name)} cannot be read: {fact}",
            "Restore its files from a backup, or go back to a version that can be read: `roadworthy data restore`.",
        )


def _query(
    name: str, table: DeltaTable, columns: Sequence[str] | None, between: tuple[str, datetime, datetime] | None
) -> tuple[list[str], str]:
    known = [field.name for field in table.schema().fields]
    wanted = known if columns is None else list(columns)
    _expect(name, known, [*wanted, *([between[0]] if between else [])])
    return wanted, f"SELECT {', '.join(map(quoted, wanted)) or '1'} FROM rows{_where(between)}"  # noqa: S608 - quoted


def _expect(name: str, known: list[str], wanted: list[str]) -> None:
    for column in wanted:
        if column not in known:
            raise TableError(f"Table {name!r} has no column {column!r}.", f"Use one of: {', '.join(known)}.")


def _where(between: tuple[str, datetime, datetime] | None) -> str:
    if between is None:
        return ""
    column = quoted(between[0])
    start, end = (f"TIMESTAMP '{moment.astimezone(UTC).isoformat()}'" for moment in between[1:])
    return f" WHERE {column} >= {start} AND {column} < {end}"


def quoted(column: str) -> str:
    """Return a column's name as SQL takes it."""
    return '"' + column.replace('"', '""') + '"'
