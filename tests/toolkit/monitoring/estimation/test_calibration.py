"""The calibration curve against scikit-learn, its doubt against refits, its shared shock against simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.estimation.calibration import Calibration, fit


def rows_of(n: int, seed: int, slope: float = 0.6) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.2, n)
    return 1 / (1 + np.exp(-logits)), rng.random(n) < 1 / (1 + np.exp(-slope * logits))


def test_without_knots_it_is_logistic_regression_of_the_logit() -> None:
    p, labels = rows_of(220, 1)
    curve = fit(p, labels)
    assert curve.knots == ()
    logits = np.log(p / (1 - p))[:, None]
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(logits, labels)
    grid = np.array([0.05, 0.2, 0.5, 0.9])
    expected = theirs.predict_proba(np.log(grid / (1 - grid))[:, None])[:, 1]
    assert curve.probability(grid) == pytest.approx(expected, abs=1e-3)


def test_a_bent_curve_is_followed() -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(2, 4, 60_000)
    truth = 0.1 + 0.5 * p**2
    curve = fit(p, rng.random(60_000) < truth)
    assert len(curve.knots) == 4
    grid = np.quantile(p, [0.05, 0.25, 0.5, 0.75, 0.95])
    assert curve.probability(grid) == pytest.approx(0.1 + 0.5 * grid**2, abs=0.01)


def test_covariance_is_how_much_refits_differ() -> None:
    fits = [fit(*rows_of(1500, 100 + seed)).probability([0.1, 0.4]) for seed in range(150)]
    curve = fit(*rows_of(1500, 100))
    basis, chances = curve.basis(np.array([0.1, 0.4])), curve.probability([0.1, 0.4])
    errors = np.sqrt(np.diag(basis @ np.array(curve.covariance) @ basis.T)) * chances * (1 - chances)
    assert errors == pytest.approx(np.std(fits, axis=0), rel=0.3)


@pytest.mark.parametrize("shock", [0.0, 0.25])
def test_what_a_days_rows_share_is_found_and_leaves_more_doubt(shock: float) -> None:
    rng = np.random.default_rng(3)
    days = np.repeat(np.arange(200), 100)
    logits = rng.normal(-1, 1, len(days))
    labels = rng.random(len(days)) < 1 / (1 + np.exp(-logits - rng.normal(0, np.sqrt(shock), 200)[days]))
    p, times = 1 / (1 + np.exp(-logits)), pd.Series(pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(days, "D"))
    curve = fit(p, labels, times)
    assert curve.shock == pytest.approx(shock, abs=0.05)
    variance = p * (1 - p)
    mean = variance @ curve.basis(p)
    ratio = (mean @ curve.covariance @ mean) / (mean @ fit(p, labels).covariance @ mean)
    assert ratio == pytest.approx(1 + 100 * 0.18 * shock, rel=0.35)


def test_few_days_are_taken_as_independent_rows() -> None:
    p, labels = rows_of(1000, 4)
    times = pd.Series(pd.date_range("2013-01-01", periods=1000, freq="1min"))
    assert fit(p, labels, times) == fit(p, labels)


def test_one_class_is_refused_and_one_score_is_no_slope() -> None:
    with pytest.raises(MonitoringError, match="Of 3 held-out rows 0 are positive"):
        fit([0.1, 0.2, 0.3], [0, 0, 0])
    curve = fit(np.full(400, 0.3), np.arange(400) < 200)
    assert len(curve.coefficients) == 1
    assert curve.probability([0.3]) == pytest.approx([0.5])


def test_a_score_that_decides_the_label_stays_finite() -> None:
    p = np.linspace(0.01, 0.99, 1000)
    curve = fit(p, p > 0.5)
    assert np.isfinite(curve.covariance).all()
    assert np.isfinite(curve.probability([0.0, 0.5, 1.0])).all()


def test_it_survives_json() -> None:
    curve = fit(*rows_of(3000, 5))
    assert Calibration.model_validate_json(curve.model_dump_json()) == curve
