"""Each kind of line becomes rows of its table, those of an older service too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pandas as pd
import pytest

from roadworthy.contract import Column, Dataset
from roadworthy.serving import capture
from roadworthy.serving.capture.lines import BROKEN, rows_of
from roadworthy.serving.capture.spool import Kind

AT = datetime(2013, 5, 1, 10, tzinfo=UTC)
DATASET = Dataset(
    name="d",
    columns=(
        Column(name="id", type="string", role="identifier", required=True),
        Column(name="x", type="number", role="feature"),
    ),
)


def _rows(kind: Kind, entry: Mapping[str, Any], hashed: tuple[str, ...] = ()) -> pd.DataFrame:
    return rows_of(kind, [orjson.dumps(entry, option=orjson.OPT_UTC_Z)], DATASET, hashed)


def test_every_line_begins_with_its_moment() -> None:
    entries = [
        capture.prediction_entry("r", "m:1", [{}], [0.5], [True], seconds=0.1),
        capture.shadow_entry("r", "m:1", [0.5], [True], seconds=0.1, rollout="o"),
        capture.failure_entry("r", "m:1", 1, error="ValueError", seconds=0.1, role="champion"),
        capture.label_entry([("r", 0, True, None)]),
        capture.unmatched_entry([("r", 0, True, None, "unknown request")]),
    ]
    assert [next(iter(entry)) for entry in entries] == ["received"] * len(capture.KINDS)
    for kind, entry in zip(capture.KINDS, entries, strict=True):
        assert len(_rows(kind, entry)) == 1
        assert len(rows_of(kind, [], DATASET, ())) == 0


def test_a_prediction_has_its_role_its_rollout_and_its_time() -> None:
    rows = [{"id": "a", "x": 1.5}, {"id": "b", "x": None}]
    entry = capture.prediction_entry(
        "r", "m:2", rows, [0.1, 0.9], [False, True], seconds=0.25, role="canary", rollout="o1"
    )
    found = _rows("predictions", entry)
    assert tuple(found.columns) == (*capture.PREDICTION_COLUMNS, "id", "x")
    told = found[["request_id", "row", "version", "probability", "prediction", "role", "rollout", "seconds", "id"]]
    assert told.values.tolist() == [
        ["r", 0, "m:2", 0.1, False, "canary", "o1", 0.25, "a"],
        ["r", 1, "m:2", 0.9, True, "canary", "o1", 0.25, "b"],
    ]
    assert found["x"].isna().tolist() == [False, True]


def test_a_prediction_of_an_older_service_is_the_champions() -> None:
    entry = {
        "request_id": "r",
        "received": AT,
        "version": "m:1",
        "probability": [0.5],
        "prediction": [True],
        "rows": [{"id": "a", "x": 1}],
    }
    found = _rows("predictions", entry)
    assert found[["role", "rollout"]].values.tolist() == [["champion", ""]]
    assert found["seconds"].isna().all()


def test_a_shadow_has_a_row_for_each_of_the_request() -> None:
    found = _rows("shadow", capture.shadow_entry("r", "m:2", [0.1, 0.9], [False, True], seconds=0.5, rollout="o1"))
    assert list(found.columns) == [
        "request_id",
        "row",
        "received",
        "version",
        "rollout",
        "probability",
        "prediction",
        "seconds",
    ]
    assert found[["row", "probability", "prediction"]].values.tolist() == [[0, 0.1, False], [1, 0.9, True]]


def test_a_failure_is_one_row() -> None:
    entry = capture.failure_entry("r", "m:2", 7, error="KeyError", seconds=0.5, role="shadow", rollout="o1")
    found = _rows("failures", entry)
    assert found[["role", "rollout", "rows", "error", "seconds"]].values.tolist() == [
        ["shadow", "o1", 7, "KeyError", 0.5]
    ]
    assert str(found["rows"].dtype) == "int64"


def test_a_label_was_known_when_it_was_received_unless_it_says_otherwise() -> None:
    found = _rows("labels", capture.label_entry([("r", 0, True, AT), ("r", 1, False, None)]))
    assert found["at"].tolist() == [pd.Timestamp(AT), found["received"][1]]
    older = _rows("labels", {"received": AT, "labels": [["r", 0, True]]})
    assert older["at"].tolist() == [pd.Timestamp(AT)]


def test_an_unmatched_label_may_name_any_row() -> None:
    entry = capture.unmatched_entry([("r", 99999999999999999999, True, None, "row out of range")])
    found = _rows("unmatched", entry)
    assert found[["row", "label", "problem"]].values.tolist() == [[2**63 - 1, True, "row out of range"]]


def test_what_should_be_a_hash_and_is_none_is_left_out() -> None:
    rows = [{"id": "a" * 64, "x": 1}, {"id": "ada", "x": 1}, {"id": None, "x": 1}]
    entry = capture.prediction_entry("r", "m:1", rows, [0.5] * 3, [True] * 3, seconds=0.1)
    found = _rows("predictions", entry, ("id",))
    assert found["id"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("kind", capture.KINDS)
@pytest.mark.parametrize("entry", [{}, {"received": "never"}, {"received": AT, "labels": [[]], "rows": 1}])
def test_what_is_no_line_of_its_kind_is_refused(kind: Kind, entry: dict[str, Any]) -> None:
    with pytest.raises(BROKEN):
        _rows(kind, entry)
