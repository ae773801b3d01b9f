"""Spool files as a collector reads them: in batches of whole lines, removed when done, what is broken set aside."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from roadworthy.serving.capture.lines import holds_columns
from roadworthy.serving.capture.spool import Kind

Line = tuple[int, bytes]

BAD = "bad.jsonl"
_FORMER_BAD = "bad.1.jsonl"
_BAD_BYTES = 16 * 2**20
_BAD_LINE_BYTES = 2**20
_BATCH_BYTES = 16 * 2**20
# What each row of a line has once at least.
_ROW_ENDS: dict[Kind, bytes] = {
    "predictions": b"}",
    "shadow": b",",
    "failures": b"}",
    "labels": b"]",
    "unmatched": b"]",
}


@dataclass
class Batch:
    """Whole lines with their offsets, and the offset after the last one."""

    lines: list[Line] = field(default_factory=list)
    rows: int = 0
    end: int = 0


def batches(path: Path, kind: Kind, position: int, most_rows: int) -> Iterator[Batch]:
    """Yield a file's whole lines from a position on, some at a time."""
    batch, begin = Batch(), position
    with path.open("rb") as file:
        file.seek(position)
        for line in file:
            if not line.endswith(b"\n"):
                break
            batch.lines.append((position, line))
            position += len(line)
            batch.rows += _rows_at_most(kind, line)
            batch.end = position
            if batch.rows >= most_rows or position - begin >= _BATCH_BYTES:
                yield batch
                batch, begin = Batch(), position
    if batch.lines:
        yield batch


def _rows_at_most(kind: Kind, line: bytes) -> int:
    """Return an upper bound of the rows of a line that costs no parsing."""
    if kind == "predictions" and holds_columns(line):  # then each row still has a probability and a prediction
        return line.count(b",") // 2
    return line.count(_ROW_ENDS[kind])


def removed_if_done(path: Path, position: int) -> bool:
    """Remove the file when its writer is gone and every whole line of it is in the table; return whether it was."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tail = os.pread(descriptor, max(os.fstat(descriptor).st_size - position, 0), position)
        if b"\n" in tail:
            return False
        if tail:
            set_aside(path, position, tail, "the process died while writing it, before it was acknowledged")
        os.sync()  # the table's files were not; then at last the spool is no longer needed
        path.unlink()
        return True
    except BlockingIOError:  # its writer lives
        return False
    finally:
        os.close(descriptor)


def set_aside(path: Path, offset: int, line: bytes, problem: str) -> None:
    """Keep a line that cannot be used, and why, in the folder's bad.jsonl; the newest such lines are kept."""
    entry = {
        "file": path.name,
        "offset": offset,
        "problem": problem,
        "found": datetime.now(UTC),
        "line": line[:_BAD_LINE_BYTES].decode(errors="replace").rstrip("\n"),
    }
    bad = path.parent / BAD
    with suppress(FileNotFoundError):
        if bad.stat().st_size >= _BAD_BYTES:
            bad.replace(path.parent / _FORMER_BAD)
    with bad.open("ab") as file:
        file.write(orjson.dumps(entry) + b"\n")
