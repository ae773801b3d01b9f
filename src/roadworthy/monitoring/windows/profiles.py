"""The profiles that a window is made of: one for each slice of its time, and in it for each segment.

They are kept, so that a late row costs the profile of its own slice, and they are what a later window is held against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, reduce
from itertools import groupby
from typing import NamedTuple, Self
from urllib.parse import quote, unquote

import pandas as pd

from roadworthy.monitoring.profiles import Profile, ProfileSet
from roadworthy.monitoring.slices import Sliced
from roadworthy.monitoring.windows.segments import divide
from roadworthy.records import Segment, Slice

ALL = None
"""All rows of a slice, whatever their segment."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Key(NamedTuple):
    """What a profile is of: ``rows`` are the slice's, whichever segment."""

    start: datetime
    rows: int
    segment: Segment | None

    @classmethod
    def parse(cls, text: str) -> _Key:
        part, *names = text.split("/")
        start, rows = part.split(" ")
        moment = datetime.strptime(start, "%Y-%m-%dT%H%M%S.%fZ").replace(tzinfo=UTC)
        column, value, *_ = (*map(unquote, names), None, None)
        return cls(moment, int(rows), None if column is None else Segment(column=column, value=value))

    def __str__(self) -> str:
        parts = [f"{self.start.astimezone(UTC):%Y-%m-%dT%H%M%S.%f}Z {self.rows}"]
        if self.segment is not None:
            named = (self.segment.column, self.segment.value)
            parts += [quote(part, safe="") for part in named if part is not None]
        return "/".join(parts)


@dataclass(frozen=True)
class SlicedProfiles:
    """Profiles by slice and segment; one that was kept is read from its bytes when it is needed.

    Examples
    --------
    >>> hours = pd.DataFrame({"temp": [39.0, 41.5, 55.0], "origin": ["JFK", "EWR", "JFK"]})
    >>> jfk, rest = Segment(column="origin", value="JFK"), Segment(column="origin", value=None)
    >>> ten, eleven = datetime(2013, 5, 1, 10, tzinfo=UTC), datetime(2013, 5, 1, 11, tzinfo=UTC)
    >>> parts = (SlicedProfiles.of(start, rows, [jfk, rest]) for start, rows in ((ten, hours[:2]), (eleven, hours[2:])))
    >>> again = SlicedProfiles.from_bytes(SlicedProfiles.joined(parts).to_bytes())
    >>> again.rows, again.sliced(timedelta(hours=1), jfk).whole.rows
    (3, 2)
    """

    kept: ProfileSet
    _made: dict[tuple[timedelta, Segment | None, int], Sliced | None] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        start: datetime,
        rows: pd.DataFrame,
        segments: Sequence[Segment] = (),
        profile: Callable[[pd.DataFrame], Profile] = Profile.of,
    ) -> Self:
        """Profile the rows of the slice that begins at a moment, all together and by segment."""
        found = {str(_Key(start, len(rows), ALL)): profile(rows)}
        found |= {str(_Key(start, len(rows), segment)): profile(part) for segment, part in divide(rows, segments)}
        return cls(ProfileSet(found))

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Return the profiles of several, whose slices differ."""
        return cls(reduce(ProfileSet.with_others, (part.kept for part in parts), ProfileSet({})))

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read them from their bytes; raise MonitoringError when these are no archive of profiles."""
        return cls(ProfileSet.from_bytes(content))

    def to_bytes(self) -> bytes:
        """Return them as an archive of whylogs profiles, which `ProfileSet` reads."""
        return self.kept.to_bytes()

    @property
    def starts(self) -> list[datetime]:
        """Starts of the slices, earliest first."""
        return sorted({key.start for key in self._keys})

    @property
    def rows(self) -> int:
        """Number of rows of all slices."""
        return sum(key.rows for key in self._keys if key.segment is ALL)

    def number(self, unit: timedelta) -> int:
        """Count the slices of a unit that have rows."""
        return len({_number(key.start, unit) for key in self._keys if key.segment is ALL and key.rows})

    def current(self, slices: Iterable[Slice], columns: Iterable[str], segments: Sequence[Segment]) -> Self:
        """Return those of some slices that have been profiled with just their rows, such columns and such segments.

        Parameters
        ----------
        slices
            The slices as they are now.
        columns, segments
            What their profiles are to hold.
        """
        if not self._keys or next(iter(self.kept.values())).columns != tuple(sorted(columns)):
            return type(self)(ProfileSet({}))
        own = {ALL, *segments}
        there: dict[tuple[datetime, int], set[Segment | None]] = {}
        for key in self._keys:
            there.setdefault((key.start, key.rows), set()).add(key.segment)
        kept = {(part.start, part.rows) for part in slices if there.get((part.start, part.rows)) == own}
        return type(self)(self.kept.only(str(key) for key in self._keys if (key.start, key.rows) in kept))

    def sliced(self, unit: timedelta, segment: Segment | None = ALL, *, season: int = 1) -> Sliced | None:
        """Return the whole and its slices of a unit, which the kept ones are put together to; None without rows.

        Parameters
        ----------
        unit
            How long a slice is, such as a day; slices begin where it divides the time since 1970.
        segment
            One that the rows were divided into, by default all.
        season
            As in `Sliced`.
        """
        wanted = unit, segment, season
        if wanted not in self._made:  # a reference is asked for the same by every window
            own = sorted((key.start, str(key)) for key in self._keys if key.segment == segment)
            groups = groupby(own, key=lambda one: _number(one[0], unit))
            parts = [_merged([self.kept[key] for _, key in group]) for _, group in groups]
            parts = [part for part in parts if part.rows]
            self._made[wanted] = Sliced(_merged(parts), tuple(parts), season) if parts else None
        return self._made[wanted]

    @cached_property
    def _keys(self) -> list[_Key]:
        return [_Key.parse(text) for text in self.kept]


def _merged(profiles: Sequence[Profile]) -> Profile:
    return profiles[0] if len(profiles) == 1 else Profile.merged(profiles)


def _number(start: datetime, unit: timedelta) -> int:
    return (start - _EPOCH) // unit
