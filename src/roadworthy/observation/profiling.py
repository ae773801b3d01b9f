"""Profiles of windows, kept in the reports folder: only slices whose rows have changed are profiled anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from roadworthy.config import BusinessValue
from roadworthy.contract import Column
from roadworthy.monitoring import quality
from roadworthy.monitoring.estimation.confidence import score_columns, score_names
from roadworthy.monitoring.windows import SlicedProfiles
from roadworthy.observation.traffic import PREDICTION, Rows, Traffic
from roadworthy.project import Project
from roadworthy.records import Segment, Window
from roadworthy.serving import capture


class Profiler:
    """Profiles the traffic's windows, each once.

    Parameters
    ----------
    project, traffic
        What was answered, and the table that it is in.
    """

    def __init__(self, project: Project, traffic: Traffic) -> None:
        self._project = project
        self._traffic = traffic
        self._made: dict[tuple[Window, tuple[Segment, ...]], SlicedProfiles] = {}

    def of(self, window: Window, segments: Sequence[Segment], rows: Rows | None = None) -> SlicedProfiles:
        """Return the profiles of a window's slices and segments, those that were kept as far as they still hold.

        Parameters
        ----------
        rows
            Positions of the window's rows; found by their event time when None.
        """
        key = window, tuple(segments)
        if key not in self._made:
            self._made[key] = self._profile(window, segments, self._inside(window) if rows is None else rows)
        return self._made[key]

    def _profile(self, window: Window, segments: Sequence[Segment], rows: Rows) -> SlicedProfiles:
        slices, value = self._traffic.slices(window, rows), self._project.config.settings.use_case.value
        columns = [*(column.name for column in kept_features(self._project)), PREDICTION]
        path = reports_folder(self._project) / f"{window.name}.profiles.zip"
        kept = SlicedProfiles.from_bytes(path.read_bytes()) if path.exists() else SlicedProfiles.joined([])
        found = kept.current((part for part, _ in slices), [*columns, *score_names(value), *quality.ADDED], segments)
        known, time = set(found.starts), self._traffic.time
        fresh = [
            SlicedProfiles.of(part.start, _with_scores(told, value), segments)
            for frame, parts in self._traffic.read(self._project, slices, wanted=lambda part: part.start not in known)
            for part in parts
            for told in [quality.with_facts(_between(frame, time, part), columns, time)]
        ]
        found = SlicedProfiles.joined([found, *fresh])
        if fresh or found.starts != kept.starts:
            path.write_bytes(found.to_bytes())
        return found

    def _inside(self, window: Window) -> Rows:
        times = self._traffic.times
        return np.flatnonzero(((times >= window.start) & (times < window.end)).to_numpy())


def _between(frame: pd.DataFrame, time: str, part: Window) -> pd.DataFrame:
    return frame[(frame[time] >= part.start) & (frame[time] < part.end)]


def _with_scores(rows: pd.DataFrame, value: BusinessValue) -> pd.DataFrame:
    """Add the scores as an estimate of performance wants them: without rows, its sketches are all that is kept."""
    return rows.assign(**score_columns(rows[PREDICTION], value).set_index(rows.index))


def kept_features(project: Project) -> tuple[Column, ...]:
    """Return the features whose values are in the table of predictions as they were sent."""
    unkept = capture.unkept_features(project.dataset, project.config.policy.capture)
    return tuple(column for column in project.dataset.with_role("feature") if column.name not in unkept)


def reports_folder(project: Project) -> Path:
    """Return the folder of the reports, which is made where it is not there."""
    folder = project.config.reports
    folder.mkdir(parents=True, exist_ok=True)
    return folder
