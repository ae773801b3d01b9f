"""Records of what is done about what was found: alerts, decisions, retrainings, and who looks after it all."""

from __future__ import annotations

import secrets
from typing import Literal

from pydantic import Field

from roadworthy.records.base import Moment, OwnerRole, Record, now
from roadworthy.records.monitoring import Window, WindowReport
from roadworthy.records.versions import Comparison

Severity = Literal["info", "warning", "critical"]
Step = Literal["train", "release", "compare", "ask", "rollout", "promote", "watch", "done"]


class Finding(Record):
    """Something that somebody must know. The cause is its identity: one alert a cause."""

    cause: str
    owner: OwnerRole
    severity: Severity
    title: str
    message: str


class Alert(Record):
    """A finding that was made known to its owner, until it is resolved."""

    id: int
    cause: str
    role: OwnerRole = Field(description="whose part broke")
    owner: str = Field(description="role, name and contact at the time")
    severity: Severity
    title: str
    message: str
    since: Moment
    updated: Moment
    count: int = Field(description="how often the cause was found")
    delivered: bool = Field(description="whether every address of whoever must know has taken it")
    reached: tuple[str, ...] = Field(default=(), description="the addresses that took it, without their secrets")
    attempts: int = Field(default=0, description="deliveries in a row that failed")
    next_attempt: Moment | None = Field(default=None, description="it is not sent again before")
    error: str = Field(default="", description="how the last delivery failed; blank once it is delivered")
    acknowledged: Moment | None = None
    acknowledged_by: str = ""
    note: str = Field(default="", description="what whoever acknowledged, muted or resolved it last had to say")
    muted_until: Moment | None = Field(default=None, description="of the cause: a later alert of it is muted, too")
    muted_by: str = ""
    escalated: Moment | None = Field(default=None, description="when it went on to the owner's backup")
    resolved: Moment | None = None
    resolved_by: str = Field(default="", description="blank when its cause has gone by itself")
    cleared: tuple[str, ...] = Field(default=(), description="the addresses that know that its cause has gone")
    all_clear: Moment | None = Field(default=None, description="when all who had it knew that its cause has gone")

    def muted(self, at: Moment) -> bool:
        """Whether nobody wants to hear of it at a moment."""
        return self.muted_until is not None and at < self.muted_until


class Decision(Record):
    """What is to be done about a window, and why. Made by a pure function of findings and policy."""

    id: str = Field(default_factory=lambda: secrets.token_hex(4), description="by which it is approved")
    window: Window
    action: Literal["nothing", "alert", "retrain", "ask", "rollback"]
    asks_for: Literal["retrain", "promote", "rollback"] | None = Field(
        default=None, description="what waits for a person's approval"
    )
    reason: str
    champion: str | None = Field(default=None, description="the version in production then")
    target: str | None = Field(default=None, description="the version to go back to, or to promote")
    findings: tuple[Finding, ...] = ()
    outcome: str | None = Field(default=None, description="what acting on it came to")
    at: Moment = Field(default_factory=now)
    judged: Moment | None = Field(default=None, description="when the window's report was made: decided about once")
    answer: Literal["approved", "rejected"] | None = None
    answered_by: str = ""
    answered: Moment | None = None
    note: str = Field(default="", description="why it was approved or rejected")

    @property
    def waits(self) -> bool:
        """Whether it waits for a person's answer."""
        return self.action == "ask" and self.answer is None

    @property
    def retrains(self) -> bool:
        """Whether it has led to a retraining."""
        return self.action == "retrain" or (self.asks_for == "retrain" and self.answer == "approved")

    @property
    def rolls_back(self) -> bool:
        """Whether it is to be rolled back by it."""
        return self.action == "rollback" or (self.asks_for == "rollback" and self.answer == "approved")


class Retraining(Record):
    """A retraining on its way from the decision to its end, step by step; whoever dies, another goes on."""

    id: str
    window: Window = Field(description="the window that led to it; its rows are kept for the comparison")
    champion: str = Field(description="the version to beat, and the reference that the window was held against")
    decision: str = Field(description="the decision's id")
    reason: str
    start: str = Field(description="first day of the training data")
    end: str = Field(description="first day after the training data")
    why: str = Field(description="why these data, in words")
    products: str = Field(description="folder of the build's products, below the project's root")
    step: Step = "train"
    attempts: int = Field(default=0, description="how often the present step was begun")
    run: str | None = None
    version: str | None = None
    comparison: Comparison | None = None
    question: str | None = Field(default=None, description="the decision that asks whether to promote")
    outcome: str = ""
    failed: bool = False
    opened: Moment = Field(default_factory=now)
    promoted: Moment | None = None
    ended: Moment | None = None


class Observer(Record):
    """A process that looks at the traffic again and again, as it last reported itself."""

    id: str
    host: str
    pid: int
    every: float = Field(description="seconds between two looks")
    started: Moment = Field(default_factory=now)
    heartbeat: Moment = Field(default_factory=now)
    looked: Moment | None = Field(default=None, description="when its last look ended")
    problem: str = Field(default="", description="why its last look came to nothing, or what it died of")
    failed: int = Field(default=0, description="looks in a row that came to nothing by a failure")
    ended: Moment | None = Field(default=None, description="when it ended, or was found dead")
    died: bool = Field(default=False, description="it ended by a failure, or was found silent")

    @property
    def runs(self) -> bool:
        """Whether it has said neither that it ended nor that it died; it may have fallen silent."""
        return self.ended is None and not self.died


class Look(Record):
    """What one look at everything came to."""

    windows: tuple[WindowReport, ...] = Field(description="all that were judged so far, oldest first")
    decisions: tuple[Decision, ...] = Field(description="made at this look, oldest window first")
    alerts: tuple[Alert, ...] = Field(description="that are open, newest first")
    needs_somebody: bool = Field(description="one of them was neither acknowledged nor muted")
