"""What windows are held against, opened: a version's training profiles, or earlier windows'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from roadworthy import registry
from roadworthy.errors import MonitoringError, RegistryError
from roadworthy.monitoring import importance, windows
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced
from roadworthy.monitoring.windows import ALL, DAY, SlicedProfiles
from roadworthy.observation.profiling import Profiler, kept_features
from roadworthy.project import Project
from roadworthy.records import Baseline, Importance, ModelVersion, Segment, Window, WindowReport

_ROUND = {True: 7, False: 24}  # slices in a week of days, and in a day of hours


@dataclass(frozen=True)
class Reference:
    """What one window is held against.

    Attributes
    ----------
    baseline
        What it is, for the report.
    profiles
        Its slices, and their segments; those of the window must be as long.
    whole
        All its rows where their slices are not known.
    season
        As in `Sliced`, of both sides.
    """

    baseline: Baseline
    profiles: SlicedProfiles | None
    whole: Profile | None
    season: int = 1

    def sides(self, window: SlicedProfiles, unit: timedelta, segment: Segment | None = ALL) -> tuple[Sliced, Sliced]:
        """Return both sides of a comparison, sliced alike as far as that is known; a side without rows is empty."""
        after = window.sliced(unit, segment, season=self.season) or Sliced.merged([])
        if self.profiles is None:
            return Sliced.of(self.whole if self.whole and segment is ALL else Profile.merged([])), Sliced(after.whole)
        before = self.profiles.sliced(unit, segment, season=self.season) or Sliced.merged([])
        return before, after


class References:
    """Opens references, each once.

    Parameters
    ----------
    project
        Its registry and policy.
    profiler
        Profiles windows.
    """

    def __init__(self, project: Project, profiler: Profiler) -> None:
        self._project = project
        self._profiler = profiler
        self.training = cache(self._training)
        self.importance = cache(self._importance)
        self._training_slices = cache(self._sliced_training)

    def segments(self, version: ModelVersion) -> tuple[Segment, ...]:
        """Return the segments that a version's traffic is divided into: the most frequent values of its training.

        Raises
        ------
        MonitoringError
            When the policy divides by a column that is no feature whose values are kept, or neither text nor truth.
        """
        policy = self._project.config.policy.window
        kept = {column.name: column for column in kept_features(self._project)}
        if unknown := [name for name in policy.segments if name not in kept]:
            raise MonitoringError(
                f"Traffic cannot be divided by {', '.join(unknown)}: no such feature is kept.",
                f"Name some of these as `window.segments` in the policy: {', '.join(kept)}.",
            )
        if not policy.segments:
            return ()
        columns = [kept[name] for name in policy.segments]
        return windows.segments_of(columns, self.training(version.tag), policy.most_segments)

    def of(
        self, window: Window, version: ModelVersion, reports: Sequence[WindowReport], segments: Sequence[Segment]
    ) -> Reference:
        """Return what a window is held against, by the policy; a version's training where that is not there yet."""
        policy = self._project.config.policy.window
        found = windows.referred(policy, window, reports)
        unit, words = windows.unit_of(window), windows.words(policy, window, found, version.tag)
        season = 1 if found and policy.reference == "season" else _ROUND[unit == DAY]
        if not found:
            return self._trained(version.tag, unit, words, season)
        profiles = SlicedProfiles.joined(self._profiler.of(report.window, segments) for report in found)
        baseline = Baseline(
            kind=policy.reference,
            wanted=policy.reference,
            rows=profiles.rows,
            slices=profiles.number(unit),
            windows=tuple(report.window.name for report in found),
            words=words,
        )
        return Reference(baseline, profiles, None, season)

    def _trained(self, tag: str, unit: timedelta, words: str, season: int) -> Reference:
        whole, profiles = self.training(tag), self._training_slices(tag, unit)
        baseline = Baseline(
            kind="training",
            wanted=self._project.config.policy.window.reference,
            rows=whole.rows,
            slices=profiles.number(unit) if profiles else 0,
            words=words,
        )
        return Reference(baseline, profiles, whole, season)

    def _training(self, tag: str) -> Profile:
        return Profile.read(self._reference(tag))

    def _reference(self, tag: str) -> Path:
        registry.bring(self._project.config, registry.resolve(self._project.state, tag))
        return registry.file(tag, "reference.profile.bin")

    def _importance(self, tag: str) -> Importance | None:
        return importance.read(self._reference(tag).with_name(importance.FILE))

    def _sliced_training(self, tag: str, unit: timedelta) -> SlicedProfiles | None:
        try:
            path = registry.file(tag, windows.training_file(unit))
        except RegistryError:  # a version from before slices were kept, or of windows of another length
            return None
        return SlicedProfiles.from_bytes(path.read_bytes())
