"""Categories that the reference never had."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import scipy

from roadworthy.contract import Column
from roadworthy.monitoring.design_effect import DesignEffect
from roadworthy.monitoring.measures.base import CONFIDENCE, Evidence, Measure
from roadworthy.monitoring.measures.shares import Share, detectable_share, quantile, wilson
from roadworthy.monitoring.profiles import ColumnSummary, Count
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.monitoring.wording import percent

_NAMED = 3  # categories named in words
_DEVIATIONS = 2  # that a sketch's bounds of a number of distinct values lie from it


class UnseenCategories(Measure):
    """Share of the window's rows whose category the reference never had.

    A long tail brings new categories without any change: as many rows as the reference has categories that came
    once (Good, The population frequencies of species, 1953), and where the reference is sliced, as many as belong to
    categories that came in one slice only. The test is Fisher's, one-sided, against that. Where the reference has too
    many categories to name them all, new ones are counted by the sketches of distinct values, against the most that
    no change can bring: a curve of distinct values over rows only flattens, so it goes on no steeper than its mean
    slope. The share is then a lower bound. A column of ever new values never drifts by this.
    """

    name = "unseen categories"
    kind = "unseen"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether both hold categories."""
        return reference.kind == window.kind == "categorical"

    def weigh(self, reference: SlicedColumn, window: SlicedColumn, column: Column) -> Evidence:
        """Weigh the share of rows in unseen categories."""
        if reference.whole.exact:
            return _by_name(reference, window, column)
        return _by_number(reference.whole, window.whole, column)


class _Words(NamedTuple):
    subject: str
    headline: str
    fact: str

    @classmethod
    def of(cls, column: Column, share: str, names: list[str]) -> _Words:
        examples = f", such as {', '.join(names)}" if names else ""
        headline = f"{column.name} has categories never seen in training"
        return cls(f"unseen categories of {column.name}", headline, f"{share} of the rows{examples}")


def _by_name(reference: SlicedColumn, window: SlicedColumn, column: Column) -> Evidence:
    """Count rows of the window outside the reference's categories, all of which are known by name."""
    known = reference.whole.counts()
    once, new = _once(reference, known), _new(window, known)
    pooled = (once.hits + new.hits) / (once.n + new.n)
    design = DesignEffect.of(once.by_slice, new.by_slice, np.array([pooled]), np.ones(1))
    rows = design.rows(once.n, design.reference), design.rows(new.n, design.window)
    hits, expected, drawn = round(new.value * rows[1]), round(once.value * rows[0]), round(rows[1])
    p_value = float(scipy.stats.hypergeom.sf(hits - 1, round(rows[0]) + drawn, hits + expected, drawn))
    low, high = wilson(new.value, rows[1], quantile(1 - CONFIDENCE, design))
    names = [name for name in window.whole.counts() if name not in known][:_NAMED]
    subject, headline, fact = _Words.of(
        column, f"{'' if window.whole.exact else 'at least '}{percent(new.value)}", names
    )
    return Evidence(
        statistic=new.hits,
        effect=new.value,
        effect_low=low if new.hits else 0.0,
        effect_high=high,
        p_value=min(p_value, 1.0),
        n_reference=reference.whole.values,
        n_window=window.whole.values,
        effective_n_reference=rows[0],
        effective_n=rows[1],
        subject=subject,
        headline=headline,
        fact=fact,
        detectable=partial(detectable_share, once.value, rows, design=design),
    )


def _once(reference: SlicedColumn, known: dict[str, Count]) -> Share:
    """Return the rows whose category came once, or in one slice only: so many were new when they came."""
    alone, n = sum(count.lower == 1 for count in known.values()), reference.whole.values
    _, table, rows = reference.counts
    if len(rows) < 2:
        return Share(alone, n)
    hits = table[:, (table > 0).sum(axis=0) == 1].sum(axis=1)
    parts = tuple(zip(hits.tolist(), rows.tolist(), strict=True))
    return Share(max(float(hits.sum()), alone), n, parts, reference.season)


def _new(window: SlicedColumn, known: dict[str, Count]) -> Share:
    parts = tuple(
        (_outside(one, known), float(one.values)) if one.kind == "categorical" else (0.0, 0.0) for one in window.slices
    )
    return Share(_outside(window.whole, known), window.whole.values, parts, window.season)


def _outside(column: ColumnSummary, known: dict[str, Count]) -> float:
    found, forgotten = column.counts(), Count(0, column.most_of_a_forgotten_category)
    seen_at_most = sum(found.get(name, forgotten).upper for name in known)
    return float(max(column.values - seen_at_most, 0))


def _by_number(reference: ColumnSummary, window: ColumnSummary, column: Column) -> Evidence:
    """Count distinct new categories of the window, each at least one row; see `UnseenCategories`."""
    before, together = reference.cardinality, reference.joint_cardinality(window)
    new = max(together.estimate - before.estimate, 0.0)
    most_expected = window.values * min(before.estimate / reference.values, 1.0)
    sketch_variance = sum(((known.high - known.low) / 2 / _DEVIATIONS) ** 2 for known in (before, together))
    deviation = float(np.sqrt(most_expected + sketch_variance))
    certain = min(max(together.low - before.high, 0.0), float(window.values)) / window.values

    def detectable(level: float) -> float:
        return min((most_expected + float(scipy.stats.norm.isf(level) + 1) * deviation) / window.values, 1.0)

    subject, headline, fact = _Words.of(column, f"at least {percent(certain)}", [])
    return Evidence(
        statistic=certain * window.values,
        effect=certain,
        effect_low=certain,
        effect_high=1.0,  # each new category has one row at least; how many more is not known
        p_value=float(scipy.stats.norm.sf((new - most_expected) / deviation)),
        n_reference=reference.values,
        n_window=window.values,
        effective_n_reference=reference.values,
        effective_n=window.values,
        subject=subject,
        headline=headline,
        fact=fact,
        detectable=detectable,
    )
