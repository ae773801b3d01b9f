"""A first contract from data: what it guesses, and that the data it came from always obeys it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy import contract as contracts
from roadworthy.contract import Dataset
from roadworthy.data import quality
from roadworthy.data.infer import infer
from roadworthy.errors import DataError

REPOSITORY = Path(__file__).parents[3]
EACH = 40  # rows of the example
CSV = pd.DataFrame(
    {
        "trip": [f"T{number}" for number in range(EACH)],
        "departure": [f"2024-01-{1 + number % 28:02}T08:00:00Z" for number in range(EACH)],
        "zip": ["01234", "56789"] * (EACH // 2),
        "phone": ["+4930123", "+4930124"] * (EACH // 2),
        "seats": ["100", ""] * (EACH // 2),
        "weight": ["1.5", "NA", "20", "-3"] * (EACH // 4),
        "class": ["second", "first"] * (EACH // 2),
        "wet": ["true", "False"] * (EACH // 2),
        "comment": [f"nothing to say of {number}" for number in range(EACH)],
        "empty": [None] * EACH,
        "late": ["true", "false"] * (EACH // 2),
    },
    dtype="str",
)


def inferred(frame: pd.DataFrame, **named: str) -> Dataset:
    return contracts.parse(infer(frame, "rows", **named)).dataset("rows")


def test_a_table_of_text_gets_types_ranges_categories_and_roles() -> None:
    columns = {column.name: column for column in inferred(CSV, label="late").columns}
    assert {name: (column.type, column.role) for name, column in columns.items()} == {
        "trip": ("string", "identifier"),
        "departure": ("timestamp", "time"),
        "zip": ("string", "feature"),
        "phone": ("string", "feature"),
        "seats": ("integer", "feature"),
        "weight": ("number", "feature"),
        "class": ("string", "feature"),
        "wet": ("boolean", "feature"),
        "comment": ("string", "other"),
        "empty": ("string", "other"),
        "late": ("boolean", "label"),
    }
    assert [name for name, column in columns.items() if not column.required] == ["seats", "weight", "empty"]
    assert [name for name, column in columns.items() if column.unique] == ["trip"]
    assert (columns["weight"].minimum, columns["weight"].maximum) == (-3, 20)
    assert (columns["seats"].minimum, columns["seats"].maximum) == (100, 100)
    assert columns["class"].categories == ("first", "second")
    assert columns["zip"].categories == ("01234", "56789")
    assert columns["comment"].categories == ()


def test_what_was_guessed_is_marked() -> None:
    text = infer(CSV, "trips", label="class")
    lines = text.splitlines()
    marked = {lines[number + 1].removeprefix("  - name: ") for number, line in enumerate(lines) if "# review: " in line}
    assert {"trip", "departure", "seats", "weight", "zip", "empty", "comment"} <= marked
    assert "wet" not in marked
    assert "a label must be true or false" in text
    assert text.startswith("# A first contract, inferred from 40 rows.")


def test_the_reference_data_is_recognised(tmp_path: Path) -> None:
    departures = _departures()
    frame = departures.read("2013-01-01", "2013-01-08")
    dataset = inferred(frame, label="late")
    written = contracts.read(REPOSITORY / "monitoring" / "contract.yaml").dataset("flights")
    assert (dataset.identifier, dataset.time, dataset.label) == (written.identifier, written.time, written.label)
    assert {c.name: c.type for c in dataset.columns} == {c.name: c.type for c in written.columns}
    assert set(dataset.column("origin").categories) == {"EWR", "JFK", "LGA"}
    assert quality.check(frame, dataset).empty
    frame.to_csv(tmp_path / "flights.csv", index=False)
    chunks = pd.read_csv(tmp_path / "flights.csv", dtype="str", keep_default_na=False, na_values=[""], chunksize=1000)
    assert contracts.parse(infer(chunks, "rows", label="late")).dataset("rows") == dataset


@pytest.mark.slow
def test_the_standards_own_tool_accepts_it(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(infer(CSV, "trips: all # of them", label="late"), encoding="utf-8")
    program = Path(sys.executable).with_name("datacontract")
    done = subprocess.run([program, "lint", "c.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_is_named_is_not_guessed() -> None:
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["v", "w"], "t": pd.to_datetime(["2024", "2025"]), "u": [1, 1]})
    frame["s"] = frame["t"]
    dataset = inferred(frame, identifier="b", time="s", label="u")
    roles = {column.name: column.role for column in dataset.columns}
    assert roles == {"a": "other", "b": "identifier", "t": "other", "u": "label", "s": "time"}
    repeated = inferred(frame, identifier="u")
    assert not repeated.column("u").unique
    assert "came twice" in infer(frame, "rows", identifier="u")


# --- what cannot be inferred ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "named", "problem"),
    [
        ([], {}, "no rows"),
        ([pd.DataFrame({"a": []})], {}, "no rows"),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})], {}, "change on the way: a at first, then b"),
        ([pd.DataFrame([[1, 2]], columns=["a", "a"])], {}, "'a' is there twice"),
        ([pd.DataFrame([[1, 2]])], {}, "column 0 has no name"),
        ([pd.DataFrame({" ": [1]})], {}, "has no name"),
        ([pd.DataFrame({"a": [1, "x"]})], {}, "'a' holds values of several types"),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"a": ["x"]})], {}, "'a' holds values of several types"),
        ([pd.DataFrame({"a": [True, 2]})], {}, "'a' holds True"),
        ([pd.DataFrame({"a": [[1], [2]]})], {}, "'a' holds [1]"),
        ([pd.DataFrame({"a": [b"x"]})], {}, "'a' holds b'x'"),
        ([pd.DataFrame({"a": [float("inf")]})], {}, "infinite"),
        ([pd.DataFrame({"a": [pd.Timedelta("1h")]})], {}, "no type for that"),
        ([pd.DataFrame({"a": [1]})], {"label": "b"}, "no column 'b' for the label"),
        ([pd.DataFrame({"a": [1]})], {"time": "a"}, "is of type integer, not a moment"),
        ([pd.DataFrame({"a": ["x"]})], {"label": "a", "identifier": "a"}, "two roles"),
    ],
)
def test_what_has_no_contract_is_named(frames: list[pd.DataFrame], named: dict[str, str], problem: str) -> None:
    with pytest.raises(DataError) as raised:
        infer(frames, "rows", **named)
    assert problem in raised.value.fact


# --- the law -------------------------------------------------------------------------------------------------------

MOMENTS = st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2100-01-01"))
SPELT_MISSING = st.sampled_from(["", "NA", "null", " nan "])
TEXT_OF_NUMBERS = st.integers(-(2**60), 2**60).map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
CELLS: dict[str, tuple[st.SearchStrategy[Any], str | None]] = {
    "whole": (st.integers(-(2**63), 2**63 - 1), "int64"),
    "whole with gaps": (st.integers(-(2**63), 2**63 - 1) | st.none(), "Int64"),
    "float": (st.floats(allow_infinity=False), "float64"),
    "truth": (st.booleans(), "bool"),
    "truth with gaps": (st.booleans() | st.none(), "boolean"),
    "moment": (MOMENTS | st.none(), "datetime64[us]"),
    "any text": (st.text() | st.none(), "str"),
    "few texts": (st.sampled_from(["no", "1e3", "~", "é\u2028", "a: b # c"]) | st.none(), "str"),
    "text of numbers": (TEXT_OF_NUMBERS | SPELT_MISSING | st.none(), "str"),
    "text of codes": (st.from_regex(r"[-+]?0?[0-9]{1,3}", fullmatch=True) | SPELT_MISSING, "str"),
    "text of moments": (MOMENTS.map(lambda moment: moment.isoformat()) | SPELT_MISSING, "str"),
    "text of truths": (st.sampled_from(["true", "False", "TRUE"]) | SPELT_MISSING, "str"),
    "category": (st.sampled_from(["a", "b"]) | st.none(), "category"),
    "objects": (st.integers(-(2**70), 2**70) | st.none(), "object"),
    "days": (st.dates(date(1900, 1, 1), date(2100, 1, 1)) | st.none(), "object"),
}


@st.composite
def tables(draw: st.DrawFn) -> list[pd.DataFrame]:
    """Rows of random columns, in chunks."""
    rows = draw(st.integers(1, 25))
    names = draw(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=4, unique=True))
    columns = {}
    for name in names:
        cells, dtype = CELLS[draw(st.sampled_from(sorted(CELLS)))]
        columns[name] = pd.Series(draw(st.lists(cells, min_size=rows, max_size=rows)), dtype=dtype)
    frame = pd.concat([pd.DataFrame(columns)] * draw(st.sampled_from([1, 12])), ignore_index=True)
    cut = draw(st.integers(0, len(frame)))
    return [frame.iloc[:cut], frame.iloc[cut:]]


@settings(max_examples=40, deadline=None)
@given(tables(), st.text())
def test_the_data_always_obeys_the_contract_inferred_from_it(chunks: list[pd.DataFrame], name: str) -> None:
    frame = pd.concat(chunks)
    text = infer(chunks, name or "rows")
    dataset = contracts.parse(text).dataset(name or "rows")
    assert list(dataset.dtypes) == list(frame.columns)
    assert quality.check(frame, dataset).empty
    _standard().validate(yaml.safe_load(text))


@cache
def _standard() -> jsonschema.Draft201909Validator:
    schema = files("open_data_contract_standard").joinpath("schema.json").read_text()
    return jsonschema.Draft201909Validator(json.loads(schema))


def _departures() -> Any:  # noqa: ANN401 - a module of the reference project
    spec = importlib.util.spec_from_file_location("departures", REPOSITORY / "notebooks" / "departures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
