"""A batch in inspection: what is good, what is bad, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Column, Dataset, Relation
from roadworthy.data.casting import cells_of
from roadworthy.data.ingest import ingest, ingest_source
from roadworthy.data.inspection import SET_ASIDE, Inspection, lines_of
from roadworthy.data.sources import Batch, open_source
from roadworthy.errors import DataError, DataRefused
from roadworthy.records import Ingestion
from roadworthy.state import State
from roadworthy.tables import Tables

SMALL = Dataset(
    name="small",
    columns=(
        Column(name="id", type="string", role="identifier", unique=True),
        Column(name="x", type="number", role="feature", maximum=100),
    ),
)
BATCH = Batch("a", lambda: (chunk for chunk in ()))


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(str(tmp_path / "tables"))


def test_rows_are_parted_and_counted_over_chunks(tables: Tables) -> None:
    with Inspection(BATCH, SMALL, tables) as found:
        first = {"id": pa.array(["a", "b"]), "x": pa.array([1.0, 500.0])}
        second = {"x": pa.array(["2", "many"]), "id": pa.array(["a", "c"])}
        found.add(first)
        found.add(second)
        found.finish()
        assert (found.rows, found.bad_rows, found.good.rows) == (4, 3, 1)
        assert found.reasons == {"x must be at most 100": 1, "id must be unique": 1, "x must be a finite number": 1}
        lines = found.bad.reader(lambda table: table, SET_ASIDE).read_all().to_pylist()
        assert [(line["row"], line["column"], line["value"]) for line in lines] == [
            (1, "x", "500.0"),
            (2, "id", "a"),
            (3, "x", "many"),
        ]
        with pytest.raises(DataRefused, match=r"a: 3 of 4 rows break the contract, more than the 50%"):
            found.refuse_if_worse(QuarantinePolicy(refuse_over=0.5))
    assert not tables.exists("small")


def test_a_batch_of_no_rows_is_none(tables: Tables) -> None:
    with Inspection(BATCH, SMALL, tables) as found, pytest.raises(DataError, match="a: there are no rows"):
        found.finish()


def test_columns_that_change_on_the_way_are_named_with_their_row(tables: Tables) -> None:
    good = {"id": pa.array(["a", "b"]), "x": pa.array([1.0, 2.0])}
    with Inspection(BATCH, SMALL, tables) as found:
        found.add(good)
        found.add(good)
        with pytest.raises(DataError, match=r"a, from row 4 on: .*'y' looks"):
            found.add({"id": pa.array(["c"]), "y": pa.array([1.0])})


def test_identifiers_are_looked_up_in_the_newest_table_whatever_else_is_read(tmp_path: Path, tables: Tables) -> None:
    for name in "ab":
        tables.append("small", pd.DataFrame({"id": [name], "x": [1.0]}))
    past = Tables(tables.address, as_of={"small": tables.newest("small") - 1})
    with Inspection(BATCH, SMALL, past) as found:
        found.add({"id": pa.array(["a", "b", "c"]), "x": pa.array([1.0, 1.0, 1.0])})
        assert found.reasons == {"id is already in the table": 2}


def test_delivered_rows_are_kept_as_json_whatever_they_hold() -> None:
    odd = {
        "big": cells_of([2**70, 1]),
        "moment": cells_of([pd.Timestamp("2013-01-01"), "?"]),
        "x": pa.array([0.1, None]),
    }
    first, second = map(json.loads, lines_of(odd, pd.Series([0, 1]).to_numpy()))
    assert first == {"big": 2**70, "moment": "2013-01-01 00:00:00", "x": 0.1}
    assert second == {"big": 1, "moment": "?", "x": None}


# --- the whole batch ---------------------------------------------------------------------------------------------

FLIGHTS = Dataset(
    name="small",
    columns=(
        Column(name="id", type="string", role="identifier", required=True, unique=True),
        Column(name="x", type="number", role="feature", maximum=100),
        Column(name="late", type="boolean", role="label", required=True),
    ),
)


def frame_of(x: list[object] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"id": list("abcde"), "x": x or [1.0] * 5, "late": [True] * 5})


def from_source(
    address: str, tables: Tables, state: State, *, rows: int = 1000, refuse_over: float = 0.2
) -> list[Ingestion]:
    policy = QuarantinePolicy(refuse_over=refuse_over)
    source = open_source(address, rows=rows)
    return ingest_source(source, dataset=FLIGHTS, tables=tables, state=state, policy=policy)


@pytest.fixture
def state() -> Iterator[State]:
    with State.open("sqlite://") as opened:
        yield opened


def test_relations_between_columns_are_rules_of_the_row(tables: Tables, state: State) -> None:
    dataset = Dataset(
        name="legs",
        columns=(
            Column(name="departure", type="timestamp", role="time"),
            Column(name="arrival", type="timestamp", role="other"),
        ),
        relations=(Relation(left="arrival", operator=">=", right="departure"),),
    )
    frame = pd.DataFrame({"departure": ["2013-01-02"] * 4, "arrival": ["2013-01-03", "2013-01-01", None, "2013-01-02"]})
    account = ingest(
        frame, dataset=dataset, tables=tables, state=state, policy=QuarantinePolicy(refuse_over=1), source="a"
    )
    assert account.reasons == {"arrival must be >= departure": 1}
    (line,) = tables.read("legs_quarantine").to_dict("records")
    assert (line["row"], line["column"]) == (1, "arrival")
    assert line["value"] == "2013-01-01 00:00:00+00:00, against 2013-01-02 00:00:00+00:00"


def test_too_few_rows_too_many_and_old_ones_are_refused_whole(tables: Tables, state: State) -> None:
    def attempt(frame: pd.DataFrame, **limits: float) -> None:
        columns = (*FLIGHTS.columns, Column(name="at", type="timestamp", role="time"))
        dataset = FLIGHTS.model_copy(update={"columns": columns} | limits)
        ingest(frame, dataset=dataset, tables=tables, state=state, policy=QuarantinePolicy(), source="a.csv")

    old = frame_of().assign(at=["2013-01-01", None, "2013-01-05T06:00:00Z", "2013-01-02", "2013-01-03"])
    with pytest.raises(DataRefused, match=r"a\.csv: 5 rows are fewer than the 6 that the contract demands"):
        attempt(old, minimum_rows=6)
    with pytest.raises(DataRefused, match="5 rows are more than the 4 that the contract allows"):
        attempt(old, maximum_rows=4)
    with pytest.raises(
        DataRefused, match=r"newest at is 2013-01-05T06:00:00Z, .* days ago; the contract allows 36 hours"
    ):
        attempt(old, freshness=36 * 3600)
    with pytest.raises(DataRefused, match="no row has a at"):
        attempt(old.assign(at=None), freshness=3600)
    assert not tables.exists("small")
    fresh = old.assign(at=str(pd.Timestamp.now(tz="UTC")))
    attempt(fresh, freshness=3600, minimum_rows=5, maximum_rows=5)
    attempt(fresh, freshness=0.001)  # what was taken once stays taken, however old it is by now
    assert tables.count("small") == 5


def test_all_differences_of_the_columns_are_named_at_once(tmp_path: Path, tables: Tables, state: State) -> None:
    frame_of().assign(gate="A1", x="many").rename(columns={"late": "is_late"}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError) as caught:
        from_source(str(tmp_path / "a.csv"), tables, state)
    for fact in (
        "Column 'late' of dataset 'small' is missing; 'is_late' looks like it",
        "no column 'gate'",
        "Column 'x' must be a finite number, and none of its 5 values is: it holds text now, the first is 'many'",
    ):
        assert fact in caught.value.fact
    assert "roadworthy contract diff" in caught.value.next_step


def test_a_column_is_of_another_type_only_when_it_is_so_in_all_chunks(
    tmp_path: Path, tables: Tables, state: State
) -> None:
    file = tmp_path / "a.csv"
    frame_of(x=["many", "many", 1, 2, 3]).to_csv(file, index=False)
    (account,) = from_source(str(file), tables, state, rows=2, refuse_over=0.5)
    assert account.reasons == {"x must be a finite number": 2}
    frame_of(x=["many", None, "some", "few", None]).to_csv(file, index=False)
    with pytest.raises(DataError, match="none of its 3 values is"):
        from_source(str(file), tables, state, rows=2)


def test_a_key_may_be_absent_from_json_lines_but_not_from_all(tmp_path: Path, tables: Tables, state: State) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": "a", "late": true}\n{"id": "b", "x": 1, "late": true}\n')
    (account,) = from_source(str(file), tables, state, rows=1)
    assert account.accepted == 2
    file.write_text('{"id": "c", "late": true}\n{"id": "d", "late": true}\n')
    assert from_source(str(file), tables, state, rows=1)[0].absent == ("x",)
    file.write_text('{"id": "g", "x": 1}\n{"id": "h", "x": 1}\n')
    with pytest.raises(DataError, match="Column 'late' of dataset 'small' is missing"):
        from_source(str(file), tables, state, rows=1)
    file.write_text('{"id": "e", "x": 1, "late": true}\n{"id": "f", "x": 1, "late": true, "gate": "A"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl, from row 1 on: .*no column 'gate'"):
        from_source(str(file), tables, state, rows=1)


def test_whole_numbers_that_a_column_with_gaps_cannot_hold_are_set_aside(tables: Tables, state: State) -> None:
    dataset = Dataset(name="small", columns=(Column(name="n", type="integer", role="other"),))
    frame = pd.DataFrame({"n": [str(2**53), str(2**53 + 1), None]})
    policy = QuarantinePolicy(refuse_over=1)
    account = ingest(frame, dataset=dataset, tables=tables, state=state, policy=policy, source="a")
    assert account.reasons == {"n must be a whole number up to 9007199254740992": 1}
    assert tables.read("small")["n"].dropna().tolist() == [2.0**53]
