"""A continuous feed: a folder, a growing file or a query, looked at again and again until told to stop.

Where a feed has come to is committed together with its rows, so that a killed feed goes on where it was: nothing is
lost, nothing is added twice.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data.growing import Broken, GrowingFile
from roadworthy.data.ingest import Intake, OnProblem
from roadworthy.data.readers import Format
from roadworthy.data.sources import batch_of, files_at, is_many, shown
from roadworthy.data.watermark import WatermarkedQuery
from roadworthy.errors import DataError, DataRefused
from roadworthy.records import Ingestion
from roadworthy.state import State
from roadworthy.tables import Tables

Stop = threading.Event | Callable[[], bool]

_LONGEST_NAP = 0.2


class Feed(Protocol):
    """Something that may have more rows each time it is asked."""

    def poll(self) -> Iterator[Ingestion]:
        """Take what is new, batch by batch."""


def follow(
    address: str,
    *,
    dataset: Dataset,
    tables: Tables,
    state: State,
    policy: QuarantinePolicy,
    every: float,
    stop: Stop,
    on_problem: OnProblem,
    query: str | None = None,
    watermark: str | None = None,
    format: Format | None = None,
) -> Iterator[Ingestion]:
    """Ingest what is there, and whatever comes, until told to stop.

    Ctrl-C stops it too, once the batch under way is committed; a second one at once.

    Parameters
    ----------
    address
        A folder or a glob, of which each new file is taken once it no longer changes; a local .csv or .jsonl file that
        grows, of which whole lines are taken; or a database, together with ``query`` and ``watermark``.
    every
        Seconds from one look to the next.
    stop
        An event, or a function that returns whether to stop.
    on_problem
        Called with the name of a batch that was not taken, and why. The feed goes on: a bad file is taken up again
        when it changes; the lines of a growing file and the rows of a query wait, and are tried again with those that
        follow, so that none is lost.
    query, watermark
        A SELECT statement and the column of its result, whole numbers or moments, that rises with each new row.

    Yields
    ------
    Ingestion
        One for each batch that was taken.

    Raises
    ------
    DataError
        At once when the address cannot be followed; later when a growing file was cut, as nobody could then tell which
        of its lines are new.
    """
    intake = Intake(dataset, tables, state, policy)
    feed = _feed(address, intake, on_problem, every=every, query=query, watermark=watermark, format=format)
    return _until(stop, every, feed, on_problem, address)


class Folder:
    """Files that come into a folder or match a glob.

    A file is complete when its size and its time of change stay the same from one look to the next, or when it has not
    changed for as long as that.
    """

    def __init__(
        self, address: str, intake: Intake, on_problem: OnProblem, *, every: float, format: Format | None
    ) -> None:
        self._address, self._intake, self._every, self._format = address, intake, every, format
        self._on_problem = on_problem
        self._last: dict[str, tuple[object, ...]] = {}
        self._handled: dict[str, tuple[object, ...]] = {}

    def poll(self) -> Iterator[Ingestion]:
        """Take the files that are new or changed, and complete."""
        files = files_at(self._address, self._format)
        complete = [name for name, (_, now) in files.items() if self._last.get(name) == now or self._old(now)]
        self._last = {name: now for name, (_, now) in files.items()}
        for name in complete:
            file, now = files[name]
            if self._handled.get(name) == now:
                continue
            self._handled[name] = now
            try:
                yield self._intake.take(batch_of(file))
            except (DataError, DataRefused) as error:
                self._on_problem(name, error)

    def _old(self, state: tuple[object, ...]) -> bool:
        changed = state[-1]
        return isinstance(changed, float) and time.time() - changed > self._every


def _feed(
    address: str,
    intake: Intake,
    on_problem: OnProblem,
    *,
    every: float,
    query: str | None,
    watermark: str | None,
    format: Format | None,
) -> Feed:
    if query is not None:
        if watermark is None:
            raise DataError("A query is followed by a column that rises.", "Name it as the watermark.")
        return WatermarkedQuery(address, query, watermark, intake, on_problem)
    if address == "-":
        raise DataError("Standard input cannot be followed: it is gone once it was read.", "Follow a file or a folder.")
    if is_many(address):
        return Folder(address, intake, on_problem, every=every, format=format)
    return GrowingFile(address, intake, on_problem, format)


def _until(stop: Stop, every: float, feed: Feed, on_problem: OnProblem, address: str) -> Iterator[Ingestion]:
    told = ""
    with _interrupts_noted() as interrupted:

        def over() -> bool:
            return interrupted.is_set() or (stop.is_set() if isinstance(stop, threading.Event) else stop())

        while not over():
            try:
                for account in feed.poll():
                    yield account
                    if over():
                        return
                told = ""
            except Broken:
                raise
            except (DataError, DataRefused) as error:
                if str(error) != told:  # what lasts is said once
                    on_problem(shown(address), error)
                told = str(error)
            _wait(every, over)


@contextmanager
def _interrupts_noted() -> Iterator[threading.Event]:
    """Note Ctrl-C rather than be torn out of a batch by it; a second one is not waited for."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # no other may look at signals
        yield interrupted
        return
    former = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(number, former)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, former)


def _wait(seconds: float, over: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not over():
        time.sleep(min(left, _LONGEST_NAP))
