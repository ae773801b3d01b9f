"""Looks after the processes that tasks run in: starts them, watches time and memory, and ends them.

One thread does it all, blocked until a worker says something. Where it is the process's only one, workers are forked
from it and have everything imported. A lock that another thread holds at that moment would stay shut in the forked one
for ever, so beside threads (a build in a notebook, say) and away from Linux each worker starts anew, which takes it
seconds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any

import psutil

from roadworthy.pipeline import memory
from roadworthy.pipeline.options import Limits
from roadworthy.pipeline.worker import Done, Failed, KernelStarted, Order, work
from roadworthy.records import now

_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_TO_END = 5


@dataclass
class Attempt:
    """One attempt at a task, running or ended."""

    order: Order
    limits: Limits
    process: BaseProcess
    connection: Connection
    started: datetime = field(default_factory=now)
    clock: float = field(default_factory=monotonic)
    seconds: float = 0.0
    peak_memory: int = 0
    kernel: KernelStarted | None = None
    done: Done | None = None
    error: str | None = None

    @property
    def name(self) -> str:
        """The task's name."""
        return str(self.order.task.name)


class Supervisor:
    """The attempts that are running."""

    def __init__(self) -> None:
        self.running: list[Attempt] = []

    def start(self, order: Order, limits: Limits) -> None:
        """Start a task in a process of its own."""
        forked = sys.platform == "linux" and threading.active_count() == 1
        context: Any = multiprocessing.get_context("fork" if forked else "spawn")
        theirs, ours = context.Pipe()
        process = context.Process(target=work, args=(order, ours), name=f"task-{order.task.name}")
        with warnings.catch_warnings():  # Python 3.12 sees the threads of libraries too, which mind forks themselves
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        ours.close()
        self.running.append(Attempt(order, limits, process, theirs))

    def wait(self) -> list[Attempt]:
        """Wait a little; return the attempts that have ended."""
        watched = [item for attempt in self.running for item in (attempt.connection, attempt.process.sentinel)]
        ready = multiprocessing.connection.wait(watched, timeout=_SECONDS_BETWEEN_LOOKS)
        for attempt in self.running:
            if attempt.connection in ready or attempt.process.sentinel in ready:
                _listen(attempt)
            _watch(attempt)
        ended = [attempt for attempt in self.running if attempt.done or attempt.error]
        for attempt in ended:
            self._end(attempt)
        return ended

    def stop(self) -> list[Attempt]:
        """End everything that runs, kernels included; return what was ended."""
        stopped = list(self.running)
        for attempt in stopped:
            attempt.error = attempt.error or "it was interrupted"
            _kill(attempt)
        for attempt in stopped:
            self._end(attempt)
        return stopped

    def _end(self, attempt: Attempt) -> None:
        attempt.seconds = monotonic() - attempt.clock
        attempt.process.join(_SECONDS_TO_END)
        if attempt.process.is_alive():  # its task ended, and something it started holds it
            _kill(attempt)
            attempt.process.join()
        attempt.connection.close()
        self.running.remove(attempt)


def _listen(attempt: Attempt) -> None:
    """Take in what a worker said; one that ended without a word has died."""
    with contextlib.suppress(EOFError, OSError):
        while attempt.connection.poll():
            said = attempt.connection.recv()
            if isinstance(said, KernelStarted):
                attempt.kernel = said
            elif isinstance(said, Done):
                attempt.done = said
            elif isinstance(said, Failed):
                attempt.error = said.error
    if attempt.done is None and attempt.error is None and not attempt.process.is_alive():
        attempt.process.join()
        code = attempt.process.exitcode or 0
        ended = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        attempt.error = (
            f"Task {attempt.name!r} failed ({attempt.order.source}): its process {ended}.\n"
            "Next: Run `ploomber build` again; when it happens again, see whether the machine has too little memory."
        )
        _kill(attempt)


def _watch(attempt: Attempt) -> None:
    """Sample memory, and end an attempt that takes more memory or time than it may."""
    if attempt.done or attempt.error:
        return
    taken = memory.resident(_roots(attempt))
    attempt.peak_memory = max(attempt.peak_memory, taken)
    seconds, limits = monotonic() - attempt.clock, attempt.limits
    if limits.memory is not None and taken > limits.memory:
        _stop_for(attempt, f"took {taken / 1e6:,.0f} MB of memory, it may take {limits.memory / 1e6:,.0f} MB", "memory")
    elif limits.timeout is not None and seconds > limits.timeout:
        _stop_for(attempt, f"took longer than the {limits.timeout:g} s that it may take", "timeout")


def _stop_for(attempt: Attempt, excess: str, key: str) -> None:
    attempt.error = (
        f"Task {attempt.name!r} failed ({attempt.order.source}): it {excess}, and was ended.\n"
        f"Next: Raise executor.tasks.{attempt.name}.{key} in pipeline.yaml, or let the task do less."
    )
    _kill(attempt)


def _roots(attempt: Attempt) -> list[int]:
    # a warm kernel is no child of the worker: it was forked elsewhere
    return [pid for pid in (attempt.process.pid, attempt.kernel and attempt.kernel.pid) if pid]


def _kill(attempt: Attempt) -> None:
    for process in memory.family(_roots(attempt)) - {os.getpid()}:
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            psutil.Process(process).kill()
