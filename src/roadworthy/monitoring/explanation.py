"""Why a metric fell: because the inputs have changed, or because what follows from them has.

The labelled rows that were held out at release are weighted until their inputs are those of the window. What the metric
is on them would have been the window's, had only the inputs changed; the rest is a changed relation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from roadworthy.config import BusinessValue
from roadworthy.errors import MonitoringError
from roadworthy.monitoring import metrics, performance
from roadworthy.monitoring.blocks import as_floats, columns_of_kind, encoded
from roadworthy.monitoring.wording import figure
from roadworthy.records import Explanation

_Floats = NDArray[np.float64]
_NORMAL_95 = -float(scipy.special.ndtri(0.025))
_FOLDS = 5
_FEWEST_EFFECTIVE = 200  # rows that the weighted ones must be worth
_MOST_IMBALANCE = 0.2  # deviations by which the weighted rows' mean of a feature may be off the window's
_FEWEST_DAYS = 8  # from which on it is days that are counted, not rows


def explain(
    held_out: pd.DataFrame,
    window: pd.DataFrame,
    features: list[str],
    *,
    label: str,
    probability: str,
    time: str,
    metric: str,
    value: BusinessValue,
    most_rows: int = 10_000,
    seed: int = 0,
) -> Explanation:
    """Divide a metric's fall since release into the part of the inputs and that of a changed relation.

    Parameters
    ----------
    held_out
        Labelled rows that the version was not trained on, from its release.
    window
        Labelled rows of the window.
    features
        Names of the columns that are compared; the version may know more.
    label, probability, time
        Names of the columns with the label, the version's probability, and the event time.
    metric, value
        As for `performance.measure`.
    most_rows
        Of each side, drawn at random.
    seed
        Of the sample and of the classifier.

    Raises
    ------
    MonitoringError
        When the metric cannot be measured on either side.

    Notes
    -----
    A row's weight is the ratio of its density in the window to that at release, from the odds of a cross-fitted
    classifier that tells the two apart (Bickel, Brueckner and Scheffer, Discriminative learning under covariate shift,
    JMLR 10, 2009; Cai, Namkoong and Yadlowsky, Diagnosing model performance under distribution shift, 2023), cut at
    the root of the number of rows (Ionides, Truncated importance sampling, 2008). Intervals are from the metric's
    influence function, summed over days where there are eight or more; the weights are taken as they are.

    It cannot be said where the inputs hardly overlap: where the weighted rows are worth fewer than 200, or a feature's
    weighted mean stays 0.2 deviations off the window's. A feature that the version has not, and that has changed,
    counts as a changed relation; so does a changed mix of labels within the same inputs. A changed relation shows only
    where the window has rows.
    """
    rng = np.random.default_rng(seed)
    before, after = (side.iloc[rng.permutation(len(side))[:most_rows]] for side in (held_out, window))
    weights = _weights(encoded(pd.concat([before[features], after[features]])), len(before), seed)
    first, last = (side[[label, probability]].to_numpy(dtype=np.float64) for side in (before, after))
    released, realised = _metric(first, metric, value), _metric(last, metric, value)
    expected = _metric(first, metric, value, weights)
    worth = float(weights.sum() ** 2 / np.square(weights).sum())
    parts = _parts(metric, released, expected, realised, (_days(before[time]), _days(after[time])))
    why_not = _why_not(before[features], after[features], weights, worth)
    known = {} if why_not else parts
    return Explanation(
        metric=metric,
        reference=released.value,
        expected=expected.value,
        window=realised.value,
        inputs=known.get("inputs"),
        inputs_low=known.get("inputs_low"),
        inputs_high=known.get("inputs_high"),
        relation=known.get("relation"),
        relation_low=known.get("relation_low"),
        relation_high=known.get("relation_high"),
        effective_rows=worth,
        rows=len(before),
        labelled=len(after),
        trusted=not why_not,
        words=f"cannot say: {why_not}" if why_not else _words(metric, parts),
    )


class _Figure(NamedTuple):
    """A metric and what each row adds to its error, shape (rows,)."""

    value: float
    influence: _Floats


def _metric(known: _Floats, metric: str, value: BusinessValue, weights: _Floats | None = None) -> _Figure:
    """Measure rows of label and probability, shape (rows, 2)."""
    labels, scores = known.T
    counted = metrics.Rows.of(scores, labels, value, weights)
    found = metrics.measured(metric, counted) if len(known) > 1 else None
    if found is None:
        raise MonitoringError(
            f"{metric} cannot be measured on {len(known)} rows, {int(labels.sum())} of them positive.",
            "Wait until more labels have come.",
        )
    return _Figure(found.value, counted.weights * found.by_row)


def _weights(known: _Floats, before: int, seed: int) -> _Floats:
    """Return the density ratio of each of the first ``before`` rows, cross-fitted and cut, of mean 1."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # heavy; only where rows are kept
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    side = np.arange(len(known)) >= before
    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=8, min_samples_leaf=50, l2_regularization=1.0, max_bins=63,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    chance = cross_val_predict(model, known, side, cv=folds, method="predict_proba")[:before, 1]
    odds = np.clip(chance, 1e-6, 1 - 1e-6) / (1 - np.clip(chance, 1e-6, 1 - 1e-6))
    ratio = odds / odds.mean()
    cut: _Floats = np.minimum(ratio, math.sqrt(before))
    weights: _Floats = cut / cut.mean()
    return weights


def _parts(
    metric: str,
    released: _Figure,
    expected: _Figure,
    realised: _Figure,
    days: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> dict[str, float]:
    """Return both parts of the fall with their intervals; above 0 is worse."""
    sign = 1.0 if performance.improves(metric) else -1.0
    inputs, relation = sign * (released.value - expected.value), sign * (expected.value - realised.value)
    of_inputs = _NORMAL_95 * math.sqrt(_variance(released.influence - expected.influence, days[0]))
    of_relation = _NORMAL_95 * math.sqrt(
        _variance(expected.influence, days[0]) + _variance(realised.influence, days[1])
    )
    return {
        "inputs": inputs,
        "inputs_low": inputs - of_inputs,
        "inputs_high": inputs + of_inputs,
        "relation": relation,
        "relation_low": relation - of_relation,
        "relation_high": relation + of_relation,
    }


def _variance(influence: _Floats, days: NDArray[np.intp]) -> float:
    """Return the variance of a sum of what rows add, rows of one day being alike where there are days enough."""
    counts = np.bincount(days, influence) if days.max() + 1 >= _FEWEST_DAYS else influence
    return float(np.square(counts).sum()) * len(counts) / max(len(counts) - 1, 1)


def _days(times: pd.Series[pd.Timestamp]) -> NDArray[np.intp]:
    numbers: NDArray[np.intp] = pd.factorize(pd.to_datetime(times, utc=True).dt.floor("D"))[0]
    return numbers


def _why_not(before: pd.DataFrame, after: pd.DataFrame, weights: _Floats, worth: float) -> str:
    """Return why the parts cannot be told apart; blank where they can."""
    if worth < _FEWEST_EFFECTIVE:
        return (
            f"hardly any row at release was like the window's; the {len(before):,} held-out rows are worth "
            f"{worth:,.0f}, where {_FEWEST_EFFECTIVE} are needed"
        )
    numbers, texts = columns_of_kind(before)
    off = {name: _imbalance(as_floats(before[name]), as_floats(after[name]), weights) for name in numbers}
    for name in texts:
        first, second = (side[name].astype("object") for side in (before, after))
        common = second.value_counts().index[:1]
        if len(common):
            given = [(one == common[0]).fillna(value=False).to_numpy(dtype=np.float64) for one in (first, second)]
            off[name] = _imbalance(given[0], given[1], weights)
    worst = max(off, key=lambda name: off[name], default="")
    if off and off[worst] > _MOST_IMBALANCE:
        return f"weighting does not make {worst} at release what it is in the window"
    return ""


def _imbalance(before: _Floats, after: _Floats, weights: _Floats) -> float:
    """Return by how many deviations the weighted mean is off the window's."""
    here, there = np.isfinite(before), np.isfinite(after)
    if not here.any() or not there.any() or weights[here].sum() <= 0:
        return 0.0
    deviation = math.sqrt((float(before[here].var()) + float(after[there].var())) / 2)
    difference = float(np.average(before[here], weights=weights[here])) - float(after[there].mean())
    return abs(difference) / deviation if deviation > 0 else 0.0


def _words(metric: str, parts: dict[str, float]) -> str:
    def told(name: str) -> str:
        return f"{parts[name]:+.3f} ({parts[f'{name}_low']:+.3f} to {parts[f'{name}_high']:+.3f})"

    fall = parts["inputs"] + parts["relation"]
    direction = "fell" if fall > 0 else "rose"
    return (
        f"{metric} {direction} by {figure(abs(fall))} in all: "
        f"{told('inputs')} from other inputs, {told('relation')} from a changed relation; above 0 is worse"
    )
