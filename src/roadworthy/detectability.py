"""What monitoring would find in a project's traffic, and how soon: asked of a version before anything goes wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from roadworthy import registry
from roadworthy.contract import Column
from roadworthy.errors import MonitoringError, RegistryError
from roadworthy.monitoring import detectability, drift, importance, windows
from roadworthy.monitoring.detectability import Rule, Traffic
from roadworthy.monitoring.detectability.plot import draw
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced
from roadworthy.monitoring.windows import SlicedProfiles
from roadworthy.project import Project
from roadworthy.records import CHAMPION, Detectability, ModelVersion
from roadworthy.serving import capture
from roadworthy.serving.labels import KEY

__all__ = ["draw", "outlook"]

PREDICTION = "probability"
_RECENT = pd.Timedelta(days=28)
_SECONDS_A_DAY = 86_400
_DELAYS_KEPT = 1_000
_ASSUMED_DELAY = 1.0  # days
_SETTLED = 0.95  # of the labels have come by an age from which on the labelled share is taken


def outlook(
    project: Project,
    name: str = CHAMPION,
    *,
    rows_per_day: float | None = None,
    label_delay: timedelta | None = None,
    labelled_share: float | None = None,
    power: float = detectability.POWER,
) -> Detectability:
    """Return the smallest shift of each column, and the smallest fall of the metric, that would be found, and when.

    Parameters
    ----------
    project
        The project; its policy says how windows are judged.
    name
        The version, as for `registry.resolve`.
    rows_per_day
        By default measured on the newest four weeks of captured traffic.
    label_delay, labelled_share
        By default measured on the labels that have come; a day and all rows where that cannot be.
    power
        Chance with which what is named is found.

    Raises
    ------
    MonitoringError
        When nothing was captured and ``rows_per_day`` is not given, or a figure is out of its range.
    UnknownVersion
        When no version goes by that name.
    """
    version = registry.resolve(project.state, name)
    registry.bring(project.config, version)
    path = registry.file(version.tag, "reference.profile.bin")
    reference, weights = Profile.read(path), importance.read(path.with_name(importance.FILE))
    traffic = _traffic(project, rows_per_day, label_delay, labelled_share)
    policy, columns = project.config.policy, _kept(project)
    days = detectability.window_days(policy.window, traffic.rows_per_day)
    rule, chance, segments = _rule(project, reference, columns, days)
    sliced = _sliced(version, windows.DAY if days >= 1 else windows.HOUR)
    horizons = detectability.horizons(traffic, policy.window)
    release = version.metrics.get(project.config.settings.use_case.metric)
    return Detectability(
        version=version.tag,
        rows_per_day=traffic.rows_per_day,
        label_delay_days=float(np.median(traffic.label_delays)),
        labelled_share=traffic.labelled_share,
        assumed=traffic.assumed,
        window=detectability.window_words(policy.window),
        power=power,
        level=rule.level,
        false_alarms_per_month=chance * (1 + segments) * detectability.HORIZONS["a month"] / days,
        horizons=horizons,
        shifts=detectability.smallest_shifts(
            sliced or reference, columns, PREDICTION, rule, horizons, importance=weights, power=power
        ),
        falls=()
        if release is None
        else detectability.smallest_falls(
            release,
            horizons,
            tolerated=policy.performance.tolerated_fall,
            minimum_labelled=policy.performance.minimum_labelled,
            power=power,
        ),
    )


def _rule(project: Project, reference: Profile, columns: tuple[Column, ...], days: float) -> tuple[Rule, float, int]:
    """Return what one reading must reach, the chance of a false alarm that the window takes, and its segments.

    A column that alone has changed must pass the level that is shared by all readings.
    """
    policy = project.config.policy
    segments = windows.segments_of(
        [project.dataset.column(name) for name in policy.window.segments], reference, policy.window.most_segments
    )
    chance = drift.level(policy.drift, detectability.HORIZONS["a month"] / days, families=1 + len(segments))
    judged = [report for report in project.state.windows() if report.rows]
    readings = judged[-1].readings if judged else ()
    readings = readings or drift.compare(reference, reference, columns, PREDICTION, policy.drift)
    shared_by = max(float(drift.weights(readings).sum()), 1.0)
    rule = Rule(
        chance / shared_by,
        policy.drift.effect,
        policy.drift.minimum_rows,
        of_window=chance,
        of_runs=chance * drift.of_runs(readings),
    )
    return rule, chance, len(segments)


def _sliced(version: ModelVersion, unit: timedelta) -> Sliced | None:
    """Return the training data in slices; None for a version from before slices were kept, or of other windows."""
    try:
        path = registry.file(version.tag, windows.training_file(unit))
    except RegistryError:
        return None
    return SlicedProfiles.from_bytes(path.read_bytes()).sliced(unit, season=7 if unit == windows.DAY else 24)


def _kept(project: Project) -> tuple[Column, ...]:
    """Return the features whose values are in the table of predictions as they were sent."""
    unkept = capture.unkept_features(project.dataset, project.config.policy.capture)
    return tuple(column for column in project.dataset.with_role("feature") if column.name not in unkept)


def _traffic(
    project: Project, rows_per_day: float | None, label_delay: timedelta | None, labelled_share: float | None
) -> Traffic:
    """Return the traffic as given, and as measured where it is not."""
    _expect(rows_per_day is None or rows_per_day > 0, f"{rows_per_day} rows a day are none.", "Give more than 0.")
    negative = label_delay is not None and label_delay < timedelta(0)
    _expect(not negative, f"A label cannot come {label_delay} after its row.", "Give a delay of 0 or more.")
    share_fits = labelled_share is None or 0 < labelled_share <= 1
    _expect(share_fits, f"{labelled_share} is no share of the rows.", "Give a share above 0, at most 1.")
    capture.collect(project.config, project.dataset, project.tables)
    recent = _recent(project)
    if rows_per_day is None:
        rows_per_day = _rate(recent[project.dataset.time])
    delays, share, assumed = _labels(project, recent)
    if label_delay is not None:
        delays, assumed = (label_delay.total_seconds() / _SECONDS_A_DAY,), ()
    return Traffic(rows_per_day, delays, labelled_share or share, assumed)


def _expect(holds: bool, fact: str, next_step: str) -> None:
    if not holds:
        raise MonitoringError(fact, next_step)


def _recent(project: Project) -> pd.DataFrame:
    """Return keys, event time and moment of answer of the newest four weeks of captured rows; none where none are."""
    time = project.dataset.time
    columns = [*KEY, time, "received"]
    if not project.tables.exists("predictions"):
        return pd.DataFrame({name: pd.Series(dtype="datetime64[us, UTC]") for name in columns})
    captured = project.tables.read("predictions", columns=columns)
    recent: pd.DataFrame = captured[captured[time] > captured[time].max() - _RECENT]
    return recent


def _rate(times: pd.Series[pd.Timestamp]) -> float:
    """Return rows a day, between the first and the last."""
    span = (times.max() - times.min()) / pd.Timedelta(days=1) if len(times) else 0.0
    if not span > 0:
        raise MonitoringError(
            "No traffic has been captured from which rows a day could be told.",
            "Give them with --rows-per-day, or send the service requests first.",
        )
    return float(len(times) / span)


def _labels(project: Project, recent: pd.DataFrame) -> tuple[tuple[float, ...], float, tuple[str, ...]]:
    """Return a sample of the labels' delays in days, the share of rows that get one, and what was assumed instead."""
    stated = project.config.policy.performance.label_delay_days
    fallback = (stated,) if stated else (_ASSUMED_DELAY,)
    source = "is the policy's" if stated else "is assumed"
    if not project.tables.exists("labels") or recent.empty:
        return fallback, 1.0, (f"No labels have come yet: a delay of {fallback[0]:g} days {source}, for all rows.",)
    labels = project.tables.read("labels")
    known = labels["at"].fillna(labels["received"]) if "at" in labels else labels["received"]
    first = labels.assign(known=known).sort_values("known").drop_duplicates(KEY)[[*KEY, "known"]]
    rows = recent.merge(first, on=KEY, how="left")
    if windows.is_replay(rows[project.dataset.time], rows["received"]):
        told = "The traffic was replayed, long after its events: labels came when the replay sent them. "
        share = float(rows["known"].notna().mean()) or 1.0
        return fallback, share, (f"{told}A delay of {fallback[0]:g} days {source}.",)
    delays = _days(rows["known"] - rows["received"]).clip(lower=0).dropna().to_numpy()
    if not len(delays):
        return fallback, 1.0, (f"No labels of these weeks have come: a delay of {fallback[0]:g} days {source}.",)
    old = rows["received"] <= rows["received"].max() - pd.Timedelta(days=float(np.quantile(delays, _SETTLED)))
    share = float(rows.loc[old, "known"].notna().mean()) if old.any() else 1.0
    chosen = np.quantile(delays, (np.arange(_DELAYS_KEPT) + 0.5) / _DELAYS_KEPT)
    return tuple(chosen.tolist()), share or 1.0, ()


def _days(durations: pd.Series[Any]) -> pd.Series[float]:
    days: pd.Series[float] = durations.dt.total_seconds() / _SECONDS_A_DAY
    return days
