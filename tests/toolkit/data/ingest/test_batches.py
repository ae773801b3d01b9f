"""Batches of rows into real tables and databases: what is taken, held back or refused."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data.ingest import ingest, read_file
from roadworthy.errors import DataError, DataRefused
from roadworthy.records import Ingestion
from roadworthy.state import State
from roadworthy.tables import Tables

Frame = Callable[..., pd.DataFrame]
Taken = Callable[..., Ingestion]
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


@pytest.fixture(scope="session")
def taken(small: Dataset) -> Taken:
    """Ingest rows of the small dataset."""

    def take(
        frame: pd.DataFrame, tables: Tables, state: State, refuse_over: float = 0.2, source: str = "a"
    ) -> Ingestion:
        policy = QuarantinePolicy(refuse_over=refuse_over)
        return ingest(frame, dataset=small, tables=tables, state=state, policy=policy, source=source)

    return take


def test_good_rows_go_into_the_table_and_bad_ones_into_quarantine(
    tables: Tables, state: State, small: Dataset, frame_of: Frame, taken: Taken
) -> None:
    account = taken(frame_of(x=[1, 2, 3, "many", 500]), tables, state, refuse_over=0.4, source="a.csv")
    assert (account.rows, account.accepted, account.quarantined, account.repeated) == (5, 3, 2, False)
    assert account.reasons == {"x must be a finite number": 1, "x must be at most 100": 1}
    assert account.table_version == tables.version("small")
    assert state.ingestions("small") == [account]
    read = tables.read("small").sort_values("id")
    assert read.to_dict("list") == {"id": ["a", "b", "c"], "x": [1.0, 2.0, 3.0], "late": [True] * 3}
    assert read.dtypes.astype(str).to_dict() == small.dtypes
    quarantine = tables.read("small_quarantine").sort_values("row")
    assert quarantine.columns.tolist() == ["batch", "source", "row", "column", "rule", "value", "at", "content"]
    assert quarantine["row"].tolist() == [3, 4]
    assert quarantine["value"].tolist() == ["many", "500.0"]
    assert set(quarantine["batch"]) == {account.batch}
    assert [json.loads(line) for line in quarantine["content"]] == [
        {"id": "d", "x": "many", "late": True},
        {"id": "e", "x": 500, "late": True},
    ]


def test_a_row_that_breaks_two_rules_counts_once(tables: Tables, state: State, frame_of: Frame, taken: Taken) -> None:
    frame = frame_of(x=[1, 2, 3, 4, 500])
    frame["late"] = frame["late"].astype("boolean").mask(frame["id"] == "e")
    account = taken(frame, tables, state)
    assert (account.quarantined, account.reasons) == (1, {"x must be at most 100": 1, "late is required": 1})
    assert tables.count("small_quarantine") == 2


def test_the_same_content_is_taken_once(tables: Tables, state: State, frame_of: Frame, taken: Taken) -> None:
    frame = frame_of(x=[1, 2, 3, 4, 500])
    first = taken(frame, tables, state)
    again = frame[["late", "x", "id"]]
    again.index = pd.Index([9] * 5)
    assert taken(again, tables, state, source="b") == first.model_copy(update={"repeated": True})
    assert (tables.count("small"), tables.count("small_quarantine")) == (4, 1)
    other = taken(frame_of("fghij"), tables, state)
    assert (other.repeated, tables.count("small")) == (False, 9)


def test_identifiers_that_are_there_already_go_to_quarantine(
    tables: Tables, state: State, frame_of: Frame, taken: Taken
) -> None:
    taken(frame_of("abcde"), tables, state)
    account = taken(frame_of("efghij"), tables, state)
    assert account.reasons == {"id is already in the table": 1}
    assert sorted(tables.read("small")["id"]) == list("abcdefghij")


def test_a_batch_that_breaks_too_much_is_refused_whole(
    tables: Tables, state: State, frame_of: Frame, taken: Taken
) -> None:
    with pytest.raises(DataRefused, match=r"a\.csv: 2 of 5 rows .* 20%.*x must be at most 100 \(2 rows\)"):
        taken(frame_of(x=[1, 2, 3, 400, 500]), tables, state, source="a.csv")
    assert not tables.exists("small")
    assert not tables.exists("small_quarantine")
    assert state.ingestions() == []
    assert taken(frame_of(x=[1, 2, 3, 4, 500]), tables, state).quarantined == 1  # exactly the share is tolerated


def test_drift_of_the_schema_is_named(tables: Tables, state: State, frame_of: Frame, taken: Taken) -> None:
    with pytest.raises(DataError, match=r"a\.csv: .*has no column 'gate'"):
        taken(frame_of().assign(gate="A1"), tables, state, source="a.csv")
    with pytest.raises(DataError, match=r"a\.csv: Column 'late' of dataset 'small' is missing"):
        taken(frame_of().drop(columns="late"), tables, state, source="a.csv")
    with pytest.raises(DataError, match=r"a\.csv: Column 'x' of dataset 'small' is missing; 'xs' looks like it"):
        taken(frame_of().rename(columns={"x": "xs"}), tables, state, source="a.csv")
    with pytest.raises(DataError, match=r"a\.csv: Column 'x' must be a finite number"):
        taken(frame_of().assign(x="many"), tables, state, source="a.csv")
    with pytest.raises(DataError, match=r"a\.csv: there are no rows"):
        taken(frame_of().iloc[:0], tables, state, source="a.csv")
    with pytest.raises(DataError, match="column 'x' is there twice"):
        taken(pd.concat([frame_of(), frame_of()[["x"]]], axis=1), tables, state)
    assert not tables.exists("small")


def test_a_column_that_may_be_missing_may_be_left_out_and_is_named(
    tables: Tables, state: State, frame_of: Frame, taken: Taken
) -> None:
    account = taken(frame_of().drop(columns="x"), tables, state)
    assert account.absent == ("x",)
    assert tables.read("small")["x"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize("death", ["small_quarantine", "small"])
def test_a_killed_ingestion_is_completed_by_the_next(
    tables: Tables, state: State, state_address: str, death: str, small: Dataset, frame_of: Frame, taken: Taken
) -> None:
    command = [sys.executable, "-c", DYING, tables.address, state_address, small.model_dump_json(), death]
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
def test_every_row_is_either_in_the_table_or_in_quarantine(
    taken: Taken, given_rows: list[tuple[str, float | None]]
) -> None:
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


def test_files_of_all_kinds_hold_the_same_batch(
    tmp_path: Path, tables: Tables, state: State, frame_of: Frame, taken: Taken
) -> None:
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
