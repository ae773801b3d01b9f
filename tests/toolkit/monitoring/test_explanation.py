"""Why a metric fell, in worlds where it is known why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from roadworthy.config import BusinessValue
from roadworthy.errors import MonitoringError
from roadworthy.monitoring import performance
from roadworthy.monitoring.explanation import explain
from roadworthy.records import Explanation

VALUE = BusinessValue()


def rows(n: int, seed: int, *, shift: float = 0.0, forgotten: float = 0.0) -> pd.DataFrame:
    """Rows that are harder to tell the higher ``a`` is; ``forgotten`` is how much of the relation is gone."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(shift, 1, n), "b": rng.normal(size=n), "c": rng.choice(list("xyz"), n)})
    signal = 2 * np.cos(0.8 * frame["a"]) * frame["b"]
    labels = rng.random(n) < expit(signal * (1 - forgotten) + 0.3)
    days = pd.to_timedelta(rng.random(n) * 28, unit="D")
    return frame.assign(p=expit(signal + 0.3), y=labels, t=pd.Timestamp("2026-01-01", tz="UTC") + days)


def explained(seed: int, metric: str = "roc_auc", n: int = 3000, **changes: float) -> Explanation:
    return explain(
        rows(n, seed),
        rows(n, 1000 + seed, **changes),  # type: ignore[arg-type]
        ["a", "b", "c"],
        label="y",
        probability="p",
        time="t",
        metric=metric,
        value=VALUE,
    )


def true_parts(metric: str, **changes: float) -> tuple[float, float]:
    """Return both parts of the fall in very many rows; the same draws for all, so that nothing changed is nothing."""
    inputs = {name: value for name, value in changes.items() if name == "shift"}
    worlds = (rows(100_000, 7), rows(100_000, 7, **inputs), rows(100_000, 7, **changes))  # type: ignore[arg-type]
    values = [performance.measure(world["y"], world["p"], VALUE)[metric].value for world in worlds]
    sign = 1 if performance.improves(metric) else -1
    return sign * (values[0] - values[1]), sign * (values[1] - values[2])


@pytest.mark.parametrize(
    ("metric", "changes"),
    [("roc_auc", {"shift": 0.8}), ("brier", {"forgotten": 0.6}), ("roc_auc", {"shift": 0.8, "forgotten": 0.6})],
)
def test_the_parts_are_the_true_ones(metric: str, changes: dict[str, float]) -> None:
    found = [explained(seed, metric, **changes) for seed in range(3)]
    assert all(one.trusted for one in found)
    inputs, relation = true_parts(metric, **changes)
    assert np.mean([one.inputs or 0.0 for one in found]) == pytest.approx(inputs, abs=0.012)
    assert np.mean([one.relation or 0.0 for one in found]) == pytest.approx(relation, abs=0.02)
    assert sum((one.relation_low or 0) <= relation <= (one.relation_high or 0) for one in found) >= 2


def test_where_nothing_changed_the_intervals_know_it() -> None:
    found = [explained(seed, n=800) for seed in range(10)]
    assert sum((one.inputs_low or 0) <= 0 <= (one.inputs_high or 0) for one in found) >= 8
    assert sum((one.relation_low or 0) <= 0 <= (one.relation_high or 0) for one in found) >= 8
    doubt = np.mean([(one.inputs_high or 0) - (one.inputs_low or 0) for one in found]) / 4
    assert doubt == pytest.approx(np.std([one.inputs or 0 for one in found], ddof=1), rel=0.7)


@pytest.mark.full
@pytest.mark.parametrize("changes", [{}, {"shift": 0.8, "forgotten": 0.6}])
def test_the_intervals_hold_the_true_parts_as_often_as_they_say(changes: dict[str, float]) -> None:
    found = [explained(seed, n=1500, **changes) for seed in range(100)]
    inputs, relation = true_parts("roc_auc", **changes)
    assert sum((one.inputs_low or 0) <= inputs <= (one.inputs_high or 0) for one in found) >= 90
    assert sum((one.relation_low or 0) <= relation <= (one.relation_high or 0) for one in found) >= 90


def test_the_parts_sum_to_the_fall_and_are_told() -> None:
    found = explained(0, shift=0.8, forgotten=0.6)
    assert (found.inputs or 0) + (found.relation or 0) == pytest.approx(found.reference - found.window)
    assert found.words.startswith(f"roc_auc fell by {found.reference - found.window:.3g} in all:")
    assert 200 < found.effective_rows < found.rows
    assert (found.relation_low or 0) > 0


def test_inputs_that_hardly_overlap_cannot_be_explained_by() -> None:
    found = explained(0, shift=4.0)
    assert not found.trusted
    assert (found.inputs, found.relation) == (None, None)
    assert found.words.startswith("cannot say: ")


def test_labels_of_one_kind_that_are_too_rare_to_learn_from_are_told() -> None:
    rare = rows(500, 0).assign(y=np.arange(500) < 1)
    with pytest.raises(MonitoringError, match="Nothing can be learned from 500 rows, 1 of them"):
        explain(rare, rows(500, 1), ["a"], label="y", probability="p", time="t", metric="roc_auc", value=VALUE)


def test_one_class_alone_has_no_metric() -> None:
    one_class = rows(500, 0).assign(y=True)
    with pytest.raises(MonitoringError, match="roc_auc cannot be measured"):
        explain(one_class, rows(500, 1), ["a"], label="y", probability="p", time="t", metric="roc_auc", value=VALUE)
