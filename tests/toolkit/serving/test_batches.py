"""Rows of a DataFrame as requests."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, Dataset
from roadworthy.errors import ReplayError
from roadworthy.serving import schema
from roadworthy.serving.batches import Per, batches_of

SMALL = Dataset(
    name="small",
    columns=(
        Column(name="at", type="timestamp", role="time", required=True),
        Column(name="name", type="string", role="feature"),
        Column(name="count", type="integer", role="feature"),
        Column(name="flag", type="boolean", role="feature"),
        Column(name="size", type="number", role="feature"),
        Column(name="bad", type="boolean", role="label"),
    ),
)


def _rows(minutes: list[int]) -> pd.DataFrame:
    at = pd.Timestamp("2013-05-01", tz="UTC") + pd.to_timedelta(minutes, unit="min")
    values = {"name": "a", "count": 1.0, "flag": True, "size": 0.5, "bad": False}
    return pd.DataFrame({"at": pd.Series(at).astype("datetime64[us, UTC]")}).assign(**values)


@settings(max_examples=60, deadline=None)
@given(minutes=st.lists(st.integers(0, 600), max_size=80), most=st.integers(1, 7), per=st.sampled_from(["hour", "day"]))
def test_each_row_goes_into_one_request_in_the_order_of_time(minutes: list[int], most: int, per: Per) -> None:
    found = list(batches_of(_rows(minutes), SMALL, "bad", per=per, most_rows=most))
    names = [name for batch in found for name in batch.names]
    assert sorted(names) == list(range(len(minutes)))
    moments = [moment for batch in found for moment in batch.moments]
    assert moments == sorted(moments)
    length = {"hour": 3_600_000_000, "day": 86_400_000_000}[per]
    for batch in found:
        assert 1 <= len(batch.rows) <= most
        assert len({moment // length for moment in batch.moments}) == 1


def test_what_is_sent_is_what_the_service_takes() -> None:
    rows = pd.concat([_rows([0]), _rows([1])], ignore_index=True)
    rows = rows.astype({"name": "str", "flag": "boolean", "bad": "boolean"})
    rows.loc[1, ["name", "count", "flag", "size", "bad"]] = None
    (batch,) = batches_of(rows, SMALL, "bad", per="hour", most_rows=10)
    assert batch.labels == [False, None]
    body = json.dumps({"rows": batch.rows})
    taken = schema.request_model(SMALL, 10).model_validate_json(body).rows  # type: ignore[attr-defined]
    columns = [column.name for column in SMALL.request_columns]
    pd.testing.assert_frame_equal(schema.frame(SMALL, taken), rows[columns])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ReplayError, match="no column size, bad"):
        list(batches_of(_rows([0]).drop(columns=["size", "bad"]), SMALL, "bad", per="hour", most_rows=10))


def test_moments_may_be_text_with_a_zone() -> None:
    rows = _rows([0, 1]).assign(at=["2013-05-01T02:00:00+02:00", "2013-05-01T00:01:00Z"])
    (batch,) = batches_of(rows, SMALL, "bad", per="hour", most_rows=10)
    assert [row["at"] for row in batch.rows] == ["2013-05-01T00:00:00.000000Z", "2013-05-01T00:01:00.000000Z"]


@pytest.mark.parametrize("at", ["2013-05-01T02:00:00", "soon", pd.Timestamp("2013-05-01")])
def test_a_moment_without_a_zone_is_refused(at: object) -> None:
    with pytest.raises(ReplayError, match="Column at cannot be read as moments"):
        list(batches_of(_rows([0]).assign(at=at), SMALL, "bad", per="hour", most_rows=10))


def test_a_row_without_its_time_is_named() -> None:
    rows = _rows([0, 1]).set_index(pd.Index(["first", "second"]))
    rows.loc["second", "at"] = pd.NaT
    with pytest.raises(ReplayError, match="Row second has no at"):
        list(batches_of(rows, SMALL, "bad", per="hour", most_rows=10))
