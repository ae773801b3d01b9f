"""How much waits in a spool folder to be collected, for how long, and whether there is room for more."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import Field

from roadworthy.records import Record, now

_COLLECTED = ".collected.json"
_LOOK_SECONDS = 1.0
_SPOOLED = re.compile(r"[a-z]+-.+\.jsonl")
# Every line begins with it, so that a line's age is known without reading the line.
_RECEIVED = re.compile(rb'\{"received":"([^"]{1,40})"')
_BEGINNING = 64


class Backlog(Record):
    """What stands in the spool and in no table yet."""

    waiting: int = Field(default=0, description="bytes")
    lag: float = Field(default=0.0, description="seconds since the oldest waiting line was written")


class Room:
    """Whether a spool folder has room, asked for each line and looked at once a second.

    Between two looks only the asker's own lines are counted, so that several writers may together pass the bound by
    what they write in a second.
    """

    def __init__(self, folder: Path, most_bytes: int | None) -> None:
        self._folder = folder
        self._most = most_bytes
        self._taken = 0
        self._until = 0.0

    def take(self, size: int) -> bool:
        """Count bytes that are about to be written; False, and not counted, when there is no room for them."""
        if self._most is None:
            return True
        if time.monotonic() >= self._until:
            self._taken = sum(size for _, size, _ in _waiting(self._folder))
            self._until = time.monotonic() + _LOOK_SECONDS
        if self._taken + size > self._most:
            return False
        self._taken += size
        return True


def backlog(folder: Path) -> Backlog:
    """Return what waits in a spool folder; any process may ask."""
    waiting, oldest = 0, None
    for path, size, position in _waiting(folder):
        waiting += size
        written = _written(path, position)
        oldest = min(filter(None, (oldest, written)), default=None)
    return Backlog(waiting=waiting, lag=max((now() - oldest).total_seconds(), 0.0) if oldest else 0.0)


def note_collected(folder: Path, positions: Mapping[str, int]) -> None:
    """Note for all processes how far each file has been collected. A hint: the tables alone decide.

    On a full disk it stays as it was, and more seems to wait than does.
    """
    draft = folder / f"{_COLLECTED}.new"
    with suppress(OSError):
        draft.write_text(json.dumps(positions), encoding="ascii")
        draft.replace(folder / _COLLECTED)


def noted(folder: Path) -> dict[str, int]:
    """Return how far each file has been collected, as far as it was noted."""
    try:
        found = json.loads((folder / _COLLECTED).read_bytes())
        return {str(name): int(position) for name, position in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # never written, or half of it before a crash
        return {}


def _waiting(folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Yield each file of which something waits, with the bytes and the position of the first."""
    positions = noted(folder)
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if not _SPOOLED.fullmatch(entry.name):
            continue
        with suppress(FileNotFoundError):  # collected and removed in the meantime
            position = positions.get(entry.name, 0)
            if (size := entry.stat().st_size - position) > 0:
                yield Path(entry.path), size, position


def _written(path: Path, position: int) -> datetime | None:
    try:
        with path.open("rb") as file:
            file.seek(position)
            found = _RECEIVED.match(file.read(_BEGINNING))
            return datetime.fromisoformat(found[1].decode()) if found else None
    except (OSError, ValueError):
        return None
