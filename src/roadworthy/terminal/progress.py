"""How a long command shows that it goes on: a bar in a terminal, plain lines when it is piped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_SECONDS_BETWEEN_LINES = 5.0
_SETTLED = ("done", "failed", "fresh", "held back")


class BuildDisplay:
    """Shows the events of a build, as `roadworthy.pipeline.build` tells them. A context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, soft_wrap=True)
        self._quiet = quiet
        self._running: list[str] = []
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeElapsedColumn(), console=self._console, transient=True)
        self._place = self._bar.add_task("reading the pipeline", total=None)
        self._live = self._console.is_terminal and not quiet

    def __enter__(self) -> BuildDisplay:
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()

    def take(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        kind, task = event["event"], event["task"]
        if kind == "started":
            self._running.append(task)
        elif kind in _SETTLED and task in self._running:
            self._running.remove(task)
        self._bar.update(
            self._place,
            total=event.get("total"),
            advance=1 if kind in _SETTLED else 0,
            description=", ".join(self._running) or "waiting",
        )
        words = _words(event)
        if words and not self._quiet:
            self._bar.console.print(words, markup=False, highlight=False)


@contextmanager
def rows_taken(source: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show how many rows of a source were taken, while they are; nothing when it is piped."""
    console = Console(stderr=True, soft_wrap=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        place = bar.add_task(escape(source), total=None)
        yield lambda rows, total: bar.update(place, completed=rows, total=total)


@contextmanager
def rows_done(source: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show how many rows are done: a bar in a terminal; a line every few seconds when it is piped."""
    with rows_taken(source, quiet=quiet) as shown:
        if shown is not None or quiet:
            yield shown
            return
        console = Console(stderr=True, soft_wrap=True)
        told = [time.monotonic()]

        def tell(rows: int, total: int | None) -> None:
            if time.monotonic() - told[0] < _SECONDS_BETWEEN_LINES:
                return
            told[0] = time.monotonic()
            of = "" if total is None else f" of {total:,}"
            console.print(f"{source}: {rows:,}{of} rows done", markup=False, highlight=False)

        yield tell


def _words(event: dict[str, Any]) -> str:
    """Return a line for what a reader of the log wants to know; blank for the rest."""
    task = event["task"]
    match event["event"]:
        case "started":
            return f"{task}: runs, {event['reason']}"
        case "done":
            return f"{task}: done in {event['seconds']:.1f} s"
        case "failed":
            return f"{task}: failed after {event['seconds']:.1f} s"
        case "retried":
            return f"{task}: {event['reason']} It is tried again."
        case "waiting":
            return str(event["reason"])
        case _:
            return ""
