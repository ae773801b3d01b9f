"""The report as a document: what was found, decided, told and done, for programs; its JSON Schema is published."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from roadworthy.config import Config
from roadworthy.records import (
    Alert,
    Decision,
    HistoryEntry,
    Moment,
    OwnerRole,
    Reading,
    Record,
    Retraining,
    WindowReport,
    now,
)
from roadworthy.state import State

_NAMED = 5  # drifted columns of an older window in a brief report


class Report(Record):
    """Everything that was found in the traffic, and what came of it."""

    format: Literal["roadworthy.report/1"] = Field(
        default="roadworthy.report/1", description="changes when a field goes or means something else"
    )
    project: str
    made: Moment = Field(default_factory=now)
    owners: dict[OwnerRole, str] = Field(default={}, description="who answers for a part: name and contact")
    windows: tuple[WindowReport, ...] = Field(default=(), description="oldest first")
    decisions: tuple[Decision, ...] = Field(default=(), description="oldest first")
    retrainings: tuple[Retraining, ...] = Field(default=(), description="that decisions led to, newest first")
    alerts: tuple[Alert, ...] = Field(default=(), description="newest first, open and resolved")
    history: tuple[HistoryEntry, ...] = Field(default=(), description="acts on production, newest first")

    @field_validator("windows", mode="after")
    @classmethod
    def _oldest_first(cls, windows: tuple[WindowReport, ...]) -> tuple[WindowReport, ...]:
        return tuple(sorted(windows, key=lambda found: (found.window.start, found.window.end)))

    @property
    def told(self) -> WindowReport | None:
        """The window that matters now: the newest one with a verdict, or the newest where none has one."""
        judged = [found for found in self.windows if found.verdict != "too little data"]
        return next(reversed(judged or self.windows), None)

    def brief(self) -> Report:
        """Return the report without what is large: of the other windows only what drifted most, bars of none of them.

        Segments keep what drifted, in the told window alone.
        """
        told = self.told
        windows = [_brief_now(found) if found is told else _brief_then(found) for found in self.windows]
        return self.model_copy(update={"windows": tuple(windows)})


def collect(config: Config, state: State) -> Report:
    """Read everything that a report tells from the state database."""
    with collecting_no_garbage():
        return _collected(config, state)


def _collected(config: Config, state: State) -> Report:
    roles: tuple[OwnerRole, ...] = ("data", "model", "infrastructure", "monitoring")
    owners = {role: config.policy.owners.of(role) for role in roles}
    return Report(
        project=config.settings.name,
        owners={role: f"{owner.name} <{owner.contact}>" for role, owner in owners.items() if owner.name},
        windows=tuple(state.windows()),
        decisions=tuple(state.decisions()),
        retrainings=tuple(state.retrainings()),
        alerts=tuple(state.alerts()),
        history=tuple(state.history()),
    )


@contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """Leave Python's garbage collector out: while records are read by the ten thousand it takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def to_json(report: Report) -> str:
    """Return the report as JSON that `schema` describes; bars are those of the told window alone.

    They are nine tenths of it, and those of another window stand in its own ``.drift.json``.
    """
    told = report.told
    windows = [found if found is told else without_bars(found) for found in report.windows]
    return report.model_copy(update={"windows": tuple(windows)}).model_dump_json(indent=1)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of report.json and of each window's ``.drift.json``."""
    _, described = models_json_schema(
        [(Report, "serialization"), (WindowReport, "serialization")], schema_generator=_Plain
    )
    kinds = described["$defs"]
    kinds["Report"]["required"].insert(0, "format")  # always written, and what tells it from a window
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": "urn:roadworthy:report:1",
        "title": "Roadworthy's report.json, or one window's .drift.json",
        "oneOf": [{"$ref": "#/$defs/Report"}, {"$ref": "#/$defs/WindowReport"}],
        "$defs": kinds,
    }


class _Plain(GenerateJsonSchema):
    """Without a title for each field, which would only repeat its name, and open to fields that come later."""

    def model_schema(self, schema: Any) -> dict[str, Any]:  # noqa: ANN401  (pydantic's own union of schemas)
        """Describe a record."""
        described = super().model_schema(schema)
        described.pop("additionalProperties", None)
        return described

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401  (pydantic's own union of schemas)
        """Return False."""
        return False


def _brief_now(found: WindowReport) -> WindowReport:
    segments = [segment.model_copy(update={"readings": _drifted(segment.readings)}) for segment in found.segments]
    return found.model_copy(update={"segments": tuple(segments)})


def _brief_then(found: WindowReport) -> WindowReport:
    performance = [one.model_copy(update={"residuals": ()}) for one in found.performance]
    update: Mapping[str, object] = {
        "readings": _drifted(found.readings),
        "performance": tuple(performance),
        "slices": (),
        "segments": (),
        "associations": tuple(pair for pair in found.associations if pair.verdict == "drift")[:_NAMED],
    }
    return found.model_copy(update=update)


def without_bars(found: WindowReport) -> WindowReport:
    """Return a window's report without its bars, which are nine tenths of it."""
    segments = [part.model_copy(update={"readings": _barless(part.readings)}) for part in found.segments]
    return found.model_copy(update={"readings": _barless(found.readings), "segments": tuple(segments)})


def _barless(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    return tuple(reading.model_copy(update={"bars": ()}) for reading in readings)


def _drifted(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    return _barless([reading for reading in readings if reading.verdict == "drift"][:_NAMED])
