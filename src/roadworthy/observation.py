"""Observation: what was answered in a window, held against what the model was trained on and against the labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from roadworthy import registry
from roadworthy.contract import Column
from roadworthy.errors import MonitoringError
from roadworthy.monitoring import drift, performance
from roadworthy.monitoring.profiles import Profile
from roadworthy.project import Project
from roadworthy.records import Comparison, ModelVersion, Performance, Reading, Window, WindowReport
from roadworthy.serving import capture, labels

PREDICTION = "probability"
_KEY = ["request_id", "row"]


@dataclass(frozen=True)
class Traffic:
    """All that was answered: one row a prediction, with its event time and, where it has come, its label."""

    answered: pd.DataFrame
    time: str

    @property
    def times(self) -> pd.Series[pd.Timestamp]:
        """Event time of each prediction."""
        return self.answered[self.time]

    @property
    def latest(self) -> datetime:
        """The newest event time: how far the traffic's own clock has come."""
        latest: datetime = self.times.max().to_pydatetime()
        return latest

    def labelled(self, rows: NDArray[np.int64]) -> int:
        """Count the rows, of those at the given positions, whose label has come."""
        return int(self.answered["label"].iloc[rows].notna().sum())

    def of(self, project: Project, window: Window) -> pd.DataFrame:
        """Return everything captured in a window, requests' columns and labels included."""
        captured = project.tables.read("predictions", between=(self.time, window.start, window.end))
        return captured.merge(self.answered[[*_KEY, "label"]], on=_KEY, how="left", validate="one_to_one")

    def compare(self, project: Project, champion: str, challenger: str, window: Window) -> Comparison:
        """Let two versions answer the labelled rows of a window, and compare them in the use case's metric.

        Raises
        ------
        MonitoringError
            As `compare_on` raises it.
        """
        frame = self.of(project, window)
        return compare_on(project, frame[frame["label"].notna()], champion, challenger)


def read_traffic(project: Project) -> Traffic:
    """Collect what services have spooled and return all that was answered so far.

    Raises
    ------
    MonitoringError
        When nothing was captured yet.
    """
    capture.collect(project.config, project.dataset, project.tables)
    time = project.dataset.time
    if not project.tables.exists("predictions"):
        raise MonitoringError(
            "No traffic has been captured yet.", "Start the service with `roadworthy serve` and send it requests."
        )
    answered = project.tables.read("predictions", columns=[*_KEY, "version", time])
    known = labels.newest(project.tables)
    return Traffic(answered.merge(known, on=_KEY, how="left", validate="one_to_one"), time)


def compare_on(project: Project, labelled: pd.DataFrame, champion: str, challenger: str) -> Comparison:
    """Let two versions answer labelled rows, and compare them in the use case's metric.

    Raises
    ------
    MonitoringError
        When there are no such rows, or the policy does not keep all features: then no version can answer them again.
    """
    if labelled.empty:
        raise MonitoringError("No row of the window has a label yet.", "Send labels to /feedback, then observe again.")
    if unkept := capture.unkept_features(project.dataset, project.config.policy.capture):
        raise MonitoringError(
            f"{champion} and {challenger} cannot be compared: {', '.join(unkept)} of the requests is not kept.",
            "Compare them on live traffic by a rollout, or let the policy keep what they need (capture.classified).",
        )
    return performance.compare(
        project.config.settings.use_case.metric,
        labelled["label"].to_numpy(bool),
        registry.load(project.config, champion).predict(labelled),
        registry.load(project.config, challenger).predict(labelled),
        champion=champion,
        challenger=challenger,
    )


def observe_window(
    project: Project, traffic: Traffic, window: Window, *, still_open: bool, earlier: WindowReport | None = None
) -> WindowReport:
    """Judge one window; its profile and its report are written to the reports folder.

    Features that the policy does not keep have no readings: nobody can say whether they drifted.

    When only labels have come since the ``earlier`` report, its readings stand: sketches have a random part, and the
    same rows must not be judged twice.
    """
    frame = traffic.of(project, window)
    versions = frame["version"].value_counts()
    reference = _reference(project, [str(tag) for tag in versions.index])
    if earlier and (earlier.rows, earlier.reference) == (len(frame), reference.tag):
        readings = earlier.readings
    else:
        profile = Profile.of(frame[[*(column.name for column in _kept(project)), PREDICTION]])
        readings = _readings(project, reference, profile)
        (_folder(project) / f"{window.name}.profile.bin").write_bytes(profile.to_bytes())
    report = WindowReport(
        window=window,
        project=project.config.settings.name,
        rows=len(frame),
        labelled=int(frame["label"].notna().sum()),
        open=still_open,
        versions={str(tag): int(rows) for tag, rows in versions.items()},
        reference=reference.tag,
        readings=readings,
        performance=tuple(_performance(project, str(tag), frame) for tag in versions.index),
        verdict=drift.verdict(readings),
        drifted=drift.drifted(readings),
        expected_false_alarms=drift.expected_false_alarms(readings),
    )
    (_folder(project) / f"{window.name}.drift.json").write_text(report.model_dump_json(indent=1), encoding="utf-8")
    return report


def _reference(project: Project, answered: list[str]) -> ModelVersion:
    """The champion where it has answered, for it is the one that goes on; otherwise whoever answered most."""
    champion = registry.champion(project.state)
    return champion if champion and champion.tag in answered else registry.resolve(project.state, answered[0])


def _readings(project: Project, reference: ModelVersion, profile: Profile) -> tuple[Reading, ...]:
    registry.bring(project.config, reference)
    trained_on = Profile.from_bytes(registry.file(reference.tag, "reference.profile.bin").read_bytes())
    return drift.compare(trained_on, profile, _kept(project), PREDICTION, project.config.policy.drift)


def _kept(project: Project) -> tuple[Column, ...]:
    """Return the features whose values are in the table of predictions as they were sent."""
    unkept = capture.unkept_features(project.dataset, project.config.policy.capture)
    return tuple(column for column in project.dataset.with_role("feature") if column.name not in unkept)


def _performance(project: Project, tag: str, frame: pd.DataFrame) -> Performance:
    answered = frame[frame["version"] == tag]
    labelled = answered[answered["label"].notna()]
    counted = Performance(version=tag, rows=len(answered), labelled=len(labelled))
    policy = project.config.policy.performance
    if len(labelled) < policy.minimum_labelled:
        return counted
    use_case = project.config.settings.use_case
    metrics = performance.measure(
        labelled["label"].to_numpy(bool), labelled[PREDICTION].to_numpy(np.float64), use_case.value
    )
    reference = registry.resolve(project.state, tag).metrics.get(use_case.metric)
    measured = counted.model_copy(update={"metrics": metrics, "reference": reference})
    if reference is not None and use_case.metric in metrics:
        fall, fell = performance.fell(metrics[use_case.metric], reference, policy.tolerated_fall)
        measured = measured.model_copy(update={"fall": fall, "fell": fell})
    return measured.model_copy(update={"against_former": _against_former(project, tag, labelled)})


def _against_former(project: Project, tag: str, labelled: pd.DataFrame) -> Comparison | None:
    """Ask of the champion alone whether what we had before would have answered better."""
    champion, former = registry.champion(project.state), registry.former(project.state)
    if champion is None or former is None or champion.tag != tag:
        return None
    if capture.unkept_features(project.dataset, project.config.policy.capture):
        return None
    return compare_on(project, labelled, tag, former.tag)


def _folder(project: Project) -> Path:
    folder = project.config.path(project.config.settings.reports)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
