"""Rows on their way into a table and back: pandas or Arrow, whole or as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable

from roadworthy.errors import RoadworthyError, TableError
from roadworthy.tables.base import first_line

Rows: TypeAlias = pd.DataFrame | pa.Table | pa.RecordBatchReader | Callable[[], pa.RecordBatchReader]

_NULLABLE_DTYPES = ("boolean", "Int64", "Float64")


class Delivery:
    """Rows to append, in Arrow types that Delta keeps; given again when a commit has to be tried again.

    Parameters
    ----------
    name
        The table's, for messages.
    rows
        A frame or an Arrow table; a reader, which gives its rows once; or a function that gives a fresh reader.
    """

    def __init__(self, name: str, rows: Rows) -> None:
        self._name = name
        self._open = _opener(name, rows)
        self.failure: Exception | None = None

    def reader(self) -> pa.RecordBatchReader:
        """Return the rows from the start; ``failure`` then keeps what goes wrong at their source.

        Raises
        ------
        TableError
            When a reader that gives its rows once is wanted a second time.
        """
        source = self._open()
        schema = _storable(source.schema)
        return pa.RecordBatchReader.from_batches(schema, self._batches(source, schema))

    def _batches(self, source: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for batch in source:
                yield batch.cast(schema, safe=False)
        except RoadworthyError as error:
            self.failure = error
            raise
        except Exception as error:  # whatever a source raises; the engine would keep only its text
            self.failure = _unusable(self._name, error)
            raise


def _opener(name: str, rows: Rows) -> Callable[[], pa.RecordBatchReader]:
    if isinstance(rows, pa.RecordBatchReader):
        unread = [rows]
        return lambda: unread.pop() if unread else _read_once(name)
    if callable(rows):
        return rows
    table = rows if isinstance(rows, pa.Table) else _arrow(name, rows)
    fresh: Callable[[], pa.RecordBatchReader] = table.to_reader
    return fresh


def _read_once(name: str) -> pa.RecordBatchReader:
    raise TableError(
        f"Table {name!r} was changed by others while rows for it were read from a stream. Nothing was added.",
        "Try again, or give a function that returns a fresh reader.",
    )


def _arrow(name: str, rows: pd.DataFrame) -> pa.Table:
    try:
        return pa.Table.from_pandas(rows, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise _unusable(name, error) from error


def _unusable(name: str, error: Exception) -> TableError:
    return TableError(
        f"Rows for table {name!r} cannot be stored: {first_line(error)}", "Give each column values of one type."
    )


def _storable(schema: pa.Schema) -> pa.Schema:
    """Return types that Delta keeps: microseconds, text for a column of nothing but None, and nullable dtypes noted."""
    columns = (schema.pandas_metadata or {}).get("columns", [])
    dtypes = {column["name"]: column["numpy_type"] for column in columns}
    return pa.schema([_field(field, dtypes.get(field.name)) for field in schema])


def _field(field: pa.Field, dtype: str | None) -> pa.Field:
    if pa.types.is_timestamp(field.type):
        field = field.with_type(pa.timestamp("us", tz="UTC" if field.type.tz else None))
    elif pa.types.is_null(field.type):
        field = field.with_type(pa.large_string())
    return field.with_metadata({"pandas": dtype}) if dtype in _NULLABLE_DTYPES else field


def dtypes(table: DeltaTable, found: pa.Table) -> dict[str, str]:
    """Return the nullable dtypes to restore: those that were written, and truth values with gaps."""
    written = {field.name: str(field.metadata.get("pandas", "")) for field in table.schema().fields}
    restored = {}
    for field in found.schema:
        if written.get(field.name) in _NULLABLE_DTYPES:
            restored[field.name] = written[field.name]
        elif pa.types.is_boolean(field.type) and found[field.name].null_count:
            restored[field.name] = "boolean"
    return restored
