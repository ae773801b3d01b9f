"""Removing the files of versions that nothing needs any more."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta

from deltalake import DeltaTable
from pydantic import Field

from roadworthy.errors import TableError
from roadworthy.records import Record, now
from roadworthy.tables.base import first_line
from roadworthy.tables.commits import ADDING
from roadworthy.tables.files import Files, needs

# A file that no commit names may be one that a writer is about to commit.
_UNFINISHED = timedelta(days=1)
_OURS = re.compile(r"part-\d+-[0-9a-f-]{36}-c\d+\.\w+\.parquet")


class Vacuum(Record):
    """What a vacuum removed, or would remove."""

    table: str
    kept: tuple[int, ...] = Field(description="versions that were asked to be kept, and the newest")
    files: int
    bytes: int
    dry_run: bool


class Vacuuming(Files):
    """The part of the tables that removes files."""

    def vacuum(self, name: str, *, keep: Collection[int], older_than: timedelta, dry_run: bool = True) -> Vacuum:
        """Remove the files that no version to be kept needs.

        Kept are the newest version, those in ``keep``, and those that were the newest at any time within
        ``older_than``. Also removed is what writers left that died before their commit, after a day at least.

        Parameters
        ----------
        keep
            Versions whose every file stays, however old.
        older_than
            For how long a version can be read after a newer one took its place.
        dry_run
            Only say what would be removed.

        Raises
        ------
        TableError
            When there is no such table, a version in ``keep`` does not exist, or a file cannot be removed.
        """
        with self._alone(name):
            kept = frozenset({*keep, self._open(name).version()})
            spare = self._spare(name, kept, older_than)
            if not dry_run:
                self._remove(name, spare)
        return Vacuum(
            table=name, kept=tuple(sorted(kept)), files=len(spare), bytes=sum(spare.values()), dry_run=dry_run
        )

    def _spare(self, name: str, kept: frozenset[int], older_than: timedelta) -> dict[str, int]:
        """Return the files that can go, and their sizes.

        An append leaves every file in place, so that the last version before another act has the files of all those
        that only appends lie between: the ends of such stretches, with the newest version, name every file there is.
        """
        ends = self._ends(name)
        recent = {version for version, replaced in ends.items() if replaced >= now() - older_than}
        needed = self._files(name, kept | recent)
        known = self._files(name, ends.keys() - recent, lost=True)
        orphans = _orphans(self._open(name), older_than)
        present = self._present(name)
        return {path: present[path] for path in (known | orphans) - needed if path in present}

    def _ends(self, name: str) -> dict[int, datetime]:
        """Return the versions after which files were taken out of use, and when."""
        taking = [commit for commit in self._commits(name, self._open(name)) if commit["operation"] not in ADDING]
        return {commit["version"] - 1: commit["at"] for commit in taking if commit["version"] > 0}

    def _files(self, name: str, versions: Collection[int], *, lost: bool = False) -> set[str]:
        found: set[str] = set()
        for version in versions:
            # another tool may have removed old commits: what cannot be opened has no files to tell
            with suppress(*([TableError] if lost else [])):
                found |= needs(self._open(name, version)).keys()
        return found

    def _remove(self, name: str, spare: Collection[str]) -> None:
        storage = self._storage(name)
        # asked again: where there is no lock to hold, somebody may have restored a version meanwhile
        for path in sorted(set(spare) - needs(self._open(name)).keys()):
            try:
                storage.delete_file(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise TableError(
                    f"The file {path} of table {name!r} cannot be removed: {first_line(error)}",
                    f"See that {self._place(name)} can be written; a vacuum can be run again at any time.",
                ) from error


def _orphans(table: DeltaTable, older_than: timedelta) -> set[str]:
    """Return files that the newest version does not name, and that have not been touched for a day."""
    hours = math.ceil(max(older_than, _UNFINISHED) / timedelta(hours=1))
    listed = table.vacuum(retention_hours=hours, dry_run=True, enforce_retention_duration=False, full=True)
    return {path for path in listed if _OURS.fullmatch(path)}
