"""What a model goes by, and how drift is ranked by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance

from roadworthy.config import BusinessValue
from roadworthy.errors import MonitoringError
from roadworthy.monitoring import importance
from roadworthy.records import FeatureImportance, Importance, Reading

VALUE = BusinessValue()


def rows(n: int, seed: int) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """A strong number, a weak category with gaps, and a column of noise."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b", "c"], n)
    frame = pd.DataFrame({"strong": rng.normal(size=n), "kind": kind, "noise": rng.normal(size=n)})
    labels = rng.random(n) < expit(1.5 * frame["strong"].to_numpy() + 0.5 * (kind == "a") - 1)
    return frame.assign(kind=frame["kind"].mask(rng.random(n) < 0.1)), labels


def encoded(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(kind=frame["kind"].map({"a": 0.0, "b": 1.0, "c": 2.0}))


LEARNT = rows(2000, 0)
MODEL = HistGradientBoostingClassifier(max_iter=15, random_state=0).fit(encoded(LEARNT[0]), LEARNT[1])


def predict(frame: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(MODEL.predict_proba(encoded(frame))[:, 1])


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "brier"])
def test_what_the_label_hangs_on_matters_most(metric: str) -> None:
    found = importance.permuted(predict, *rows(800, 1), metric=metric, value=VALUE)
    assert found is not None
    assert (found.metric, found.rows, found.repeats) == (metric, 800, 3)
    assert found.features["strong"].mean > found.features["kind"].mean > abs(found.features["noise"].mean)
    assert [found.weight(name) for name in ("strong", "noise")] == pytest.approx([1.0, 0.0], abs=0.05)


def test_it_is_scikit_learns_own_figure() -> None:
    frame, labels = rows(1000, 2)
    found = importance.permuted(predict, frame, labels, metric="roc_auc", value=VALUE)
    assert found is not None
    theirs = permutation_importance(
        MODEL, encoded(frame), labels, scoring="roc_auc", n_repeats=10, random_state=1
    ).importances_mean
    ours = [found.features[name].mean for name in frame]
    np.testing.assert_allclose(ours, theirs, atol=0.03)


def test_many_rows_and_many_features_cost_no_more_than_some() -> None:
    answered = 0

    def counting(frame: pd.DataFrame) -> NDArray[np.float64]:
        nonlocal answered
        answered += len(frame)
        return np.full(len(frame), 0.5)

    rng = np.random.default_rng(3)
    for features, sample in ((5, 1500), (100, 333)):
        answered = 0
        wide = pd.DataFrame(rng.normal(size=(5000, features))).rename(columns=str)
        found = importance.permuted(counting, wide, rng.random(5000) < 0.5, metric="brier", value=VALUE)
        assert found is not None
        assert found.rows == sample
        assert answered <= 110_000


def test_too_few_rows_or_one_class_alone_say_nothing() -> None:
    frame, labels = rows(400, 4)
    assert importance.permuted(predict, frame[:199], labels[:199], metric="brier", value=VALUE) is None
    assert importance.permuted(predict, frame, np.ones(400, dtype=bool), metric="roc_auc", value=VALUE) is None


def reading(column: str, effect: float, verdict: str = "drift") -> Reading:
    figures = {"statistic": effect, "p_value": 0.0, "adjusted_p": 0.0, "n_reference": 9000, "n_window": 900}
    return Reading.model_validate(
        {"column": column, "kind": "feature", "measure": "m", "effect": effect, "threshold": 0.03, "words": ""}
        | {"verdict": verdict}
        | figures
    )


READINGS = (
    reading("noise", 0.9),
    reading("strong", 0.2),
    reading("calm", 0.3, "no drift"),
    reading("weak", 0.3),
    reading("probability", 0.1),
)
KNOWN = Importance(
    metric="roc_auc",
    rows=2000,
    repeats=5,
    features={
        "strong": FeatureImportance(mean=0.2, sd=0.01),
        "weak": FeatureImportance(mean=0.05, sd=0.01),
        "noise": FeatureImportance(mean=-0.01, sd=0.01),
        "calm": FeatureImportance(mean=0.1, sd=0.01),
    },
)


def test_drift_of_what_matters_comes_first() -> None:
    by_importance = [r.column for r in importance.ranked(READINGS, KNOWN)]
    assert by_importance == ["strong", "probability", "weak", "noise", "calm"]


def test_without_importance_size_alone_counts() -> None:
    by_size = [r.column for r in importance.ranked(READINGS, None)]
    assert by_size == ["noise", "weak", "strong", "probability", "calm"]
    nothing_matters = KNOWN.model_copy(update={"features": {"noise": FeatureImportance(mean=-0.1, sd=0.0)}})
    assert [r.column for r in importance.ranked(READINGS, nothing_matters)] == by_size


def test_a_version_without_the_file_has_none_and_a_broken_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / importance.FILE
    assert importance.read(path) is None
    path.write_text(KNOWN.model_dump_json())
    assert importance.read(path) == KNOWN
    path.write_text("{")
    with pytest.raises(MonitoringError, match="importance"):
        importance.read(path)
