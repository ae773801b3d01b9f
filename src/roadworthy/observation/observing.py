"""Windows observed: those that have changed are judged anew, by their data and by how well they were answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from roadworthy import insight, registry
from roadworthy.monitoring import quality, windows
from roadworthy.observation.answers import AnswerJudge
from roadworthy.observation.data import DataJudge
from roadworthy.observation.profiling import Profiler, reports_folder
from roadworthy.observation.references import References
from roadworthy.observation.service import Service
from roadworthy.observation.silence import judge_silence
from roadworthy.observation.traffic import Rows, Traffic, read_traffic
from roadworthy.project import Project
from roadworthy.records import ModelVersion, Reading, Slice, Window, WindowReport, now

_SAMPLED = 20_000  # rows of a window that are looked at all together


def observe(project: Project, *, clock: datetime | None = None) -> list[WindowReport]:
    """Collect what the services captured and judge every window that has changed since it was last judged.

    A window has changed when rows or labels have come, when it has closed, and, the newest one, when the age of the
    newest event has come to be more or less than the contract promises. When only labels have come its readings
    stand: sketches have a random part, and the same rows must not be judged twice. A window by the calendar that has
    passed without any row is judged too, by that alone.

    Parameters
    ----------
    project
        The project.
    clock
        Event time up to which all traffic is known to have come, by default what `Traffic.reached` says: now, less the
        usual delay, or in a replay the newest event time that was captured. A window that ends later is still open.
        The age of the newest event is taken at this moment, by default now.

    Returns
    -------
    list of WindowReport
        The windows judged anew, oldest first. All are kept in the state; profiles and JSON stand in the reports
        folder.

    Raises
    ------
    NoTraffic
        When nothing was captured yet.
    MonitoringError
        When the policy's windows name what is not there.
    """
    observation = _Observation(project, read_traffic(project), clock)
    found = []
    for window, rows in observation.windows.items():
        if observation.has_changed(window, rows):
            found.append(observation.judge(window, rows))
    return found


class _Observation:
    """One look at all traffic, oldest window first."""

    def __init__(self, project: Project, traffic: Traffic, clock: datetime | None) -> None:
        self.project = project
        self.traffic = traffic
        self.policy = project.config.policy.window
        self.at = clock or now()
        self.clock = max(traffic.latest, clock or traffic.reached(project, self.at))
        self.reports = {report.window: report for report in project.state.windows()}
        self.profiler = Profiler(project, traffic)
        self.references = References(project, self.profiler)
        self.service = Service(project, traffic)

    @cached_property
    def windows(self) -> dict[Window, Rows]:
        """All windows, oldest first: those that have rows, and those that have passed without any."""
        closed = [report.window for report in self.reports.values() if report.rows and not report.open]
        answered = windows.split(self.traffic.times, self.policy, closed)
        passed = min(self.clock, self.at)  # a row may be of tomorrow, and says nothing about today
        silent = dict.fromkeys(windows.silent(answered, self.policy, passed), np.zeros(0, np.int64))
        return dict(sorted((answered | silent).items(), key=lambda item: item[0].start))

    def has_changed(self, window: Window, rows: Rows) -> bool:
        """Return whether a window is to be judged anew."""
        report = self._earlier(window)
        if report is None or report.window != window or self._aside(window).exists():  # its file was not shown
            return True
        now_there = (len(rows), self.traffic.labelled(rows), self._is_open(window, rows))
        before = [reading.verdict for reading in report.readings if reading.measure == quality.AGE]
        return now_there != (report.rows, report.labelled, report.open) or before != [
            reading.verdict for reading in self._age(window, rows)
        ]

    def judge(self, window: Window, rows: Rows) -> WindowReport:
        """Judge one window and keep its report; one that it has taken the place of is gone."""
        report = self._judged(window, rows) if len(rows) else self._silent(window, rows)
        self._keep(report, self._earlier(window))
        return report

    def _silent(self, window: Window, rows: Rows) -> WindowReport:
        """Judge a window without rows, for the version that answered last."""
        before = [one for one in self._in_order() if one.rows and one.window.end <= window.start]
        usual, age = self._usual(window, silent=True), self._age(window, rows)
        return judge_silence(self.project, window, before[-1].reference, usual, known=self._answered(), age=age)

    def _judged(self, window: Window, rows: Rows) -> WindowReport:
        """Judge a window that has rows, and keep its profile."""
        versions = self._versions(rows)
        version = self._judged_for(versions)
        slices = self.traffic.slices(window, rows)
        earlier, still_open = self._earlier(window), self._is_open(window, rows)
        segments = self.references.segments(version)
        profiles = self.profiler.of(window, segments, rows)
        reference = self.references.of(window, version, list(self.reports.values()), segments)
        data = DataJudge(
            self.project,
            window,
            profiles,
            reference,
            segments=segments,
            known=self._answered(),
            weights=self.references.importance(version.tag),
        )
        report = WindowReport(
            window=window,
            project=self.project.config.settings.name,
            rows=len(rows),
            labelled=self.traffic.labelled(rows),
            open=still_open,
            versions=versions,
            reference=version.tag,
            verdict="too little data",
            baseline=reference.baseline,
            served=self.service.served(window, versions),
            slices=tuple(part for part, _ in slices),
        )
        if earlier is not None and _same_rows(report, earlier) and [s.segment for s in earlier.segments] == [*segments]:
            found = tuple(reading for reading in earlier.readings if reading.measure != quality.AGE)
            by_segment = {one.segment: one for one in earlier.segments}
        else:
            repeated = self.traffic.repeated_among(rows)
            found = data.readings(len(rows), repeated, None if still_open else self._usual(window))
            by_segment = {segment: data.segment(segment) for segment in segments}
            (reports_folder(self.project) / f"{window.name}.profile.bin").write_bytes(data.profile().to_bytes())
        before = [one for one in self._in_order() if one.window.end <= window.start]
        answers = AnswerJudge(
            self.project, self.traffic, window, slices, data, self.references, earlier=before, clock=self.clock
        )
        whole, parts = answers.performances(segments)
        report = report.model_copy(
            update=data.verdicts((*found, *self._age(window, rows)), by_segment.values())
            | {
                "performance": whole,
                "segments": tuple(one.model_copy(update=parts[one.segment]) for one in by_segment.values()),
            }
        )
        if still_open:  # it is judged again and again
            return report
        return insight.told(self.project, report, lambda: self._some(slices, len(rows)))

    def _some(self, slices: Sequence[tuple[Slice, Rows]], rows: int) -> pd.DataFrame:
        """Return a sample of a window's rows, which fits into memory however many there are."""
        share = min(_SAMPLED / max(rows, 1), 1.0)
        frames = (frame.sample(frac=share, random_state=0) for frame, _ in self.traffic.read(self.project, slices))
        return pd.concat(frames, ignore_index=True)

    def _keep(self, report: WindowReport, earlier: WindowReport | None) -> None:
        """Keep a report in the state, and only then show its file: who is told of the file finds the window."""
        folder = reports_folder(self.project)
        if earlier is not None and earlier.window != report.window:
            del self.reports[earlier.window]
            if earlier.window.name != report.window.name:
                for path in folder.glob(f"{earlier.window.name}.*"):
                    path.unlink()
        aside = self._aside(report.window)
        aside.write_text(report.model_dump_json(indent=1), encoding="utf-8")
        self.project.state.save_window(report, instead_of=earlier.window if earlier else None)
        aside.replace(folder / f"{report.window.name}.drift.json")
        self.reports[report.window] = report

    def _aside(self, window: Window) -> Path:
        """Where a report's file stands until the state has the window."""
        return reports_folder(self.project) / f"{window.name}.drift.json.new"

    def _earlier(self, window: Window) -> WindowReport | None:
        """Return a window's report, or that of the window whose place it has taken: an open or a silent one."""
        if window in self.reports:
            return self.reports[window]
        moved = (r for r in self.reports.values() if (r.open or not r.rows) and r.window not in self.windows)
        return next((r for r in moved if r.window.start < window.end and window.start < r.window.end), None)

    def _is_open(self, window: Window, rows: Rows) -> bool:
        latest = self.traffic.latest
        return windows.is_open(window, len(rows), self.policy, latest=latest, clock=self.clock)

    def _answered(self) -> list[Window]:
        """Return the windows so far that have rows."""
        return [window for window, report in self.reports.items() if report.rows]

    def _in_order(self) -> list[WindowReport]:
        return sorted(self.reports.values(), key=lambda report: report.window.start)

    def _versions(self, rows: Rows) -> dict[str, int]:
        counts = self.traffic.answered["version"].iloc[rows].value_counts()
        return {str(tag): int(count) for tag, count in counts.items() if count}

    def _judged_for(self, versions: Mapping[str, int]) -> ModelVersion:
        """The champion where it has answered, for it is the one that goes on; otherwise whoever answered most."""
        champion = registry.champion(self.project.state)
        most = next(iter(versions))
        return champion if champion and champion.tag in versions else registry.resolve(self.project.state, most)

    def _age(self, window: Window, rows: Rows) -> tuple[Reading, ...]:
        """Return how old the newest event is: of the newest window, where the contract promises anything."""
        promised = self.project.dataset.freshness
        if promised is None or window != next(reversed(self.windows)):
            return ()
        time = self.project.dataset.column(self.traffic.time)
        return quality.age(self.traffic.latest, self.at, promised, time, len(rows))

    def _usual(self, window: Window, *, silent: bool = False) -> list[tuple[int, float]]:
        """Return rows and days of earlier closed windows, of the same season when these are enough.

        The first window by the calendar is left out: traffic may have begun in the midst of it. How many rows are usual
        is told by windows that have some; whether none is, by all but those of the same silence.
        """
        closed = [report for report in self._in_order() if not report.open]
        earlier = [r for r in closed[1 if self.policy.length else 0 :] if r.window.end <= window.start]
        last = max((place for place, report in enumerate(earlier, start=1) if report.rows), default=0)
        known = earlier[:last] if silent else [report for report in earlier if report.rows]
        length = self.policy.length
        same = [r for r in known if length and windows.same_season(r.window, window, length)]
        taken = same if len(same) >= quality.FEWEST_WINDOWS else known
        return [(report.rows, (report.window.end - report.window.start) / windows.DAY) for report in taken]


def _same_rows(report: WindowReport, earlier: WindowReport) -> bool:
    return all(
        getattr(report, name) == getattr(earlier, name)
        for name in ("window", "rows", "open", "reference", "baseline", "slices")
    )
