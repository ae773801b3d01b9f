"""Rows that do not fit into memory: cut into parts that do, and handed to several processes where asked."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from roadworthy.errors import MonitoringError

Rows: TypeAlias = pd.DataFrame | pa.Table | pa.RecordBatch
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_ROWS = 250_000  # of a part: the work that comes with each part is then next to nothing
_BYTES = 32 << 20  # of a part at most, where rows are wide
_BUFFER = 1 << 20  # bytes of a file read ahead, a column; without it each is read whole


def parts(batches: Iterable[Rows]) -> Iterator[Rows]:
    """Return the rows of many batches in fewer parts; each frame of pandas is one."""
    held: list[pa.Table] = []
    for batch in batches:
        table = batch if isinstance(batch, (pd.DataFrame, pa.Table)) else pa.Table.from_batches([batch])
        if held and (isinstance(table, pd.DataFrame) or table.schema != held[0].schema or _full(held)):
            yield pa.concat_tables(held)
            held = []
        if isinstance(table, pd.DataFrame):
            yield table
        else:
            held.append(table)
    if held:
        yield pa.concat_tables(held)


def _full(held: list[pa.Table]) -> bool:
    full: bool = sum(table.num_rows for table in held) >= _ROWS or sum(table.nbytes for table in held) >= _BYTES
    return full


# --- Parquet -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FilePart:
    """Some of a Parquet file's row groups, and the columns to take (all when None)."""

    path: str
    groups: tuple[int, ...]
    columns: tuple[str, ...] | None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Return the rows, read as they are asked for.

        Raises
        ------
        MonitoringError
            When the file cannot be read.
        """
        with _parquet(self.path) as file:
            described = [file.metadata.row_group(group) for group in self.groups]
            rows = sum(group.num_rows for group in described)
            width = sum(group.total_byte_size for group in described) / max(rows, 1)
            size = int(min(_ROWS, max(_BYTES / max(width, 1.0), 1)))
            for group in self.groups:  # one at a time: a reader of several keeps those that it has read
                yield from file.iter_batches(size, [group], self.columns, use_threads=False)


def file_parts(paths: Sequence[Path | str], columns: Sequence[str] | None, workers: int) -> list[FilePart]:
    """Return what to read of some Parquet files, each file in as many parts as there are workers.

    Raises
    ------
    MonitoringError
        When a file cannot be read, or has not the columns.
    """
    found = []
    wanted = None if columns is None else tuple(columns)
    for path in map(str, paths):
        with _parquet(path) as file:
            for column in wanted or ():
                if column not in file.schema_arrow.names:
                    raise MonitoringError(
                        f"{path} has no column {column!r}.", f"Choose from: {', '.join(file.schema_arrow.names)}."
                    )
            groups = file.num_row_groups
        size = -(-groups // workers) or 1
        for start in range(0, max(groups, 1), size):
            found.append(FilePart(path, tuple(range(start, min(start + size, groups))), wanted))
    return found


@contextmanager
def _parquet(path: str) -> Iterator[pq.ParquetFile]:
    try:
        if "://" in path:
            store, place = FileSystem.from_uri(path)
            source = store.open_input_file(place)
        else:
            source = pa.OSFile(path)
        with source, pq.ParquetFile(source, buffer_size=_BUFFER) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise MonitoringError(
            f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}", "Name Parquet files that are whole."
        ) from error


# --- processes -----------------------------------------------------------------------------------------------------


def spread(function: Callable[[_Task], _Result], tasks: Iterable[_Task], workers: int) -> Iterator[_Result]:
    """Return the results of tasks in their order, worked on by several processes when ``workers`` is above 1.

    Tasks are taken as there is room for them, so that rows do not pile up.

    Raises
    ------
    MonitoringError
        When a process was ended from outside.
    """
    if workers <= 1:
        yield from map(function, tasks)
        return
    # Processes that are spawned, as Arrow's threads do not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    waiting: deque[Future[_Result]] = deque()
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=partial(pa.set_cpu_count, 1)) as pool:
        try:
            for task in tasks:
                waiting.append(pool.submit(function, task))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise MonitoringError(
                "A process that profiled rows was ended from outside, as where memory runs out.",
                "Use fewer workers; a script that uses any needs `if __name__ == '__main__':` around its work.",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
