"""How well the versions answered a window's rows, as far as labels have come: in all, and segment by segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from roadworthy import registry
from roadworthy.monitoring import performance, windows
from roadworthy.observation.traffic import PREDICTION, Rows, Traffic, compare_on
from roadworthy.project import Project
from roadworthy.records import Comparison, Performance, Segment, Slice
from roadworthy.serving import capture

_Slices = Sequence[tuple[Slice, Rows]]


def performances(
    project: Project, traffic: Traffic, slices: _Slices, segments: Sequence[Segment]
) -> tuple[tuple[Performance, ...], dict[Segment, dict[str, Any]]]:
    """Measure each version's answers in a window.

    Returns
    -------
    tuple
        The versions' performance, the one that answered most first; and for each segment the fields of its report
        that labels give.
    """
    columns = [PREDICTION, *dict.fromkeys(segment.column for segment in segments)]
    frames = (frame for frame, _ in traffic.read(project, slices, columns=columns))
    answered = pd.concat([frame[["version", "label", *columns]] for frame in frames], ignore_index=True)
    whole = [
        one.model_copy(update={"against_former": _against_former(project, traffic, slices, one)})
        for one in _by_version(project, answered)
    ]
    parts = {
        segment: {"labelled": int(own["label"].notna().sum()), "performance": tuple(_by_version(project, own))}
        for segment, own in windows.divide(answered, segments)
    }
    return tuple(whole), parts


def _by_version(project: Project, answered: pd.DataFrame) -> Iterator[Performance]:
    for tag in answered["version"].value_counts().index:
        yield _performance(project, str(tag), answered[answered["version"] == tag])


def _performance(project: Project, tag: str, answered: pd.DataFrame) -> Performance:
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
    return measured


def _against_former(project: Project, traffic: Traffic, slices: _Slices, answered: Performance) -> Comparison | None:
    """Ask of the champion alone whether what we had before would have answered better."""
    champion, former = registry.champion(project.state), registry.former(project.state)
    if champion is None or former is None or champion.tag != answered.version:
        return None
    too_few = answered.labelled < project.config.policy.performance.minimum_labelled
    if too_few or capture.unkept_features(project.dataset, project.config.policy.capture):
        return None
    frames = (frame for frame, _ in traffic.read(project, slices))
    labelled = (frame[(frame["version"] == champion.tag) & frame["label"].notna()] for frame in frames)
    return compare_on(project, labelled, champion.tag, former.tag)
