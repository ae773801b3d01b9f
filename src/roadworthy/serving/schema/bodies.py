"""The bodies of requests and answers that every project's service has alike."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from roadworthy.records import Rollout
from roadworthy.serving.schema.decoding import Decoder
from roadworthy.serving.schema.moments import Moment

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
_VALUE_LENGTH = 80


def short(value: object) -> str:
    """Return a value as JSON, cut off where it is long; a list or an object by its size alone."""
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    if isinstance(value, bytes):
        value = value[: _VALUE_LENGTH + 1].decode(errors="replace")
    # Cut first: a value may be as long as a whole body.
    text = json.dumps(value[: _VALUE_LENGTH + 1] if isinstance(value, str) else value, default=str)
    return text if len(text) <= _VALUE_LENGTH else text[:_VALUE_LENGTH] + "..."


class Body(BaseModel):
    """What the models of requests have in common: one field, a list of rows or labels."""

    model_config = STRICT

    listed: ClassVar[str]
    """The field's name."""
    most: ClassVar[str]
    """What it may hold, in words."""
    most_values: ClassVar[int]
    """How many values, of every kind and depth, a body may have to be looked at field by field."""
    decoder: ClassVar[Decoder | None] = None
    """The short way to read one that keeps to the contract."""

    @classmethod
    def taken(cls, body: bytes) -> Self | None:
        """Return a body that keeps to the contract as the short way reads it; None when it wants a closer look."""
        rows = cls.decoder.rows(body) if cls.decoder else None
        found: Any = None if rows is None else cls.model_construct(None, **{cls.listed: rows})
        return found  # type: ignore[no-any-return]  # pydantic's plugin takes it for the base class's

    @property
    def fields_given(self) -> int:
        """Number of fields that were given, in all objects together."""
        given = 1
        for item in getattr(self, self.listed):
            given += len(item if isinstance(item, dict) else item.model_fields_set)
        return given


# --- refused -------------------------------------------------------------------------------------------------------


class Problem(BaseModel):
    """One field of a request that breaks the contract."""

    field: str = Field(description="path in the request's body, such as rows.0.carrier")
    value: str | None = Field(default=None, description="what was given, as JSON; null when it is missing")
    rule: str = Field(description="the rule that it breaks")


class Refusal(BaseModel):
    """Why a request was not taken, and what to do about it."""

    error: str = Field(description="what is wrong")
    next_step: str = Field(description="what to do about it")
    detail: list[Problem] = Field(default=[], description="field by field, at most the first 1,000")


# --- /predict ------------------------------------------------------------------------------------------------------


class Prediction(BaseModel):
    """The answer to one row."""

    row: int = Field(description="position in the request, from 0")
    probability: float = Field(description="probability that the label is true, between 0 and 1")
    prediction: bool = Field(description="whether acting pays: the probability reaches the use case's threshold")


class Remark(BaseModel):
    """Something to know about an answer."""

    row: int | None = Field(default=None, description="position in the request, from 0; null when it is about several")
    field: str | None = Field(default=None, description="the field that it is about, if it is about one")
    kind: Literal["unseen", "out of range", "not recorded"]
    message: str = Field(description="in words")


class PredictAnswer(BaseModel):
    """The answer to a request."""

    request_id: str = Field(description="to be named in /feedback when the outcome is known")
    model_version: str = Field(description="the model version that answered every row of this request")
    predictions: list[Prediction]
    warnings: list[Remark] = []


# --- /feedback -----------------------------------------------------------------------------------------------------


class Label(BaseModel):
    """What came of one predicted row."""

    model_config = STRICT

    request_id: str = Field(max_length=100, description="as answered by /predict")
    row: int = Field(ge=0, description="position in that request, from 0")
    label: bool = Field(description="the outcome")
    at: Moment | None = Field(default=None, description="since when the outcome was known; by default since it came")


class FeedbackAnswer(BaseModel):
    """How many labels are now stored."""

    accepted: int


# --- /admin --------------------------------------------------------------------------------------------------------


class PromoteRequest(BaseModel):
    """Which version is to become champion, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: str = Field(min_length=1, max_length=300, description="a version, the beginning of one, or 'challenger'")
    reason: str = Field(default="", max_length=2000, description="goes into the history")


class RollbackRequest(BaseModel):
    """Where to go back to, and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    to: str | None = Field(default=None, max_length=300, description="by default the last good champion")
    reason: str = Field(default="", max_length=2000, description="goes into the history")


class ServiceStatus(BaseModel):
    """What the worker that was asked answers with."""

    champion: str | None = Field(description="the version that answers; null when none does")
    challenger: str | None = Field(description="the version that a rollout has loaded beside it")
    rollout: Rollout | None = Field(description="the rollout that is running here")
    problem: str | None = Field(description="what is wrong with this worker, in words")
