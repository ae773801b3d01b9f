"""Whether a window's rows can be told from the reference's by a classifier that sees all features at once.

What no column shows by itself, such as two that no longer go together, shows here. The classifier is held to stretches
of time that it has not seen, and what counts as chance is what stretches differ by.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from roadworthy.monitoring.blocks import LEAST, Blocks, encoded
from roadworthy.records import Separation

_Floats = NDArray[np.float64]
_FOLDS = 4
_DEALS = 2_000  # of the stretches' sides: the least p-value is one in so many
THRESHOLD = 0.55  # area under the ROC curve
_NAMED = 3
_MOST_ALIKE = 0.9  # correlation of neighbours
_SHORT = 3  # stretches of a run on average, in which nothing is seen of neighbours
_NORMAL_ONE_SIDED = -float(scipy.special.ndtri(0.05))
_NORMAL_95 = -float(scipy.special.ndtri(0.025))


def separation(
    reference: pd.DataFrame,
    window: pd.DataFrame,
    features: list[str],
    time: str,
    *,
    level: float = 0.01,
    threshold: float = THRESHOLD,
    most_rows: int = 8_000,
    seed: int = 0,
) -> Separation:
    """Tell by a classifier whether a window's rows are unlike the reference's.

    Parameters
    ----------
    reference, window
        Rows with the features and the event time.
    features, time
        Names of columns.
    level
        Chance of a false alarm that this one test may take.
    threshold
        The least area under the ROC curve that matters; 0.55 is two normal distributions 0.18 deviations apart.
    most_rows
        Of each side, drawn at random.
    seed
        Of the sample, the folds and the dealing.

    Notes
    -----
    Gradient boosted trees learn from the stretches of time (`Blocks`) of the first fold and are tried on the second,
    then learn from both and are tried on the third, and so on: each trial is fair given what was learnt, which of a
    cross-validation that goes both ways cannot be said. The stretches of each trial are dealt out anew to the two
    sides 2,000 times, so that the p-value is that of a permutation test on the area under the ROC curve, of stretches,
    not of rows (Lopez-Paz and Oquab, Revisiting classifier two-sample tests, 2017; for the order of trials, Pandeva et
    al., E-valuating classifier two-sample tests, 2022). Where neighbouring stretches are alike as well, the dealt
    areas are spread by Bartlett's factor (see `design_effect`). The interval's variance is taken between stretches
    (Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53, 1997).
    """
    blocks = Blocks.of(reference, window, features, time, most=most_rows, seed=seed) if features else None
    if blocks is None:
        return _too_little(reference, window, level, threshold)
    folds = _folds(blocks)
    known = encoded(blocks.rows)
    models = {fold: _fitted(known, blocks, folds[blocks.block] < fold, seed) for fold in range(1, _FOLDS)}
    scores = np.zeros(len(blocks.rows))
    for fold, model in models.items():
        held_out = folds[blocks.block] == fold
        scores[held_out] = model.predict_proba(known[held_out])[:, 1]
    wins, pairs = _wins(scores, blocks, folds)
    area, p_value = _tested(wins, pairs, blocks, folds, np.random.default_rng(seed))
    error = _error(wins, pairs, blocks, folds, area)
    verdict = "drift" if area >= threshold and p_value <= level else "no drift"
    drivers = _drivers(models, known, blocks, folds, seed) if verdict == "drift" else {}
    return Separation(
        auc=area,
        low=max(area - _NORMAL_95 * error, 0.0),
        high=min(area + _NORMAL_95 * error, 1.0),
        threshold=threshold,
        p_value=p_value,
        level=level,
        n_reference=int((~blocks.of_window).sum()),
        n_window=int(blocks.of_window.sum()),
        blocks=int(blocks.in_window.sum()),
        drivers=drivers,
        verdict="drift" if verdict == "drift" else "no drift",
        words=_words(area, verdict == "drift", drivers),
    )


def _too_little(reference: pd.DataFrame, window: pd.DataFrame, level: float, threshold: float) -> Separation:
    return Separation(
        auc=0.5,
        low=0.0,
        high=1.0,
        threshold=threshold,
        p_value=1.0,
        level=level,
        n_reference=len(reference),
        n_window=len(window),
        blocks=0,
        verdict="too little data",
        words=f"too little data: rows of {LEAST} hours or days are needed on both sides",
    )


def _words(area: float, drifted: bool, drivers: dict[str, float]) -> str:
    if not drifted:
        return f"all features together are much as before: a classifier is right about {area:.0%} of pairs of rows"
    named = ", ".join(list(drivers)[:_NAMED])
    return f"the features together are unlike before: a classifier is right about {area:.0%} of pairs, by {named} most"


def _folds(blocks: Blocks) -> NDArray[np.intp]:
    """Divide the stretches of each side into folds of neighbours, shape (stretches,).

    A stretch is like those around it, which a model must not have seen.
    """
    folds = np.empty(len(blocks.in_window), dtype=np.intp)
    for side in (False, True):
        own = np.flatnonzero(blocks.in_window == side)
        folds[own] = np.arange(len(own)) * _FOLDS // len(own)
    return folds


def _fitted(known: _Floats, blocks: Blocks, learnt: NDArray[np.bool_], seed: int) -> Any:  # noqa: ANN401
    from sklearn.ensemble import HistGradientBoostingClassifier  # heavy; only where rows are kept

    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=40, max_bins=63, early_stopping=False,
        random_state=seed,
    )  # fmt: skip
    return model.fit(known[learnt], blocks.of_window[learnt])


def _wins(scores: _Floats, blocks: Blocks, folds: NDArray[np.intp]) -> tuple[_Floats, _Floats]:
    """Return how often a row of one stretch outranks one of another, and of how many pairs; ties count half.

    Only stretches of one trial are compared: their scores come from one model. Both of shape (stretches, stretches).
    """
    count = len(blocks.in_window)
    wins, pairs = np.zeros((count, count)), np.zeros((count, count))
    for fold in range(1, _FOLDS):
        own = np.flatnonzero(folds == fold)
        ordered = {block: np.sort(scores[blocks.block == block]) for block in own}
        for block in own:
            mine = ordered[block]
            for other in own:
                theirs = ordered[other]
                below = np.searchsorted(theirs, mine, "left") + np.searchsorted(theirs, mine, "right")
                wins[block, other] = below.sum() / 2
                pairs[block, other] = len(mine) * len(theirs)
    return wins, pairs


def _area(wins: _Floats, pairs: _Floats, in_window: NDArray[np.bool_]) -> float:
    mine = in_window.astype(np.float64)
    return float(mine @ wins @ (1 - mine)) / max(float(mine @ pairs @ (1 - mine)), 1.0)


def _tested(
    wins: _Floats, pairs: _Floats, blocks: Blocks, folds: NDArray[np.intp], rng: np.random.Generator
) -> tuple[float, float]:
    """Return the area, and the share of deals within trials that give one as large."""
    area = _area(wins, pairs, blocks.in_window)
    dealt = np.tile(blocks.in_window, (_DEALS, 1))
    for fold in range(1, _FOLDS):
        own = np.flatnonzero(folds == fold)
        dealt[:, own] = rng.permuted(dealt[:, own], axis=1)
    mine = dealt.astype(np.float64)
    above = ((mine @ wins) * (1 - mine)).sum(axis=1)
    total = ((mine @ pairs) * (1 - mine)).sum(axis=1)
    spread = np.sqrt(_likeness(wins, pairs, blocks, folds, area))
    as_large = int(((above / np.maximum(total, 1) - 0.5) * spread >= area - 0.5).sum())
    return area, (1 + as_large) / (1 + _DEALS)


def _placed(wins: _Floats, pairs: _Floats, in_window: NDArray[np.bool_], area: float) -> _Floats:
    """Return what each stretch adds to the area beyond its share, shape (stretches,)."""
    side = in_window.astype(np.float64)
    total = max(float(side @ pairs @ (1 - side)), 1.0)
    mine, theirs = wins @ (1 - side) - area * (pairs @ (1 - side)), side @ wins - area * (side @ pairs)
    placed: _Floats = np.where(in_window, mine, theirs) / total
    return placed


def _likeness(wins: _Floats, pairs: _Floats, blocks: Blocks, folds: NDArray[np.intp], area: float) -> float:
    """Return by what the variance grows as neighbouring stretches are alike, 1 or more.

    Of short runs whose mean is taken off, the correlation ``r`` of neighbours comes out too small by ``(1 + 3 r) / n``
    (Kendall, Note on bias in the estimation of autocorrelation, Biometrika 41, 1954); that is put right. As few
    stretches leave much doubt of it, it is taken at the upper end of its one-sided 95 % interval.
    """
    placed = _placed(wins, pairs, blocks.in_window, area)
    runs = [placed[(folds == fold) & (blocks.in_window == side)] for fold in range(1, _FOLDS) for side in (False, True)]
    runs = [run - run.mean() for run in runs if len(run) > 1]
    squares = sum(float(np.square(run).sum()) for run in runs)
    if squares <= 0:
        return 1.0
    products = sum(float((run[1:] * run[:-1]).sum()) for run in runs)
    alike = _MOST_ALIKE  # where the runs are too short to tell
    stretches = sum(len(run) for run in runs)
    length = stretches / len(runs)
    if length > _SHORT:
        seen = products / squares * stretches / (stretches - len(runs))
        alike = (seen + 1 / length) / (1 - 3 / length)
        alike += _NORMAL_ONE_SIDED * float(np.sqrt(max(1 - alike**2, 1 - _MOST_ALIKE**2) / stretches))
    shortest = min(len(run) for run in runs)
    lags = np.arange(1, shortest)
    return 1 + 2 * float(((1 - lags / shortest) * np.clip(alike, 0, _MOST_ALIKE) ** lags).sum())


def _error(wins: _Floats, pairs: _Floats, blocks: Blocks, folds: NDArray[np.intp], area: float) -> float:
    """Return the area's standard error between stretches."""
    placed = _placed(wins, pairs, blocks.in_window, area)
    tried = folds > 0
    parts = (placed[tried & blocks.in_window], placed[tried & ~blocks.in_window])
    variance = sum(len(part) / (len(part) - 1) * float(np.square(part).sum()) for part in parts)
    return float(np.sqrt(variance * _likeness(wins, pairs, blocks, folds, area)))


def _drivers(
    models: dict[int, Any], known: _Floats, blocks: Blocks, folds: NDArray[np.intp], seed: int
) -> dict[str, float]:
    """Return by how much the area falls when one feature is shuffled among the held-out rows; the largest first."""
    rng = np.random.default_rng(seed)

    def area(shuffled: int | None) -> float:
        falls = []
        for fold, model in models.items():
            held_out = folds[blocks.block] == fold
            rows = known[held_out].copy()
            if shuffled is not None:
                rows[:, shuffled] = rng.permutation(rows[:, shuffled])
            ranks = scipy.stats.rankdata(model.predict_proba(rows)[:, 1])
            mine = blocks.of_window[held_out]
            count = int(mine.sum())
            falls.append((ranks[mine].sum() - count * (count + 1) / 2) / (count * (len(mine) - count)))
        return float(np.mean(falls))

    whole = area(None)
    found = {str(name): whole - area(place) for place, name in enumerate(blocks.rows.columns)}
    return dict(sorted(found.items(), key=lambda one: -one[1]))
