"""Files, folders and queries into real tables: the same rows, however they come and are cut."""

from __future__ import annotations

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
from roadworthy.data import staging
from roadworthy.data.ingest import OnProblem, OnProgress, ingest_source
from roadworthy.data.sources import open_source
from roadworthy.errors import DataError, DataRefused
from roadworthy.records import Ingestion
from roadworthy.state import State
from roadworthy.tables import Tables

Frame = Callable[..., pd.DataFrame]
FromSource = Callable[..., list[Ingestion]]
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


@pytest.fixture(scope="session")
def from_source(small: Dataset) -> FromSource:
    """Ingest a source of the small dataset."""

    def take(
        address: str,
        tables: Tables,
        state: State,
        dataset: Dataset = small,
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

    return take


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "0.5", "500", "many", "NA", ""])),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_how_rows_are_cut_changes_nothing(
    frame_of: Frame, from_source: FromSource, given_rows: list[tuple[str, str]], cut: int
) -> None:
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


def test_the_same_values_are_the_same_batch_whatever_they_came_as(
    tmp_path: Path, tables: Tables, state: State, frame_of: Frame, from_source: FromSource
) -> None:
    frame = frame_of(x=[0.1, 2.0, None, 1e-7, 500])
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "b.parquet")
    frame.to_json(tmp_path / "c.jsonl", orient="records", lines=True)
    accounts = from_source(str(tmp_path), tables, state, rows=2)
    assert [account.repeated for account in accounts] == [False, True, True]
    assert (tables.count("small"), tables.count("small_quarantine")) == (4, 1)


def test_every_batch_of_a_folder_stands_by_itself(
    tmp_path: Path, tables: Tables, state: State, frame_of: Frame, from_source: FromSource
) -> None:
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


def test_a_refused_file_by_itself_is_refused_in_its_own_words(
    tmp_path: Path, tables: Tables, state: State, frame_of: Frame, from_source: FromSource
) -> None:
    frame_of(x=[500.0] * 5).to_parquet(tmp_path / "a.parquet")
    seen: list[tuple[int, int | None]] = []
    with pytest.raises(DataRefused, match="5 of 5 rows break the contract"):
        from_source(
            str(tmp_path / "a.parquet"), tables, state, rows=2, on_progress=lambda *figures: seen.append(figures)
        )
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert not tables.exists("small_quarantine")


def test_rows_that_do_not_fit_into_memory_go_through_a_file(
    tmp_path: Path, tables: Tables, state: State, monkeypatch: pytest.MonkeyPatch, from_source: FromSource
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
    tmp_path: Path, tables: Tables, state: State, small: Dataset, frame_of: Frame, from_source: FromSource
) -> None:
    dataset = small.model_copy(update={"unique_together": (("x", "late"),)})
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


def test_a_query_is_ingested_without_its_password(
    tmp_path: Path, tables: Tables, state: State, from_source: FromSource
) -> None:
    address = f"sqlite:///{tmp_path}/a.db?uri=true"
    (account,) = from_source(address, tables, state, query="SELECT 'a' AS id, 500 AS x, 1 AS late", refuse_over=1)
    assert account.source == f"sqlite:///{tmp_path}/a.db"
    assert set(tables.read("small_quarantine")["source"]) == {account.source}


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_nothing_half_written(
    tmp_path: Path, small: Dataset, from_source: FromSource
) -> None:
    file = tmp_path / "a.csv"
    ids = [f"flight {n} {hash(n) ** 3}" for n in range(60_000)]
    pd.DataFrame({"id": ids, "x": 1.0, "late": True}).to_csv(file, index=False)
    for in_memory in (10**9, 1000):
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(tmp_path / "tables"), str(file), small.model_dump_json(), str(in_memory)],
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
