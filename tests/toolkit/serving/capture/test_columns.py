"""Arrow's way and the slow way give the same rows, and what Arrow does not know is left to the slow way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, Dataset
from roadworthy.serving import capture
from roadworthy.serving.capture.columns import table_of
from roadworthy.serving.capture.lines import BROKEN, rows_of
from roadworthy.serving.capture.spool import Kind
from roadworthy.serving.schema import Rows, columnar
from roadworthy.serving.schema.columns import MANY

DATASET = Dataset(
    name="d",
    columns=(
        Column(name="id", type="string", role="identifier", required=True),
        Column(name="at", type="timestamp", role="time", required=True),
        Column(name="x", type="number", role="feature"),
        Column(name="n", type="integer", role="feature", required=True),
        Column(name="m", type="integer", role="feature"),
        Column(name="b", type="boolean", role="feature", required=True),
        Column(name="c", type="boolean", role="feature"),
        Column(name="s", type="string", role="feature"),
    ),
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_MOMENT = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
ROWS = st.fixed_dictionaries(
    {
        "id": _TEXT,
        "at": _MOMENT,
        "n": st.integers(-(2**63), 2**63 - 1),
        "b": st.booleans(),
    },
    optional={
        "x": st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1000, 1000),
        "m": st.none() | st.integers(-(2**53), 2**53),
        "c": st.none() | st.booleans(),
        "s": st.none() | _TEXT,
    },
)
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


def _line(rows: Rows, kind: Kind = "predictions") -> bytes:
    probabilities = [index / (len(rows) or 1) for index in range(len(rows))]
    decided = [probability > 0.5 for probability in probabilities]
    if kind == "shadow":
        entry = capture.shadow_entry("r", "m:1", probabilities, decided, seconds=0.1, rollout="o")
    else:
        entry = capture.prediction_entry("r", "m:1", rows, probabilities, decided, seconds=0.1, role="canary")
    return orjson.dumps(entry, option=OPTIONS)


def _both(kind: Kind, lines: Sequence[bytes], hashed: Sequence[str] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    slowly = rows_of(kind, lines, DATASET, hashed)
    table = table_of(kind, lines, DATASET, hashed)
    assert table is not None
    assert table.column_names == list(slowly.columns)
    return table.to_pandas().astype(dict(slowly.dtypes)), slowly


@given(st.lists(st.lists(ROWS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_predictions_are_the_same(requests: list[list[dict[str, Any]]]) -> None:
    found, slowly = _both("predictions", [_line(rows) for rows in requests])
    pd.testing.assert_frame_equal(found, slowly)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.lists(ROWS, min_size=1, max_size=3), st.booleans()), min_size=1, max_size=4))
def test_many_rows_which_are_packed_are_the_same_too(requests: list[tuple[list[dict[str, Any]], bool]]) -> None:
    sent = [rows * MANY if many else rows for rows, many in requests]
    lines = [_line(columnar(DATASET.request_columns, rows)) for rows in sent]
    found, slowly = _both("predictions", lines)
    pd.testing.assert_frame_equal(found, slowly)
    one_by_one, _ = _both("predictions", [_line(rows) for rows in sent])
    pd.testing.assert_frame_equal(found.drop(columns="received"), one_by_one.drop(columns="received"))


def test_shadows_are_the_same() -> None:
    found, slowly = _both("shadow", [_line([{}] * count, "shadow") for count in (1, 3, 2)])
    pd.testing.assert_frame_equal(found, slowly)
    assert found["row"].tolist() == [0, 0, 1, 2, 0, 1]


def test_a_hash_is_kept_and_what_is_none_is_left_out() -> None:
    row = {"id": "a", "at": datetime(2013, 1, 1, tzinfo=UTC), "n": 1, "b": True}
    lines = [_line([row | {"s": "0" * 64}, row | {"s": "plain"}, row])]
    found, slowly = _both("predictions", lines, hashed=("s",))
    pd.testing.assert_frame_equal(found, slowly)
    assert found["s"].tolist()[0] == "0" * 64
    assert found["s"].isna().tolist() == [False, True, True]
    packed = columnar(DATASET.request_columns, [row | {"s": "0" * 64}, row | {"s": "plain"}, row] * MANY)
    found, slowly = _both("predictions", [_line(packed)], hashed=("s",))
    pd.testing.assert_frame_equal(found, slowly)
    assert found["s"].isna().tolist() == [False, True, True] * MANY


GOOD = {"id": "a", "at": "2013-01-01T00:00:00Z", "n": 1, "b": True}
GOOD_ROW = GOOD | {"at": datetime(2013, 1, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    "change",
    [
        {"rows": [GOOD, GOOD]},
        {"probability": []},
        {"probability": [None]},
        {"prediction": ["yes"]},
        {"rows": [GOOD | {"n": "one"}]},
        {"rows": [GOOD | {"x": "much"}]},
        {"rows": [GOOD | {"at": "some day"}]},
        {"rows": None},
        {"rows": [None]},
        {"rows": [[]]},
        {"rows": {}},
        {"received": "lately"},
        {"received": None},
        {"request_id": None},
        {"role": ...},
        {"rows": ...},
    ],
    ids=str,
)
def test_what_is_no_line_of_todays_service_is_left_alone(change: dict[str, Any]) -> None:
    entry = orjson.loads(_line([GOOD])) | change
    broken = orjson.dumps({key: value for key, value in entry.items() if value is not ...}) + b"\n"
    assert table_of("predictions", [_line([GOOD])], DATASET, ()) is not None
    assert table_of("predictions", [_line([GOOD]), broken], DATASET, ()) is None


def test_packed_rows_that_are_not_of_todays_contract_are_left_alone() -> None:
    good = _line(columnar(DATASET.request_columns, [GOOD_ROW] * MANY))
    fewer = _line(columnar(DATASET.request_columns[:-1], [GOOD_ROW] * MANY))
    assert table_of("predictions", [good], DATASET, ()) is not None
    assert table_of("predictions", [good, fewer], DATASET, ()) is None
    assert rows_of("predictions", [good, fewer], DATASET, ())["s"].isna().all()


@pytest.mark.parametrize("change", [{"rows": "00"}, {"rows": "no"}, {"probability": [0.5]}, {"version": None}], ids=str)
def test_what_is_no_packed_line_is_left_alone(change: dict[str, Any]) -> None:
    entry = orjson.loads(_line(columnar(DATASET.request_columns, [GOOD_ROW] * MANY)))
    broken = orjson.dumps(entry | change) + b"\n"
    assert table_of("predictions", [broken], DATASET, ()) is None
    if "version" not in change:
        with pytest.raises(BROKEN):
            rows_of("predictions", [broken], DATASET, ())


@pytest.mark.parametrize("lines", [[], [b"{\n"], [b"garbage\n"], [b"\xff\n"], [b"null\n"], [b"[]\n"]])
def test_garbage_is_left_alone(lines: list[bytes]) -> None:
    assert table_of("predictions", lines, DATASET, ()) is None


def test_what_is_no_text_is_left_alone() -> None:
    assert table_of("predictions", [_line([GOOD]).replace(b"canary", b"can\xc1ry")], DATASET, ()) is None


def test_other_kinds_are_left_alone() -> None:
    line = orjson.dumps(capture.label_entry([("r", 0, True, None)]), option=OPTIONS)
    assert table_of("labels", [line], DATASET, ()) is None
