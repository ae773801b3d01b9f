"""Rows as the service would answer them: the same checks, the same frame, the same model, the same record."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from roadworthy.config import CapturePolicy
from roadworthy.contract import Column, Dataset
from roadworthy.data import quality
from roadworthy.data.casting import ARROW_TYPES
from roadworthy.data.layout import differences
from roadworthy.errors import ContractError, DataError, RegistryError, ServingError
from roadworthy.registry import LoadedModel
from roadworthy.scoring.inputs import Part
from roadworthy.scoring.work import Run
from roadworthy.serving import capture, credentials, schema

Row = dict[str, Any]
_Probabilities: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_ANSWER = pa.schema(
    [
        ("input_row", pa.int64()),
        ("probability", pa.float64()),
        ("prediction", pa.bool_()),
        ("model_version", pa.string()),
        ("request_id", pa.string()),
        ("row", pa.int64()),
        ("warnings", pa.string()),
    ]
)
REFUSED = pa.schema(
    [("source", pa.string()), ("row", pa.int64()), *((name, pa.string()) for name in ("field", "value", "rule"))]
)


@dataclass
class Answered:
    """What became of the rows of one chunk."""

    rows: pa.Table
    refused: list[Row]
    """One entry a broken rule."""
    captured: pd.DataFrame
    read: int
    refused_rows: int
    unseen: Counter[str] = field(default_factory=Counter)
    out_of_range: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Asked:
    """Rows under one request id, and their answers."""

    id: str
    rows: list[Row]
    probabilities: _Probabilities
    inspection: schema.Inspection


class Answerer:
    """Answers chunk after chunk; the same chunk of the same run always alike.

    Parameters
    ----------
    dataset
        The contract that the service checks requests by.
    run
        What has been laid down about the run.
    key
        With which request ids are signed.
    policy
        What is kept of the requests.

    Raises
    ------
    RegistryError
        When the model was trained under a contract whose features differ.
    ContractError
        When a column has a name that the answer needs.
    ConfigError
        When identifier or event time could not be used if they were kept by the policy.
    """

    def __init__(self, model: LoadedModel, dataset: Dataset, run: Run, key: bytes, policy: CapturePolicy) -> None:
        _check(model, dataset)
        self._model, self._dataset, self._run, self._key = model, dataset, run, key
        self._keeper = capture.Keeper(policy, dataset, key)
        self._kept = capture.kept_dataset(dataset, policy)
        self._inspector = schema.Inspector(dataset, model.seen)
        self._requests = schema.request_model(dataset, run.request_rows)
        self._named = [column for column in dataset.request_columns if column.role in ("identifier", "time")]
        self.schema = pa.schema([*((c.name, _arrow(c)) for c in self._named), *_ANSWER])

    def answer(self, number: int, first: int, part: Part) -> Answered:
        """Answer a chunk.

        Parameters
        ----------
        number
            Of the chunk, from 0.
        first
            Position of its first row in the whole input.

        Raises
        ------
        DataError
            When its columns are not the contract's.
        ServingError
            When the model cannot answer.
        """
        began = time.monotonic()
        columns = self._dataset.request_columns
        problem = differences(part.cells, self._dataset, columns, gaps=part.gaps)
        if problem:
            raise DataError(f"{part.place}: {problem.fact}", problem.next_step)
        found = quality.typed({c.name: part.cells[c.name] for c in columns if c.name in part.cells}, columns)
        good, refused = self._checked(found)
        asked = [self._ask(number, n, some) for n, some in enumerate(_cut(good, self._run.request_rows))]
        unseen, out_of_range = Counter[str](), Counter[str]()
        for request in asked:
            unseen.update(request.inspection.unseen)
            out_of_range.update(request.inspection.out_of_range)
        return Answered(
            rows=self._table(found.values, [position for position, _ in good], first, asked),
            refused=[{"source": part.place, "row": first + row, **problem} for row, problem in refused],
            captured=self._captured(asked, (time.monotonic() - began) / max(len(good), 1)),
            read=len(found.values),
            refused_rows=len(found.values) - len(good),
            unseen=unseen,
            out_of_range=out_of_range,
        )

    # --- checks

    def _checked(self, found: quality.Typed) -> tuple[list[tuple[int, Row]], list[tuple[int, Row]]]:
        """Return the rows that keep the contract, and the problems of the others, each with its position."""
        failed: dict[int, dict[str, Row]] = {}
        for case in found.failures.to_dict("records"):
            told = {"field": case["column"], "value": orjson.dumps(case["value"]).decode(), "rule": case["rule"] + "."}
            failed.setdefault(case["row"], {})[case["column"]] = told
        good: list[tuple[int, Row]] = []
        refused: list[tuple[int, Row]] = []
        for some in _cut(list(enumerate(_rows(found.values))), self._run.request_rows):
            whole = None if any(position in failed for position, _ in some) else self._valid([row for _, row in some])
            if whole is not None:
                good += zip((position for position, _ in some), whole, strict=True)
                continue
            for position, row in some:
                known = failed.get(position, {})
                problems = self._problems(row)
                if not known and isinstance(problems, dict):
                    good.append((position, problems))
                    continue
                others = [] if isinstance(problems, dict) else [p for p in problems if p["field"] not in known]
                refused += [(position, problem) for problem in (*known.values(), *others)]
        return good, refused

    def _valid(self, rows: Sequence[Row]) -> list[Row] | None:
        try:
            request: Any = self._requests.model_validate_json(orjson.dumps({"rows": rows}))
        except ValidationError:
            return None
        checked: list[Row] = request.rows
        return checked

    def _problems(self, row: Row) -> Row | list[Row]:
        """Return the row as it was read, or what is wrong with it."""
        try:
            request: Any = self._requests.model_validate_json(orjson.dumps({"rows": [row]}))
        except ValidationError as error:
            return [p.model_dump() | {"field": p.field.removeprefix("rows.0.")} for p in schema.problems(error)]
        checked: Row = request.rows[0]
        return checked

    # --- answers

    def _ask(self, chunk: int, number: int, some: Sequence[tuple[int, Row]]) -> _Asked:
        rows = [row for _, row in some]
        probabilities = self._predict(schema.frame(self._dataset, rows))
        place = f"{self._run.writer} {chunk} {number}".encode()
        request_id = credentials.request_id(
            self._key,
            len(rows),
            milliseconds=int(self._run.started.timestamp() * 1000),
            randomness=hmac.new(self._key, place, hashlib.sha256).digest()[:6],
        )
        return _Asked(request_id, rows, probabilities, self._inspector.inspect(rows))

    def _predict(self, frame: pd.DataFrame) -> _Probabilities:
        tag = self._model.tag
        try:
            found = np.asarray(self._model.predict(frame), dtype="float64")
        except Exception as error:  # a model may raise anything; its text may hold values of rows, so no text
            raise ServingError(
                f"Version {tag} raised {type(error).__name__} on {len(frame):,} rows.",
                "Score with another version: --version.",
            ) from error
        if found.shape != (len(frame),) or not np.isfinite(found).all():
            raise ServingError(
                f"Version {tag} did not answer each of {len(frame):,} rows with a number.",
                "Score with another version: --version.",
            )
        return found

    def _warnings(self, asked: _Asked) -> list[str]:
        if not asked.inspection.remarks:
            return [""] * len(asked.rows)
        found = [self._inspector.inspect([row]).remarks for row in asked.rows]  # of many, an inspection tells some
        return [" ".join(f"{remark.field}: {remark.message}" for remark in remarks) for remarks in found]

    def _table(self, values: pa.Table, at: list[int], first: int, asked: Sequence[_Asked]) -> pa.Table:
        """Return what the output is told of the answered rows."""
        named = values.select([column.name for column in self._named]).take(pa.array(at, pa.int64()))
        probabilities = _joined(asked)
        answer = [
            pa.array(np.asarray(at, dtype="int64") + first),
            pa.array(probabilities),
            pa.array(probabilities >= self._run.threshold),
            pa.array([self._model.tag] * len(at), pa.string()),
            pa.array([request.id for request in asked for _ in request.rows], pa.string()),
            pa.array([row for request in asked for row in range(len(request.rows))], pa.int64()),
            pa.array([words for request in asked for words in self._warnings(request)], pa.string()),
        ]
        return pa.table([*named.columns, *answer], schema=self.schema)

    def _captured(self, asked: Sequence[_Asked], seconds: float) -> pd.DataFrame:
        """Return the rows of the table of predictions, as far as the policy keeps them."""
        kept = [request for request in asked if self._keeper.keeps(request.id)]
        rows = [row for request in kept for row in self._keeper.rows(request.rows)]
        probabilities, count = _joined(kept), len(rows)
        answers = pd.DataFrame(
            {
                "request_id": pd.Series([request.id for request in kept for _ in request.rows], dtype="str"),
                "row": np.array([row for request in kept for row in range(len(request.rows))], dtype="int64"),
                "received": pd.Series([pd.Timestamp(self._run.started)] * count, dtype="datetime64[us, UTC]"),
                "version": pd.Series([self._model.tag] * count, dtype="str"),
                "probability": probabilities,
                "prediction": probabilities >= self._run.threshold,
                "role": pd.Series(["champion"] * count, dtype="str"),
                "rollout": pd.Series([""] * count, dtype="str"),
                "seconds": np.full(count, seconds),
            }
        )
        return pd.concat([answers, schema.frame(self._kept, rows)], axis="columns")


def _joined(asked: Sequence[_Asked]) -> _Probabilities:
    return np.concatenate([np.empty(0), *(request.probabilities for request in asked)])


def _rows(values: pa.Table) -> list[Row]:
    """Return typed rows as a request has them: moments as text, nothing where nothing is."""
    columns = [_as_text(c) if pa.types.is_timestamp(c.type) else c for c in values.columns]
    rows = pa.table(columns, names=values.column_names).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _as_text(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.strftime(moments.cast(pa.timestamp("us")), "%Y-%m-%dT%H:%M:%SZ")


def _cut(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _arrow(column: Column) -> pa.DataType:
    return ARROW_TYPES[column.type]


def _check(model: LoadedModel, dataset: Dataset) -> None:
    wanted: Mapping[str, str] = {name: model.dataset.dtypes[name] for name in model.dataset.features}
    differing = [name for name, dtype in wanted.items() if dataset.dtypes.get(name) != dtype]
    if differing:
        raise RegistryError(
            f"{model.tag} was trained under another contract: {', '.join(differing)} differ from what rows carry.",
            "Score with the contract that it was trained under, or with another version: --version.",
        )
    taken = [column.name for column in dataset.request_columns if column.name in _ANSWER.names]
    if taken:
        raise ContractError(
            f"Column {taken[0]!r} of dataset {dataset.name!r} has the name of a column of the answers.",
            f"Rename it in the contract; taken are {', '.join(_ANSWER.names)}.",
        )
