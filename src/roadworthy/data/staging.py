"""Rows set aside until a batch is known to be good: in memory while they are few, then in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

from roadworthy.errors import DataError

MOST_IN_MEMORY = 128 * 2**20
"""Bytes that a stage keeps in memory before it moves to a file."""


class Stage:
    """Tables of one schema, added one by one; once all are there, read as often as needed. A context manager.

    Its file has no name in the folder from its first moment on, where the system allows that, so that nothing is left
    of it even when the process is killed.

    Parameters
    ----------
    folder
        Where the file goes, or would go: the nearest folder from here upwards that is there. None: the system's own for
        temporary files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.rows = 0
        self._folder = folder
        self._tables: list[pa.Table] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None

    def add(self, table: pa.Table) -> None:
        """Add rows.

        Raises
        ------
        DataError
            When there is no room for them.
        """
        self.rows += len(table)
        self._bytes += table.nbytes
        self._tables.append(table)
        if self._bytes > MOST_IN_MEMORY:
            with self._failures_named():
                self._spill()

    def reader(self, change: Callable[[pa.Table], pa.Table], schema: pa.Schema) -> pa.RecordBatchReader:
        """Return all rows from the start, each table changed to the schema on its way."""
        batches = (batch for table in self._all() for batch in change(table).cast(schema).to_batches())
        return pa.RecordBatchReader.from_batches(schema, batches)

    def close(self) -> None:
        """Forget the rows."""
        self._tables = []
        if self._file is not None:
            with suppress(OSError):  # on a full disk it would still want to write what nobody needs any more
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _all(self) -> Iterator[pa.Table]:
        if self._file is not None:
            with self._failures_named():
                self._file.flush()
                self._file.seek(0)
                # No end is written before the last row is there: what follows the last batch is the file's end.
                for batch in pa.ipc.open_stream(self._file):
                    yield pa.Table.from_batches([batch])
        yield from self._tables

    def _spill(self) -> None:
        """Move the tables in memory to the file."""
        if self._file is None or self._writer is None:
            self._file = tempfile.TemporaryFile(dir=_existing(self._folder))  # noqa: SIM115 - closed by `close`
            self._writer = pa.ipc.new_stream(self._file, self._tables[0].schema)
        for table in self._tables:
            self._writer.write_table(table)
        self._tables, self._bytes = [], 0

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"Rows cannot be set aside in {_existing(self._folder) or tempfile.gettempdir()}: "
                f"{error.strerror or error}. Nothing was added.",
                "Make room there, and ingest the same data again.",
            ) from error


def _existing(folder: Path | None) -> Path | None:
    if folder is None:
        return None
    return next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), None)
