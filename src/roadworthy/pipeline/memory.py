"""How much memory tasks take: resident memory of processes and all that they started, by sampling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import psutil


def resident(roots: Collection[int]) -> int:
    """Return the resident memory, in bytes, of processes and all their descendants.

    Pages that processes share count once for each of them, so the figure is an upper bound. A process that has ended
    counts nothing.

    Examples
    --------
    >>> import os
    >>> resident([os.getpid()]) > 1_000_000
    True
    """
    return sum(_resident(process) for process in family(roots))


def family(roots: Collection[int]) -> frozenset[int]:
    """Return the processes of the given ids that are alive, and all their descendants."""
    children = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        children[process.info["ppid"]].append(process.pid)
    found: set[int] = set()
    waiting = [root for root in roots if psutil.pid_exists(root)]
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting.extend(children[process])
    return frozenset(found)


def _resident(process: int) -> int:
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:  # it ended between being listed and being asked
        return 0
