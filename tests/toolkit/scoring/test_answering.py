"""A chunk as the service would answer it: frames and floats the same, whatever the rows came as."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from roadworthy.config import CapturePolicy
from roadworthy.contract import Column, Dataset
from roadworthy.data import quality
from roadworthy.data.casting import cells_of
from roadworthy.errors import ContractError, DataError, ServingError
from roadworthy.registry import LoadedModel
from roadworthy.scoring.answering import Answerer
from roadworthy.scoring.inputs import Part
from roadworthy.scoring.work import Run
from roadworthy.serving import credentials, schema

MANY = Dataset(
    name="d",
    columns=(
        Column(name="id", type="string", role="identifier", required=True, classification="confidential"),
        Column(name="at", type="timestamp", role="time", required=True),
        Column(name="x", type="number", role="feature", minimum=-100, maximum=100, out_of_range="accept"),
        Column(name="count", type="integer", role="feature"),
        Column(name="size", type="integer", role="feature", required=True, categories=("1", "2", "3")),
        Column(name="flag", type="boolean", role="feature"),
        Column(name="sure", type="boolean", role="feature", required=True),
        Column(name="kind", type="string", role="feature", categories=("a", "b", "ü"), unseen="accept"),
        Column(name="made", type="timestamp", role="feature"),
        Column(name="label", type="boolean", role="label"),
    ),
)
KEY = b"key"
KEPT = CapturePolicy(classified={})


def _rows(count: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(1)
    gaps = draw.random((count, 5)) < 0.2
    return [
        {
            "id": f"id {n}",
            "at": f"2026-01-01T00:00:00.{n:06}+01:00",
            "x": None if gaps[n, 0] else float(draw.normal() * 60),
            "count": None if gaps[n, 1] else int(draw.integers(-(2**53), 2**53)),
            "size": int(draw.integers(1, 4)),
            "flag": None if gaps[n, 2] else bool(draw.integers(2)),
            "sure": bool(draw.integers(2)),
            "kind": None if gaps[n, 3] else "abüz"[int(draw.integers(4))],
            "made": None if gaps[n, 4] else "1969-07-20T20:17:40.5Z",
        }
        for n in range(count)
    ]


def _notebook(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows as training has them: cast as ingestion does, in the contract's dtypes."""
    columns = MANY.request_columns
    found, failures = quality.cast(pd.DataFrame(rows, dtype="object"), MANY, columns=columns)
    assert failures.empty
    return found.astype({column.name: column.dtype for column in columns})


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    """A model that uses every feature."""
    frame = _notebook(_rows(600))
    truths = FunctionTransformer(lambda part: part.astype("float64"))
    moments = FunctionTransformer(lambda part: part.apply(lambda column: column.dt.year.astype("float64")))
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    parts = make_column_transformer(
        (truths, ["flag", "sure"]), (moments, ["made"]), (codes, ["kind"]), remainder="passthrough"
    )
    estimator = make_pipeline(parts, HistGradientBoostingClassifier(max_iter=10, random_state=0))
    label = np.random.default_rng(2).random(600) < 0.5
    return LoadedModel("d:1", MANY, Path(), estimator.fit(frame[list(MANY.features)], label))


def _run(**changes: Any) -> Run:  # noqa: ANN401 - any of its fields
    laid = {"source": "in", "content": "c", "version": "d:1", "contract": "h", "threshold": 0.5, "output": "out"}
    started = datetime(2026, 1, 1, tzinfo=UTC)
    return Run.model_validate(laid | {"chunk_rows": 100, "request_rows": 7, "started": started} | changes)


def _part(rows: list[dict[str, Any]], *, text: bool = False) -> Part:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    if not text:
        return Part("in", {name: cells_of(values) for name, values in columns.items()})
    said = {n: [None if v is None else v if isinstance(v, str) else json.dumps(v) for v in columns[n]] for n in names}
    return Part("in", {name: pa.array(values, pa.string()) for name, values in said.items()})


@pytest.mark.parametrize("text", [False, True])
def test_service_batch_and_notebook_have_the_same_frame_and_floats(model: LoadedModel, text: bool) -> None:
    rows = _rows(100)
    asked: Any = schema.request_model(MANY, 100).model_validate_json(json.dumps({"rows": rows}))
    served, notebook = schema.frame(MANY, asked.rows), _notebook(rows)
    answered = Answerer(model, MANY, _run(), KEY, KEPT).answer(0, 0, _part(rows, text=text))
    names = [column.name for column in MANY.request_columns]
    pd.testing.assert_frame_equal(answered.captured[names], served, check_exact=True)
    pd.testing.assert_frame_equal(notebook, served, check_exact=True)
    expected = model.predict(notebook).tolist()
    assert model.predict(served).tolist() == expected
    assert answered.rows["probability"].to_pylist() == answered.captured["probability"].tolist() == expected
    assert answered.rows["prediction"].to_pylist() == [p >= 0.5 for p in expected]


def test_requests_are_those_of_the_service_and_the_same_again(model: LoadedModel) -> None:
    rows = _rows(20)
    first, again = (Answerer(model, MANY, _run(), KEY, KEPT).answer(3, 0, _part(rows)) for _ in range(2))
    assert first.rows == again.rows
    ids = first.rows["request_id"].to_pylist()
    assert len(set(ids)) == 3
    assert first.rows["row"].to_pylist() == [*range(7), *range(7), *range(6)]
    assert all(credentials.verify(KEY, each, 5) == "known" for each in ids)
    assert credentials.verify(KEY, ids[-1], 6) == "row out of range"
    for other in (_run(content="other"), _run(started=datetime(2026, 1, 2, tzinfo=UTC)), _run(version="d:2")):
        assert not set(ids) & set(Answerer(model, MANY, other, KEY, KEPT).answer(3, 0, _part(rows)).rows["request_id"])
    assert not set(ids) & set(Answerer(model, MANY, _run(), KEY, KEPT).answer(4, 0, _part(rows)).rows["request_id"])


def test_what_the_contract_accepts_is_told_and_counted(model: LoadedModel) -> None:
    rows = _rows(30)
    rows[2] |= {"kind": "new", "x": 1.0}
    rows[9] |= {"kind": "new", "x": 1e6}
    told = [row["kind"] not in ("a", "b", "ü", None) for row in rows]
    far = [row["x"] is not None and abs(row["x"]) > 100 for row in rows]
    answered = Answerer(model, MANY, _run(), KEY, KEPT).answer(0, 0, _part(rows))
    assert (answered.unseen, answered.out_of_range) == ({"kind": sum(told)}, {"x": sum(far)})
    words = answered.rows["warnings"].to_pylist()
    assert [bool(each) for each in words] == [one or other for one, other in zip(told, far, strict=True)]
    assert words[9].startswith('kind: "new" is not')
    assert "x: 1000000.0 is above" in words[9]


def test_what_the_model_never_saw_is_told(model: LoadedModel) -> None:
    seen = dataclasses.replace(model, seen={"kind": frozenset("ab")})
    answered = Answerer(seen, MANY, _run(), KEY, KEPT).answer(0, 0, _part([_rows(1)[0] | {"kind": "ü"}]))
    assert "never seen" in answered.rows["warnings"][0].as_py()


def test_what_breaks_the_contract_is_told_field_by_field(model: LoadedModel) -> None:
    rows = _rows(10)
    rows[1] |= {"count": 2**60, "size": 4}
    rows[4] |= {"x": math.nan, "id": None}
    rows[6]["at"] = "soon"
    answered = Answerer(model, MANY, _run(), KEY, KEPT).answer(0, 50, _part(rows))
    assert (answered.read, answered.refused_rows, answered.rows.num_rows) == (10, 3, 7)
    assert [(line["row"], line["field"]) for line in answered.refused] == [
        (51, "count"), (51, "size"), (54, "id"), (56, "at"),
    ]  # fmt: skip
    assert answered.refused[1]["value"] == "4"
    assert answered.refused[2]["rule"] == "This field is required."
    assert answered.rows["input_row"].to_pylist() == [50, 52, 53, 55, 57, 58, 59]


def test_the_policy_decides_what_is_kept(model: LoadedModel) -> None:
    rows = _rows(100)
    policy = CapturePolicy(sample=0.5, classified={"confidential": "hash"})
    answered = Answerer(model, MANY, _run(), KEY, policy).answer(0, 0, _part(rows))
    assert 0 < len(answered.captured) < answered.rows.num_rows == 100
    assert set(answered.captured["request_id"]) < set(answered.rows["request_id"].to_pylist())
    assert answered.captured["id"].str.fullmatch("[0-9a-f]{64}").all()
    assert answered.rows["id"].to_pylist() == [row["id"] for row in rows]


def test_columns_that_are_not_the_contracts_are_refused(model: LoadedModel) -> None:
    answerer = Answerer(model, MANY, _run(), KEY, KEPT)
    assert answerer.answer(0, 0, _part([row | {"label": True} for row in _rows(3)])).rows.num_rows == 3
    with pytest.raises(DataError, match=r"in: .*no column 'y'"):
        answerer.answer(0, 0, _part([row | {"y": 1} for row in _rows(3)]))
    with pytest.raises(DataError, match=r"'size'.* is missing"):
        answerer.answer(0, 0, _part([{k: v for k, v in row.items() if k != "size"} for row in _rows(3)]))


def test_a_model_that_cannot_answer_is_named(model: LoadedModel) -> None:
    broken = LoadedModel("d:2", MANY, Path(), estimator=object())
    with pytest.raises(ServingError, match="d:2 raised AttributeError on 3 rows"):
        Answerer(broken, MANY, _run(), KEY, KEPT).answer(0, 0, _part(_rows(3)))


def test_a_column_cannot_have_the_name_of_an_answer(model: LoadedModel) -> None:
    taken = MANY.model_copy(update={"columns": (*MANY.columns, Column(name="row", type="number", role="feature"))})
    with pytest.raises(ContractError, match="'row'"):
        Answerer(model, taken, _run(), KEY, KEPT)
