"""The watch: looking again and again, with a heartbeat in the state by which others know that it lives.

It beats by itself, however long a look takes. When it is ended it says so. One that ends by a failure says that it has
died, and of what; one that falls silent without a word has died too. Whoever looks next tells monitoring's owner.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import NoReturn

from roadworthy.errors import NoTraffic, RoadworthyError
from roadworthy.records import Observer, now
from roadworthy.secrets import masked
from roadworthy.state import State

_BEAT_SECONDS = 10.0
_ENDED = 143  # the exit code of what SIGTERM ends
_PROPER_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)  # a crash in Rust is no `Exception` either
_LONGEST = 500  # characters of a problem
_LOGIN = re.compile(r"(?<=://)\S*@")  # name and password in an address


def watch(
    state: State,
    look: Callable[[], None],
    *,
    every: float,
    on_problem: Callable[[RoadworthyError], None],
    known: Mapping[str, str] | None = None,
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
    known
        As for `Heart`.
    """
    with _ended_by_sigterm(), Heart(state, every, known=known) as heart:
        while True:
            problem = None
            try:
                look()
            except RoadworthyError as error:
                on_problem(error)
                problem = error
            heart.looked(problem)
            time.sleep(every)


class Heart:
    """An observer's heartbeat, from the start of the block to its end, and the failure by which it ended if it did.

    Parameters
    ----------
    state
        Where it is heard.
    every
        Seconds between two looks, for others to read.
    seconds
        Between two beats.
    known
        The values of secrets by name: no problem that is kept shows them.
    """

    def __init__(
        self, state: State, every: float, seconds: float = _BEAT_SECONDS, known: Mapping[str, str] | None = None
    ) -> None:
        host = socket.gethostname()
        name = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._state = state
        self._seconds = seconds
        self._known = known or {}
        self._lock = threading.Lock()
        self._observer = Observer(id=name, host=host, pid=os.getpid(), every=every)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)

    def __enter__(self) -> Heart:
        self._say()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(Exception):  # who cannot say how it ended is found silent; the error itself is what counts
            if error is None or isinstance(error, _PROPER_ENDS):
                self._say(ended=now())
            else:
                self._say(died=True, problem=_words(error, self._known))

    def looked(self, error: RoadworthyError | None) -> None:
        """Say that a look has ended, and what kept it from its end; that there is no traffic yet is no failure."""
        failed = 0 if error is None or isinstance(error, NoTraffic) else self._observer.failed + 1
        problem = "" if error is None else _words(error, self._known)
        with suppress(RoadworthyError):  # the next beat says it
            self._say(looked=now(), problem=problem, failed=failed)

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


def _words(error: BaseException, known: Mapping[str, str]) -> str:
    """Return in one line what went wrong, without secrets: neither those that are known nor those in an address."""
    said = error.fact if isinstance(error, RoadworthyError) else f"{type(error).__name__}: {error}".removesuffix(": ")
    return textwrap.shorten(_LOGIN.sub("", masked(said, known)), _LONGEST, placeholder=" ...")
