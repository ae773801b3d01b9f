"""The intervals against independent implementations, and by simulation: how often an end is ever wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special

from roadworthy.serving.rollout import bounds
from roadworthy.serving.rollout.bounds import Doubt

DOUBT = Doubt(0.01, 0.01)
RUNS, LONG = 400, 4000
ALPHA = 0.05


def _loop(values: list[float], alpha: float) -> tuple[float, float]:
    """Theorem 2 of Waudby-Smith and Ramdas, written as it stands there, with both ends at ``alpha / 2``."""
    weight = centre = cost = total = 0.0
    squares, mean, variance = 0.0, 0.5, 0.25
    for t, x in enumerate(values, start=1):
        bet = min(math.sqrt(2 * math.log(2 / alpha) / (variance * t * math.log(1 + t))), 0.5)
        cost += 4 * (x - mean) ** 2 * ((-math.log(1 - bet) - bet) / 4)
        weight, centre = weight + bet, centre + bet * x
        total += x
        mean = (0.5 + total) / (t + 1)
        squares += (x - mean) ** 2
        variance = (0.25 + squares) / (t + 1)
    margin = (math.log(2 / alpha) + cost) / weight
    return centre / weight - margin, centre / weight + margin


@pytest.mark.parametrize("n", [1, 2, 7, 500])
def test_the_mean_is_bounded_as_the_paper_says(n: int) -> None:
    values = np.random.default_rng(n).beta(2, 5, n)
    low, high = _loop(list(values), ALPHA)
    found = bounds.mean(values, Doubt(ALPHA / 2, ALPHA / 2))
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((max(0.0, low), min(1.0, high)))
    stretched = bounds.mean(2 * values - 1, Doubt(ALPHA / 2, ALPHA / 2), least=-1.0)
    assert (stretched.low, stretched.high) == pytest.approx((2 * found.low - 1, 2 * found.high - 1))


@pytest.mark.parametrize(("positive", "n"), [(0, 10), (3, 50), (8, 1000), (50, 50)])
def test_a_share_is_bounded_where_the_mixture_pays(positive: int, n: int) -> None:
    found = bounds.share(positive, n, DOUBT)

    def capital(m: float) -> float:
        """Log of the mixture over the density of the counts, by scipy's own functions."""
        mixture = special.betaln(positive + 0.5, n - positive + 0.5) - special.betaln(0.5, 0.5)
        return float(mixture - special.xlogy(positive, m) - special.xlog1py(n - positive, -m) + math.log(0.01))

    tiny = 1e-12
    low = optimize.brentq(capital, tiny, positive / n) if positive else 0.0
    high = optimize.brentq(capital, positive / n, 1 - tiny) if positive < n else 1.0
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("truth", [0.01, 0.1, 0.5])
def test_no_end_of_a_share_is_wrong_too_often_at_any_look(truth: float) -> None:
    draws = np.random.default_rng(1).random((RUNS, LONG)) < truth
    counts, n = draws.cumsum(axis=1), np.arange(1, LONG + 1)
    mixture = special.betaln(counts + 0.5, n - counts + 0.5) - special.betaln(0.5, 0.5)
    capital = mixture - special.xlogy(counts, truth) - special.xlog1py(n - counts, -truth)
    refuted = capital >= -math.log(ALPHA)
    above, below = refuted & (counts / n > truth), refuted & (counts / n < truth)
    assert above.any(axis=1).mean() <= ALPHA
    assert below.any(axis=1).mean() <= ALPHA
    for run, look in ((0, 99), (1, 999), (2, LONG - 1)):
        found = bounds.share(int(counts[run, look]), look + 1, Doubt(ALPHA, ALPHA))
        assert (found.low > truth, found.high < truth) == (above[run, look], below[run, look])


@pytest.mark.parametrize(("a", "b"), [(0.05, 0.45), (2.0, 8.0), (50.0, 50.0)])
def test_no_end_of_a_mean_is_wrong_too_often_at_any_look(a: float, b: float) -> None:
    draws = np.random.default_rng(2).beta(a, b, (RUNS, LONG))
    truth = a / (a + b)
    above = np.mean([(bounds.lower_ends(values, ALPHA) > truth).any() for values in draws])
    below = np.mean([(1 - bounds.lower_ends(1 - values, ALPHA) < truth).any() for values in draws])
    assert above <= ALPHA
    assert below <= ALPHA


def test_the_difference_of_two_samples_is_bounded_by_their_own_ends() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.beta(2, 5, 2000), rng.beta(2, 6, 3000)
    found = bounds.difference(first, second, Doubt(0.02, 0.04))
    one, other = bounds.mean(first, Doubt(0.01, 0.02)), bounds.mean(second, Doubt(0.02, 0.01))
    assert (found.low, found.high) == pytest.approx((one.low - other.high, one.high - other.low))
    assert found.n == 2000
    assert found.low < 2 / 7 - 2 / 8 < found.high


def test_nothing_known_is_nothing_said() -> None:
    none = np.zeros(0)
    assert bounds.share(0, 0, DOUBT) == bounds.Interval(0.0, 0.0, 1.0, 0)
    assert bounds.mean(none, DOUBT, least=-1.0) == bounds.Interval(0.0, -1.0, 1.0, 0)
    assert bounds.difference(np.ones(5), none, DOUBT) == bounds.Interval(0.0, -1.0, 1.0, 0)


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_share_lies_in_its_interval_and_mirrors_its_complement(positive: int, negative: int) -> None:
    found = bounds.share(positive, positive + negative, Doubt(0.01, 0.001))
    mirrored = bounds.share(negative, positive + negative, Doubt(0.001, 0.01))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)
