"""Report files read for a page: what a window's ``.drift.json`` and a ``.profile.bin`` say."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from roadworthy.contract import Column
from roadworthy.errors import MonitoringError
from roadworthy.monitoring import bars
from roadworthy.monitoring.profiles import ColumnSummary, Profile
from roadworthy.monitoring.report.document import Report, collecting_no_garbage, without_bars
from roadworthy.records import Bar, WindowReport
from roadworthy.records.lab import LabReport, ProfileBar, ProfileColumn

WINDOW, PROFILE = ".drift.json", ".profile.bin"
_FORMER = 100  # windows beside a report, the newest
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_FREQUENT = 10


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
        profile = Profile.read(path)
        columns = tuple(_column(profile.column(name), name in times) for name in profile.columns)
        return LabReport(path=shown, kind="profile", profile=columns, rows=profile.rows)
    if path.name.endswith(WINDOW):
        report = _window(path)
        former = [found.model_copy(update={"segments": (), "associations": ()}) for found in earlier(path, report)]
        return LabReport(path=shown, kind="window", report=report, former=tuple(former), rows=report.rows)
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
    report = _window(path)
    return Report(project=report.project, windows=(*earlier(path, report), report))


def earlier(path: Path, report: WindowReport) -> list[WindowReport]:
    """Return the reports of the same project beside a window's that began before it, oldest first, without bars.

    One that cannot be read is left out: its window has a file of its own that tells so.
    """
    with collecting_no_garbage():
        beside = [_beside(other) for other in path.parent.glob(f"*{WINDOW}") if other != path]
    before = [
        found
        for found in beside
        if found and found.project == report.project and found.window.start < report.window.start
    ]
    return sorted(before, key=lambda found: (found.window.start, found.window.end))[-_FORMER:]


def _beside(path: Path) -> WindowReport | None:
    try:
        stamp = path.stat()
        return _barless(path, stamp.st_mtime_ns, stamp.st_size)
    except (OSError, MonitoringError):
        return None


@lru_cache(maxsize=4 * _FORMER)
def _barless(path: Path, written: int, size: int) -> WindowReport:
    """Read an earlier window, once for each state of its file."""
    return without_bars(_window(path))


def _window(path: Path) -> WindowReport:
    try:
        return WindowReport.model_validate_json(path.read_bytes())
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


# --- profiles ------------------------------------------------------------------------------------------------------


def _column(summary: ColumnSummary, is_time: bool) -> ProfileColumn:
    kind = _kind(summary, is_time)
    found = ProfileColumn(name=summary.name, kind=kind, rows=summary.n, missing=summary.missing)
    if summary.kind == "unreadable" or not summary.values:
        return found
    told: dict[str, object] = {"distinct": summary.cardinality.estimate}
    if summary.kind == "numeric":
        values = summary.quantiles(_QUANTILES).tolist()
        column = Column(name=summary.name, type="timestamp" if is_time else "number", role="feature")
        told |= {
            "mean": summary.mean,
            "sd": summary.standard_deviation,
            "quantiles": {f"{share:g}": value for share, value in zip(_QUANTILES, values, strict=True)},
            "bars": _shares(bars.numeric(summary, summary, column)),
        }
    else:
        told["bars"] = _shares(bars.categories(summary, summary))
    return found.model_copy(update=told | {"frequent": _frequent(summary)})


def _shares(pairs: tuple[Bar, ...]) -> tuple[ProfileBar, ...]:
    return tuple(ProfileBar(label=bar.label, share=bar.window) for bar in pairs)


def _frequent(summary: ColumnSummary) -> dict[str, int]:
    try:
        counts = summary.counts()
    except MonitoringError:  # numbers with fractions have none
        return {}
    return {name: count.lower for name, count in list(counts.items())[:_FREQUENT]}


def _kind(summary: ColumnSummary, is_time: bool) -> Literal["number", "text", "time", "boolean", "mixed", "empty"]:
    types = summary.types
    numbers, texts = types["integral"] + types["fractional"], types["string"]
    if summary.kind == "unreadable" or sum(map(bool, (numbers, texts, types["boolean"]))) > 1:
        return "mixed"
    if summary.kind == "empty" or not summary.values:
        return "empty"
    if summary.kind == "numeric":
        return "time" if is_time else "number"
    return "boolean" if types["boolean"] else "text"
