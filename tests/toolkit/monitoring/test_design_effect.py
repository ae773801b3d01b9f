"""How many independent rows a window's rows are worth: against what is known of simulated slices."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from roadworthy.monitoring.design_effect import DesignEffect, Slices

Floats = NDArray[np.float64]
NOTHING = Slices(np.zeros((0, 1)), np.zeros(0))


def beta_binomial(slices: int, rows: int, rho: float, seed: int, mean: float = 0.3) -> Slices:
    """Shares of slices in which two rows have correlation ``rho``."""
    rng = np.random.default_rng(seed)
    scale = (1 - rho) / rho if rho else np.inf
    chance = rng.beta(mean * scale, (1 - mean) * scale, slices) if rho else np.full(slices, mean)
    return Slices(rng.binomial(rows, chance)[:, None] / rows, np.full(slices, float(rows)))


def effect(reference: Slices, window: Slices = NOTHING, mean: float = 0.3) -> DesignEffect:
    return DesignEffect.of(reference, window, np.array([mean]), np.ones(1))


@pytest.mark.parametrize("rho", [0.0, 0.02, 0.1])
def test_the_correlation_within_slices_is_found(rho: float) -> None:
    found = [effect(beta_binomial(80, 300, rho, seed)).correlation for seed in range(30)]
    assert np.mean(found) == pytest.approx(rho, abs=0.001 + 0.05 * rho)


def test_rows_are_worth_what_the_variance_of_their_share_says() -> None:
    weeks = [beta_binomial(7, 400, 0.03, 100 + seed) for seed in range(2000)]
    means = np.array([week.mean[0] for week in weeks])
    known = effect(beta_binomial(4000, 400, 0.03, 1))
    assert known.rows(2800, weeks[0]) == pytest.approx(0.3 * 0.7 / means.var(), rel=0.1)
    assert known.rows(2800, weeks[0]) == pytest.approx(2800 / (1 + 399 * 0.03), rel=0.1)


def test_neighbours_that_are_alike_are_worth_less() -> None:
    rng = np.random.default_rng(2)

    def days(number: int) -> Floats:
        level = np.empty(number)
        level[0] = rng.normal()
        for day in range(1, number):
            level[day] = 0.6 * level[day - 1] + 0.8 * rng.normal()
        return stats.norm.cdf(0.4 * level)

    long = days(3000)
    reference = Slices((rng.binomial(500, long) / 500)[:, None], np.full(3000, 500.0))
    found = effect(reference, mean=0.5)
    assert found.neighbours == pytest.approx(0.57, abs=0.06)
    weeks = np.array([rng.binomial(500, days(7)).mean() / 500 for _ in range(3000)])
    week = Slices(np.full((7, 1), 0.5), np.full(7, 500.0))
    assert found.rows(3500, week) == pytest.approx(0.25 / weeks.var(), rel=0.15)


def test_independent_rows_are_worth_what_they_are() -> None:
    assert effect(NOTHING).rows(1000, NOTHING) == 1000
    found = effect(beta_binomial(60, 800, 0.0, 3), beta_binomial(1, 800, 0.0, 4))
    assert found.rows(800, found.window) > 500
    assert found.freedom == 59


def test_a_rhythm_is_no_noise_to_whole_rounds_of_it() -> None:
    rng = np.random.default_rng(5)
    chance = np.where(np.arange(98) % 7 >= 5, 0.6, 0.2)
    shares = (rng.binomial(500, chance) / 500)[:, None]
    year, week = Slices(shares[:91], np.full(91, 500.0), 7), Slices(shares[91:], np.full(7, 500.0), 7)
    by_rounds = effect(year, week)
    assert len(by_rounds.reference.rows) == 13
    assert by_rounds.rows(3500, by_rounds.window) > 1000
    one_day = effect(year, Slices(shares[91:92], np.full(1, 500.0), 7))
    assert one_day.rows(500, one_day.window) < 15


def test_what_the_reference_does_itself_is_seen() -> None:
    reference = beta_binomial(50, 400, 0.05, 6)
    window = Slices(reference.shares[7:8], reference.rows[7:8])
    found = effect(reference, window)
    rows = found.rows(20_000, found.reference), found.rows(400, found.window)
    seen = found.precedent(window.mean - reference.mean, rows, lambda one: np.abs(one[:, 0]))
    assert (len(seen.runs), seen.step) == (50, 1)
    as_far = (np.abs(reference.shares - 0.3) >= abs(window.mean[0] - 0.3) * 0.99).sum()
    assert (seen.runs >= seen.own * 0.99).sum() == as_far
    week = effect(reference, Slices(reference.shares[:7], reference.rows[:7]))
    weeks = week.precedent(window.mean, rows, lambda one: np.abs(one[:, 0]))
    assert (len(weeks.runs), weeks.step) == (44, 7)
    assert len(effect(NOTHING, reference).precedent(np.zeros(1), (10, 10), lambda one: one[:, 0]).runs) == 0


def test_estimated_noise_asks_for_more() -> None:
    few, many = DesignEffect(NOTHING, NOTHING, freedom=6), DesignEffect(NOTHING, NOTHING, freedom=1e6)
    for p in (0.5, 0.01, 1e-6):
        z = stats.norm.isf(p / 2)
        assert few.careful(p) == pytest.approx(2 * stats.t.sf(z, 6))
        assert many.careful(p) == pytest.approx(p, rel=1e-3)
        assert few.careful(few.careless(p)) == pytest.approx(p)


def test_cells_that_vary_unequally_cost_degrees_of_freedom() -> None:
    rng = np.random.default_rng(8)
    shares = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    tilts = 0.06 * rng.normal(size=(400, 1)) * np.array([1, -1, 0, 0, 0])  # only two of five vary
    uneven = np.array([rng.multinomial(300, np.clip(shares + tilt, 0, 1)) / 300 for tilt in tilts])
    alike = rng.dirichlet(shares * 30, 400)
    even = np.array([rng.multinomial(300, one) / 300 for one in alike])
    factor = {}
    for name, seen in (("uneven", uneven), ("even", even)):
        found = DesignEffect.of(Slices(seen, np.full(400, 300.0)), NOTHING, shares, shares)
        factor[name] = found.evenness(1 + 299 * found.correlation, 4)
    assert factor["even"] == pytest.approx(1, abs=0.15)
    assert factor["uneven"] > 2
