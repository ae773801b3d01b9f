"""Asking a version: the rows of several requests in one call of its model, and each request's own answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roadworthy.registry import LoadedModel
from roadworthy.serving import schema
from roadworthy.serving.schema import Rows
from roadworthy.serving.telemetry import LOG


@dataclass(frozen=True)
class Answered:
    """A version's answer to one request."""

    probabilities: list[float] | None
    """One a row; None when it could not answer."""
    error: str = ""
    """What kind of failure that was."""


def ask(model: LoadedModel, requests: Sequence[Rows]) -> list[Answered]:
    """Let a model answer requests, together where it can, and each by itself where one of them makes it fail."""
    together = _answer(model, schema.joined(requests))
    if together.probabilities is None:
        if len(requests) == 1:
            return [together]
        return [_answer(model, rows) for rows in requests]
    found, start = [], 0
    for rows in requests:
        found.append(Answered(together.probabilities[start : start + len(rows)]))
        start += len(rows)
    return found


def _answer(model: LoadedModel, rows: Rows) -> Answered:
    try:
        probabilities = np.asarray(model.predict(schema.features(model.dataset, rows)), dtype="float64")
    except Exception as error:  # a model may raise anything; its text may hold the request's values, so no text
        kind = type(error).__name__
        LOG.error("Version %s raised %s on a request of %d rows.", model.tag, kind, len(rows))
        return Answered(None, kind)
    if probabilities.shape != (len(rows),) or not np.isfinite(probabilities).all():
        LOG.error("Version %s did not answer each of %d rows with a number.", model.tag, len(rows))
        return Answered(None, "NotANumber")
    return Answered(probabilities.tolist())
