"""Which labelled rows a version may be judged by: labels come late, and some kinds later than others.

Two things make the rows that have a label differ from all rows. Labels of one outcome may come later, so that young
rows with a label are too often of the other: then only rows are judged that are old enough for either. And rows may
be labelled by their score, as when only alarms are looked into: then each counts by how rare labels are among scores
like its own. What makes labels come by the outcome itself, other than their delay, nobody can tell from the labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from roadworthy.config import PerformancePolicy
from roadworthy.monitoring.wording import figure, percent

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]
_SURE = 0.01  # p-value at which labels count as biased
_LEAST_DISTANCE = 0.03  # between the scores of labelled rows and of others, that matters
_FEWEST = 50  # rows on either side, to compare them
_COMPLETE = 0.99  # share of the labels that ever come
_STRATA = 10


@dataclass(frozen=True)
class Judged:
    """The rows to judge by.

    Attributes
    ----------
    rows
        Whether each row is judged, of shape (rows,).
    weights
        What each judged row counts for, of shape (judged rows,); None where all count alike.
    words
        What was found, in plain words.
    """

    rows: _Bools
    weights: _Floats | None
    words: str


def judged(
    scores: _Floats,
    labels: pd.Series[Any],
    ages: _Floats | None,
    delays: _Floats | None,
    policy: PerformancePolicy,
) -> Judged:
    """Choose the labelled rows by which a version is judged, and what each counts for.

    Parameters
    ----------
    scores, labels
        Of all rows, each of shape (rows,); a label is missing where it has not come.
    ages
        Days since each row's event, of shape (rows,), or None where nobody knows what time it is.
    delays
        Days from each row's event until its label was known, of shape (rows,), not a number where there is none; or
        None.
    policy
        ``label_delay_days`` is the age from which on a row has its label, if it ever gets one; 0 looks at the delays.
    """
    labelled = labels.notna().to_numpy(bool)
    words = [f"{percent(labelled.mean()) if len(labelled) else '0 %'} of {len(labelled):,} rows have a label"]
    wait, why = policy.label_delay_days, "as the policy says that labels may take so long"
    if not wait and ages is not None and delays is not None:
        wait, why = _wait(labels, labelled, ages, delays)
    old = np.ones(len(labelled), dtype=bool) if ages is None or not wait else ages >= wait
    if not old.all():
        words.append(f"{int((labelled & ~old).sum()):,} younger than {figure(wait)} days are not judged, {why}")
    rows = labelled & old
    weights, bias = _weights(scores, rows, old)
    return Judged(rows, weights, "; ".join([*words, *bias]))


def complete_after(delays: _Floats, ages: _Floats) -> float:
    """Return the age in days at which 99 of 100 labels have come, of those that come within the greatest age seen.

    A young row shows its label only if that came early, so short delays are seen too often. The distribution is
    therefore estimated backwards, by the rows at risk of showing each delay (Lynden-Bell's estimator for truncated
    data, 1971; Lagakos, Barraj and De Gruttola, Nonparametric analysis of truncated survival data, Biometrika 75,
    1988).

    Parameters
    ----------
    delays, ages
        Of labelled rows, in days, each of shape (rows,); a label is not older than its row.
    """
    delays = np.minimum(delays, ages)
    times, counts = np.unique(delays, return_counts=True)
    at_risk = np.searchsorted(np.sort(delays), times, "right") - np.searchsorted(np.sort(ages), times, "left")
    later = np.concatenate([np.cumprod((1 - counts / np.maximum(at_risk, counts))[::-1])[::-1][1:], [1.0]])
    return float(times[np.argmax(later >= _COMPLETE)])


def _wait(labels: pd.Series[Any], labelled: _Bools, ages: _Floats, delays: _Floats) -> tuple[float, str]:
    """Return from which age on rows can be judged, and why; 0 where either outcome's labels come as soon."""
    known = labelled & np.isfinite(delays)
    if not known.any() or float(np.median((ages - delays)[known])) < 0:
        return 0.0, ""  # labels came after the newest row: their time is not that of the events, as in a replay
    known &= delays <= ages
    positive = known & labels.fillna(value=False).to_numpy(bool)
    negative = known & ~positive
    if min(positive.sum(), negative.sum()) < _FEWEST:
        return 0.0, ""
    if scipy.stats.mannwhitneyu(delays[positive], delays[negative]).pvalue >= _SURE:
        return 0.0, ""
    later = "positive" if np.median(delays[positive]) > np.median(delays[negative]) else "negative"
    medians = (figure(float(np.median(delays[of])), 2) for of in (positive, negative))
    wait = max(complete_after(delays[of], ages[of]) for of in (positive, negative))
    return wait, f"as {later} labels come later (after {' and '.join(medians)} days, positive and negative)"


def _weights(scores: _Floats, rows: _Bools, old: _Bools) -> tuple[_Floats | None, list[str]]:
    """Weigh judged rows by how many of all rows each stands for, where their scores lie elsewhere."""
    without = old & ~rows
    if min(rows.sum(), without.sum()) < _FEWEST:
        return None, []
    found = scipy.stats.ks_2samp(scores[rows], scores[old], method="asymp")
    separate = scipy.stats.ks_2samp(scores[rows], scores[without], method="asymp")
    if separate.pvalue >= _SURE or found.statistic < _LEAST_DISTANCE:
        return None, []
    edges = np.unique(np.quantile(scores[rows], np.linspace(0, 1, _STRATA + 1)[1:-1]))
    of_row, of_all = np.searchsorted(edges, scores[rows], "right"), np.searchsorted(edges, scores[old], "right")
    size = len(edges) + 1
    shares = np.bincount(of_all, minlength=size) / np.maximum(np.bincount(of_row, minlength=size), 1)
    higher = "higher" if np.mean(scores[rows]) > np.mean(scores[old]) else "lower"
    return shares[of_row], [f"those with a label have {higher} scores than all, so each counts for all of like score"]
