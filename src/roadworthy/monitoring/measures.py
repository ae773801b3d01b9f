"""Drift measures: each weighs one kind of change between two profiles of a column.

A measure gives the size of the change (``effect``, from 0 to 1) and the probability of so large a change by chance
(``p_value``); `drift` decides. To add one, write a class like those below and decorate it with `measure`: it then
takes part in every comparison, and every test of the family finds it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from roadworthy.contract import Column
from roadworthy.monitoring import bars as histograms
from roadworthy.monitoring.profiles import ColumnSummary, Count
from roadworthy.monitoring.wording import pair, percent
from roadworthy.records import Bar

_Floats = NDArray[np.float64]
_GRID = np.linspace(0, 1, 513)
_LEAST_EXPECTED = 5  # in a cell of a chi-square test
_LEAST_COUNT_TO_DOUBT = 5  # a category's certain count over its doubt, from which on it is a cell of its own
_NAMED = 3  # categories named in words


@dataclass(frozen=True)
class Evidence:
    """What a measure found.

    In words: ``headline`` for a change that counts, ``subject`` for what was looked at, ``fact`` for the figures.
    """

    statistic: float
    effect: float
    p_value: float
    n_reference: int
    n_window: int
    subject: str
    headline: str
    fact: str
    bars: tuple[Bar, ...] = ()


class Measure(ABC):
    """Weighs one kind of change.

    Attributes
    ----------
    name
        The test's standard name.
    kind
        ``feature`` for the values' distribution, ``missing`` for missing values, ``unseen`` for unseen categories.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["feature", "missing", "unseen"]] = "feature"

    @abstractmethod
    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Return whether this measure has something to say about such a column."""

    @abstractmethod
    def weigh(self, reference: ColumnSummary, window: ColumnSummary, column: Column) -> Evidence:
        """Weigh the change of a column that the measure applies to."""


MEASURES: list[Measure] = []
_AnyMeasure = TypeVar("_AnyMeasure", bound=type[Measure])


def measure(kind_of_measure: _AnyMeasure) -> _AnyMeasure:
    """Add a measure to the family."""
    MEASURES.append(kind_of_measure())
    return kind_of_measure


@measure
class KolmogorovSmirnov(Measure):
    """Largest distance between two distributions of numbers.

    The distance is taken at 513 quantiles of each sketch, from both sides of each. A sketch's ranks are off by a
    standard error ``s`` (`ColumnSummary.rank_error`); a share near one half of n rows is off by ``sqrt(0.25 / n)``
    from sampling. Both together are what ``n / (1 + 4 n s**2)`` rows would have, and these enter the asymptotic
    two-sample test (Hodges, The significance probability of the Smirnov two-sample test, 1958; as in scipy).
    """

    name = "Kolmogorov-Smirnov"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether both hold numbers."""
        return reference.kind == window.kind == "numeric"

    def weigh(self, reference: ColumnSummary, window: ColumnSummary, column: Column) -> Evidence:
        """Weigh the change of a numeric column."""
        points = np.unique(np.concatenate([reference.quantiles(_GRID), window.quantiles(_GRID)]))
        higher = reference.cdf(points) - window.cdf(points)
        just_below = reference.cdf(points, inclusive=False) - window.cdf(points, inclusive=False)
        distance = float(max(np.abs(higher).max(), np.abs(just_below).max()))
        place = int(np.argmax(np.abs(higher)))
        rows = _rows_with_sketch_error(reference), _rows_with_sketch_error(window)
        harmonic = max(1, round(rows[0] * rows[1] / (rows[0] + rows[1])))
        headline, fact = _numeric_words(reference, window, column, points[place], float(higher[place]))
        return Evidence(
            statistic=distance,
            effect=distance,
            p_value=float(np.clip(stats.kstwo.sf(distance, harmonic), 0, 1)),
            n_reference=reference.values,
            n_window=window.values,
            subject=column.name,
            headline=headline,
            fact=fact,
            bars=histograms.numeric(reference, window, column),
        )


@measure
class ChiSquareHomogeneity(Measure):
    """Whether categories come as often as they did; the effect is the total variation distance of their shares.

    Cells that expect fewer than 5 rows are pooled for the test (Cochran, Some methods for strengthening the common
    chi-square tests, 1954). Above 3,072 categories a sketch knows counts within bounds only: then the reference's
    categories with a tight count are cells and all others one more, and each count is taken, within its bounds,
    as near as can be to what no change would bring. What is doubtful is never counted as drift.
    """

    name = "chi-square homogeneity"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether both hold categories."""
        return reference.kind == window.kind == "categorical"

    def weigh(self, reference: ColumnSummary, window: ColumnSummary, column: Column) -> Evidence:
        """Weigh the change of a categorical column."""
        names, cells = _cells(reference, window)
        shares = cells / cells.sum(axis=1, keepdims=True)
        statistic, p_value = _chi_square(_pooled(cells))
        return Evidence(
            statistic=statistic,
            effect=float(np.abs(shares[1] - shares[0]).sum() / 2),
            p_value=p_value,
            n_reference=reference.values,
            n_window=window.values,
            subject=column.name,
            headline=f"{column.name} is made up differently",
            fact=_movers(names, shares),
            bars=histograms.categories(reference, window),
        )


@measure
class ChangedKind(Measure):
    """Numbers have become text, or the other way round: no test is needed."""

    name = "kind of values"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether both hold values, of different kinds."""
        return reference.kind != window.kind and "empty" not in (reference.kind, window.kind)

    def weigh(self, reference: ColumnSummary, window: ColumnSummary, column: Column) -> Evidence:
        """State the change."""
        return Evidence(
            statistic=1.0,
            effect=1.0,
            p_value=0.0,
            n_reference=reference.values,
            n_window=window.values,
            subject=column.name,
            headline=f"{column.name} holds another kind of values",
            fact=f"its values are now {window.kind}, they were {reference.kind}",
        )


@measure
class MissingValues(Measure):
    """Change of the share of missing values, by the two-proportion test."""

    name = "two-proportion z"
    kind = "missing"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether a value is missing in either."""
        return reference.missing + window.missing > 0 and window.n > 0

    def weigh(self, reference: ColumnSummary, window: ColumnSummary, column: Column) -> Evidence:
        """Weigh the change of the share of missing values."""
        before = reference.missing / reference.n if reference.n else 0.0
        after = window.missing / window.n
        pooled = (reference.missing + window.missing) / (reference.n + window.n)
        variance = pooled * (1 - pooled) * (1 / max(reference.n, 1) + 1 / window.n)
        z = (after - before) / variance**0.5 if variance > 0 and reference.n else 0.0
        verb = "rose" if after > before else "fell"
        subject = f"missing values of {column.name}"
        return Evidence(
            statistic=z,
            effect=abs(after - before) if reference.n else 0.0,
            p_value=float(2 * stats.norm.sf(abs(z))),
            n_reference=reference.n,
            n_window=window.n,
            subject=subject,
            headline=f"{subject} {verb}",
            fact=f"{percent(after)} of the rows have none, it was {percent(before)}",
        )


@measure
class UnseenCategories(Measure):
    """Share of the window's rows whose category the reference never had.

    A long tail brings new categories without any change: as many rows as the reference has categories that came
    once (Good, The population frequencies of species, 1953). The test is Fisher's, one-sided, against that. Where
    the reference has too many categories to name them all, new ones are counted by the sketches of distinct values,
    against the most that no change can bring: a curve of distinct values over rows only flattens, so it goes on no
    steeper than its mean slope. The share is then a lower bound. A column of ever new values never drifts by this.
    """

    name = "unseen categories"
    kind = "unseen"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether both hold categories."""
        return reference.kind == window.kind == "categorical"

    def weigh(self, reference: ColumnSummary, window: ColumnSummary, column: Column) -> Evidence:
        """Weigh the share of rows in unseen categories."""
        new = _unseen_named(reference, window) if reference.exact else _unseen_counted(reference, window)
        share = new.rows / window.values
        examples = f", such as {', '.join(new.names)}" if new.names else ""
        return Evidence(
            statistic=float(new.rows),
            effect=share,
            p_value=new.p_value,
            n_reference=reference.values,
            n_window=window.values,
            subject=f"unseen categories of {column.name}",
            headline=f"{column.name} has categories never seen in training",
            fact=f"{'' if new.exact else 'at least '}{percent(share)} of the rows{examples}",
        )


# --- numbers -------------------------------------------------------------------------------------------------------


def _rows_with_sketch_error(column: ColumnSummary) -> float:
    return column.values / (1 + 4 * column.values * column.rank_error**2)


def _numeric_words(
    reference: ColumnSummary, window: ColumnSummary, column: Column, place: float, higher: float
) -> tuple[str, str]:
    """Tell it by the medians where they moved the way the distribution did, else by the place of the largest gap."""
    unit = f" {column.unit}" if column.unit and column.unit not in column.name else ""
    before, after = float(reference.quantiles([0.5])[0]), float(window.quantiles([0.5])[0])
    if (after - before) * higher > 0:
        now, was = pair(after, before, column)
        return (
            f"{column.name} is {'higher' if higher > 0 else 'lower'}",
            f"half of the values are now {'at least' if higher > 0 else 'at most'} {now}{unit}, it was {was}",
        )
    at = np.array([place])
    now, was = percent(float(window.cdf(at)[0])), percent(float(reference.cdf(at)[0]))
    where = pair(place, place, column)[0]
    return f"{column.name} is spread differently", f"{now} of the values are now at most {where}{unit}, it was {was}"


# --- categories ----------------------------------------------------------------------------------------------------


def _cells(reference: ColumnSummary, window: ColumnSummary) -> tuple[list[str], _Floats]:
    """Names of the cells and their counts, shape (2, cells); the last cell is what has no name, when there is such."""
    before, after = reference.counts(), window.counts()
    if reference.exact and window.exact:
        names = sorted({*before, *after})
        rows = [[float(side[name].lower) if name in side else 0.0 for name in names] for side in (before, after)]
        return names, np.array(rows)
    names = sorted(name for name, count in before.items() if _tight(count))
    forgotten = Count(0, window.most_of_a_forgotten_category)
    bounds = [[before[name] for name in names], [after.get(name, forgotten) for name in names]]
    sizes = np.array([[reference.values], [window.values]], dtype=np.float64)
    cells = _nearest_to_no_change(bounds, sizes)
    rest = np.maximum(sizes - cells.sum(axis=1, keepdims=True), 0.0)
    return [*names, "all others"], np.hstack([cells, rest])


def _tight(count: Count) -> bool:
    return count.lower >= _LEAST_COUNT_TO_DOUBT * max(count.upper - count.lower, 1)


def _nearest_to_no_change(bounds: list[list[Count]], sizes: _Floats) -> _Floats:
    lower = np.array([[count.lower for count in row] for row in bounds], dtype=np.float64)
    upper = np.array([[count.upper for count in row] for row in bounds], dtype=np.float64)
    pooled = (lower + upper).sum(axis=0) / 2 / sizes.sum()
    nearest: _Floats = np.clip(pooled * sizes, lower, upper)
    return nearest


def _pooled(cells: _Floats) -> _Floats:
    """Pool the cells that expect too few rows; should the pool expect too few, add the smallest other cell."""
    least_expected = cells.sum(axis=0) * (np.min(cells.sum(axis=1)) / cells.sum())
    order = np.argsort(least_expected, kind="stable")
    few = int((least_expected < _LEAST_EXPECTED).sum())
    while 0 < few < len(order) and least_expected[order[:few]].sum() < _LEAST_EXPECTED:
        few += 1
    if few == 0:
        return cells
    pool = cells[:, order[:few]].sum(axis=1, keepdims=True)
    return np.hstack([cells[:, order[few:]], pool])


def _chi_square(cells: _Floats) -> tuple[float, float]:
    cells = cells[:, cells.sum(axis=0) > 0]
    if cells.shape[1] < 2 or (cells.sum(axis=1) == 0).any():
        return 0.0, 1.0
    result = stats.chi2_contingency(cells, correction=False)
    return float(result.statistic), float(result.pvalue)


def _movers(names: list[str], shares: _Floats) -> str:
    change = shares[1] - shares[0]
    largest = [i for i in np.argsort(-np.abs(change), kind="stable")[:_NAMED] if change[i] != 0]
    told = [
        f"{names[i] or '(empty text)'} {'rose' if change[i] > 0 else 'fell'} "
        f"from {percent(float(shares[0, i]))} to {percent(float(shares[1, i]))}"
        for i in largest
    ]
    return ", ".join(told) or "every category has the share that it had"


@dataclass(frozen=True)
class _Unseen:
    rows: float
    p_value: float
    exact: bool
    names: tuple[str, ...] = ()


def _unseen_named(reference: ColumnSummary, window: ColumnSummary) -> _Unseen:
    """Rows of the window outside the reference's categories, all of which are known by name."""
    known, found = reference.counts(), window.counts()
    forgotten = Count(0, window.most_of_a_forgotten_category)
    seen_at_most = sum(found.get(name, forgotten).upper for name in known)
    rows = max(window.values - seen_at_most, 0)
    once = sum(count.lower == 1 for count in known.values())
    total = reference.values + window.values
    p_value = float(stats.hypergeom.sf(rows - 1, total, rows + once, window.values))
    names = tuple(name for name in found if name not in known)[:_NAMED]
    return _Unseen(float(rows), min(p_value, 1.0), window.exact, names)


def _unseen_counted(reference: ColumnSummary, window: ColumnSummary) -> _Unseen:
    """Distinct new categories of the window, each at least one row; see `UnseenCategories`."""
    before, together = reference.cardinality, reference.joint_cardinality(window)
    new = max(together.estimate - before.estimate, 0.0)
    most_expected = window.values * min(before.estimate / reference.values, 1.0)
    sketch_variance = sum(((known.high - known.low) / 4) ** 2 for known in (before, together))
    p_value = float(stats.norm.sf((new - most_expected) / (most_expected + sketch_variance) ** 0.5))
    certain = min(max(together.low - before.high, 0.0), float(window.values))
    return _Unseen(certain, p_value, exact=False)
