"""Change of how features go together: each pair's, whatever each feature does by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from roadworthy.monitoring.association import changes

FEATURES = ["x", "y", "z", "kind", "place"]


def rows(seed: int, *, rho: float = 0.5, tie: float = 0.6, alike: float = 0.0, stretch: float = 1.0) -> pd.DataFrame:
    """Numbers x and y of correlation rho, z that hangs on a category, and a place that is often the category's own."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(40), 60)
    x = np.sqrt(alike) * rng.normal(size=40)[day] + np.sqrt(1 - alike) * rng.normal(size=len(day))
    kind = rng.choice(3, len(day), p=[0.5, 0.3, 0.2])
    place = np.where(rng.random(len(day)) < tie, kind, rng.choice(3, len(day), p=[0.5, 0.3, 0.2]))
    frame = pd.DataFrame(
        {
            "x": np.exp(stretch * x),
            "y": rho * x + np.sqrt(1 - rho**2) * rng.normal(size=len(day)),
            "z": 0.5 * kind + rng.normal(size=len(day)),
            "kind": np.array(["a", "b", "c"])[kind],
            "place": np.array(["p", "q", "r"])[place],
        }
    )
    return frame.assign(t=pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(day + rng.random(len(day)), unit="D"))


@pytest.mark.parametrize("alike", [0.0, 0.3])
def test_where_nothing_changed_no_pair_is_named(alike: float) -> None:
    found = [changes(rows(seed, alike=alike), rows(100 + seed, alike=alike), FEATURES, "t") for seed in range(8)]
    assert {len(one) for one in found} == {10}
    assert sum(any(pair.verdict == "drift" for pair in one) for one in found) == 0
    assert sum(min(pair.adjusted_p for pair in one) <= 0.05 for one in found) <= 2  # 99 % of binomial(8, 0.05)


def test_a_column_that_changes_by_itself_is_no_change_of_association() -> None:
    found = changes(rows(0), rows(1, stretch=3.0).assign(y=lambda frame: 5 * frame["y"] + 100), FEATURES, "t")
    assert {pair.verdict for pair in found} == {"no drift"}


def test_a_changed_correlation_is_found_and_told() -> None:
    before, after = rows(2), rows(3, rho=0.1)
    first, *others = changes(before, after, FEATURES, "t")
    assert (first.first, first.second, first.verdict) == ("x", "y", "drift")
    assert {pair.verdict for pair in others} == {"no drift"}
    for frame, found in ((before, first.reference), (after, first.window)):
        assert found == pytest.approx(stats.spearmanr(frame["x"], frame["y"]).statistic, abs=1e-9)
    assert first.words.startswith("x and y go together otherwise: rank correlation 0.1")


def test_a_changed_tie_of_categories_is_found() -> None:
    before, after = rows(4), rows(5, tie=0.2)
    found = {(pair.first, pair.second): pair for pair in changes(before, after, FEATURES, "t")}
    pair = found["kind", "place"]
    assert (pair.verdict, pair.measure) == ("drift", "Cramer's V")
    expected = stats.contingency.association(pd.crosstab(before["kind"], before["place"]).to_numpy(), method="cramer")
    assert pair.reference == pytest.approx(expected)
    ratio = found["z", "kind"]
    assert ratio.measure == "correlation ratio"
    for frame, told in ((before, ratio.reference), (after, ratio.window)):
        known = frame.dropna(subset=["z"])
        by_kind = [group["z"] for _, group in known.groupby(known["kind"].astype("object"), dropna=False)]
        kruskal = stats.kruskal(*by_kind).statistic  # of n ranks without ties: n - 1 times the ratio's square
        assert told == pytest.approx(np.sqrt(kruskal / (len(known) - 1)), abs=1e-9)


def test_constant_and_missing_columns_do_no_harm() -> None:
    before, after = (rows(seed).assign(z=np.nan, kind=None, place="p") for seed in (6, 7))
    assert {pair.verdict for pair in changes(before, after, FEATURES, "t")} == {"no drift"}
    assert changes(before, after, ["x"], "t") == ()
