"""A profile of a table: built, merged, written and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
from whylogs.core.view.column_profile_view import ColumnProfileView
from whylogs.core.view.dataset_profile_view import DatasetProfileView

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.profiles import frames, sketches
from roadworthy.monitoring.profiles.columns import profiled, text
from roadworthy.monitoring.profiles.sources import FilePart, Rows, file_parts, parts, spread
from roadworthy.monitoring.profiles.summary import ColumnSummary
from roadworthy.records import now

if TYPE_CHECKING:  # a process that profiles a part of the rows has no need of them
    from roadworthy.tables import Tables


class Profile:
    """A profile of a table; see the package.

    Examples
    --------
    >>> morning = Profile.of(pd.DataFrame({"temp": [39.0, 41.5, None], "origin": ["JFK", "EWR", "JFK"]}))
    >>> evening = Profile.of(pa.table({"temp": [55.0], "origin": ["LGA"]}))
    >>> day = morning.merge(evening)
    >>> day.rows, day.column("temp").missing, sorted(day.column("origin").counts())
    (4, 1, ['EWR', 'JFK', 'LGA'])
    """

    def __init__(self, view: DatasetProfileView) -> None:
        self.view = view

    @classmethod
    def of(cls, rows: Rows) -> Profile:
        """Profile rows in memory, from pandas or Arrow.

        A column whose values cannot be profiled is ``unreadable`` and spoils no other. A name that is no text is
        taken as text, and of several columns of one name ``x`` the further ones are ``x.1``, ``x.2``, as where pandas
        reads a file.
        """
        columns = dict(zip(_distinct([text(name) for name in _names(rows)]), _columns(rows), strict=True))
        at = now()
        return cls(DatasetProfileView(columns=columns, dataset_timestamp=at, creation_timestamp=at))

    @classmethod
    def of_batches(cls, batches: Iterable[Rows], *, workers: int = 1) -> Profile:
        """Profile rows that come in batches and need not fit into memory.

        Parameters
        ----------
        batches
            Frames or Arrow tables or batches, such as a reader of Arrow's. Small ones of Arrow are put together first.
        workers
            Processes; each takes seconds to start, and a script that uses more than one needs
            ``if __name__ == "__main__":`` around its work.

        Raises
        ------
        MonitoringError
            When a process was ended from outside.
        """
        return cls.merged(spread(cls.of, parts(batches), workers))

    @classmethod
    def of_files(
        cls, paths: Sequence[Path | str], *, columns: Sequence[str] | None = None, workers: int = 1
    ) -> Profile:
        """Profile Parquet files, in the memory of one part of them, a worker.

        Parameters
        ----------
        paths
            Local files, or addresses on an object store. A column that a file does not have has fewer rows.
        columns
            The columns to profile; all when None.
        workers
            Processes, as in `of_batches`. A file is divided by its row groups.

        Raises
        ------
        MonitoringError
            When a file cannot be read or has not the columns, or a process was ended from outside.
        """
        return cls.merged(spread(_of_part, file_parts(paths, columns, workers), workers))

    @classmethod
    def of_table(
        cls,
        tables: Tables,
        name: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        between: tuple[str, datetime, datetime] | None = None,
        workers: int = 1,
    ) -> Profile:
        """Profile a version of a table, read as a stream; the parameters are those of `Tables.stream`.

        A Delta table at any address is table ``NAME`` of ``Tables(FOLDER)``.

        Raises
        ------
        TableError
            When there is no such table, version or column, or its files cannot be read.
        MonitoringError
            When a process was ended from outside.
        """
        rows = tables.stream(name, version=version, columns=columns, between=between)
        return cls.of_batches(rows, workers=workers)

    @classmethod
    def merged(cls, profiles: Iterable[Profile]) -> Profile:
        """Return the profile of all the rows of several profiles."""
        return reduce(Profile.merge, profiles, cls.of(pd.DataFrame()))

    @classmethod
    def from_bytes(cls, content: bytes) -> Profile:
        """Read a profile from its bytes, ours or another writer's.

        Raises
        ------
        MonitoringError
            When the bytes are not a whylogs profile.
        """
        try:
            return cls(DatasetProfileView.deserialize(content))
        except Exception as error:  # whylogs, protobuf and the sketches each raise kinds of their own on bad bytes
            raise MonitoringError(
                f"This is not a readable whylogs profile: {error}.", "Make the profile again from its rows."
            ) from error

    @classmethod
    def read(cls, path: Path) -> Profile:
        """Read a profile from a file; raise MonitoringError when it is missing or not a profile."""
        try:
            return cls.from_bytes(path.read_bytes())
        except OSError as error:
            raise MonitoringError(
                f"The profile {path} cannot be read: {error.strerror}.", "Make the profile again from its rows."
            ) from error

    def to_bytes(self) -> bytes:
        """Return the profile as whylogs writes it."""
        content: bytes = self.view.serialize()
        return content

    def write(self, path: Path) -> None:
        """Write the profile to a file that ``whylogs.DatasetProfileView.read`` reads too."""
        path.write_bytes(self.to_bytes())

    def merge(self, other: Profile) -> Profile:
        """Return the profile of the rows of both; neither is changed."""
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                return Profile(self.view.merge(other.view))
            except OverflowError:  # whylogs squares the distance of two means, and a float of Python's has no infinity
                sketches.let_moments_overflow(self.view)
                return Profile(self.view.merge(other.view))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, sorted."""
        return tuple(sorted(self.view.get_columns()))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return max((int(c.get_metric("counts").n.value) for c in self.view.get_columns().values()), default=0)

    def column(self, name: str) -> ColumnSummary:
        """Return what is known of a column; one that the profile does not have is empty, with 0 rows."""
        return ColumnSummary(name, self.view.get_column(name) or sketches.unreadable(0, 0))


def _of_part(part: FilePart) -> Profile:
    return Profile.of_batches(part.batches())


def _names(rows: Rows) -> list[object]:
    return list(rows.columns if isinstance(rows, pd.DataFrame) else rows.schema.names)


def _distinct(names: list[str]) -> list[str]:
    taken, distinct = set(names), []
    for name in names:
        unused, number = name, 0
        while unused in distinct or (number and unused in taken):
            number += 1
            unused = f"{name}.{number}"
        distinct.append(unused)
    return distinct


def _columns(rows: Rows) -> Iterator[ColumnProfileView]:
    if isinstance(rows, pd.DataFrame):
        for position in range(rows.shape[1]):
            yield _of_series(rows.iloc[:, position])
    else:
        for column in (rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])).itercolumns():
            yield profiled(column)


def _of_series(series: pd.Series) -> ColumnProfileView:
    try:
        return profiled(frames.arrow(series))
    except Exception:  # as there
        return sketches.unreadable(len(series), int(series.isna().sum()))
