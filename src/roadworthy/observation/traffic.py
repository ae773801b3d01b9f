"""What was answered, with its labels: the keys of all rows in memory, the rows themselves read a stretch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from roadworthy import registry
from roadworthy.errors import MonitoringError, NoTraffic, TooFewRows
from roadworthy.monitoring import performance, windows
from roadworthy.project import Project
from roadworthy.records import Comparison, Slice, Window
from roadworthy.serving import capture, labels

PREDICTION = "probability"
KEY = ["request_id", "row"]
_ROWS_AT_ONCE = 100_000
_RECENT = timedelta(days=28)
_ALMOST_ALL = 0.99  # of the rows have come by the usual delay
_ON_ITS_WAY = timedelta(minutes=5)  # into the table, what was answered may be

Rows = NDArray[np.int64]
"""Positions in what was answered."""


@dataclass(frozen=True)
class Traffic:
    """All that was answered: one row a prediction, with its event time and, where it has come, its label.

    Attributes
    ----------
    answered
        Columns request_id, row, version, the event time, label, and at, when that was known.
    time
        Name of the event time's column.
    version
        Of the table of predictions: what comes later is the next observation's.
    repeated
        Positions of rows of which there was another of the same request and place, which is left out.
    """

    answered: pd.DataFrame
    time: str
    version: int
    repeated: Rows

    @property
    def times(self) -> pd.Series[pd.Timestamp]:
        """Event time of each prediction."""
        return self.answered[self.time]

    @property
    def latest(self) -> datetime:
        """The newest event time: how far the traffic's own clock has come."""
        latest: datetime = self.times.max().to_pydatetime()
        return latest

    def reached(self, project: Project, at: datetime) -> datetime:
        """Return the event time up to which all rows can be taken to have come.

        Where requests are answered when their events happen, time goes on also while none comes: it is the moment
        itself, less the delay within which almost all rows of the newest four weeks came. Where events are of another
        time, as in a replay, only the newest of them tells.

        Parameters
        ----------
        project
            Whose table of predictions is read.
        at
            The moment.
        """
        span = (self.time, self.latest - _RECENT, self.latest + timedelta(microseconds=1))
        recent = project.tables.read("predictions", version=self.version, columns=[self.time, "received"], between=span)
        if windows.is_replay(recent[self.time], recent["received"]):
            return self.latest
        delays = (recent["received"] - recent[self.time]).dt.total_seconds()
        usual = timedelta(seconds=float(np.quantile(delays, _ALMOST_ALL)))
        return max(self.latest, at - max(usual, _ON_ITS_WAY))

    def labelled(self, rows: Rows) -> int:
        """Count the rows, of those at the given positions, whose label has come."""
        return int(self.answered["label"].iloc[rows].notna().sum())

    def repeated_among(self, rows: Rows) -> int:
        """Count the rows, of those at the given positions, that were captured more than once."""
        return int(np.isin(rows, self.repeated).sum())

    def slices(self, window: Window, rows: Rows) -> list[tuple[Slice, Rows]]:
        """Divide a window's rows into its slices, as `windows.slices` does."""
        return [(part, rows[own]) for part, own in windows.slices(self.times.iloc[rows], window)]

    def read(
        self,
        project: Project,
        slices: Sequence[tuple[Slice, Rows]],
        *,
        columns: Sequence[str] | None = None,
        wanted: Callable[[Slice], bool] = lambda _: True,
    ) -> Iterator[tuple[pd.DataFrame, list[Slice]]]:
        """Read the rows of slices from the table, so many at a time that memory does not grow with their number.

        Parameters
        ----------
        project
            Whose table of predictions is read.
        slices
            Of one window, from `slices`.
        columns
            Of the table to read, beside the key, version and event time; all when None.
        wanted
            Which of the slices; by default all.

        Yields
        ------
        tuple
            Rows of one or more whole slices, with label and at, and these slices.
        """
        asked = None if columns is None else list(dict.fromkeys([*KEY, "version", self.time, *columns]))
        for group in _grouped(slices, wanted):
            span = (self.time, group[0][0].start, group[-1][0].end)
            found = project.tables.read("predictions", version=self.version, columns=asked, between=span)
            known = self.answered.iloc[np.concatenate([rows for _, rows in group])][[*KEY, "label", "at"]]
            rows = found.drop_duplicates(KEY).merge(known, on=KEY, validate="one_to_one")
            yield rows, [part for part, _ in group]

    def labelled_rows(self, project: Project, window: Window) -> Iterator[tuple[pd.DataFrame, list[Slice]]]:
        """Read the rows of a window that have a label, so many at a time, as `read` does."""
        times = self.times
        inside = np.flatnonzero(((times >= window.start) & (times < window.end)).to_numpy())
        for frame, slices in self.read(project, self.slices(window, inside)):
            yield frame[frame["label"].notna()], slices

    def compare(self, project: Project, champion: str, challenger: str, window: Window) -> Comparison:
        """Let two versions answer the labelled rows of a window, and compare them in the use case's metric.

        Raises
        ------
        MonitoringError
            As `compare_on` raises it.
        """
        return compare_on(project, self.labelled_rows(project, window), champion, challenger)


def read_traffic(project: Project) -> Traffic:
    """Collect what services have spooled and return all that was answered so far.

    Raises
    ------
    NoTraffic
        When nothing was captured yet.
    """
    capture.collect(project.config, project.dataset, project.tables)
    time = project.dataset.time
    if not project.tables.exists("predictions"):
        raise NoTraffic(
            "No traffic has been captured yet.", "Start the service with `roadworthy serve` and send it requests."
        )
    version = project.tables.newest("predictions")
    answered = project.tables.read("predictions", version=version, columns=[*KEY, "version", time])
    again = answered.duplicated(KEY)
    several = answered.duplicated(KEY, keep=False)[~again]
    once = answered[~again].astype({"version": "category"})
    found = once.merge(labels.newest(project.tables), on=KEY, how="left", validate="one_to_one")
    return Traffic(found, time, version, np.flatnonzero(several))


def compare_on(
    project: Project, labelled: Iterable[tuple[pd.DataFrame, list[Slice]]], champion: str, challenger: str
) -> Comparison:
    """Let two versions answer labelled rows, and compare them in the use case's metric.

    Rows of one slice of the traffic, such as a day, may be alike: only slices are taken as independent.

    Parameters
    ----------
    labelled
        Captured rows with their labels, in one or more frames, each with the slices that it has rows of.

    Raises
    ------
    MonitoringError
        When the policy does not keep all features: then no version can answer the rows again.
    TooFewRows
        When there is no such row, or too few of them, or of slices.
    """
    if unkept := capture.unkept_features(project.dataset, project.config.policy.capture):
        raise MonitoringError(
            f"{champion} and {challenger} cannot be compared: {', '.join(unkept)} of the requests is not kept.",
            "Compare them on live traffic by a rollout, or let the policy keep what they need (capture.classified).",
        )
    models, answers = None, []
    for frame, slices in labelled:
        if len(frame):
            models = models or [registry.load(project.config, version) for version in (champion, challenger)]
            own = _starts(frame[project.dataset.time], slices)
            answers.append([frame["label"].to_numpy(bool), *(model.predict(frame) for model in models), own])
    if not answers:
        raise TooFewRows("No row of the window has a label yet.", "Send labels to /feedback, then observe again.")
    truth, old, new, groups = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    metric = project.config.settings.use_case.metric
    return performance.compare(metric, truth, old, new, champion=champion, challenger=challenger, groups=groups)


def _starts(times: pd.Series[pd.Timestamp], slices: Sequence[Slice]) -> NDArray[np.int64]:
    """Return when the slice of each row began, in microseconds since 1970."""
    starts = pd.DatetimeIndex([part.start for part in slices]).as_unit("us")
    return starts.asi8[starts.searchsorted(times, side="right") - 1]


def _grouped(
    slices: Sequence[tuple[Slice, Rows]], wanted: Callable[[Slice], bool]
) -> Iterator[list[tuple[Slice, Rows]]]:
    """Put neighbouring slices that are wanted together, as long as they have few enough rows to be read at once."""
    group: list[tuple[Slice, Rows]] = []
    for part, rows in slices:
        full = sum(len(own) for _, own in group) + len(rows) > _ROWS_AT_ONCE
        if group and (full or not wanted(part)):
            yield group
            group = []
        if wanted(part):
            group.append((part, rows))
    if group:
        yield group
