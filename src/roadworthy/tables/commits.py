"""The commits of a table: what each says of itself, under its own number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector

from roadworthy.errors import TableError
from roadworthy.tables.base import Store

# What no other act does: leave every file of the version before in place.
ADDING = frozenset({"created", "appended", "widened", "prepared"})
_WORDS = {"CREATE TABLE": "created", "OPTIMIZE": "compacted", "RESTORE": "restored"}
_COMMIT = re.compile(r"_delta_log/(\d{20})\.json")


class Commits(Store):
    """The part of the tables that reads their commits."""

    def _commits(self, name: str, table: DeltaTable) -> list[dict[str, Any]]:
        """Return what the commits up to an opened version say, newest first; ``operation`` is in words.

        ``at`` is the commit's time, and at least that of the one before: clocks of several machines disagree.

        `DeltaTable.history` (seen in 1.6.6) gives the opened version's number to the newest commit of all, so that a
        commit made since shifts every number. Here they are counted from the oldest.
        """
        told = table.history()[::-1]
        first = min(self._numbers(name), default=0)
        if first + len(told) <= table.version():
            raise TableError(
                f"Table {name!r} has {len(told)} commits that say what they did, up to version {table.version()}.",
                "Another tool wrote commits that say nothing: what happened to this table cannot be told.",
            )
        told = told[: table.version() + 1 - first]
        times = accumulate((commit["timestamp"] for commit in told), max)
        return [
            commit
            | {"version": first + place, "at": datetime.fromtimestamp(at / 1000, UTC), "operation": _operation(commit)}
            for place, (commit, at) in enumerate(zip(told, times, strict=True))
        ][::-1]

    def _numbers(self, name: str) -> list[int]:
        listed = self._storage(name).get_file_info_selector(FileSelector("_delta_log"))
        return [int(match[1]) for match in (_COMMIT.fullmatch(file.path) for file in listed) if match]

    def _storage(self, name: str) -> DeltaStorageHandler:
        return DeltaStorageHandler(self._place(name))


def _operation(commit: Mapping[str, Any]) -> str:
    if "act" in commit:
        return str(commit["act"])
    operation = str(commit["operation"])
    if operation == "WRITE":
        mode = str(commit.get("operationParameters", {}).get("mode", ""))
        return {"Append": "appended", "Overwrite": "overwritten"}.get(mode, "written")
    return _WORDS.get(operation, operation.lower())
