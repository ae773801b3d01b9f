"""A classifier tells windows from the reference: what no column shows, and nothing where only days differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from roadworthy.monitoring import association
from roadworthy.monitoring.blocks import Blocks
from roadworthy.monitoring.multivariate import _area, _wins, separation

FEATURES = ["x0", "x1", "x2", "kind"]


def rows(
    days: int,
    seed: int,
    *,
    alike: float = 0.0,
    neighbours: float = 0.0,
    together: float = 0.7,
    start: str = "2026-01-01",
    each: int = 40,
) -> pd.DataFrame:
    """Two numbers that go together, another and a category; rows of one day are ``alike``, and days ``neighbours``."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), each)
    of_day, own = rng.normal(size=(days, 3)), rng.normal(size=(len(day), 3))
    for i in range(1, days):
        of_day[i] = neighbours * of_day[i - 1] + np.sqrt(1 - neighbours**2) * of_day[i]
    x = np.sqrt(alike) * of_day[day] + np.sqrt(1 - alike) * own
    x[:, 1] = together * x[:, 0] + np.sqrt(1 - together**2) * x[:, 1]
    frame = pd.DataFrame(x, columns=FEATURES[:3])
    frame["kind"] = np.where(rng.random(len(day)) < 0.1, None, rng.choice(list("abc"), len(day)))
    return frame.assign(t=pd.Timestamp(start, tz="UTC") + pd.to_timedelta(day + rng.random(len(day)), unit="D"))


def window(seed: int, **changes: float) -> pd.DataFrame:
    return rows(28, 1000 + seed, start="2026-06-01", **changes)  # type: ignore[arg-type]


def two_months(seed: int, **changes: float) -> pd.DataFrame:
    return rows(60, seed, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("alike", [0.0, 0.2])
def test_where_nothing_changed_nothing_is_told_apart(alike: float) -> None:
    found = [separation(rows(60, seed, alike=alike), window(seed, alike=alike), FEATURES, "t") for seed in range(6)]
    assert [one.verdict for one in found].count("drift") <= 1
    assert np.median([one.p_value for one in found]) > 0.1
    assert 0.45 <= np.mean([one.auc for one in found]) <= 0.55
    assert sum(one.low <= 0.5 <= one.high for one in found) >= 4


@pytest.mark.full
@pytest.mark.parametrize("neighbours", [0.0, 0.5])
def test_false_alarms_keep_to_their_level_where_days_are_alike(neighbours: float) -> None:
    alarms = 0
    for seed in range(200):
        reference, now = (draw(seed, alike=0.2, neighbours=neighbours) for draw in (two_months, window))
        alarms += separation(reference, now, FEATURES, "t").verdict == "drift"
    assert alarms <= 6  # of 200 at a level of 1 %: more come by chance in one such simulation of two hundred


def test_two_that_no_longer_go_together_are_told_though_each_looks_as_before() -> None:
    for seed in range(2):
        found = separation(rows(60, seed), window(seed, together=-0.7), FEATURES, "t")
        assert found.verdict == "drift"
        assert found.low > 0.5
        assert set(list(found.drivers)[:2]) == {"x0", "x1"}
        assert "x0" in found.words
        assert (found.n_window, found.blocks) == (28 * 40, 28)


def test_the_area_is_scikit_learns() -> None:
    blocks = Blocks.of(rows(12, 0), window(0), FEATURES, "t")
    assert blocks is not None
    scores = np.round(np.random.default_rng(0).normal(size=len(blocks.rows)), 1)
    wins, pairs = _wins(scores, blocks, np.ones(len(blocks.in_window), dtype=np.intp))
    assert _area(wins, pairs, blocks.in_window) == pytest.approx(roc_auc_score(blocks.of_window, scores))


def test_a_handful_of_hours_says_nothing() -> None:
    short = window(0)[:40].assign(t=pd.Timestamp("2026-06-01", tz="UTC"))
    assert separation(rows(60, 0), short, FEATURES, "t").verdict == "too little data"
    assert association.changes(rows(60, 0), short, FEATURES, "t") == ()
