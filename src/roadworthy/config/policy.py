"""monitoring/policy.yaml: what is tolerated, who owns it, and what then happens."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from roadworthy.config.section import Section
from roadworthy.records import OwnerRole, ReferenceKind


class Contact(Section):
    """Somebody who can be told."""

    name: str = ""
    contact: str = ""
    to: tuple[str, ...] = Field(default=(), description="their own addresses, as alerts.to has them; else those there")

    @property
    def words(self) -> str:
        """Name and contact, as messages write them."""
        return f"{self.name} <{self.contact}>"


class Owner(Contact):
    """Who answers for a part, and who is told when they do not."""

    backup: Contact | None = None


class Owners(Section):
    """The four owners; the gate refuses a version while one is blank."""

    data: Owner
    model: Owner
    infrastructure: Owner
    monitoring: Owner

    def of(self, role: OwnerRole) -> Owner:
        """Return the owner of a role."""
        return {"data": self.data, "model": self.model, "infrastructure": self.infrastructure}.get(
            role, self.monitoring
        )


class QuarantinePolicy(Section):
    """How much of a batch may break the contract."""

    refuse_over: float = Field(default=0.2, ge=0, le=1, description="share of bad rows above which a batch is refused")


class RetentionPolicy(Section):
    """How long old versions of tables are kept that nothing needs."""

    days: int = Field(default=30, ge=0)


class CapturePolicy(Section):
    """What is kept of the requests."""

    sample: float = Field(default=1.0, ge=0, le=1, description="share of the requests that is kept; 0 keeps none")
    classified: dict[str, Literal["keep", "hash", "drop"]] = Field(
        default={"restricted": "drop", "confidential": "hash"},
        description="the contract's classification of a column -> what is kept of its values",
    )
    most_bytes: int = Field(default=2**30, ge=2**20, description="that may wait in the spool to be collected")


class WindowPolicy(Section):
    """Which rows are judged together, and against what. A length alone may stand for the section: ``window: month``."""

    length: Literal["hour", "day", "week", "month"] | None = Field(
        default="month", description="of event time; None: windows end by their number of rows alone"
    )
    rows: int | None = Field(default=None, ge=1, description="that end a window, before its length has passed")
    reference: ReferenceKind = Field(
        default="training",
        description="training: what the version has learned from; frozen: one window; before: the windows before; "
        "season: earlier windows of the same hour of the day, day of the week, or month",
    )
    frozen: str = Field(default="", description="name of the frozen window, which is its start, such as 2013-05-01")
    earlier: int = Field(default=8, ge=1, description="windows that `before` or `season` takes, the newest")
    segments: tuple[str, ...] = Field(default=(), description="features whose values are also judged by themselves")
    most_segments: int = Field(default=10, ge=1, description="values of each, the most frequent; the rest is other")

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, content: object) -> object:
        return {"length": content} if isinstance(content, str) else content

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.length is None and self.rows is None:
            raise ValueError("give a length, a number of rows, or both")
        if (self.reference == "frozen") != bool(self.frozen):
            raise ValueError("`reference: frozen` and the name of a window as `frozen` belong together")
        if self.reference == "season" and (self.length is None or self.rows is not None):
            raise ValueError("windows that end by rows have no season: give a length alone, or another reference")
        return self


class QualityPolicy(Section):
    """When a fact about the data, apart from how its values are distributed, counts."""

    range: float = Field(default=0.01, gt=0, lt=1, description="more of the values beyond the contract's limits")
    duplicates: float = Field(default=0.01, gt=0, lt=1, description="more of the rows that repeat another")
    cardinality: float = Field(default=0.2, gt=0, lt=1, description="fewer or more distinct values, as a share")
    volume: float = Field(default=0.5, gt=0, lt=1, description="fewer or more rows, as a share; 0.5: half, or twice")
    late: float = Field(default=0.05, gt=0, lt=1, description="rows captured later than the contract's latency allows")


class DriftPolicy(Section):
    """When a change counts: it must be large enough, and more than chance, within a budget of false alarms."""

    effect: float = Field(default=0.03, gt=0, lt=1, description="least KS distance or total variation that matters")
    missing: float = Field(default=0.03, gt=0, lt=1, description="least change in the share of missing values")
    unseen: float = Field(default=0.01, gt=0, lt=1, description="least share of categories never seen in training")
    false_alarms_per_month: float = Field(
        default=0.5, gt=0, description="windows a month that may name something where nothing has changed"
    )
    minimum_rows: int = Field(default=500, ge=1, description="fewer rows in a window: too little data")


class PerformancePolicy(Section):
    """When performance counts as fallen, and when an estimate of it can be trusted."""

    tolerated_fall: float = Field(default=0.03, ge=0, description="in the use case's metric")
    minimum_labelled: int = Field(default=500, ge=1)
    label_delay_days: float = Field(
        default=0.0, ge=0, description="age from which on a row has its label if it ever gets one; 0: told from labels"
    )
    tolerated_miscalibration: float = Field(
        default=0.03, gt=0, lt=1, description="share of positive labels above or below what was foretold, at most"
    )
    outside_training: float = Field(
        default=0.05, gt=0, lt=1, description="share of a column's values that training never had, at most"
    )
    false_alarms_a_year: float = Field(default=0.5, gt=0, description="of the daily test for a changed relation")


class RetrainPolicy(Section):
    """On what a new version is trained, how often, and what becomes of it."""

    data: Literal["months", "since_drift"] = Field(
        default="months", description="the months before the window; or what came since drift began, where that is some"
    )
    months: int = Field(default=4, ge=1, description="length of the training data, up to the window being judged")
    cool_down_windows: int = Field(default=2, ge=0, description="windows to wait after a retraining")
    per_day: int = Field(default=4, ge=1, description="retrainings in 24 hours, at most")
    then: Literal["promote", "ask", "rollout"] = Field(
        default="promote", description="what follows when the challenger is better"
    )
    watch_windows: int = Field(default=2, ge=0, description="judged windows of its own that a promoted one is watched")


class ActionPolicy(Section):
    """What follows from a finding; ``ask`` waits for `roadworthy approve`."""

    on_drift: Literal["nothing", "alert", "ask", "retrain"] = "retrain"
    on_performance_fall: Literal["alert", "ask", "retrain"] = "retrain"
    on_former_better: Literal["alert", "ask", "rollback"] = "rollback"


class AlertPolicy(Section):
    """Where alerts go, and when they go on to the backup."""

    to: tuple[str, ...] = Field(
        default=("file://.roadworthy/alerts.jsonl",),
        description="Apprise addresses, secret:NAME for one that is kept elsewhere, or file://PATH for JSON lines",
    )
    escalate_after_hours: float = Field(default=4.0, gt=0, description="not acknowledged for so long: to the backup")
    all_clear: bool = Field(default=True, description="who had an alert hears that its cause has gone by itself")
    retry_minutes: float = Field(default=1.0, gt=0, description="until a failed delivery is tried again; then doubled")
    retry_at_most_minutes: float = Field(default=60.0, gt=0, description="the longest wait between two tries")


class RolloutPolicy(Section):
    """How a challenger is let into production step by step, and what it may not do there."""

    steps: tuple[float, ...] = Field(default=(0.01, 0.1, 0.5), description="shares of the traffic, one after another")
    shadow: float = Field(default=1.0, gt=0, le=1, description="share of the traffic that a shadow answers too")
    minimum_requests: int = Field(default=500, ge=1, description="that the challenger answers in each step")
    minimum_minutes: float = Field(default=10.0, ge=0, description="that each step lasts")
    patience_minutes: float = Field(default=1440.0, gt=0, description="after which a step without a verdict is aborted")
    confidence: float = Field(default=0.99, gt=0, lt=1, description="that chance alone neither ends nor promotes it")
    error_rate: float = Field(default=0.01, gt=0, le=1, description="requests that fail, at most")
    slow_seconds: float = Field(default=0.5, gt=0, description="a request that takes longer is slow")
    slow_share: float = Field(default=0.05, gt=0, le=1, description="requests that are slow, at most")
    difference: float = Field(default=0.2, gt=0, le=1, description="rows decided otherwise than by the champion")
    quality: float = Field(default=0.02, ge=0, le=1, description="Brier score above the champion's, at most")
    minimum_labelled: int = Field(default=500, ge=1, description="labelled requests from which on quality must be kept")
    then: Literal["promote", "ask"] = Field(default="promote", description="what follows the last step")

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if not steps or not 0 < steps[0] <= steps[-1] <= 1 or any(later <= one for one, later in pairwise(steps)):
            raise ValueError("give one or more rising shares, above 0 and at most 1, such as [0.01, 0.1, 0.5]")
        return steps


class Policy(Section):
    """What is tolerated, who owns it, and what then happens."""

    owners: Owners
    window: WindowPolicy = WindowPolicy()
    quarantine: QuarantinePolicy = QuarantinePolicy()
    capture: CapturePolicy = CapturePolicy()
    retention: RetentionPolicy = RetentionPolicy()
    drift: DriftPolicy = DriftPolicy()
    quality: QualityPolicy = QualityPolicy()
    performance: PerformancePolicy = PerformancePolicy()
    retrain: RetrainPolicy = RetrainPolicy()
    actions: ActionPolicy = ActionPolicy()
    alerts: AlertPolicy = AlertPolicy()
    rollout: RolloutPolicy = RolloutPolicy()
