"""The profiles that a window is made of: one for each slice of its time, and in it for each segment.

They are kept, so that a late row costs the profile of its own slice, and they are what a later window is held against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Self
from urllib.parse import quote, unquote

import pandas as pd

from roadworthy.monitoring.profiles import Profile, ProfileSet
from roadworthy.monitoring.slices import Sliced
from roadworthy.monitoring.windows.segments import divide
from roadworthy.records import Segment, Slice

ALL = None
"""All rows of a slice, whatever their segment."""


@dataclass(frozen=True)
class SlicedProfiles:
    """Profiles by the start of their slice and by segment.

    Examples
    --------
    >>> hours = pd.DataFrame({"temp": [39.0, 41.5, 55.0], "origin": ["JFK", "EWR", "JFK"]})
    >>> jfk, rest = Segment(column="origin", value="JFK"), Segment(column="origin", value=None)
    >>> ten, eleven = datetime(2013, 5, 1, 10, tzinfo=UTC), datetime(2013, 5, 1, 11, tzinfo=UTC)
    >>> parts = (SlicedProfiles.of(start, rows, [jfk, rest]) for start, rows in ((ten, hours[:2]), (eleven, hours[2:])))
    >>> again = SlicedProfiles.from_bytes(SlicedProfiles.joined(parts).to_bytes())
    >>> again.rows(), again.rows(jfk), again.sliced(timedelta(hours=1), rest).whole.column("temp").values
    (3, 2, 1)
    """

    profiles: Mapping[tuple[datetime, Segment | None], Profile]

    @classmethod
    def of(
        cls,
        start: datetime,
        rows: pd.DataFrame,
        segments: Sequence[Segment] = (),
        profile: Callable[[pd.DataFrame], Profile] = Profile.of,
    ) -> Self:
        """Profile the rows of the slice that begins at a moment, all together and by segment."""
        found: dict[tuple[datetime, Segment | None], Profile] = {(start, ALL): profile(rows)}
        found |= {(start, segment): profile(part) for segment, part in divide(rows, segments)}
        return cls(found)

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Return the profiles of several; of a slice that more than one has, the last one's."""
        return cls({key: profile for part in parts for key, profile in part.profiles.items()})

    def only(self, starts: Iterable[datetime]) -> Self:
        """Return the profiles of the slices that begin at some moments."""
        kept = set(starts)
        return type(self)({key: profile for key, profile in self.profiles.items() if key[0] in kept})

    @property
    def starts(self) -> list[datetime]:
        """Starts of the slices, earliest first."""
        return sorted({start for start, _ in self.profiles})

    def rows(self, segment: Segment | None = ALL) -> int:
        """Count the rows, of a segment or all."""
        return sum(profile.rows for (_, own), profile in self.profiles.items() if own == segment)

    def slices(self, unit: timedelta) -> int:
        """Count the slices of a unit that have rows."""
        return len(
            {_number(start, unit) for (start, own), profile in self.profiles.items() if own is ALL and profile.rows}
        )

    def current(self, slices: Iterable[Slice], columns: Iterable[str], segments: Sequence[Segment]) -> Self:
        """Return those of some slices whose profiles hold just their rows, in such columns and segments.

        Parameters
        ----------
        slices
            The slices as they are now.
        columns, segments
            What their profiles are to hold.
        """
        wanted, own = tuple(sorted(columns)), {ALL, *segments}
        found = []
        for part in slices:
            there = {segment for start, segment in self.profiles if start == part.start}
            if there == own:
                whole = self.profiles[part.start, ALL]
                if whole.rows == part.rows and whole.columns == wanted:
                    found.append(part.start)
        return self.only(found)

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
        own = [(start, self.profiles[start, segment]) for start in self.starts if (start, segment) in self.profiles]
        parts = [
            Profile.merged([profile for _, profile in group])
            for _, group in groupby(own, key=lambda one: _number(one[0], unit))
        ]
        parts = [part for part in parts if part.rows]
        return Sliced.merged(parts, season) if parts else None

    def to_bytes(self) -> bytes:
        """Return them as an archive of whylogs profiles, which `ProfileSet` reads."""
        return ProfileSet({_key(*key): profile for key, profile in self.profiles.items()}).to_bytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read them from their bytes; raise MonitoringError when these are no archive of profiles."""
        return cls({_parsed(key): profile for key, profile in ProfileSet.from_bytes(content).items()})


def _number(start: datetime, unit: timedelta) -> int:
    return (start - datetime.fromtimestamp(0, UTC)) // unit


def _key(start: datetime, segment: Segment | None) -> str:
    parts = [f"{start.astimezone(UTC):%Y-%m-%dT%H%M%S.%f}Z"]
    if segment is not None:
        parts += [quote(part, safe="") for part in (segment.column, segment.value) if part is not None]
    return "/".join(parts)


def _parsed(key: str) -> tuple[datetime, Segment | None]:
    start, *names = key.split("/")
    moment = datetime.strptime(start, "%Y-%m-%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    column, value, *_ = (*map(unquote, names), None, None)
    return moment, None if column is None else Segment(column=column, value=value)
