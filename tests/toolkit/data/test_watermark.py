"""A query followed by its watermark, in processes that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Column, Dataset
from roadworthy.data.ingest import Intake
from roadworthy.data.watermark import WatermarkedQuery
from roadworthy.errors import DataError, DataRefused, RoadworthyError
from roadworthy.state import State
from roadworthy.tables import Tables

SMALL = Dataset(
    name="small",
    columns=(
        Column(name="id", type="string", role="other", required=True),
        Column(name="n", type="integer", role="other"),
        Column(name="at", type="timestamp", role="time"),
        Column(name="x", type="number", role="feature", maximum=100),
    ),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
DYING = """
import os, signal, sys
from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data.ingest import Intake
from roadworthy.data.watermark import WatermarkedQuery
from roadworthy.state import State
from roadworthy.tables import Tables
folder, address, dataset, watermark, death = sys.argv[1:]
append = Tables.append
def appended(self, name, rows, **where):
    version = append(self, name, rows, **where)
    if name == death:
        os.kill(os.getpid(), signal.SIGKILL)
    return version
Tables.append = appended
with State.open("sqlite://") as state:
    intake = Intake(Dataset.model_validate_json(dataset), Tables(folder), state, QuarantinePolicy(refuse_over=1))
    list(WatermarkedQuery(address, "SELECT * FROM feed", watermark, intake, print).poll())
"""


class Database:
    """A table of a database, to which rows are added."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._engine = create_engine(address)

    def add(self, ids: str, n: int | None, x: float = 1) -> None:
        at = None if n is None else START + timedelta(microseconds=n)
        frame = pd.DataFrame({"id": list(ids), "n": n, "at": at, "x": float(x)})
        frame["n"] = frame["n"].astype("Int64")
        frame["at"] = pd.to_datetime(frame["at"], utc=True)
        with self._engine.begin() as connection:
            frame.to_sql("feed", connection, index=False, if_exists="append")

    def close(self, *, drop: bool) -> None:
        if drop:
            with self._engine.begin() as connection:
                connection.execute(text("DROP TABLE IF EXISTS feed"))
        self._engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    on_server = request.param == "postgresql"
    found = Database(request.getfixturevalue("postgres") if on_server else f"sqlite:///{tmp_path}/source.db")
    yield found
    found.close(drop=on_server)


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    with State.open("sqlite://") as state:
        yield Intake(SMALL, Tables(str(tmp_path / "tables")), state, QuarantinePolicy(refuse_over=1))


def followed(
    database: Database, intake: Intake, watermark: str = "n", problems: list[RoadworthyError] | None = None
) -> WatermarkedQuery:
    told = [] if problems is None else problems
    return WatermarkedQuery(
        database.address, "SELECT * FROM feed;", watermark, intake, lambda name, error: told.append(error)
    )


def taken(feed: WatermarkedQuery) -> list[int]:
    return [account.rows for account in feed.poll()]


def in_table(intake: Intake) -> str:
    return "".join(sorted(intake.tables.read("small")["id"]))


def set_aside(intake: Intake) -> str:
    return "".join(sorted(intake.tables.read("small_quarantine")["content"].str.extract('"id":"(.)"')[0]))


@pytest.mark.parametrize("watermark", ["n", "at"])
@pytest.mark.parametrize("restarted", [False, True])
def test_each_row_is_taken_once_late_equal_ones_too(
    database: Database, intake: Intake, watermark: str, restarted: bool
) -> None:
    database.add("a", 1)
    database.add("bb", 2)
    feed = followed(database, intake, watermark)
    assert taken(feed) == [3]
    assert taken(feed) == []
    for ids, n, x in (("c", 2, 1), ("b", 2, 1), ("d", 2, 500), ("e", 3, 1), ("d", 3, 500), ("d", 3, 500), ("f", 9, 1)):
        database.add(ids, n, x)
        if restarted:
            feed = followed(database, intake, watermark)
        assert taken(feed) == [1]
        assert taken(feed) == []
    assert in_table(intake) == "abbbcef"
    assert set_aside(intake) == "ddd"


def test_rows_without_a_watermark_are_counted_out_loud(database: Database, intake: Intake) -> None:
    database.add("a", 1)
    database.add("bc", None)
    problems: list[RoadworthyError] = []
    assert taken(followed(database, intake, problems=problems)) == [1]
    assert "2 rows have no n; they are never taken" in problems[0].fact


def test_refused_rows_wait(database: Database, intake: Intake) -> None:
    strict = Intake(SMALL, intake.tables, intake.state, QuarantinePolicy(refuse_over=0.5))
    database.add("a", 1, x=500)
    feed = followed(database, strict)
    with pytest.raises(DataRefused):
        taken(feed)
    database.add("b", 1)
    assert taken(feed) == [2]
    assert (in_table(intake), set_aside(intake)) == ("b", "a")


@pytest.mark.parametrize(
    ("watermark", "n", "fact"),
    [("n", -1, "has values below 0"), ("n", 2**53, "above 9,007,199,254,740,991"), ("x", 1, "cannot be a watermark")],
)
def test_a_column_that_is_no_watermark_is_named(
    database: Database, intake: Intake, watermark: str, n: int, fact: str
) -> None:
    database.add("a", n)
    with pytest.raises(DataError, match=fact):
        taken(followed(database, intake, watermark))


def test_a_query_without_its_watermark_is_named(database: Database, intake: Intake) -> None:
    database.add("a", 1)
    with pytest.raises(DataError, match="cannot be run"):
        WatermarkedQuery(database.address, "SELECT id FROM feed", "n", intake, lambda name, error: None)


@pytest.mark.slow
@pytest.mark.parametrize("watermark", ["n", "at"])
@pytest.mark.parametrize("death", ["small_quarantine", "small"])
def test_a_killed_feed_loses_nothing_and_doubles_nothing(
    tmp_path: Path, intake: Intake, watermark: str, death: str
) -> None:
    database = Database(f"sqlite:///{tmp_path}/source.db")
    database.add("a", 1)
    database.add("b", 2, x=500)
    command = [sys.executable, "-c", DYING, intake.tables.address, database.address, SMALL.model_dump_json(), watermark]
    assert subprocess.run([*command, death], check=False, timeout=60).returncode == -signal.SIGKILL
    database.add("c", 2, x=600)
    database.add("d", 3)
    feed = followed(database, intake, watermark)
    taken(feed)
    assert taken(feed) == []
    database.close(drop=False)
    assert (in_table(intake), set_aside(intake)) == ("ad", "bc")
