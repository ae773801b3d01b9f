"""What happened to a table: its versions, newest first, and which of them was the newest at a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from deltalake import DeltaTable
from pydantic import Field

from roadworthy.errors import TableError
from roadworthy.records import Moment, Record
from roadworthy.tables.commits import ADDING, Commits


class TableVersion(Record):
    """One version of a table and what made it."""

    version: int
    at: Moment
    operation: str = Field(
        description="created, appended, widened, prepared, compacted, restored, or another engine's word"
    )
    added: int = Field(description="rows more than in the version before")
    removed: int = Field(description="rows fewer than in the version before")
    rows: int = Field(description="rows in all")
    columns: tuple[str, ...] = Field(default=(), description="columns that are new in this version")
    writer: str | None = Field(default=None, description="who appended, such as a batch or a spool file")
    position: int | None = Field(default=None, description="how far the writer had come in its own input")
    restored: int | None = Field(default=None, description="the version whose rows this one has again")
    who: str | None = None
    reason: str = ""


class History(Commits):
    """The part of the tables that knows their past."""

    def log(self, name: str, *, limit: int | None = None) -> tuple[TableVersion, ...]:
        """Return the versions of a table, newest first; ``as_of`` is not regarded.

        Parameters
        ----------
        limit
            How many; all when None.

        Raises
        ------
        TableError
            When there is no such table.
        """
        table = self._open(name)
        return tuple(self._versions(name, table, self._commits(name, table)[:limit]))

    def version_at(self, name: str, moment: datetime) -> int:
        """Return the newest version that had been committed at a moment.

        Parameters
        ----------
        moment
            With a time zone.

        Raises
        ------
        TableError
            When there is no such table, or it had no version yet.
        """
        found = self._commits(name, self._open(name))
        version: int | None = next((commit["version"] for commit in found if commit["at"] <= moment), None)
        if version is None:
            first = found[-1]
            raise TableError(
                f"Table {name!r} was not there yet at {moment.isoformat()}: its first version, {first['version']}, "
                f"is of {first['at'].isoformat(timespec='seconds')}.",
                "Name a later moment, or a version.",
            )
        return version

    def _versions(self, name: str, table: DeltaTable, found: list[dict[str, Any]]) -> Iterator[TableVersion]:
        rows = int(table.count())
        for commit in found:
            before = self._rows_before(name, commit, rows)
            yield _version(commit, before, rows)
            rows = before

    def _rows_before(self, name: str, commit: Mapping[str, Any], rows: int) -> int:
        added = commit.get("operationMetrics", {}).get("num_added_rows")
        if commit["operation"] == "created" or commit["version"] == 0:
            return 0
        if commit["operation"] in ADDING and added is not None:
            return rows - int(added)
        return int(self._open(name, commit["version"] - 1).count())


def _version(commit: Mapping[str, Any], before: int, rows: int) -> TableVersion:
    restored = commit.get("operationParameters", {}).get("version")
    return TableVersion(
        version=commit["version"],
        at=commit["at"],
        operation=commit["operation"],
        added=max(rows - before, 0),
        removed=max(before - rows, 0),
        rows=rows,
        columns=tuple(commit.get("columns", ())),
        writer=commit.get("writer"),
        position=commit.get("position"),
        restored=int(restored) if commit["operation"] == "restored" and restored is not None else None,
        who=commit.get("userName"),
        reason=commit.get("reason", ""),
    )
