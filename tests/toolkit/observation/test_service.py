"""How a window was served: counted exactly, each request and each failure in one window alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from roadworthy.observation import observe
from roadworthy.observation.service import Service
from roadworthy.observation.traffic import read_traffic
from roadworthy.records import Window

if TYPE_CHECKING:
    from conftest import Airport

MAY = pd.Timestamp("2013-05-01", tz="UTC")
DAY = pd.Timedelta(days=1)
FIRST, SECOND = Window(start=MAY, end=MAY + DAY), Window(start=MAY + DAY, end=MAY + 2 * DAY)


def _answer(airport: Airport, count: int, start: pd.Timestamp, seconds: np.ndarray) -> str:
    """Let requests of two rows each be answered, two hours before their flights leave."""
    flights = airport.flights(count, start, 0.9).drop(columns="late")
    rows = pd.DataFrame(
        {
            "request_id": [f"{start:%d}-{number // 2}" for number in range(count)],
            "row": np.arange(count, dtype=np.int64) % 2,
            "received": (flights["scheduled_departure"] - pd.Timedelta(hours=2)).dt.as_unit("us"),
            "version": "flights:one",
            "probability": 0.5,
            "prediction": True,
            "role": "champion",
            "rollout": "",
            "seconds": np.repeat(seconds, 2),
        }
    )
    airport.project.tables.append("predictions", pd.concat([rows, flights], axis="columns"))
    return "flights:one"


def _fail(airport: Airport, moments: list[pd.Timestamp], role: str = "champion", version: str = "flights:one") -> None:
    failed = pd.DataFrame(
        {
            "request_id": [f"f{moment:%d%H%M}" for moment in moments],
            "received": pd.Series(moments).dt.as_unit("us"),
            "version": version,
            "role": role,
            "rollout": "",
            "rows": 2,
            "error": "ValueError",
            "seconds": 0.1,
        }
    )
    airport.project.tables.append("failures", failed)


def test_requests_rows_and_seconds_are_those_of_the_table(airport: Airport) -> None:
    seconds = np.random.default_rng(3).exponential(0.02, 100)
    tag = _answer(airport, 200, MAY, seconds)
    (served,) = Service(airport.project, read_traffic(airport.project)).served(FIRST, {tag: 200})
    assert (served.requests, served.rows, served.errors) == (100, 200, 0)
    assert served.p50 == np.quantile(seconds, 0.5)
    assert served.p99 == np.quantile(seconds, 0.99)


def test_each_failure_is_counted_in_one_window(airport: Airport) -> None:
    for start in (MAY, MAY + DAY):
        _answer(airport, 100, start, np.full(50, 0.01))
    moments = [MAY - DAY, MAY + pd.Timedelta(hours=5), MAY + pd.Timedelta(hours=30), MAY + 5 * DAY]
    _fail(airport, moments)
    _fail(airport, [MAY + pd.Timedelta(hours=6)], role="shadow")
    _fail(airport, [MAY + pd.Timedelta(hours=7)], role="canary", version="flights:two")
    service = Service(airport.project, read_traffic(airport.project))
    one, challenger = service.served(FIRST, {"flights:one": 100})
    assert (one.requests, one.errors) == (52, 2)
    assert (challenger.version, challenger.requests, challenger.rows, challenger.errors) == ("flights:two", 1, 0, 1)
    assert challenger.p50 is None
    (later,) = service.served(SECOND, {"flights:one": 100})
    assert (later.requests, later.errors) == (52, 2)


def test_a_table_of_before_latency_was_recorded_has_none(airport: Airport) -> None:
    airport.judge_by("{length: day}")
    airport.answer(airport.flights(600, MAY, 0.5))
    (report,) = observe(airport.project)
    (served,) = report.served
    assert (served.requests, served.rows, served.errors, served.p50) == (600, 600, 0, None)
    assert served.version == report.reference
