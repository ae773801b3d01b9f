"""Whether a window's rows are such as the model learned from: estimates cannot be trusted on others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from roadworthy.monitoring.profiles import ColumnSummary, Profile
from roadworthy.monitoring.wording import percent

_NAMED = 3


def outside(training: Profile, window: Profile, columns: Iterable[str]) -> dict[str, float]:
    """Return, for each column, the share of the window's rows whose value training never had; 0 ones are left out.

    Never had are a number below the smallest or above the largest, a category that is new, a missing value where
    none was missing, and values of another kind. What the sketches leave in doubt is not counted. Rows that are new
    only in how values meet are not seen from profiles.

    Examples
    --------
    >>> import pandas as pd
    >>> training = Profile.of(pd.DataFrame({"temp": [30.0, 60.0], "origin": ["JFK", "EWR"]}))
    >>> window = Profile.of(pd.DataFrame({"temp": [45.0, 70.0], "origin": ["JFK", "JFK"]}))
    >>> outside(training, window, ["temp", "origin"])
    {'temp': 0.5}
    """
    shares = {name: _share(training.column(name), window.column(name)) for name in columns}
    return {name: share for name, share in shares.items() if share > 0}


def words(shares: Mapping[str, float], most: float) -> str:
    """Name the columns of which more than ``most`` lies outside; blank when there are none."""
    worst = sorted((name for name in shares if shares[name] > most), key=lambda name: -shares[name])
    named = ", ".join(f"{percent(shares[name])} of {name}" for name in worst[:_NAMED])
    more = f" and {len(worst) - _NAMED} more columns" if len(worst) > _NAMED else ""
    return f"values that training never had make up {named}{more}" if worst else ""


def _share(training: ColumnSummary, window: ColumnSummary) -> float:
    if window.n == 0 or training.n == 0:
        return 0.0
    missing = window.missing if training.missing == 0 else 0
    if window.kind == "empty":
        new = 0.0
    elif window.kind != training.kind:
        new = float(window.values) if training.kind != "empty" else 0.0
    elif window.kind == "numeric":
        ends = training.quantiles([0.0, 1.0])
        below, within = window.cdf(ends[:1], inclusive=False)[0], window.cdf(ends[1:])[0]
        new = window.values * float(np.clip(1 - within + below - 2 * window.rank_error, 0, 1))
    else:
        new = _unknown_categories(training, window)
    return (new + missing) / window.n


def _unknown_categories(training: ColumnSummary, window: ColumnSummary) -> float:
    known, found = training.counts(), window.counts()
    if not training.exact:  # a category that is not named may have come
        return 0.0
    return float(sum(count.lower for name, count in found.items() if name not in known))
