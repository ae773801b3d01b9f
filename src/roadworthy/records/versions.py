"""Records of model versions and of production."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from roadworthy.records.base import Moment, Record, now


class MetricReading(Record):
    """A metric's value with a 95 % interval, on n labelled rows."""

    metric: str
    value: float
    low: float
    high: float
    n: int


class GateCheck(Record):
    """One question the gate asked."""

    name: str
    passed: bool
    fact: str = Field(description="what was found, in words, with the figures")


class GateVerdict(Record):
    """All that the gate asked; it passes when every check passes."""

    checks: tuple[GateCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


class ModelVersion(Record):
    """A released model and what is needed to judge it."""

    tag: str = Field(description="name:version in BentoML's model store")
    created: Moment
    run_id: str
    metrics: dict[str, MetricReading] = Field(default={})
    gate: GateVerdict
    contract_hash: str
    tables: dict[str, int] = Field(default={})
    git_commit: str | None = None
    trained_from: str | None = Field(default=None, description="first moment of the training data")
    trained_until: str | None = Field(default=None, description="first moment after the training data")
    model_hash: str = Field(description="SHA-256 of the model file")
    model_file: str = Field(default="model.skops", description="the model's name among the version's files")
    archive_hash: str = Field(default="", description="SHA-256 of its file in the archive; blank when it has none")


class Comparison(Record):
    """Two versions on the same labelled rows, paired."""

    metric: str
    champion: str
    challenger: str
    champion_value: float
    challenger_value: float
    gain: float = Field(description="how much better the challenger is, in the metric's own unit; above 0 is better")
    low: float = Field(description="lower end of the gain's 95 % interval")
    high: float
    n: int

    @property
    def better(self) -> bool:
        """Whether the challenger is better beyond the interval's doubt."""
        return self.low > 0


class HistoryEntry(Record):
    """One act on production. The history is only ever added to."""

    at: Moment = Field(default_factory=now)
    who: str
    action: Literal[
        "release", "nominate", "promote", "rollback", "refuse", "retrain", "approve", "reject", "rollout", "abort"
    ]
    version_from: str | None = None
    version_to: str | None = None
    reason: str = ""
    forced: bool = False
    seconds: float = Field(default=0.0, description="how long the act took")


class Alias(Record):
    """A named pointer at a version, such as champion or challenger."""

    name: str
    version: str
    since: Moment


class Served(Record):
    """How a version has served over a stretch of time, as far as its answers and failures are on record."""

    version: str
    requests: int = Field(description="answered or failed")
    rows: int = Field(description="answered")
    errors: int = Field(description="requests that it could not answer")
    p50: float | None = Field(default=None, description="seconds that half of the answered requests took at most")
    p99: float | None = Field(default=None, description="seconds that 99 of 100 took at most")
    latencies: dict[int, int] = Field(
        default={}, description="sketch of the seconds, to be added to others': bucket -> requests; not of a window"
    )


class Deployment(Record):
    """A running service process, as it last reported itself."""

    id: str
    pid: int
    version: str | None
    since: Moment
    heartbeat: Moment
    problem: str | None = None
    challenger: str | None = Field(default=None, description="version that a rollout has loaded beside it")
    lost: int = Field(default=0, description="answered rows that could not be recorded, since it started")
    spooled: int = Field(default=0, description="bytes that wait to be collected")
    served: tuple[Served, ...] = Field(default=(), description="by version, within the last ten minutes")
