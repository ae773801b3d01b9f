"""Whether features still go together as they did, each feature by itself being as it may.

Ranks are taken within each side, and shares of categories as well, so that only what two features do together counts:
a correlation can turn round while both columns look as before.
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from roadworthy.monitoring.blocks import Blocks, as_floats, columns_of_kind
from roadworthy.monitoring.wording import figure
from roadworthy.records import AssociationChange

_Floats = NDArray[np.float64]
_DEALS = 1_000
_MOST_CATEGORIES = 6  # of a feature, each with a place of its own; the rest goes with the missing values' place
THRESHOLD = 0.1  # change of a correlation
_Measure = Literal["rank correlation", "correlation ratio", "Cramer's V"]


def changes(
    reference: pd.DataFrame,
    window: pd.DataFrame,
    features: list[str],
    time: str,
    *,
    level: float = 0.01,
    threshold: float = THRESHOLD,
    most_rows: int = 8_000,
    seed: int = 0,
) -> tuple[AssociationChange, ...]:
    """Return how each pair of features goes together, before and now; those that changed first, the largest first.

    Parameters
    ----------
    reference, window
        Rows with the features and the event time.
    features, time
        Names of columns.
    level
        Chance of a false alarm that all pairs together may take.
    threshold
        The least change of a correlation that matters.
    most_rows, seed
        As for `multivariate.separation`.

    Returns
    -------
    tuple
        Empty where there are too few stretches of time on either side, see `Blocks`.

    Notes
    -----
    A number becomes the normal score of its rank, a category a column of zeros and ones for each of its six most
    frequent values. Each pair's change is the largest difference of a correlation of theirs, over its standard error
    in 1,000 deals of the stretches of time to the two sides; corrected over all pairs by the largest of each deal
    (Westfall and Young, Resampling-based multiple testing, 1993, single-step maxT). What is shown is Spearman's
    correlation of two numbers, the correlation ratio of a number's ranks by a category, and Cramer's V of two
    categories.
    """
    blocks = Blocks.of(reference, window, features, time, most=most_rows, seed=seed)
    if blocks is None or len(features) < 2:
        return ()
    scored = _scored(blocks)
    pairs = _pairs(scored, features)
    before, after = _correlations(scored.values, ~blocks.of_window), _correlations(scored.values, blocks.of_window)
    found = _largest(after - before, pairs)
    adjusted = _adjusted(scored.values, blocks, pairs, np.random.default_rng(seed))
    made = [
        _change(blocks, pair, effect=float(effect), threshold=threshold, adjusted_p=float(p_value), level=level)
        for pair, effect, p_value in zip(pairs, found, adjusted, strict=True)
    ]
    return tuple(sorted(made, key=lambda one: (one.verdict != "drift", -one.effect, one.first, one.second)))


class _Scored(NamedTuple):
    """Scores of shape (rows, columns), and the feature that each column is of."""

    values: _Floats
    feature: list[str]


class _Pair(NamedTuple):
    """Two features and the places of their columns in the matrix of correlations."""

    first: str
    second: str
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def _scored(blocks: Blocks) -> _Scored:
    """Return standardized scores within each side; what is missing is at the mean, where it says nothing."""
    numbers, _ = columns_of_kind(blocks.rows)
    columns, owners = [], []
    for name in blocks.rows.columns:
        parts = _number(blocks, name) if name in numbers else _categories(blocks, name)
        columns += parts
        owners += [str(name)] * len(parts)
    return _Scored(np.column_stack(columns), owners)


def _number(blocks: Blocks, name: str) -> list[_Floats]:
    values, scores = as_floats(blocks.rows[name]), np.zeros(len(blocks.rows))
    for side in (False, True):
        own = (blocks.of_window == side) & np.isfinite(values)
        ranks = scipy.stats.rankdata(values[own])
        scores[own] = _standard(scipy.special.ndtri((ranks - 0.5) / max(len(ranks), 1)))
    return [scores]


def _categories(blocks: Blocks, name: str) -> list[_Floats]:
    column = blocks.rows[name].astype("object")
    frequent = column.value_counts().index[:_MOST_CATEGORIES]
    dummies = []
    for value in frequent[: max(len(frequent) - 1, 1)] if len(frequent) < _MOST_CATEGORIES else frequent:
        given = (column == value).fillna(value=False).to_numpy(dtype=np.float64)
        scores = np.zeros(len(given))
        for side in (False, True):
            own = blocks.of_window == side
            scores[own] = _standard(given[own])
        dummies.append(scores)
    return dummies or [np.zeros(len(column))]


def _standard(values: _Floats) -> _Floats:
    deviation = float(values.std()) if len(values) else 0.0
    standard: _Floats = (values - values.mean()) / deviation if deviation > 0 else np.zeros(len(values))
    return standard


def _pairs(scored: _Scored, features: list[str]) -> list[_Pair]:
    owner = np.array(scored.feature, dtype=object)
    places = {name: np.flatnonzero(owner == name) for name in features}
    found = []
    for first, second in combinations(features, 2):
        rows, columns = np.meshgrid(places[first], places[second], indexing="ij")
        found.append(_Pair(first, second, rows.ravel(), columns.ravel()))
    return found


def _correlations(values: _Floats, own: NDArray[np.bool_]) -> _Floats:
    some = values[own]
    found: _Floats = some.T @ some / len(some)
    return found


def _largest(difference: _Floats, pairs: list[_Pair]) -> _Floats:
    return np.array([np.abs(difference[pair.rows, pair.columns]).max() for pair in pairs])


def _adjusted(values: _Floats, blocks: Blocks, pairs: list[_Pair], rng: np.random.Generator) -> _Floats:
    """Return each pair's p-value, corrected over all pairs."""
    size = values.shape[1]
    products = np.array([values[blocks.block == block].T @ values[blocks.block == block] for block in _each(blocks)])
    products = products.reshape(len(products), -1)
    rows = np.bincount(blocks.block).astype(np.float64)
    dealt = np.vstack([blocks.in_window, *(blocks.relabelled(rng) for _ in range(_DEALS))]).astype(np.float64)
    after, before = dealt @ products / (dealt @ rows)[:, None], (1 - dealt) @ products / ((1 - dealt) @ rows)[:, None]
    differences = (after - before).reshape(-1, size, size)
    errors = np.maximum(differences[1:].std(axis=0), 1e-9)
    standardized = np.abs(differences / errors)
    of_pairs = np.column_stack([standardized[:, pair.rows, pair.columns].max(axis=1) for pair in pairs])
    most = of_pairs[1:].max(axis=1)
    as_large = (most[None, :] >= of_pairs[0][:, None]).sum(axis=1)
    return np.asarray((1 + as_large) / (1 + _DEALS), dtype=np.float64)


def _each(blocks: Blocks) -> range:
    return range(len(blocks.in_window))


def _change(
    blocks: Blocks, pair: _Pair, *, effect: float, threshold: float, adjusted_p: float, level: float
) -> AssociationChange:
    measure, before, after = _strength(blocks, pair)
    drifted = effect >= threshold and adjusted_p <= level
    told = f"{pair.first} and {pair.second}: {measure} {figure(after, 2)}, it was {figure(before, 2)}"
    return AssociationChange(
        first=pair.first,
        second=pair.second,
        measure=measure,
        reference=before,
        window=after,
        effect=effect,
        threshold=threshold,
        adjusted_p=adjusted_p,
        level=level,
        verdict="drift" if drifted else "no drift",
        words=f"{pair.first} and {pair.second} go together otherwise: {told.partition(': ')[2]}" if drifted else told,
    )


def _strength(blocks: Blocks, pair: _Pair) -> tuple[_Measure, float, float]:
    """Return the standard measure of how two features go together, in the reference and in the window."""
    numbers, _ = columns_of_kind(blocks.rows[[pair.first, pair.second]])
    sides = [blocks.rows[blocks.of_window == side][[pair.first, pair.second]].dropna() for side in (False, True)]
    if len(numbers) == 2:
        ranked = [[scipy.stats.rankdata(as_floats(side[name])) for name in numbers] for side in sides]
        before, after = (float((_standard(x) * _standard(y)).mean()) if len(x) else 0.0 for x, y in ranked)
        return "rank correlation", before, after
    if len(numbers) == 1:
        other = pair.second if numbers[0] == pair.first else pair.first
        before, after = (_ratio(scipy.stats.rankdata(as_floats(side[numbers[0]])), side[other]) for side in sides)
        return "correlation ratio", before, after
    before, after = (_cramer(pd.crosstab(side[pair.first], side[pair.second]).to_numpy()) for side in sides)
    return "Cramer's V", before, after


def _ratio(ranks: _Floats, groups: pd.Series) -> float:
    """Root of the share of the ranks' variance that lies between groups (Pearson 1905)."""
    if len(ranks) < 2:
        return 0.0
    means = pd.Series(ranks).groupby(groups.astype("object").to_numpy()).transform("mean").to_numpy()
    return float(means.std() / max(float(ranks.std()), 1e-9))


def _cramer(table: NDArray[np.int64]) -> float:
    if min(table.shape, default=0) < 2:
        return 0.0
    return float(scipy.stats.contingency.association(table, method="cramer"))
