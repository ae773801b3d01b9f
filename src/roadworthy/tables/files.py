"""The data files of a table: which a version needs, which are there, and who alone may remove any."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from filelock import FileLock, Timeout
from pyarrow.fs import FileSelector, FileType

from roadworthy.errors import TableError
from roadworthy.tables.commits import Commits

_LOCK = "_upkeep.lock"  # Delta takes no file for data whose name begins with an underscore
_WAIT = 600.0


class Files(Commits):
    """The part of the tables that knows their files."""

    def readable(self, name: str, versions: Collection[int]) -> frozenset[int]:
        """Return those of some versions whose files are all there still.

        Raises
        ------
        TableError
            When there is no such table, or no such version.
        """
        there = set(self._present(name))
        return frozenset(version for version in versions if needs(self._open(name, version)).keys() <= there)

    def _missing(self, name: str, table: DeltaTable) -> int:
        """Return how many files of an opened version are not there."""
        return len(needs(table).keys() - self._present(name).keys())

    def _present(self, name: str) -> dict[str, int]:
        """Return the data files that are there, and their sizes in bytes."""
        found = self._storage(name).get_file_info_selector(FileSelector("", recursive=True))
        return {file.path: file.size for file in found if file.type == FileType.File and file.path.endswith(".parquet")}

    def _gone(self, name: str, version: int, missing: int) -> TableError:
        return TableError(
            f"Version {version} of table {name!r} is gone: {missing} of its files were removed.",
            "Choose one that was kept: `roadworthy data log` shows which can be read.",
        )

    @contextmanager
    def _alone(self, name: str) -> Iterator[bool]:
        """Hold the one lock for compacting, restoring and removing; False where the table is not in a local folder."""
        place = self._place(name)
        if "://" in place:
            yield False
            return
        lock = Path(place) / _LOCK
        try:
            with FileLock(lock, timeout=_WAIT):
                yield True
        except Timeout as error:
            raise TableError(
                f"Table {name!r} has been compacted, restored or cleaned by another process for {_WAIT:.0f} seconds.",
                f"Try again when it is done; it holds {lock}.",
            ) from error


def needs(table: DeltaTable) -> dict[str, int]:
    """Return the files that an opened version needs, and their rows."""
    actions = pa.table(table.get_add_actions())
    return dict(zip(actions["path"].to_pylist(), actions["num_records"].to_pylist(), strict=True))
