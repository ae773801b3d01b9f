"""How well the versions answered a window's rows: in all, and segment by segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from roadworthy import registry
from roadworthy.errors import TooFewRows
from roadworthy.monitoring import windows
from roadworthy.monitoring.estimation import support
from roadworthy.monitoring.estimation.calibration import FILE, Calibration
from roadworthy.monitoring.judgement import Ground, judge
from roadworthy.monitoring.windows import ALL
from roadworthy.observation.data import DataJudge
from roadworthy.observation.references import References
from roadworthy.observation.traffic import PREDICTION, Rows, Traffic, compare_on
from roadworthy.project import Project
from roadworthy.records import Comparison, Performance, Segment, Slice, Window, WindowReport
from roadworthy.serving import capture


@dataclass(frozen=True)
class AnswerJudge:
    """Judges the answers of one window.

    Attributes
    ----------
    project, traffic
        The policy, and what was answered.
    window, slices
        The window and its rows.
    data, references
        Its data, and the training data of the versions, to see how far the one is like the other.
    earlier
        Reports of the windows before, oldest first.
    clock
        What time it is in event time.
    """

    project: Project
    traffic: Traffic
    window: Window
    slices: Sequence[tuple[Slice, Rows]]
    data: DataJudge
    references: References
    earlier: Sequence[WindowReport]
    clock: datetime

    def performances(
        self, segments: Sequence[Segment]
    ) -> tuple[tuple[Performance, ...], dict[Segment, dict[str, Any]]]:
        """Judge each version's answers.

        Returns
        -------
        tuple
            The versions' performance, the one that answered most first; and for each segment the fields of its report
            that labels give.
        """
        columns = [PREDICTION, *dict.fromkeys(segment.column for segment in segments)]
        frames = (frame for frame, _ in self.traffic.read(self.project, self.slices, columns=columns))
        time = self.traffic.time
        parts = [frame[["version", "label", "at", time, *columns]].rename(columns={time: "time"}) for frame in frames]
        answered = pd.concat(parts, ignore_index=True)
        whole = [
            one.model_copy(update={"against_former": self._against_former(one)})
            for one in self._by_version(answered, ALL)
        ]
        divided = {
            segment: {"labelled": int(own["label"].notna().sum()), "performance": tuple(self._by_version(own, segment))}
            for segment, own in windows.divide(answered, segments)
        }
        return tuple(whole), divided

    def _by_version(self, answered: pd.DataFrame, segment: Segment | None) -> Iterator[Performance]:
        tags = [str(tag) for tag in answered["version"].value_counts().index]
        for tag in tags:
            own = answered[answered["version"] == tag].reset_index(drop=True)
            if len(own):
                yield judge(own, self._ground(tag, segment, alone=len(tags) == 1))

    def _ground(self, tag: str, segment: Segment | None, *, alone: bool) -> Ground:
        """Put together what a version is judged on; where it answered ``alone``, the window's kept sketches are its."""
        training, profile = self.references.training(tag), self.data.profile(segment)
        names = [column.name for column in self.data.columns]
        return Ground(
            version=registry.resolve(self.project.state, tag),
            use_case=self.project.config.settings.use_case,
            policy=self.project.config.policy.performance,
            calibration=Calibration.kept(registry.file(tag, "reference.profile.bin").with_name(FILE)),
            outside=support.outside(training, profile, names),
            earlier=[one for report in self.earlier for one in _performances(report, segment) if one.version == tag],
            clock=self.clock,
            scores=profile if alone else None,
        )

    def _against_former(self, answered: Performance) -> Comparison | None:
        """Ask of the champion alone whether what we had before would have answered better."""
        project = self.project
        champion, former = registry.champion(project.state), registry.former(project.state)
        if champion is None or former is None or champion.tag != answered.version:
            return None
        too_few = answered.labelled < project.config.policy.performance.minimum_labelled
        if too_few or capture.unkept_features(project.dataset, project.config.policy.capture):
            return None
        labelled = (
            (frame[(frame["version"] == champion.tag) & frame["label"].notna()], slices)
            for frame, slices in self.traffic.read(project, self.slices)
        )
        try:
            return compare_on(project, labelled, champion.tag, former.tag)
        except TooFewRows:  # of a class, or of days
            return None


def _performances(report: WindowReport, segment: Segment | None) -> tuple[Performance, ...]:
    if segment is ALL:
        return report.performance
    return next((one.performance for one in report.segments if one.segment == segment), ())
