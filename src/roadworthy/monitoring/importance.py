"""What a model goes by, measured at its release, so that drift is ranked by what matters to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from roadworthy.config import BusinessValue
from roadworthy.errors import MonitoringError
from roadworthy.monitoring import performance
from roadworthy.records import FeatureImportance, Importance, Reading

FILE = "importance.json"

Predict = Callable[[pd.DataFrame], NDArray[np.float64]]
_MOST_ROWS = 1_500
_FEWEST_ROWS = 200  # of which on a metric's value hangs on a handful of rows
_MOST_ANSWERS = 100_000  # rows that the model answers in all: seconds for trees, a minute for the slowest
_REPEATS = 3


def permuted(
    predict: Predict,
    rows: pd.DataFrame,
    labels: NDArray[np.bool_],
    *,
    metric: str,
    value: BusinessValue,
    seed: int = 0,
) -> Importance | None:
    """Measure each feature's permutation importance.

    A feature is shuffled among the rows, so that it keeps its distribution and loses all that it says of the label;
    its importance is by how much the metric becomes worse. Two features that say the same share it: each looks less
    important than both are together.

    Parameters
    ----------
    predict
        Gives the probability of the positive class, shape (rows,), for rows with the features.
    rows
        The features, shape (rows, features), of rows that the model was not trained on. Of more than 1,500 a random
        sample is taken, and of fewer where there are many features: the model answers some 100,000 rows at most.
    labels
        Shape (rows,).
    metric, value
        As for `performance.measure`.
    seed
        Of the sample and of the shuffling.

    Returns
    -------
    Importance or None
        None where there are too few rows, fewer than 200, or the metric cannot be measured on them.

    Notes
    -----
    Breiman, Random forests, Machine Learning 45, 2001; by scikit-learn's ``permutation_importance``.
    """
    from sklearn.inspection import permutation_importance  # heavy; no command should pay that releases nothing

    affordable = max(_MOST_ANSWERS // (_REPEATS * max(rows.shape[1], 1)), _FEWEST_ROWS)
    chosen = np.random.default_rng(seed).permutation(len(rows))[: min(_MOST_ROWS, affordable)]
    some, truth = rows.iloc[chosen], labels[chosen]
    sign = 1.0 if performance.improves(metric) else -1.0

    def score(model: _Fitted, frame: pd.DataFrame, known: NDArray[np.bool_]) -> float:
        return sign * performance.measure(known, model.predict(frame), value)[metric].value

    if len(some) < _FEWEST_ROWS or metric not in performance.measure(truth, predict(some), value):
        return None
    found = permutation_importance(_Fitted(predict), some, truth, scoring=score, n_repeats=_REPEATS, random_state=seed)
    names = [str(name) for name in rows.columns]
    features = {
        name: FeatureImportance(mean=float(mean), sd=float(sd))
        for name, mean, sd in zip(names, found.importances_mean, found.importances_std, strict=True)
    }
    return Importance(metric=metric, rows=len(some), repeats=_REPEATS, features=features)


def read(path: Path) -> Importance | None:
    """Read a version's importance; None where it was released without.

    Raises
    ------
    MonitoringError
        When the file is not one that `permuted` filled.
    """
    if not path.is_file():
        return None
    try:
        return Importance.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise MonitoringError(
            f"{path} does not hold a version's feature importance.", "Release the run again to make a whole version."
        ) from error


def ranked(readings: Iterable[Reading], importance: Importance | None) -> tuple[Reading, ...]:
    """Return readings that say how much their column matters, in the order of `Reading.urgency`.

    Without any importance, for versions that were released before it was measured, size alone counts. Nothing is left
    out.
    """
    known = importance.features if importance else {}
    told = (
        reading.model_copy(update={"importance": importance.weight(reading.column)})
        if importance and reading.column in known
        else reading
        for reading in readings
    )
    return tuple(sorted(told, key=Reading.urgency))


class _Fitted:
    """A model as scikit-learn asks for one: it has been fitted."""

    def __init__(self, predict: Predict) -> None:
        self.predict = predict

    def fit(self, *_: Any) -> _Fitted:  # noqa: ANN401  (scikit-learn only looks that it is there)
        return self
