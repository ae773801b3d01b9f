"""A stretch of traffic in equal slices: what varies from slice to slice tells how much its rows are worth.

Traffic comes by day and night, on workdays and weekends, and in bursts of one client: rows of one hour or one day are
alike, and a thousand of them say less than a thousand independent ones. The slices are what the design effect
(`design_effect`) is measured by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from roadworthy.monitoring.profiles import ColumnSummary, Profile


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

    @classmethod
    def merged(cls, slices: Sequence[Profile], season: int = 1) -> Sliced:
        """Put slices together."""
        return cls(Profile.merged(slices), tuple(slices), season)

    @classmethod
    def of(cls, profile: Profile | Sliced) -> Sliced:
        """Return a profile as one whose slices are not known."""
        return profile if isinstance(profile, Sliced) else cls(profile)

    def column(self, name: str) -> SlicedColumn:
        """Return what is known of a column, in all and slice by slice."""
        return SlicedColumn(self.whole.column(name), tuple(part.column(name) for part in self.slices), self.season)


class SlicedColumn(NamedTuple):
    """One column of a `Sliced`: ``whole``, its ``slices``, and how many of them make a ``season``."""

    whole: ColumnSummary
    slices: tuple[ColumnSummary, ...] = ()
    season: int = 1
