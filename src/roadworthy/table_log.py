"""Whether a table has newer rows, read off its log: all that a build with nothing to do has to know.

Delta names each commit after its version, and each of its actions says whether it changes data (Delta transaction log
protocol, "Delta Log Entries", "Actions"). Opening the table to ask would first import the engine, which takes longer
than everything else that such a build does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

_DIGITS = 20


def newest_change(address: str, table: str, since: int) -> int | None:
    """Return the newest version after ``since`` that has other rows; None when there is none, or nobody can tell here.

    A compaction makes a version with the same rows, and does not count.

    Parameters
    ----------
    address
        The folder of all tables, or an object store's address, of which nothing is told.
    table
        The table's name.
    since
        A version.
    """
    log = Path(address.removeprefix("file://")) / table / "_delta_log"
    if "://" in str(log) or not log.is_dir():
        return None
    later = sorted((int(entry.stem) for entry in log.glob("*.json") if _is_commit(entry)), reverse=True)
    changed = (version for version in later if version > since and _changes_rows(log / f"{version:0{_DIGITS}}.json"))
    return next(changed, None)


def _is_commit(entry: Path) -> bool:
    return len(entry.stem) == _DIGITS and entry.stem.isdecimal()


def _changes_rows(commit: Path) -> bool:
    return any(action.get("dataChange", True) for action in _files(commit))


def _files(commit: Path) -> Iterator[dict[str, object]]:
    """Yield what a commit adds and removes; of one that cannot be read, something that changes data."""
    try:
        lines = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        yield {}
        return
    for line in lines:
        yield from (line[key] for key in ("add", "remove") if key in line)
