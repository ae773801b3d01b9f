"""Many profiles in one file, each under a key: the slices of a window, its segments."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.profiles.profile import Profile

_DATE = (1980, 1, 1, 0, 0, 0)  # the same profiles make the same bytes at any time
_PLAIN = " =:+,@()"  # stay as they are in a member's name; others but letters and digits are written as in addresses
_SUFFIX = ".profile.bin"


class ProfileSet(Mapping[str, Profile]):
    """Profiles by key, in the order in which they were given; a profile is read from its bytes when it is asked for.

    The file is a zip archive of whylogs profiles, one ``KEY.profile.bin`` each, that any other tool opens too.

    Examples
    --------
    >>> import pandas as pd
    >>> fares = pd.DataFrame({"fare": [7.0, 9.0, 30.0], "origin": ["JFK", "JFK", "EWR"]})
    >>> by_origin = ProfileSet({origin: Profile.of(rows) for origin, rows in fares.groupby("origin")})
    >>> twice = ProfileSet.from_bytes(by_origin.to_bytes()).merge(by_origin)
    >>> {origin: profile.rows for origin, profile in twice.items()}, twice.merged().rows
    ({'EWR': 2, 'JFK': 4}, 6)
    """

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles: dict[str, Profile | bytes] = dict(profiles)

    @classmethod
    def from_bytes(cls, content: bytes) -> ProfileSet:
        """Read a set from its bytes.

        Raises
        ------
        MonitoringError
            When the bytes are not an archive of profiles, or damaged. A member that is whole and no profile is
            found when it is asked for.
        """
        found = cls({})
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    key = unquote(name.removesuffix(_SUFFIX), errors="surrogatepass")
                    found._profiles[key] = archive.read(name)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, EOFError) as error:
            raise MonitoringError(
                f"This is not a readable set of profiles: {error}.", "Make the profiles again from their rows."
            ) from error
        return found

    @classmethod
    def read(cls, path: Path) -> ProfileSet:
        """Read a set from a file; raise MonitoringError when it is missing or no set of profiles."""
        try:
            return cls.from_bytes(path.read_bytes())
        except OSError as error:
            raise MonitoringError(
                f"The profiles {path} cannot be read: {error.strerror}.", "Make the profiles again from their rows."
            ) from error

    def to_bytes(self) -> bytes:
        """Return the set as an archive."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for key, profile in self._profiles.items():
                content = profile if isinstance(profile, bytes) else profile.to_bytes()
                name = quote(key, safe=_PLAIN, errors="surrogatepass") + _SUFFIX
                archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
        return file.getvalue()

    def write(self, path: Path) -> None:
        """Write the set to a file."""
        path.write_bytes(self.to_bytes())

    def merge(self, other: ProfileSet) -> ProfileSet:
        """Return the profiles of the rows of both, key by key; neither is changed."""
        keys = dict.fromkeys([*self, *other])
        return ProfileSet({key: Profile.merged([side[key] for side in (self, other) if key in side]) for key in keys})

    def with_others(self, other: ProfileSet) -> ProfileSet:
        """Return the profiles of both, as they are; of a key that both have, the other's."""
        found = ProfileSet({})
        found._profiles = {**self._profiles, **other._profiles}
        return found

    def only(self, keys: Iterable[str]) -> ProfileSet:
        """Return the profiles of some keys, in their order."""
        found = ProfileSet({})
        found._profiles = {key: self._profiles[key] for key in keys}
        return found

    def merged(self) -> Profile:
        """Return the profile of the rows of all."""
        return Profile.merged(list(self.values()))

    def __getitem__(self, key: str) -> Profile:
        profile = self._profiles[key]
        if isinstance(profile, bytes):
            profile = self._profiles[key] = Profile.from_bytes(profile)
        return profile

    def __iter__(self) -> Iterator[str]:
        return iter(self._profiles)

    def __len__(self) -> int:
        return len(self._profiles)
