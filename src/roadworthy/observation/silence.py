"""A window in which no row came, judged by that alone."""

from __future__ import annotations

from collections.abc import Sequence

from roadworthy.monitoring import drift, quality, windows
from roadworthy.observation.profiling import kept_features
from roadworthy.observation.traffic import PREDICTION
from roadworthy.project import Project
from roadworthy.records import Baseline, Reading, Window, WindowReport


def judge_silence(
    project: Project,
    window: Window,
    version: str,
    usual: Sequence[tuple[int, float]],
    *,
    known: Sequence[Window],
    age: Sequence[Reading],
) -> WindowReport:
    """Judge a window without rows: whether none is usual, and how old the newest event is.

    On its columns there is too little data, so that its volume has the window's whole part of the budget of false
    alarms.

    Parameters
    ----------
    project
        Its policy, and the features that are looked at.
    window, version
        The window, and the version that answered last: it is judged for that one.
    usual
        Rows and days of earlier windows, those without rows among them.
    known
        Windows with rows, for how often windows come where rows count.
    age
        What is said of the newest event's age.
    """
    policy = project.config.policy
    fact = quality.volume(0, (window.end - window.start) / windows.DAY, usual, policy.quality)
    at_level = drift.level(policy.drift, windows.windows_a_month(policy.window, known))
    volume = drift.judge([fact], at_level) if fact else ()
    readings = (*volume, *age, *drift.without_rows(kept_features(project), PREDICTION, policy.drift))
    return WindowReport(
        window=window,
        project=project.config.settings.name,
        rows=0,
        labelled=0,
        open=False,
        versions={},
        reference=version,
        readings=readings,
        verdict=drift.verdict(readings),
        drifted=drift.drifted(readings),
        expected_false_alarms=drift.expected_false_alarms(readings),
        baseline=Baseline(
            kind="before",
            wanted=policy.window.reference,
            rows=sum(rows for rows, _ in usual),
            words=f"how many rows came in {len(usual)} earlier window{'s' if len(usual) != 1 else ''}",
        ),
    )
