"""Performance of a regressor before labels come: direct loss estimation (DLE).

A second model learns, on held-out rows, how wrong the first one is where. Its mean over a window's rows is what the
first one's error there is expected to be. Unlike a classifier's scores, a regressor's answers do not say how sure they
are; so the window's rows are needed, and a profile is not enough.

The idea is NannyML's (Direct loss estimation, in its documentation); the interval is ours. The toolkit's own service
answers with probabilities: this is for notebooks, and for regressors that are served elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import scipy
from numpy.typing import ArrayLike, NDArray

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.metrics import DOUBT
from roadworthy.records import MetricReading

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

_Floats = NDArray[np.float64]
Loss = Literal["mae", "mse"]

_LOSSES: dict[Loss, Callable[[_Floats], _Floats]] = {"mae": np.abs, "mse": np.square}
_FOLDS = 10
_FEWEST = 200
_CATEGORIES = 250  # of a column, the most frequent; the trees take at most 255
_ANSWER = "the regressor's answer"


@dataclass(frozen=True)
class DirectLoss:
    """How wrong a regressor is where, as `learn` has learned it.

    Attributes
    ----------
    loss
        ``mae`` for the mean of the errors' sizes, ``mse`` for that of their squares.
    models
        Each learned without one fold of the held-out rows.
    spread
        Variance of one row's loss: a constant, and a factor of the square of what is foretold of it.
    categories
        Of each column of text, the values that are told apart.
    """

    loss: Loss
    models: Sequence[Any]
    spread: tuple[float, float]
    categories: dict[str, pd.Index[Any]]

    def estimate(self, inputs: pd.DataFrame, answers: ArrayLike) -> MetricReading:
        """Estimate the loss on rows whose labels are not known, with the 95 % interval of what they will show.

        Parameters
        ----------
        inputs, answers
            What the regressor was given, with the columns of `learn`, and what it answered, of shape (rows,).

        Raises
        ------
        MonitoringError
            When there are no rows.

        Notes
        -----
        The doubt has two parts. Each label may come out otherwise, as the held-out rows' did. And the models were
        learned from finitely many rows: by the delete-a-group jackknife over the folds (Kott, The delete-a-group
        jackknife, Journal of Official Statistics 17, 2001), with Student's t by Satterthwaite's degrees of freedom.
        Rows are taken as independent. Nothing here knows of a relation that has changed since, nor of inputs that
        the held-out rows did not have: hold them against training by `support.outside` first.
        """
        if inputs.empty:
            raise MonitoringError("There are no rows to estimate a loss on.", "Wait until the window has rows.")
        rows = _prepared(inputs, answers, self.categories)
        foretold = np.array([model.predict(rows) for model in self.models])
        means, folds = foretold.mean(axis=1), len(self.models)
        constant, factor = self.spread
        of_labels = float(np.mean(constant + factor * foretold.mean(axis=0) ** 2)) / len(rows)
        of_models = (folds - 1) / folds * float(np.sum((means - means.mean()) ** 2))
        freedom = (folds - 1) * ((of_labels + of_models) / max(of_models, 1e-300)) ** 2
        margin = float(scipy.stats.t.ppf(1 - DOUBT / 2, freedom)) * math.sqrt(of_labels + of_models)
        value = max(float(means.mean()), 0.0)
        low, high = max(value - margin, 0.0), value + margin
        return MetricReading(metric=self.loss, value=value, low=low, high=high, n=len(rows))


def learn(
    inputs: pd.DataFrame, answers: ArrayLike, labels: ArrayLike, *, loss: Loss = "mae", seed: int = 0
) -> DirectLoss:
    """Learn how wrong a regressor is where, on rows that it was not trained on.

    Parameters
    ----------
    inputs, answers, labels
        What the regressor was given (numbers, and text as categories), what it answered and what came, each with as
        many rows.
    loss
        Which error is estimated.
    seed
        Divides the rows into folds.

    Raises
    ------
    MonitoringError
        When there are fewer than 200 rows, or none of the losses is a number.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> inputs = pd.DataFrame({"x": rng.uniform(0, 1, 2000)})
    >>> labels = inputs["x"] * rng.normal(size=2000)  # the regressor answers 0; it is wrong where x is large
    >>> learned = learn(inputs, np.zeros(2000), labels, loss="mse")
    >>> 0.5 < learned.estimate(inputs[inputs["x"] > 0.8], np.zeros((inputs["x"] > 0.8).sum())).value < 1.1
    True
    """
    from sklearn.model_selection import KFold  # heavy; only where rows are kept

    losses = _LOSSES[loss](np.asarray(labels, dtype=np.float64) - np.asarray(answers, dtype=np.float64))
    if len(losses) < _FEWEST or not np.isfinite(losses).all():
        raise MonitoringError(
            f"A loss cannot be learned from {len(losses)} rows, {int((~np.isfinite(losses)).sum())} of them without.",
            f"Give at least {_FEWEST} held-out rows, each with its answer and label.",
        )
    texts = [str(name) for name in inputs.columns if not pd.api.types.is_numeric_dtype(inputs[name].dtype)]
    categories = {name: inputs[name].value_counts().index[:_CATEGORIES] for name in texts}
    rows = _prepared(inputs, answers, categories)
    models, foretold = [], np.empty(len(rows))
    for rest, fold in KFold(_FOLDS, shuffle=True, random_state=seed).split(rows):
        models.append(_trees().fit(rows.iloc[rest], losses[rest]))
        foretold[fold] = models[-1].predict(rows.iloc[fold])
    design = np.column_stack([np.ones_like(foretold), foretold**2])
    (constant, factor), _ = scipy.optimize.nnls(design, (losses - foretold) ** 2)
    return DirectLoss(loss, tuple(models), (float(constant), float(factor)), categories)


def _trees() -> HistGradientBoostingRegressor:
    from sklearn.ensemble import HistGradientBoostingRegressor  # as above

    return HistGradientBoostingRegressor(
        max_iter=60, max_leaf_nodes=8, min_samples_leaf=30, early_stopping=False, random_state=0
    )


def _prepared(inputs: pd.DataFrame, answers: ArrayLike, categories: dict[str, pd.Index[Any]]) -> pd.DataFrame:
    """The trees' rows: text as categories, one that is not told apart as missing; the answer beside the inputs."""
    told_apart = {name: inputs[name].where(inputs[name].isin(known)) for name, known in categories.items()}
    as_categories = {name: pd.Categorical(told_apart[name], categories=known) for name, known in categories.items()}
    return inputs.assign(**as_categories, **{_ANSWER: np.asarray(answers, dtype=np.float64)})
