"""Shares of a window's rows: of those beyond the contract's limits, and of those that repeat another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from roadworthy.config import QualityPolicy
from roadworthy.contract import Column
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.measures import Evidence
from roadworthy.monitoring.measures.shares import Share, difference
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.quality.certain import certain
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.monitoring.wording import figure, percent
from roadworthy.records import ReadingKind

ROWS = "rows"  # what facts about rows, not about a column, are named by
IDS = "request ids"


def repeated_ids(repeated: int, rows: int, policy: QualityPolicy) -> Fact | None:
    """Return how many answers were captured more than once, under the same request and row; None where none was."""
    if not repeated:
        return None
    share = repeated / (rows + repeated)
    return Fact(
        IDS,
        "duplicates",
        "count",
        policy.duplicates,
        certain(
            effect=share,
            rows=rows + repeated,
            there=True,
            subject=IDS,
            headline="answers were captured twice",
            fact=f"{repeated:,} rows ({percent(share)}) have the request id and place of another; each counts once",
        ),
    )


def limits(
    before: SlicedColumn, after: SlicedColumn, column: Column, policy: QualityPolicy, minimum_rows: int
) -> Fact | None:
    """Return whether more values are beyond the contract's limits; None where none is on either side."""
    if (column.minimum is None and column.maximum is None) or after.whole.kind != "numeric":
        return None
    outside = partial(_outside, column=column)
    subject = f"{column.name} beyond the contract's limits"
    ends = " to ".join("..." if end is None else figure(end) for end in (column.minimum, column.maximum))
    shares = share_of(before, outside), share_of(after, outside)
    words = (subject, f"more values of {subject}", f"are outside of {ends}")
    return _more(column.name, "range", policy.range, shares, minimum_rows=minimum_rows, words=words)


def repeats(before: SlicedColumn, after: SlicedColumn, policy: QualityPolicy, minimum_rows: int) -> Fact | None:
    """Return whether more rows repeat another one; None where none does on either side."""
    shares = share_of(before, _true), share_of(after, _true)
    words = ("rows that repeat another", "more rows repeat another one", "have the moment and the values of another")
    return _more(ROWS, "duplicates", policy.duplicates, shares, minimum_rows=minimum_rows, words=words)


def share_of(column: SlicedColumn, hits: Callable[[ColumnSummary], float]) -> Share:
    """Return the share of a column's values that are hits, in all and slice by slice."""
    parts = tuple((hits(one), float(one.values)) for one in column.slices)
    return Share(hits(column.whole), column.whole.values, parts, column.season)


def above(summary: ColumnSummary, limit: float) -> float:
    """Return how many values are above a limit, as exactly as the sketch knows."""
    if summary.kind != "numeric":
        return 0.0
    return float(round(summary.values * (1 - float(summary.cdf(np.array([limit]))[0]))))


def _more(
    name: str,
    kind: ReadingKind,
    threshold: float,
    shares: tuple[Share, Share],
    *,
    minimum_rows: int,
    words: tuple[str, str, str],
) -> Fact | None:
    """Weigh the rise of a share by the two-proportion test; a fall is of no size."""
    before, after = shares
    if not before.hits + after.hits or not after.n:
        return None
    found, rose = difference(before, after), after.value > before.value
    evidence = Evidence(
        statistic=found.z,
        effect=found.size if rose else 0.0,
        effect_low=found.low if rose else 0.0,
        effect_high=found.high if rose or found.low == 0 else 0.0,
        p_value=found.p_value,
        n_reference=int(before.n),
        n_window=int(after.n),
        effective_n_reference=found.rows_reference,
        effective_n=found.rows,
        subject=words[0],
        headline=words[1],
        fact=f"{percent(after.value)} {words[2]}, it was {percent(before.value)}",
        detectable=found.detectable,
    )
    return Fact(name, kind, "two-proportion z", threshold, evidence, minimum_rows)


def _outside(summary: ColumnSummary, column: Column) -> float:
    """Return how many values are beyond the contract's limits, as exactly as the sketch knows."""
    if summary.kind != "numeric":
        return 0.0
    below = 0.0 if column.minimum is None else float(summary.cdf(np.array([column.minimum]), inclusive=False)[0])
    return round(summary.values * below) + (0.0 if column.maximum is None else above(summary, column.maximum))


def _true(summary: ColumnSummary) -> float:
    found = summary.counts() if summary.kind == "categorical" else {}
    return float(found["True"].lower) if "True" in found else 0.0
