"""Why a metric fell: because the inputs have changed, or because what follows from them has.

From the labelled rows that were held out at release it is learned how labels follow from inputs. What the metric would
be if they still followed so in the window is what other inputs explain; the rest is a changed relation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

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
    The expected metric is estimated doubly robustly, so that it is right where one of two models is, and errors of both
    only multiply (Bang and Robins, Doubly robust estimation in missing data and causal inference models, Biometrics 61,
    2005; Chernozhukov et al., Double/debiased machine learning, Econometrics Journal 21, 2018). Cross-fitted trees
    learn on held-out rows how probable a positive label is, given features and score; the window's rows are labelled by
    that. How far the labels of held-out rows were off from it is added, each row weighted by the ratio of its density
    in the window to that at release, from the odds of a cross-fitted classifier that tells the two apart (Bickel,
    Brueckner and Scheffer, Discriminative learning under covariate shift, JMLR 10, 2009; Cai, Namkoong and Yadlowsky,
    Diagnosing model performance under distribution shift, 2023), cut at the root of the number of rows (Ionides,
    Truncated importance sampling, 2008). Intervals are from the influence functions of both sides' rows, summed over
    days where there are eight or more, with Student's t by Satterthwaite's degrees of freedom.

    It cannot be said where the inputs hardly overlap: where the weighted rows are worth fewer than 200, or a feature's
    weighted mean stays 0.2 deviations off the window's. A feature that the version has not, and that has changed,
    counts as a changed relation; so does a changed mix of labels within the same inputs. A changed relation shows only
    where the window has rows.
    """
    rng = np.random.default_rng(seed)
    before, after = (side.iloc[rng.permutation(len(side))[:most_rows]] for side in (held_out, window))
    encoded_rows = encoded(pd.concat([before[features], after[features]]))
    first, last = (side[[label, probability]].to_numpy(dtype=np.float64) for side in (before, after))
    released, realised = _measured(first, metric, value), _measured(last, metric, value)
    blocks = _blocks(before[time], after[time])
    weights = _weights(encoded_rows, blocks, len(before), seed)
    scores, window_only = np.concatenate([first[:, 1], last[:, 1]]), np.repeat([0.0, 1.0], [len(before), len(after)])
    chances = _cross_fitted(np.column_stack([encoded_rows, scores]), first[:, 0], blocks, seed)
    expected = _expected(
        metric, metrics.Rows.of(scores, chances, value, window_only), weights * (first[:, 0] - chances[: len(before)])
    )
    worth = float(weights.sum() ** 2 / np.square(weights).sum())
    parts = _parts(
        metric,
        _Figure(released.value, released.by_row / len(before), np.zeros(len(after))),
        expected,
        _Figure(realised.value, np.zeros(len(before)), realised.by_row / len(after)),
        blocks,
    )
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


@dataclass(frozen=True)
class _Figure:
    """A metric, and what each row adds to its error: each held-out row, and each of the window."""

    value: float
    before: _Floats
    after: _Floats

    def __sub__(self, other: _Figure) -> _Figure:
        return _Figure(self.value - other.value, self.before - other.before, self.after - other.after)


def _measured(known: _Floats, metric: str, value: BusinessValue) -> metrics.Measured:
    """Measure rows of label and probability, shape (rows, 2)."""
    labels, scores = known.T
    found = metrics.measured(metric, metrics.Rows.of(scores, labels, value)) if len(known) > 1 else None
    if found is None:
        raise MonitoringError(
            f"{metric} cannot be measured on {len(known)} rows, {int(labels.sum())} of them positive.",
            "Wait until more labels have come.",
        )
    return found


def _expected(metric: str, rows: metrics.Rows, missed: _Floats) -> _Figure:
    """Return what the metric would be in the window, did labels follow from inputs there as they did at release.

    Parameters
    ----------
    metric
        Its name.
    rows
        The held-out rows, which count nothing, and the window's, labelled by what was learned.
    missed
        How far the labels of the held-out rows were off from that, weighted, shape (held-out rows,).
    """
    found, count = metrics.measured(metric, rows), len(missed)
    if found is None:
        raise MonitoringError(
            f"{metric} cannot be expected of {len(rows.scores) - count} rows.", "Wait until more labels have come."
        )
    before = missed * found.by_label[:count] / count
    return _Figure(found.value + float(before.sum()), before, found.by_row[count:] * rows.weights[count:])


def _weights(known: _Floats, blocks: NDArray[np.intp], before: int, seed: int) -> _Floats:
    """Return the density ratio of each of the first ``before`` rows, cross-fitted and cut, of mean 1."""
    side = (np.arange(len(known)) >= before).astype(np.float64)
    chance = np.clip(_cross_fitted(known, side, blocks, seed)[:before], 1e-6, 1 - 1e-6)
    odds = chance / (1 - chance)
    cut: _Floats = np.minimum(odds / odds.mean(), math.sqrt(before))
    weights: _Floats = cut / cut.mean()
    return weights


def _cross_fitted(known: _Floats, answers: _Floats, blocks: NDArray[np.intp], seed: int) -> _Floats:
    """Return how probable the answer 1 is in each row, by what was learned from the rows of other blocks.

    Parameters
    ----------
    known
        What it follows from, shape (rows, features).
    answers
        0 or 1 for the first rows, from which is learned; of the others the folds' models are averaged.
    blocks
        Number of each row's block, shape (rows,).
    seed
        Of the folds and the trees.
    """
    learnt, chances = len(answers), np.zeros(len(known))
    folds = np.random.default_rng(seed).permutation(int(blocks[:learnt].max()) + 1)[blocks[:learnt]] % _FOLDS
    for fold in range(_FOLDS):
        rest, own = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        fewest = int(min(answers[rest].sum(), len(rest) - answers[rest].sum()))
        if fewest < 1:
            raise MonitoringError(
                f"Nothing can be learned from {learnt} rows, {int(answers.sum())} of them positive.",
                "Hold out rows of both labels on more days, then build and release again.",
            )
        model = _trees(seed).fit(known[rest], answers[rest])
        if len(own):
            chances[own] = model.predict_proba(known[own])[:, 1]
        if learnt < len(known):
            chances[learnt:] += model.predict_proba(known[learnt:])[:, 1] / _FOLDS
    return chances


def _trees(seed: int) -> Any:  # noqa: ANN401
    from sklearn.ensemble import HistGradientBoostingClassifier  # heavy; only where rows are kept

    return HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=8, min_samples_leaf=50, l2_regularization=1.0, max_bins=63,
        early_stopping=False, random_state=seed,
    )  # fmt: skip


def _parts(
    metric: str,
    released: _Figure,
    expected: _Figure,
    realised: _Figure,
    blocks: NDArray[np.intp],
) -> dict[str, float]:
    """Return both parts of the fall with their intervals; above 0 is worse."""
    sign = 1.0 if performance.improves(metric) else -1.0
    parts: dict[str, float] = {}
    for name, part in (("inputs", released - expected), ("relation", expected - realised)):
        middle, margin = sign * part.value, _margin(part, blocks)
        parts |= {name: middle, f"{name}_low": middle - margin, f"{name}_high": middle + margin}
    return parts


def _margin(part: _Figure, blocks: NDArray[np.intp]) -> float:
    """Return half of a part's 95 % interval."""
    count = len(part.before)
    sides = [_variance(part.before, blocks[:count]), _variance(part.after, blocks[count:] - blocks[count:].min())]
    total = sum(variance for variance, _ in sides)
    if total <= 0:
        return 0.0
    freedom = total**2 / sum(variance**2 / freedom for variance, freedom in sides)
    return float(scipy.stats.t.isf(0.025, freedom)) * math.sqrt(total)


def _variance(influence: _Floats, blocks: NDArray[np.intp]) -> tuple[float, int]:
    """Return the variance of a sum of what rows add, block by block, and its degrees of freedom."""
    counts = np.bincount(blocks, influence)
    freedom = max(len(counts) - 1, 1)
    return float(np.square(counts).sum()) * len(counts) / freedom, freedom


def _blocks(*sides: pd.Series[pd.Timestamp]) -> NDArray[np.intp]:
    """Number the days of each side's rows, as rows of one day are alike; the rows themselves, where days are few."""
    numbers: list[NDArray[np.intp]] = []
    for times in sides:
        days, found = pd.factorize(pd.to_datetime(times, utc=True).dt.floor("D"))
        own = days if len(found) >= _FEWEST_DAYS else np.arange(len(times))
        numbers.append(own + (numbers[-1].max() + 1 if numbers else 0))
    return np.concatenate(numbers)


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
