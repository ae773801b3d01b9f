"""Versioned tables on Delta Lake: datasets, quarantined rows, predictions and labels.

A table is a folder below one address, local or on an object store. Every append is one atomic commit and makes a
version that can be read again. This is the only place that imports deltalake.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from roadworthy.errors import TableError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_NULLABLE_DTYPES = ("boolean", "Int64", "Float64")
_ATTEMPTS = 60
_LONGEST_PAUSE = 0.2
# One partition: rows of a version come in the same order at every reading, so that a training run can be repeated.
_IN_ORDER = {"datafusion.execution.target_partitions": "1"}


class Tables:
    """The tables below one address; safe to use from several processes at once.

    Parameters
    ----------
    address
        A folder, or an object store's address such as ``s3://bucket/tables``.

    Raises
    ------
    TableError
        When the folder's name holds a percent sign, which Delta would read as another folder.
    """

    def __init__(self, address: str) -> None:
        if "%" in address and "://" not in address:
            raise TableError(
                f"Tables cannot be kept in {address}: Delta takes its percent sign for an escape.",
                "Set `tables` in [tool.roadworthy] to a folder without one.",
            )
        self.address = address.rstrip("/")

    def exists(self, name: str) -> bool:
        """Return whether there is a table of that name."""
        return DeltaTable.is_deltatable(self._place(name))

    def version(self, name: str) -> int:
        """Return the newest version's number.

        Raises
        ------
        TableError
            When there is no such table.
        """
        return self._open(name).version()

    def append(self, name: str, rows: pd.DataFrame, *, writer: str | None = None, position: int | None = None) -> int:
        """Add rows in one commit, creating the table or widening it by new columns where needed.

        With ``writer`` and ``position`` the append happens at most once: the position is stored in the same commit,
        and an append at or below the writer's stored position adds nothing, whichever processes race or die.

        Parameters
        ----------
        rows
            Any number of rows, none included; the index is not stored.
        writer, position
            Name of the one who writes, and how far in its own input it has come; a position only ever rises.

        Returns
        -------
        int
            The version that holds the rows.

        Raises
        ------
        TableError
            When a column's values do not fit the table, or the table cannot be written.
        """
        place, data = self._place(name), _arrow(name, rows)
        for _ in range(_ATTEMPTS):
            try:
                table = _opened_or_created(place, data.schema)
                if position is not None and _reached(table, writer) >= position:
                    return table.version()
                _commit(table, data, writer, position)
                return table.version()
            except CommitFailedError:  # somebody else's commit came first: look again, then try again
                time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - spreads writers, hides nothing
            except Exception as error:  # deltalake raises bare Exception from its engine, for casts among others
                raise _unwritable(name, place, error) from error
        raise TableError(
            f"Table {name!r} was changed by others at each of {_ATTEMPTS} attempts to append to it.",
            "Try again when fewer processes write to it.",
        )

    def position(self, name: str, writer: str) -> int | None:
        """Return the position ``writer`` last committed; None when it never did, or there is no table."""
        return self._open(name).transaction_version(writer) if self.exists(name) else None

    def read(
        self,
        name: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
    ) -> pd.DataFrame:
        """Return the rows of a version, by default the newest.

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
        table = self._open(name, version)
        known = [field.name for field in table.schema().fields]
        wanted = known if columns is None else list(columns)
        _expect(name, known, [*wanted, *([between[0]] if between else [])])
        query = f"SELECT {', '.join(map(_quoted, wanted)) or '1'} FROM rows{_where(between)}"  # noqa: S608 - quoted
        try:
            found = pa.table(QueryBuilder(_IN_ORDER).register("rows", table).execute(query).read_all())
        except Exception as error:  # the query engine raises bare Exception, for a missing file among others
            raise TableError(
                f"Table {name!r} in {self._place(name)} cannot be read: {_first_line(error)}",
                "Restore its files from a backup, or read an older version.",
            ) from error
        frame: pd.DataFrame = found.to_pandas()
        return frame.astype(_dtypes(table, found))[wanted]

    def count(self, name: str) -> int:
        """Return the number of rows; 0 when there is no table."""
        return int(self._open(name).count()) if self.exists(name) else 0

    def _place(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise TableError(
                f"{name!r} cannot be a table's name.", "Use up to 100 letters, digits, underscores and hyphens."
            )
        return f"{self.address}/{name}"

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        place = self._place(name)
        try:
            table = DeltaTable(place)
            newest = table.version()
            if version is not None and 0 <= version < newest:
                table.load_as_version(version)
        except TableNotFoundError as error:
            raise TableError(
                f"There is no table {name!r} in {self.address}.", "Ingest data into it first: `roadworthy ingest FILE`."
            ) from error
        except DeltaError as error:
            raise TableError(
                f"Table {name!r} in {place} cannot be opened: {_first_line(error)}",
                "Restore its folder from a backup.",
            ) from error
        if version is not None and not 0 <= version <= newest:
            raise TableError(
                f"Table {name!r} has no version {version}.", f"Choose one from 0 to {newest}, or leave it out."
            )
        return table


def _opened_or_created(place: str, schema: pa.Schema) -> DeltaTable:
    # Created empty first: when two processes create at once, a write that also creates does not look for conflicts.
    if not DeltaTable.is_deltatable(place):
        DeltaTable.create(place, schema, mode="ignore")
    return DeltaTable(place)


def _commit(table: DeltaTable, data: pa.Table, writer: str | None, position: int | None) -> None:
    transactions = None if writer is None or position is None else [Transaction(writer, position)]
    write_deltalake(
        table,
        data,
        mode="append",
        schema_mode="merge",
        commit_properties=CommitProperties(app_transactions=transactions),
    )


def _reached(table: DeltaTable, writer: str | None) -> int:
    position = None if writer is None else table.transaction_version(writer)
    return -1 if position is None else position


def _arrow(name: str, rows: pd.DataFrame) -> pa.Table:
    """Return the rows with types that Delta keeps: microseconds, text for a column of nothing but None."""
    try:
        table = pa.Table.from_pandas(rows, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TableError(
            f"Rows for table {name!r} cannot be stored: {_first_line(error)}", "Give each column values of one type."
        ) from error
    fields = [_field(field, str(rows.dtypes.iloc[position])) for position, field in enumerate(table.schema)]
    return table.cast(pa.schema(fields), safe=False)


def _field(field: pa.Field, dtype: str) -> pa.Field:
    if pa.types.is_timestamp(field.type):
        field = field.with_type(pa.timestamp("us", tz="UTC" if field.type.tz else None))
    elif pa.types.is_null(field.type):
        field = field.with_type(pa.large_string())
    return field.with_metadata({"pandas": dtype}) if dtype in _NULLABLE_DTYPES else field


def _dtypes(table: DeltaTable, found: pa.Table) -> dict[str, str]:
    """Return the nullable dtypes to restore: those that were written, and truth values with gaps."""
    written = {field.name: str(field.metadata.get("pandas", "")) for field in table.schema().fields}
    dtypes = {}
    for field in found.schema:
        if written.get(field.name) in _NULLABLE_DTYPES:
            dtypes[field.name] = written[field.name]
        elif pa.types.is_boolean(field.type) and found[field.name].null_count:
            dtypes[field.name] = "boolean"
    return dtypes


def _expect(name: str, known: list[str], wanted: list[str]) -> None:
    for column in wanted:
        if column not in known:
            raise TableError(f"Table {name!r} has no column {column!r}.", f"Use one of: {', '.join(known)}.")


def _where(between: tuple[str, datetime, datetime] | None) -> str:
    if between is None:
        return ""
    column = _quoted(between[0])
    start, end = (f"TIMESTAMP '{moment.astimezone(UTC).isoformat()}'" for moment in between[1:])
    return f" WHERE {column} >= {start} AND {column} < {end}"


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _unwritable(name: str, place: str, error: Exception) -> TableError:
    if isinstance(error, TableError):
        return error
    return TableError(
        f"Rows cannot be appended to table {name!r} in {place}: {_first_line(error)}",
        "Give the columns the types that the table has, and see that its folder can be written.",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".") + "."
