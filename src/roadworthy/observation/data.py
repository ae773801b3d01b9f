"""A window's data, in all and segment by segment, held against its reference within one budget of false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from roadworthy.contract import Column
from roadworthy.monitoring import drift, importance, quality, windows
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced
from roadworthy.monitoring.windows import ALL, SlicedProfiles
from roadworthy.observation.profiling import kept_features
from roadworthy.observation.references import Reference
from roadworthy.observation.traffic import PREDICTION
from roadworthy.project import Project
from roadworthy.records import Importance, Reading, Segment, SegmentReport, Window


class DataJudge:
    """Judges one window's data.

    Features that the policy does not keep have no readings: nobody can say whether they drifted. The budget of false
    alarms is shared evenly by the window and its segments.

    Parameters
    ----------
    project
        Its contract and policy.
    window, profiles
        The window, and the profiles of its slices and segments.
    reference
        What it is held against.
    segments
        Those that the window is divided into.
    known
        Other windows, for how often windows come where rows count.
    weights
        How much each feature matters to the version, where that is known.

    Attributes
    ----------
    columns
        The features that are looked at.
    """

    def __init__(
        self,
        project: Project,
        window: Window,
        profiles: SlicedProfiles,
        reference: Reference,
        *,
        segments: Sequence[Segment],
        known: Sequence[Window],
        weights: Importance | None,
    ) -> None:
        self._importance = weights
        self._policy = project.config.policy
        self._dataset = project.dataset
        self.columns = kept_features(project)
        self._window, self._profiles, self._reference = window, profiles, reference
        self._unit = windows.unit_of(window)
        a_month = windows.windows_a_month(self._policy.window, [*known, window])
        self._level = drift.level(self._policy.drift, a_month, families=1 + len(segments))
        self._before, self._after = reference.sides(profiles, self._unit)

    def profile(self, segment: Segment | None = ALL) -> Profile:
        """Return the profile of the window's rows, in all or of one segment."""
        return self._reference.sides(self._profiles, self._unit, segment)[1].whole

    def readings(self, rows: int, repeated: int, usual: Sequence[tuple[int, float]] | None) -> tuple[Reading, ...]:
        """Judge distributions and facts of all rows together.

        Parameters
        ----------
        rows
            Of the window.
        repeated
            Answers that were captured more than once.
        usual
            Rows and days of earlier windows; None where the window is open, so that its volume is not known yet.
        """
        quality_policy, fewest = self._policy.quality, self._policy.drift.minimum_rows
        days = (self._window.end - self._window.start) / windows.DAY
        promised, time = self._dataset.freshness, self._dataset.column(self._dataset.time)
        found: list[Fact | None] = [
            *quality.facts(self._before, self._after, self.columns, quality_policy, minimum_rows=fewest),
            quality.repeated_ids(repeated, rows, quality_policy),
            None if usual is None else quality.volume(rows, days, usual, quality_policy),
        ]
        if promised is not None:
            found.append(quality.lateness(self._after, promised, time, quality_policy, minimum_rows=fewest))
        given = [fact for fact in found if fact is not None]
        return self._compare(self._before, self._after, self.columns, given)

    def segment(self, segment: Segment) -> SegmentReport:
        """Judge the distributions of one segment's rows; its performance is left open."""
        before, after = self._reference.sides(self._profiles, self._unit, segment)
        readings: tuple[Reading, ...] = ()
        if before.whole.rows and after.whole.rows:
            divided_by = segment.column if segment.value is not None else None  # of one value, there is nothing to say
            columns = [column for column in self.columns if column.name != divided_by]
            readings = self._compare(before, after, columns)
        return SegmentReport(
            segment=segment,
            rows=after.whole.rows,
            labelled=0,
            baseline_rows=before.whole.rows,
            readings=readings,
            verdict=drift.verdict(readings),
            drifted=drift.drifted(readings),
        )

    def _compare(
        self, before: Sliced, after: Sliced, columns: Sequence[Column], facts: Sequence[Fact] = ()
    ) -> tuple[Reading, ...]:
        policy = self._policy.drift
        readings = drift.compare(before, after, columns, PREDICTION, policy, facts=facts, at_level=self._level)
        return importance.ranked(readings, self._importance)

    def verdicts(self, readings: tuple[Reading, ...], segments: Iterable[SegmentReport]) -> dict[str, Any]:
        """Return the fields of a window's report that follow from its readings and those of its segments."""
        families = (readings, *(one.readings for one in segments))
        return {
            "readings": tuple(sorted(readings, key=Reading.urgency)),
            "verdict": drift.verdict(readings),
            "drifted": drift.drifted(readings),
            "expected_false_alarms": sum(map(drift.expected_false_alarms, families)),
        }
