"""What a window's rows say together, and why a metric fell: asked of captured rows, where they are kept.

It explains; it does not alarm. The budget of false alarms is the readings' own.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from roadworthy import registry
from roadworthy.errors import MonitoringError, RegistryError
from roadworthy.monitoring import association, explanation, multivariate
from roadworthy.project import Project
from roadworthy.records import AssociationChange, Explanation, Separation, Window, WindowReport
from roadworthy.serving import capture, labels

FILE = "rows.parquet"
PREDICTION = "probability"
_MOST_KEPT = 10_000  # rows of those that were learnt from, and of those held out
_LEVEL = 0.01


def kept_rows(project: Project, reference: pd.DataFrame) -> bytes:
    """Return the version's file of reference rows: a sample of those learnt from, and of those held out.

    Parameters
    ----------
    project
        Its policy says which columns' values are kept.
    reference
        Event time, features, ``probability`` (missing where a row was learnt from), and the label where it is known.
    """
    wanted = [project.dataset.time, *_features(project), PREDICTION, project.dataset.label]
    some = reference[[name for name in wanted if name in reference]]
    rng = np.random.default_rng(0)
    held_out = some[PREDICTION].notna()
    parts = [part.iloc[np.sort(rng.permutation(len(part))[:_MOST_KEPT])] for part in (some[~held_out], some[held_out])]
    content = io.BytesIO()
    pd.concat(parts, ignore_index=True).to_parquet(content, index=False)
    return content.getvalue()


def told(project: Project, report: WindowReport, read: Callable[[], pd.DataFrame]) -> WindowReport:
    """Return a window's report with what its rows tell: together, and why, where the metric fell.

    Parameters
    ----------
    project
        The project.
    report
        Of the window, without it. Where its version keeps no rows nothing is added.
    read
        Reads the window's rows, or a sample of them, with their labels.
    """
    try:
        reference = _reference(project, report.reference)
    except MonitoringError:
        return report
    rows = read()
    separation, associations = _together(project, reference, rows)
    performance = tuple(
        one.model_copy(update={"explanation": _why_it_fell(project, report, reference, rows)})
        if one.fell and one.version == report.reference
        else one
        for one in report.performance
    )
    return report.model_copy(
        update={"separation": separation, "associations": associations, "performance": performance}
    )


def together(project: Project, report: WindowReport) -> tuple[Separation, tuple[AssociationChange, ...]]:
    """Tell whether a window's rows are unlike those of training, all features together and pair by pair.

    Parameters
    ----------
    project
        The project.
    report
        Of the window; its version's training rows are the reference.

    Raises
    ------
    MonitoringError
        When the version keeps no rows, or none came in the window.
    """
    return _together(project, _reference(project, report.reference), _captured(project, report.window))


def why(project: Project, report: WindowReport) -> Explanation:
    """Tell how much of the metric's fall in a window comes from other inputs, and how much from a changed relation.

    Parameters
    ----------
    project
        The project.
    report
        Of the window; the version that it is judged for is asked about.

    Raises
    ------
    MonitoringError
        When the version keeps no rows with labels, none came in the window, or the metric cannot be measured.
    """
    return _why(project, report, _reference(project, report.reference), _captured(project, report.window))


def _together(
    project: Project, reference: pd.DataFrame, rows: pd.DataFrame
) -> tuple[Separation, tuple[AssociationChange, ...]]:
    features, time = _common(_features(project), reference, rows), project.dataset.time
    return (
        multivariate.separation(reference, rows, features, time, level=_LEVEL),
        association.changes(reference, rows, features, time, level=_LEVEL),
    )


def _why(project: Project, report: WindowReport, reference: pd.DataFrame, rows: pd.DataFrame) -> Explanation:
    label = project.dataset.label
    if label not in reference:
        raise MonitoringError(
            f"{report.reference} keeps no labels of its held-out rows.",
            "Let the evaluation write the label into the reference rows, then build and release again.",
        )
    features = _common(_features(project), reference, rows)
    if not features:
        raise MonitoringError("No feature's values are kept.", "Let the policy keep some (capture.classified).")
    held_out = reference[reference[PREDICTION].notna() & reference[label].notna()]
    answered = rows[(rows["version"] == report.reference) & rows["label"].notna()]
    use_case = project.config.settings.use_case
    return explanation.explain(
        held_out,
        answered.assign(**{label: answered["label"]}),
        features,
        label=label,
        probability=PREDICTION,
        time=project.dataset.time,
        metric=use_case.metric,
        value=use_case.value,
    )


def _why_it_fell(
    project: Project, report: WindowReport, reference: pd.DataFrame, rows: pd.DataFrame
) -> Explanation | None:
    try:
        return _why(project, report, reference, rows)
    except MonitoringError:  # the version keeps no labels, or a sample has too few
        return None


def _features(project: Project) -> list[str]:
    """Return the features whose values are kept as they were sent."""
    unkept = capture.unkept_features(project.dataset, project.config.policy.capture)
    return [name for name in project.dataset.features if name not in unkept]


def _common(features: Sequence[str], *sides: pd.DataFrame) -> list[str]:
    return [name for name in features if all(name in side for side in sides)]


def _reference(project: Project, tag: str) -> pd.DataFrame:
    registry.bring(project.config, registry.resolve(project.state, tag))
    try:
        path = registry.file(tag, FILE)
    except RegistryError as error:
        raise MonitoringError(
            f"{tag} keeps no rows of its training data.", "Release a new version; since then they are kept."
        ) from error
    return pd.read_parquet(path)


def _captured(project: Project, window: Window) -> pd.DataFrame:
    """Return a window's rows with their labels, where these have come."""
    between = (project.dataset.time, window.start, window.end)
    rows = project.tables.read("predictions", between=between).drop_duplicates(labels.KEY)
    if rows.empty:
        raise MonitoringError(
            f"In the window from {window.name} no row came.", "Name one that has rows, see `roadworthy status`."
        )
    return rows.merge(labels.newest(project.tables), on=labels.KEY, how="left")
