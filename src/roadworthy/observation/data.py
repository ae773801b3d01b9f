"""A window's data, in all and segment by segment, held against its reference within one budget of false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from roadworthy.monitoring import drift, quality, windows
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.windows import SlicedProfiles
from roadworthy.observation.profiling import kept_features
from roadworthy.observation.references import Reference
from roadworthy.observation.traffic import PREDICTION
from roadworthy.project import Project
from roadworthy.records import Reading, Segment, SegmentReport, Window


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
    ) -> None:
        self._policy = project.config.policy
        self._dataset = project.dataset
        self._columns = kept_features(project)
        self._window, self._profiles, self._reference = window, profiles, reference
        self._unit = windows.unit_of(window)
        a_month = windows.windows_a_month(self._policy.window, [*known, window])
        self._level = drift.level(self._policy.drift, a_month, families=1 + len(segments))
        self._before, self._after = reference.sides(profiles, self._unit)

    @property
    def whole(self) -> Profile:
        """Profile of all rows of the window."""
        return self._after.whole

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
            *quality.facts(self._before, self._after, self._columns, quality_policy, minimum_rows=fewest),
            quality.repeated_ids(repeated, rows, quality_policy),
            None if usual is None else quality.volume(rows, days, usual, quality_policy),
        ]
        if promised is not None:
            found.append(quality.lateness(self._after, promised, time, quality_policy, minimum_rows=fewest))
        return drift.compare(
            self._before,
            self._after,
            self._columns,
            PREDICTION,
            self._policy.drift,
            facts=[fact for fact in found if fact is not None],
            at_level=self._level,
        )

    def segment(self, segment: Segment) -> SegmentReport:
        """Judge the distributions of one segment's rows; its performance is left open."""
        before, after = self._reference.sides(self._profiles, self._unit, segment)
        readings: tuple[Reading, ...] = ()
        if before.whole.rows and after.whole.rows:
            divided_by = segment.column if segment.value is not None else None  # of one value, there is nothing to say
            columns = [column for column in self._columns if column.name != divided_by]
            readings = drift.compare(before, after, columns, PREDICTION, self._policy.drift, at_level=self._level)
        return SegmentReport(
            segment=segment,
            rows=after.whole.rows,
            labelled=0,
            baseline_rows=before.whole.rows,
            readings=readings,
            verdict=drift.verdict(readings),
            drifted=drift.drifted(readings),
        )

    def verdicts(self, readings: tuple[Reading, ...], segments: Iterable[SegmentReport]) -> dict[str, Any]:
        """Return the fields of a window's report that follow from its readings and those of its segments."""
        families = (readings, *(one.readings for one in segments))
        return {
            "readings": tuple(sorted(readings, key=lambda reading: reading.verdict != "drift")),
            "verdict": drift.verdict(readings),
            "drifted": drift.drifted(readings),
            "expected_false_alarms": sum(map(drift.expected_false_alarms, families)),
        }
