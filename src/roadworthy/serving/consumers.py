"""Consumers of the service: what each sends, and what it reads of the answer.

A consumer is a file in the folder that the configuration names: its ``name``, its ``owner``, example ``requests`` as
it sends them, and under ``reads`` the fields of the answer that it relies on, such as ``predictions.0.probability``,
where it matters with their type. Each example is put to a model in process, through the same checks as in the service.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
from pydantic import BaseModel, Field, ValidationError, field_validator

from roadworthy import documents
from roadworthy.config.section import Section
from roadworthy.contract import Dataset
from roadworthy.errors import ConfigError
from roadworthy.records import Record
from roadworthy.registry import LoadedModel
from roadworthy.serving import schema

Kind = Literal["string", "number", "integer", "boolean", "list", "object"]

_ENDINGS = (".yaml", ".yml", ".json")
_PROBLEMS_TOLD = 3
_IS: dict[Kind, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


class Request(Section):
    """A request as a consumer sends it."""

    rows: tuple[dict[str, Any], ...]


class Read(Section):
    """A field of the answer that a consumer relies on."""

    path: str = Field(min_length=1, description="names and positions from the answer down, joined by dots")
    type: Kind | None = None


class Consumer(Section):
    """One who calls the service."""

    name: str = Field(min_length=1)
    owner: str = Field(min_length=1, description="who is to be asked when it would break")
    requests: tuple[Request, ...] = Field(min_length=1)
    reads: tuple[Read, ...] = ()

    @field_validator("reads", mode="before")
    @classmethod
    def _paths(cls, given: object) -> object:
        return (
            [{"path": each} if isinstance(each, str) else each for each in given] if isinstance(given, list) else given
        )


class Checked(Record):
    """What a consumer would find."""

    consumer: str
    owner: str
    requests: int
    problems: tuple[str, ...] = Field(default=(), description="what would break, in words")

    @property
    def words(self) -> str:
        """The outcome as one fact."""
        if not self.problems:
            return (
                f"its {self.requests} example request{'s' if self.requests > 1 else ''} would be answered as it reads"
            )
        more = f"; and {len(self.problems) - _PROBLEMS_TOLD} more" if len(self.problems) > _PROBLEMS_TOLD else ""
        return f"{'; '.join(self.problems[:_PROBLEMS_TOLD])}{more}; its owner is {self.owner}"


def read(folder: Path) -> list[Consumer]:
    """Return the consumers of a folder, in the order of their files' names; none when there is no folder.

    Raises
    ------
    ConfigError
        When a file is broken, naming the file and the field; or when two have the same name.
    """
    if not folder.is_dir():
        return []
    paths = [p for p in sorted(folder.iterdir()) if p.suffix in _ENDINGS and not p.name.startswith(".")]
    found: dict[str, tuple[Path, Consumer]] = {}
    for path in paths:
        consumer = _read(path)
        if consumer.name in found:
            raise ConfigError(
                f"{path}: name: {consumer.name!r} is the name of the consumer in {found[consumer.name][0].name} too.",
                "Give each its own.",
            )
        found[consumer.name] = path, consumer
    return [consumer for _, consumer in found.values()]


def check(
    consumers: Sequence[Consumer], dataset: Dataset, model: LoadedModel, threshold: float, max_rows: int
) -> list[Checked]:
    """Put each consumer's requests to a model, and look for what it reads.

    Parameters
    ----------
    dataset
        The contract that requests would be checked by.
    threshold
        Probability from which a prediction is true.
    max_rows
        Rows in one request, at most.

    Raises
    ------
    ContractError
        When no requests can be made of the contract at all.
    """
    requests = schema.request_model(dataset, max_rows)
    answering = _Answering(dataset, requests, model, threshold)
    return [
        Checked(
            consumer=consumer.name,
            owner=consumer.owner,
            requests=len(consumer.requests),
            problems=tuple(
                f"request {number}: {problem}"
                for number, request in enumerate(consumer.requests, start=1)
                for problem in answering.problems(request, consumer.reads)
            ),
        )
        for consumer in consumers
    ]


class _Answering:
    """Answers examples as the service would."""

    def __init__(self, dataset: Dataset, requests: type[BaseModel], model: LoadedModel, threshold: float) -> None:
        self._dataset, self._requests, self._model, self._threshold = dataset, requests, model, threshold

    def problems(self, request: Request, reads: Sequence[Read]) -> list[str]:
        """Return what a consumer would stumble over."""
        try:
            checked: Any = self._requests.model_validate_json(orjson.dumps({"rows": request.rows}))
        except ValidationError as error:
            return [f"{p.field}: {p.rule.rstrip('.')}" + _given(p) for p in schema.problems(error)]
        except TypeError as error:
            return [f"it is no JSON: {error}"]
        try:
            probabilities = np.asarray(self._model.predict(schema.frame(self._dataset, checked.rows)), dtype="float64")
        except Exception as error:  # a model may raise anything
            return [f"the model raises {type(error).__name__}"]
        answer = self._answer(probabilities)
        return [problem for each in reads if (problem := _missing(answer, each))]

    def _answer(self, probabilities: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
        found = schema.PredictAnswer(
            request_id="example",
            model_version=self._model.tag,
            predictions=[
                schema.Prediction(row=row, probability=probability, prediction=probability >= self._threshold)
                for row, probability in enumerate(probabilities.tolist())
            ],
        )
        return found.model_dump(mode="json")


def _missing(answer: Any, wanted: Read) -> str:  # noqa: ANN401 - what is in JSON
    """Return why a consumer cannot read a field; blank when it can."""
    value = answer
    walked: list[str] = []
    for step in wanted.path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            place = ".".join(walked) or "the answer"
            return f"it reads {wanted.path}, and {place} has no {step!r}"
        walked.append(step)
    if wanted.type is not None and not _IS[wanted.type](value):
        return f"it reads {wanted.path} as {wanted.type}, and it is {orjson.dumps(value).decode()}"
    return ""


def _given(problem: schema.Problem) -> str:
    return "" if problem.value is None else f" (it sends {problem.value})"


def _read(path: Path) -> Consumer:
    try:
        content = path.read_bytes()
        found = orjson.loads(content) if path.suffix == ".json" else documents.parse(content.decode())
    except documents.NotYaml as error:
        raise ConfigError(f"{path}{error.line}: not YAML: {error.problem}.", "Mend that line.") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", "Mend it, or take it away.") from error
    try:
        return Consumer.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        raise ConfigError(f"{path}: {field}: {first['msg']}.", f"Correct {field}.") from error
