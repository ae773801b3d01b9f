"""Hashes of rows: equal for equal values in any batch, different otherwise, and kept in parts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from roadworthy.tables import fingerprints

COLUMNS = {
    "whole": pa.array([1, 2, None, -1, 0], pa.int64()),
    "small": pa.array([1, 2, None, -1, 0], pa.int16()),
    "number": pa.array([0.5, -0.5, None, 1e300, 0.0], pa.float64()),
    "single": pa.array([0.5, -0.5, None, 1.5, 0.0], pa.float32()),
    "truth": pa.array([True, False, None, None, None]),
    "text": pa.array(["a", "b", None, "", "ä"], pa.string()),
    "view": pa.array(["a", "b", None, "", "ä"], pa.string_view()),
    "at": pa.array([1, 2, None, -1, 0], pa.timestamp("us", tz="UTC")),
    "day": pa.array([date(2013, 1, day) for day in (1, 2, 3, 4)] + [None]),
    "money": pa.array([Decimal("1.20"), Decimal("1.30"), None, Decimal("0.00"), Decimal("9.99")]),
    "list": pa.array([[1], [1, 2], None, [], [None]]),
}


def hashes(folder: Path, batches: list[pa.RecordBatch], key: list[str], parts: int = 1) -> list[bytes]:
    fingerprints.keep(batches, folder, key, [], parts)
    found = [fingerprints.part(folder, number, []) for number in range(parts)]
    return [bytes(value) for value in np.concatenate(found)["key"]]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_value_has_one_hash_in_any_batch_and_no_other_value_has_it(tmp_path: Path, column: str) -> None:
    values = COLUMNS[column]
    whole = hashes(tmp_path / "whole", [pa.record_batch({"c": values})], ["c"])
    single = hashes(tmp_path / "single", [pa.record_batch({"c": values[i : i + 1]}) for i in range(5)], ["c"])
    assert whole == single
    assert len(set(whole)) == len(set(map(str, values.to_pylist())))


def test_no_number_and_both_zeros_are_one_value_each(tmp_path: Path) -> None:
    values = pa.array([0.0, -0.0, None, float("nan")])
    zero, negative, missing, no_number = hashes(tmp_path / "h", [pa.record_batch({"c": values})], ["c"])
    assert zero == negative != missing == no_number


def test_the_same_values_in_other_columns_are_another_row(tmp_path: Path) -> None:
    batch = pa.record_batch({"a": [1, 2], "b": [2, 1]})
    first, second = hashes(tmp_path / "h", [batch], ["a", "b"])
    assert first != second


def test_parts_hold_every_row_once_and_rows_of_a_key_together(tmp_path: Path) -> None:
    batch = pa.record_batch({"k": np.arange(1_000) % 100, "v": np.arange(1_000)})
    assert fingerprints.keep([batch] * 2, tmp_path / "h", ["k"], ["v"], 7) == 2_000
    parts = [fingerprints.part(tmp_path / "h", number, ["v"]) for number in range(7)]
    assert sorted(np.concatenate([part["row"] for part in parts]).tolist()) == list(range(2_000))
    keys = [{bytes(key) for key in part["key"]} for part in parts]
    assert sum(map(len, keys)) == len(set().union(*keys)) == 100
    assert min(map(len, keys)) > 0
