"""Report files read for a page: what a window's ``.drift.json`` and a ``.profile.bin`` say."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.report.document import Report, collecting_no_garbage, without_bars
from roadworthy.records import WindowReport
from roadworthy.records.lab import LabReport, PastWindow

WINDOW, PROFILE = ".drift.json", ".profile.bin"
_FORMER = 100  # windows beside a report, the newest
_Earlier = TypeVar("_Earlier", WindowReport, PastWindow)


def read(path: Path, shown: str, *, times: Collection[str] = ()) -> LabReport:
    """Read a report file.

    Parameters
    ----------
    path
        A window's ``.drift.json``, beside which those of earlier windows may stand; or a profile of whylogs', ours or
        another writer's, ``.profile.bin``.
    shown
        The path as the page names it.
    times
        Names of columns that hold moments: in a profile these are numbers, seconds since 1970.

    Raises
    ------
    MonitoringError
        When it is no such file, or cannot be read.
    """
    if path.name.endswith(PROFILE):
        # Imported here: whylogs takes seconds, which nobody should pay who reads a window.
        from roadworthy.monitoring.report import profiled

        columns, rows = profiled.read(path, times=times)
        return LabReport(path=shown, kind="profile", profile=columns, rows=rows)
    if path.name.endswith(WINDOW):
        report = _read(path, WindowReport)
        former = tuple(_before(path, report, _past))
        return LabReport(path=shown, kind="window", report=report, former=former, rows=report.rows)
    raise MonitoringError(
        f"{path.name} is not a report that can be shown.", f"Open a file that ends with {WINDOW} or {PROFILE}."
    )


def document(path: Path) -> Report:
    """Return a window's report, and those of the windows before it, as a report that `to_html` makes a page of.

    Raises
    ------
    MonitoringError
        When it is no window's report, or cannot be read.
    """
    if not path.name.endswith(WINDOW):
        raise MonitoringError(
            f"{path.name} is not a window's report, and only these become a page.",
            f"Open the window's file that ends with {WINDOW}.",
        )
    report = _read(path, WindowReport)
    return Report(project=report.project, windows=(*earlier(path, report), report))


def earlier(path: Path, report: WindowReport) -> list[WindowReport]:
    """Return the reports of the same project beside a window's that began before it, oldest first, without bars.

    One that cannot be read is left out: its window has a file of its own that tells so.
    """
    return _before(path, report, _barless)


def _before(path: Path, report: WindowReport, read: Callable[[Path, int, int], _Earlier]) -> list[_Earlier]:
    with collecting_no_garbage():
        beside = [_beside(other, read) for other in path.parent.glob(f"*{WINDOW}") if other != path]
    before = [
        found
        for found in beside
        if found and found.project == report.project and found.window.start < report.window.start
    ]
    return sorted(before, key=lambda found: (found.window.start, found.window.end))[-_FORMER:]


def _beside(path: Path, read: Callable[[Path, int, int], _Earlier]) -> _Earlier | None:
    try:
        stamp = path.stat()
        return read(path, stamp.st_mtime_ns, stamp.st_size)
    except (OSError, MonitoringError):
        return None


@lru_cache(maxsize=4 * _FORMER)
def _barless(path: Path, written: int, size: int) -> WindowReport:
    """Read an earlier window, once for each state of its file."""
    return without_bars(_read(path, WindowReport))


@lru_cache(maxsize=4 * _FORMER)
def _past(path: Path, written: int, size: int) -> PastWindow:
    """Read what an earlier window adds to a trend, once for each state of its file."""
    return _read(path, PastWindow)


def _read(path: Path, kind: type[_Earlier]) -> _Earlier:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MonitoringError(
            f"{path.name} cannot be read: {error.strerror}.", "Write it again with `roadworthy observe`."
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise MonitoringError(
            f"{path.name} is not a window's report: {where}: {first['msg']}.",
            "Write it again with `roadworthy observe`.",
        ) from error
