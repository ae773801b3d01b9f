"""Windows are ranked among the reference's own runs: how often that errs, and what it asks of a window."""

from __future__ import annotations

import numpy as np
import pytest

from roadworthy.monitoring.precedent import Precedent, Precedents

THRESHOLD, ERROR = 0.03, 0.02


def of(distances: np.ndarray) -> Precedents:
    """Precedents of distances of shape (1 + runs, columns), the window's first."""
    known = [Precedent(float(each[0]), each[1:], 1, ERROR) for each in distances.T]
    return Precedents.of(known, [THRESHOLD] * len(known))


def by_hand(distances: np.ndarray) -> list[float]:
    """The same chances, column by column and run by run."""
    strayed = np.zeros_like(distances)
    for column, each in enumerate(distances.T):
        strayed[:, column] = (each - np.mean(each)) / (np.std(each) + 0.2 * THRESHOLD / ERROR)
    chances = []
    for column in range(distances.shape[1]):
        as_far = sum(max(run) >= strayed[0, column] for run in strayed[1:])
        chances.append((as_far + 1) / len(distances) if as_far else 0.0)
    return chances


def test_chances_are_ranks_of_the_column_that_stands_out_most() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        distances = rng.exponential(rng.exponential(size=3), size=(25, 3))
        distances[0] *= rng.choice([1, 4])
        np.testing.assert_allclose(of(distances).chances(), by_hand(distances))


@pytest.mark.parametrize("kind", ["even", "heavy tails", "now and then", "days alike"])
def test_windows_like_the_runs_are_named_as_seldom_as_allowed(kind: str) -> None:
    rng, windows, level = np.random.default_rng(2), 6000, 2 / 64
    found = 0
    for _ in range(windows):
        drawn = rng.normal(size=(64, 6))
        if kind == "heavy tails":
            drawn = rng.standard_t(2, size=(64, 6))
        elif kind == "now and then":
            drawn = drawn + 8 * (rng.random((64, 6)) < 0.02)
        elif kind == "days alike":
            drawn = drawn + 2 * rng.normal(size=(64, 1))
        known = of(np.abs(drawn) * np.array([1, 1, 2, 5, 0.2, 1]))
        chances = np.maximum(known.chances(), known.least)
        found += bool((chances <= known.granted(level)).any())
    expected = windows * level
    assert abs(found - expected) < 3 * expected**0.5


@pytest.mark.parametrize("level", [1 / 64, 3 / 64])
def test_a_window_that_strays_as_far_as_asked_is_found_and_one_that_strays_less_is_not(level: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        distances = rng.exponential(size=(64, 4)) + 1
        distances[0] = distances[1:].mean(axis=0)
        asked = of(distances).asked(level)
        for column in range(4):
            for times, is_found in ((1.0001, True), (0.9999, False)):
                window = distances.copy()
                window[0, column] = asked[column] * times
                assert bool(max(of(window).chances()[column], 1 / 64) <= level + 1e-12) == is_found


def test_a_column_in_which_hardly_anything_moves_does_not_set_the_bar() -> None:
    """One odd row on one day is as many deviations as there can be, and next to nothing."""
    rng = np.random.default_rng(4)
    distances = np.column_stack([rng.exponential(size=64) + 1, np.zeros(64)])
    distances[7, 1] = 0.05  # a fiftieth of a standard error of what matters
    distances[0, 0] = 9.0
    assert of(distances).chances()[0] == 0.0


def test_runs_that_overlap_are_not_ranked() -> None:
    """Runs of seven days, of which six in seven have days in common, and windows of seven new days."""
    rng, level, days, length, windows = np.random.default_rng(5), 0.05, 140, 7, 1500
    found = 0
    for _ in range(windows):
        drawn = rng.standard_t(3, size=(days + length, 3))
        reference, mean = drawn[:days], drawn[:days].mean(axis=0)
        runs = np.lib.stride_tricks.sliding_window_view(reference, length, axis=0).mean(axis=2)
        away = np.abs(np.vstack([drawn[days:].mean(axis=0), runs]) - mean)
        away[0] /= np.sqrt(1 / length + 1 / days)
        away[1:] /= np.sqrt(1 / length - 1 / days)
        known = Precedents.of([Precedent(float(one[0]), one[1:], length, ERROR) for one in away.T], [THRESHOLD] * 3)
        ranked = known.apart()
        assert len(ranked.distances) == 1 + 20
        found += bool((np.maximum(ranked.chances(), ranked.least) <= ranked.granted(level)).any())
    expected = windows / 21
    assert abs(found - expected) < 3 * expected**0.5


def test_facts_without_runs_or_with_fewer_are_not_among_them() -> None:
    known = Precedents.of([None, Precedent(9.0, np.ones(10), 1, ERROR), Precedent(9.0, np.ones(4), 1, ERROR)], [1] * 3)
    assert known.among.tolist() == [False, True, False]
    feeds = [Precedent(9.0, np.ones(runs), 1, ERROR) for runs in (70, 69, 69, 12)]  # two were down for a day
    assert Precedents.of(feeds, [THRESHOLD] * 4).among.tolist() == [False, True, True, False]
    assert known.chances().tolist() == [0.0, 0.0, 0.0]
    assert known.asked(0.1).tolist()[::2] == [0.0, 0.0]
    nothing = Precedents.of([Precedent(9.0, np.zeros(0), 1, ERROR)], [THRESHOLD])
    assert (nothing.granted(0.9), nothing.chances().tolist(), nothing.asked(0.1).tolist()) == (0.0, [0.0], [0.0])
