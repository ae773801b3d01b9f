"""Shares of rows: the intervals against scipy and the literature, and how often the test errs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from roadworthy.monitoring.measures.shares import Share, changed_share, difference, wilson

NOBODY = 0


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (3, 50), (25, 50), (499, 500)])
def test_wilsons_interval_is_that_of_scipy(hits: int, n: int) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n, stats.norm.isf(0.025)) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize(
    ("reference", "window", "low", "high"),
    [((48, 80), (56, 70), 0.0524, 0.3339), ((0, 10), (10, 10), 0.6075, 1.0)],  # Newcombe 1998, table II, method 10
)
def test_the_interval_of_a_difference_is_newcombes(
    reference: tuple[int, int], window: tuple[int, int], low: float, high: float
) -> None:
    found = difference(Share(*reference), Share(*window))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_intervals_cover_and_the_test_seldom_errs() -> None:
    rng = np.random.default_rng(1)
    covered, sure = 0, 0
    for _ in range(800):
        same = difference(Share(rng.binomial(9000, 0.08), 9000), Share(rng.binomial(700, 0.08), 700))
        moved = difference(Share(rng.binomial(9000, 0.08), 9000), Share(rng.binomial(700, 0.14), 700))
        sure += same.p_value <= 0.01
        covered += moved.low <= 0.06 <= moved.high
    assert sure <= 18  # 99.9 % of binomial(800, 0.01) lie at or below
    assert 0.93 <= covered / 800 <= 0.97


def test_a_detectable_share_is_found_four_times_out_of_five() -> None:
    rng = np.random.default_rng(2)
    rise = difference(Share(900, 30_000), Share(60, 2000)).detectable(0.001)
    found = [difference(Share(900, 30_000), Share(rng.binomial(2000, 0.03 + rise), 2000)).p_value for _ in range(1000)]
    assert np.mean(np.array(found) <= 0.001) == pytest.approx(0.8, abs=0.06)


def test_bursts_in_slices_make_it_careful() -> None:
    rng = np.random.default_rng(3)

    def days(number: int) -> Share:
        slices = tuple((float(rng.binomial(500, rng.beta(1, 19))), 500.0) for _ in range(number))
        return Share(sum(hits for hits, _ in slices), 500.0 * number, slices)

    careful, careless = 0, 0
    for _ in range(150):
        reference, window = days(40), days(3)
        careful += difference(reference, window).p_value <= 0.01
        careless += difference(Share(reference.hits, reference.n), Share(window.hits, window.n)).p_value <= 0.01
    assert careless > 75
    assert careful <= 7


def test_nothing_is_said_of_no_rows() -> None:
    found = difference(Share(NOBODY, NOBODY), Share(3, 10))
    assert (found.p_value, found.low, found.high, found.detectable(0.05)) == (1.0, 0.0, 1.0, 1.0)


def test_a_fact_is_told_in_the_words_given() -> None:
    found = changed_share(
        Share(2, 1000), Share(90, 1000), "values of x", "values of x left the range", "9.0 %, was 0.2 %"
    )
    assert (found.subject, found.headline, found.fact) == (
        "values of x",
        "values of x left the range",
        "9.0 %, was 0.2 %",
    )
    assert (found.effect, found.n_reference, found.effective_n) == (0.088, 1000, 1000)
    assert found.p_value < 1e-12
