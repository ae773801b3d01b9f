"""Spool files: where the service writes what it answered, before it answers."""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import orjson

from roadworthy.errors import ServingError
from roadworthy.serving.capture.room import Room

Kind = Literal["predictions", "shadow", "failures", "labels", "unmatched"]

KINDS: tuple[Kind, ...] = ("predictions", "shadow", "failures", "labels", "unmatched")
_FILE_BYTES = 16 * 2**20
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


class Spool:
    """An append-only file of this process; a new one when it is full. Safe to use from several threads.

    The file is locked for as long as its writer lives, and has its name only once it is locked: a collector can
    tell the file of a dead process from one that may still grow, and process numbers may be used again.

    Parameters
    ----------
    folder
        Of all spools of the project's services on this machine.
    kind
        The table that its lines go to.
    file_bytes
        Size at which a new file is begun; the old one is removed once it is collected.
    most_bytes
        That may wait in the folder to be collected; beyond, lines are refused. None is no bound.
    """

    def __init__(
        self, folder: Path, kind: Kind, *, file_bytes: int = _FILE_BYTES, most_bytes: int | None = None
    ) -> None:
        self._folder = folder
        self._kind = kind
        self._file_bytes = file_bytes
        self._most_bytes = most_bytes
        self._room = Room(folder, most_bytes)
        self._guard = threading.Lock()
        self._descriptor = -1
        self._end = 0

    def append(self, entry: Mapping[str, Any], *, durable: bool = False) -> None:
        """Append one line; as `append_all` does with one entry."""
        self._append(orjson.dumps(entry, option=_OPTIONS), durable)

    def append_all(self, entries: Sequence[Mapping[str, Any]], *, durable: bool = False) -> None:
        """Append lines by one write: all of them are there whole, or none is.

        Parameters
        ----------
        entries
            What `prediction_entry` and its like made, of this spool's kind.
        durable
            Return only when they are on the disk, not merely with the operating system.

        Raises
        ------
        ServingError
            When they could not be written, as on a full disk or when too much waits to be collected. What was
            written of them is cut off again.
        """
        if entries:
            self._append(b"".join([orjson.dumps(entry, option=_OPTIONS) for entry in entries]), durable)

    def close(self) -> None:
        """Give the file up; a collector may then remove it."""
        with self._guard:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _append(self, lines: bytes, durable: bool) -> None:
        with self._guard:
            if not self._room.take(len(lines)):
                raise ServingError(
                    f"The spool is full: {self._most_bytes:,} bytes in {self._folder} wait to be collected.",
                    "See that the tables can be written, or raise `capture.most_bytes` in the policy.",
                )
            try:
                self._write(lines)
                if durable:
                    os.fsync(self._descriptor)
            except OSError as error:
                self._cut_off()
                raise ServingError(
                    f"The spool {self._folder} cannot be written: {error.strerror}.",
                    "Make room on its disk, or give this user write access to it.",
                ) from error
            self._end += len(lines)

    def _write(self, lines: bytes) -> None:
        if self._descriptor < 0 or self._end >= self._file_bytes or os.fstat(self._descriptor).st_nlink == 0:
            self._open()
        if os.write(self._descriptor, lines) < len(lines):
            raise OSError(0, "only a part could be written")

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._kind}-{os.getpid()}-{secrets.token_hex(8)}"
        draft = self._folder / f".{name}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(self._folder / f"{name}.jsonl")
        _sync_names(self._folder)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._end = descriptor, 0

    def _cut_off(self) -> None:
        if self._descriptor < 0:
            return
        try:
            os.ftruncate(self._descriptor, self._end)
        except OSError:  # then the next line must not be joined to this half one: leave the file
            os.close(self._descriptor)
            self._descriptor = -1


def _sync_names(folder: Path) -> None:
    """Put the folder's list of names on the disk: a line is not durable while its file may lose its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems do not sync folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
