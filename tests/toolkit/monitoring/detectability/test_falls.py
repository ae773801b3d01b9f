"""The fall that is said to be found is found: by the very question that observation asks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from roadworthy.config import BusinessValue
from roadworthy.monitoring import performance
from roadworthy.monitoring.detectability import falls
from roadworthy.records import MetricReading

VALUE = BusinessValue()
RELEASED, WINDOW = 6000, 1500
TOLERATED, LOOKS_FROM, REPEATS = 0.03, 300, 150


def scored(n: int, distance: float, rng: np.random.Generator) -> dict[str, MetricReading]:
    """Measure rows whose classes' scores lie so many deviations apart; their area under the curve follows."""
    labels = rng.random(n) < 0.3
    scores = rng.normal(distance * labels)
    return performance.measure(labels, stats.norm.cdf(scores), VALUE)


def area(distance: float) -> float:
    return float(stats.norm.cdf(distance / np.sqrt(2)))


def test_a_fall_of_the_stated_size_is_found_four_times_in_five() -> None:
    found = 0
    for repeat in range(REPEATS):
        rng = np.random.default_rng(repeat)
        release = scored(RELEASED, 1.0, rng)["roc_auc"]
        fall = falls.smallest(release, WINDOW, tolerated=TOLERATED, power=0.8, looks_from=LOOKS_FROM)
        assert fall is not None
        distance = optimize.brentq(lambda d, to: area(d) - to, 0, 3, args=(release.value - fall,))
        now = performance.widened(scored(WINDOW, distance, rng)["roc_auc"], LOOKS_FROM)  # as a window is judged
        found += performance.fell(now, release, TOLERATED)[1]
    assert 0.72 <= found / REPEATS <= 0.88  # 0.8 and two standard errors of chance


def test_it_shrinks_with_rows_to_what_is_tolerated_and_the_releases_own_doubt() -> None:
    release = MetricReading(metric="log_loss", value=0.40, low=0.39, high=0.41, n=5000)
    sizes = [falls.smallest(release, n, tolerated=0.02, power=0.8, looks_from=LOOKS_FROM) for n in (500, 5000, 10**8)]
    assert sizes == sorted(sizes, key=lambda size: -(size or 0))
    assert sizes[-1] == pytest.approx(0.03, abs=1e-3)
    assert falls.after(release, 0.05) == pytest.approx(0.45)


def test_an_area_cannot_fall_below_chance() -> None:
    release = MetricReading(metric="roc_auc", value=0.55, low=0.5, high=0.6, n=300)
    assert falls.smallest(release, 500, tolerated=0.03, power=0.8, looks_from=LOOKS_FROM) is None


def test_an_interval_without_width_is_no_obstacle() -> None:
    release = MetricReading(metric="value_per_1000", value=900.0, low=900.0, high=900.0, n=300)
    assert falls.smallest(release, 500, tolerated=5.0, power=0.8, looks_from=LOOKS_FROM) == pytest.approx(5.0, abs=1e-6)
