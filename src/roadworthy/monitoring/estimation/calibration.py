"""How often a score came true on rows held out from training, with the doubt that their number leaves.

A curve says for each score how probable a positive label is. It is fitted on held-out rows when a version is made, and
is all of them that is kept: no row. Estimates of performance rest on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy import special

from roadworthy.errors import MonitoringError
from roadworthy.records import Record

_Floats = NDArray[np.float64]
FILE = "calibration.curve.json"  # among a version's files
_LEAST = 1e-6  # a score closer to 0 or 1 is taken as so close
_KNOTS = (0.05, 0.35, 0.65, 0.95)  # quantiles; Harrell, Regression Modeling Strategies, 2015, table 2.3
_BENT_FROM = 100  # rows of the smaller class, from which on the curve may bend
_PRIOR = 0.01  # precision of the coefficients but the first: keeps them finite where a score decides the label
_STEPS = 50
_CLOSE = 1e-8
_DAYS_TO_GROUP = 10  # from which on rows of one day are not taken as independent


class Calibration(Record):
    """Probability of a positive label given the score: a logistic curve that corrects the score's own logit.

    The logit of the probability is that of the score plus a natural cubic spline of it. Where the scores are right
    the spline is 0, and with two coefficients it is Cox's recalibration (Two further applications of a model for
    binary regression, Biometrika 45, 1958); with knots it follows a curve as well (Austin and Steyerberg, Graphical
    assessment of internal and external calibration, Statistics in Medicine 33, 2014). Beyond the outer knots it is a
    straight line.
    """

    centre: float = Field(description="mean of the scores' logits")
    spread: float = Field(description="standard deviation of the scores' logits")
    knots: tuple[float, ...] = Field(default=(), description="in deviations from the centre")
    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    rows: int
    positives: int
    lowest: float = Field(description="smallest score it was fitted on")
    highest: float
    promised: float | None = Field(default=None, description="mean of the scores; as many positives they promised")
    shock: float = Field(default=0.0, description="variance, between days, of the logit that a day's rows share")

    @classmethod
    def kept(cls, file: Path) -> Calibration | None:
        """Read what was kept with a version; None where there is none, as with versions that are older than it."""
        return cls.model_validate_json(file.read_bytes()) if file.is_file() else None

    def probability(self, scores: ArrayLike) -> _Floats:
        """Return the probability of a positive label of each score, shape (rows,)."""
        given = np.asarray(scores, dtype=np.float64)
        logits = _logit(given) + self.basis(given) @ np.asarray(self.coefficients)
        return np.asarray(special.expit(logits), dtype=np.float64)

    def deviations(self, scores: ArrayLike) -> _Floats:
        """Return each score's logit in standard deviations from the mean of the held-out rows, shape (rows,)."""
        return (_logit(np.asarray(scores, dtype=np.float64)) - self.centre) / self.spread

    def basis(self, scores: ArrayLike) -> _Floats:
        """Return what the coefficients are multiplied with, shape (rows, coefficients)."""
        bent = max(len(self.knots) - 2, 0)
        return _basis(self.deviations(scores), np.asarray(self.knots), straight=len(self.coefficients) - bent)


def fit(scores: ArrayLike, labels: ArrayLike, times: pd.Series[Any] | None = None) -> Calibration:
    """Fit the curve by maximum likelihood on rows that the model was not trained or calibrated on.

    Parameters
    ----------
    scores
        Probability of the positive class that the model answers, of shape (rows,).
    labels
        Booleans, or zeros and ones, of shape (rows,).
    times
        Event times of shape (rows,). With them, rows of one day may share a fate, as flights share the weather: the
        covariance is then that of days (Liang and Zeger, Biometrika 73, 1986), and ``shock`` is how much they share.

    Raises
    ------
    MonitoringError
        When there are no rows of both classes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores = rng.uniform(size=5000)
    >>> curve = fit(scores, rng.random(5000) < scores / 2)
    >>> [round(float(p), 1) for p in curve.probability([0.2, 0.8])]
    [0.1, 0.4]
    """
    given, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    fewer = _fewer_class(truth)
    logits = _logit(given)
    centre, spread = float(logits.mean()), float(logits.std()) or 1.0
    deviations = (logits - centre) / spread
    knots = _knots(deviations, fewer)
    design = _basis(deviations, knots, straight=1 if np.ptp(given) == 0 else 2)
    coefficients = _newton(design, logits, truth)
    chances = special.expit(logits + design @ coefficients)
    days = None if times is None else _days(times)
    return Calibration(
        centre=centre,
        spread=spread,
        knots=tuple(knots.tolist()),
        coefficients=tuple(coefficients.tolist()),
        covariance=tuple(map(tuple, _covariance(design, truth, chances, days).tolist())),
        rows=len(truth),
        positives=int(truth.sum()),
        lowest=float(given.min()),
        highest=float(given.max()),
        promised=float(given.mean()),
        shock=_shock(truth, chances, days),
    )


def _fewer_class(truth: _Floats) -> int:
    fewer = int(min(truth.sum(), len(truth) - truth.sum()))
    if fewer < 1:
        raise MonitoringError(
            f"Of {len(truth)} held-out rows {int(truth.sum())} are positive.",
            "Hold out rows of both classes, so that the scores' calibration can be told.",
        )
    return fewer


def _logit(scores: _Floats) -> _Floats:
    return np.asarray(special.logit(np.clip(scores, _LEAST, 1 - _LEAST)), dtype=np.float64)


def _knots(deviations: _Floats, fewer: int) -> _Floats:
    """Where the curve may bend; nowhere with few rows of a class, or few scores."""
    knots = np.unique(np.quantile(deviations, _KNOTS)) if fewer >= _BENT_FROM else np.array([])
    return knots if len(knots) == len(_KNOTS) else np.array([])


def _basis(deviations: _Floats, knots: _Floats, *, straight: int) -> _Floats:
    """A constant, a line and, with knots, cubic splines that are straight beyond the outer knots (Harrell, 2015)."""
    columns: list[_Floats] = [np.ones_like(deviations), deviations][:straight]
    if len(knots):
        last, before, scale = float(knots[-1]), float(knots[-2]), float(knots[-1] - knots[0]) ** 2
        for knot in map(float, knots[:-2]):
            straightened = _cube(deviations, before) * (last - knot) - _cube(deviations, last) * (before - knot)
            bent = _cube(deviations, knot) - straightened / (last - before)
            columns.append(np.asarray(bent / scale, dtype=np.float64))
    return np.column_stack(columns)


def _cube(deviations: _Floats, knot: float) -> _Floats:
    return np.asarray(np.maximum(deviations - knot, 0.0) ** 3, dtype=np.float64)


def _newton(design: _Floats, offset: _Floats, truth: _Floats) -> _Floats:
    """Climb the likelihood, which has one top, by Newton's steps, halved for as long as they lead down."""

    def height(at: _Floats) -> float:
        logits = offset + design @ at
        return float(np.sum(truth * logits - np.logaddexp(0, logits)) - at @ _prior(design) @ at / 2)

    coefficients = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chances = special.expit(offset + design @ coefficients)
        slope = design.T @ (truth - chances) - _prior(design) @ coefficients
        step = np.linalg.solve(_information(design, chances), slope)
        while np.abs(step).max() > _CLOSE and height(coefficients + step) < height(coefficients):
            step = step / 2
        coefficients = coefficients + step
        if np.abs(step).max() <= _CLOSE:
            break
    return coefficients


def _information(design: _Floats, chances: _Floats) -> _Floats:
    steepness = (chances * (1 - chances))[:, None]
    return np.asarray(design.T @ (design * steepness), dtype=np.float64) + _prior(design)


def _prior(design: _Floats) -> _Floats:
    return np.asarray(np.diag([1e-9, *[_PRIOR] * (design.shape[1] - 1)]), dtype=np.float64)


def _covariance(design: _Floats, truth: _Floats, chances: _Floats, days: NDArray[np.intp] | None) -> _Floats:
    inverse = np.asarray(np.linalg.inv(_information(design, chances)), dtype=np.float64)
    if days is None:
        return inverse
    count, parameters = int(days.max()) + 1, design.shape[1]
    pulls = np.zeros((count, parameters))
    np.add.at(pulls, days, design * (truth - chances)[:, None])
    between = inverse @ (pulls.T @ pulls) @ inverse * count / (count - parameters)
    return np.asarray(between, dtype=np.float64)


def _shock(truth: _Floats, chances: _Floats, days: NDArray[np.intp] | None) -> float:
    """A day's residuals sum to 0 with the variance ``v + shock * v**2``, where ``v`` is that of independent labels."""
    if days is None:
        return 0.0
    count = int(days.max()) + 1
    sums, v = np.bincount(days, truth - chances), np.bincount(days, chances * (1 - chances))
    return max(float(np.sum(sums**2 * count / (count - 1) - v) / np.sum(v**2)), 0.0)


def _days(times: pd.Series[Any]) -> NDArray[np.intp] | None:
    """Number the days of event time in UTC; None when they are too few to tell how much their rows share."""
    moments = pd.to_datetime(times, utc=True).dt.floor("D")
    numbers, found = pd.factorize(moments, sort=True)
    return numbers if len(found) >= _DAYS_TO_GROUP else None
