"""One builder at a time for a pipeline: a second one says who builds, and waits."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from roadworthy.config import Config
from roadworthy.pipeline import lineage
from roadworthy.records import now

_SECONDS_BETWEEN_TRIES = 0.2


@contextmanager
def only_builder(config: Config) -> Iterator[None]:
    """Hold the project's build lock, after waiting for whoever holds it.

    The operating system frees the lock of a process that dies, so nothing is ever left locked; what such a process
    wrote beside the lock about itself is overwritten by the next.
    """
    lock = FileLock(config.private("build.lock"))
    holder = Path(lock.lock_file).with_suffix(".holder")
    holder.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Waiting for another build of this project to end{_who(holder)}.", file=sys.stderr, flush=True)  # noqa: T201
        lock.acquire(poll_interval=_SECONDS_BETWEEN_TRIES)
    try:
        _say_who(holder)
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _say_who(holder: Path) -> None:
    words = {
        "who": lineage.who(),
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": f"{now():%H:%M:%S} UTC",
    }
    with contextlib.suppress(OSError):  # it is only for the words of whoever waits
        holder.write_text(json.dumps(words), encoding="utf-8")


def _who(holder: Path) -> str:
    try:
        said = json.loads(holder.read_text(encoding="utf-8"))
        return f" ({said['who']}, process {said['process']} on {said['host']}, since {said['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
