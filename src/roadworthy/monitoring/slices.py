"""A stretch of traffic in equal slices: what varies from slice to slice tells how much its rows are worth.

Traffic comes by day and night, on workdays and weekends, and in bursts of one client: rows of one hour or one day are
alike, and a thousand of them say less than a thousand independent ones. The slices are what the design effect
(`design_effect`) is measured by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from roadworthy.monitoring.profiles import ColumnSummary, Profile

_Floats = NDArray[np.float64]
_GRID = np.linspace(0, 1, 33)[1:-1]  # of the quantiles at which slices are looked at


@dataclass(frozen=True)
class Sliced:
    """A profile, and the profiles of the slices of time that it is made of.

    Attributes
    ----------
    whole
        Profile of all rows.
    slices
        Profiles of equally long stretches of event time, earliest first, together the whole. Both sides of a
        comparison must be sliced equally finely, best by the longest natural stretch that the window holds: a
        window of a day or longer by days, against a reference by days; a shorter one by its own length. A window
        that is no longer than a slice is a single one: ``Sliced(day, (day,))``.
    season
        How many slices make up one round of a rhythm: 7 where a slice is a day of a week, 24 where it is an hour of a
        day. A window of whole rounds is held against whole rounds, and the rhythm is no noise. 1 where there is none.
    """

    whole: Profile
    slices: tuple[Profile, ...] = ()
    season: int = 1
    _columns: dict[str, SlicedColumn] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def merged(cls, slices: Sequence[Profile], season: int = 1) -> Sliced:
        """Put slices together."""
        return cls(Profile.merged(slices), tuple(slices), season)

    @classmethod
    def of(cls, profile: Profile | Sliced) -> Sliced:
        """Return a profile as one whose slices are not known."""
        return profile if isinstance(profile, Sliced) else cls(profile)

    def column(self, name: str) -> SlicedColumn:
        """Return what is known of a column; it is read once, as one reference serves many windows."""
        if name not in self._columns:
            parts = tuple(part.column(name) for part in self.slices)
            self._columns[name] = SlicedColumn(self.whole.column(name), parts, self.season)
        return self._columns[name]


@dataclass(frozen=True)
class SlicedColumn:
    """One column of a `Sliced`: ``whole``, its ``slices``, and how many of them make a ``season``."""

    whole: ColumnSummary
    slices: tuple[ColumnSummary, ...] = ()
    season: int = 1

    @cached_property
    def points(self) -> _Floats:
        """Quantiles of a numeric column at which slices are held against one another."""
        return np.unique(self.whole.quantiles(_GRID))

    @cached_property
    def at_points(self) -> tuple[_Floats, _Floats]:
        """Shares at or below the column's own `points` in each slice, and the slices' values; see `below`."""
        return self.below(self.points)

    def below(self, points: _Floats) -> tuple[_Floats, _Floats]:
        """Return the shares at or below some points in each slice, and how many values each slice has.

        Returns
        -------
        tuple
            Of shape (slices, points) and (slices,); zeros for a slice that holds no numbers.
        """
        known = [(one.cdf(points), one.values) if one.kind == "numeric" else (points * 0, 0) for one in self.slices]
        shares = np.array([share for share, _ in known], dtype=np.float64).reshape(len(known), len(points))
        return shares, np.array([rows for _, rows in known], dtype=np.float64)

    @cached_property
    def counts(self) -> tuple[dict[str, int], _Floats, _Floats]:
        """How often each category came in each slice, at most.

        Returns
        -------
        tuple
            The position of each category, the counts of shape (slices, categories), and the slices' values.
        """
        found = [one.counts() if one.kind == "categorical" else {} for one in self.slices]
        positions = {name: place for place, name in enumerate(dict.fromkeys(name for one in found for name in one))}
        table = np.zeros((len(found), len(positions)))
        for row, one in enumerate(found):
            table[row, [positions[name] for name in one]] = [count.upper for count in one.values()]
        rows = [one.values if one.kind == "categorical" else 0 for one in self.slices]
        return positions, table, np.array(rows, dtype=np.float64)
