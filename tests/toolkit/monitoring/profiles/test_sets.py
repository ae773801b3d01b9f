"""Many profiles in one file come back under their keys, and merge key by key."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import whylogs

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.profiles import Profile, ProfileSet


def rows(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"x": rng.normal(size=n), "c": rng.choice(["a", "b"], n)})


KEYS = ["2013-01-01T00:00:00+00:00", "origin=JFK/dest=été", "", "../above", "100%\0\ud800"]


def test_profiles_come_back_under_their_keys(tmp_path: Path) -> None:
    profiles = ProfileSet({key: Profile.of(rows(10 + i, i)) for i, key in enumerate(KEYS)})
    profiles.write(tmp_path / "slices.zip")
    again = ProfileSet.read(tmp_path / "slices.zip")
    assert list(again) == KEYS
    assert [again[key].rows for key in KEYS] == [10, 11, 12, 13, 14]
    assert again[KEYS[1]].column("x").mean == profiles[KEYS[1]].column("x").mean
    assert ProfileSet.read(tmp_path / "slices.zip").to_bytes() == profiles.to_bytes()  # unread ones too
    assert (len(again), "none" in again, again.get("none")) == (5, False, None)


def test_each_member_is_a_whylogs_profile() -> None:
    archive = zipfile.ZipFile(io.BytesIO(ProfileSet({"k": Profile.of(rows(7))}).to_bytes()))
    view = whylogs.DatasetProfileView.deserialize(archive.read("k.profile.bin"))
    assert view.to_pandas().loc["x", "counts/n"] == 7


def test_sets_merge_key_by_key_and_change_neither() -> None:
    one = ProfileSet({"a": Profile.of(rows(5)), "b": Profile.of(rows(6))})
    other = ProfileSet({"b": Profile.of(rows(7)), "c": Profile.of(rows(8))})
    both = one.merge(other)
    assert {key: profile.rows for key, profile in both.items()} == {"a": 5, "b": 13, "c": 8}
    assert [profile.rows for profile in (*one.values(), *other.values())] == [5, 6, 7, 8]
    assert both.merged().rows == 26
    assert ProfileSet({}).merged().rows == 0


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04nonsense"])
def test_bytes_that_are_no_set_are_refused(content: bytes) -> None:
    with pytest.raises(MonitoringError, match="not a readable set of profiles"):
        ProfileSet.from_bytes(content)


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    whole = ProfileSet({"a": Profile.of(rows(500))}).to_bytes()
    damaged = whole[:300] + bytes([whole[300] ^ 255]) + whole[301:]
    for content in (whole[:300], damaged):
        (tmp_path / "set").write_bytes(content)
        with pytest.raises(MonitoringError, match="not a readable set"):
            ProfileSet.read(tmp_path / "set")
    with pytest.raises(MonitoringError, match="cannot be read: No such file"):
        ProfileSet.read(tmp_path / "none")


def test_a_member_that_is_no_profile_is_told_when_it_is_asked_for() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.profile.bin", b"nonsense")
    found = ProfileSet.from_bytes(file.getvalue())
    with pytest.raises(MonitoringError, match="not a readable whylogs profile"):
        found["a"]
