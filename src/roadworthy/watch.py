"""The watch: looking again and again, with a heartbeat in the state by which others know that it lives.

It beats by itself, however long a look takes. When it ends it says so; one that falls silent without having said so has
died, and whoever looks next tells monitoring's owner.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from roadworthy.errors import RoadworthyError
from roadworthy.records import Observer, now
from roadworthy.state import State

_BEAT_SECONDS = 10.0
_ENDED = 143  # the exit code of what SIGTERM ends


def watch(
    state: State, look: Callable[[], None], *, every: float, on_problem: Callable[[RoadworthyError], None]
) -> NoReturn:
    """Look, wait, and look again, until Ctrl-C or SIGTERM.

    Parameters
    ----------
    state
        Where the heartbeat is heard.
    look
        Looks once.
    every
        Seconds between the end of a look and the next.
    on_problem
        Called with what kept a look from its end; the next one may find it mended.
    """
    with _ended_by_sigterm(), Heart(state, every) as heart:
        while True:
            problem = ""
            try:
                look()
            except RoadworthyError as error:
                on_problem(error)
                problem = error.fact
            heart.looked(problem)
            time.sleep(every)


class Heart:
    """An observer's heartbeat, from the start of the block to its end.

    Parameters
    ----------
    state
        Where it is heard.
    every
        Seconds between two looks, for others to read.
    seconds
        Between two beats.
    """

    def __init__(self, state: State, every: float, seconds: float = _BEAT_SECONDS) -> None:
        host = socket.gethostname()
        name = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._state = state
        self._seconds = seconds
        self._lock = threading.Lock()
        self._observer = Observer(id=name, host=host, pid=os.getpid(), every=every)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)

    def __enter__(self) -> Heart:
        self._say()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(RoadworthyError):  # who cannot say that it ended is found silent
            self._say(ended=now())

    def looked(self, problem: str) -> None:
        """Say that a look has ended, and what kept it from its end; a blank problem is none."""
        with suppress(RoadworthyError):  # the next beat says it
            self._say(looked=now(), problem=problem)

    def _beat_on(self) -> None:
        while not self._ended.wait(self._seconds):
            with suppress(RoadworthyError):  # a database that is away may be there again at the next beat
                self._say()

    def _say(self, **changes: object) -> None:
        with self._lock:
            self._observer = self._observer.model_copy(update={"heartbeat": now()} | changes)
            self._state.save_observer(self._observer)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, by which services are stopped, end the block as Ctrl-C does: nothing is left half done."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(_ENDED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
