"""Records of who may use a service, and of what is being tried there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from roadworthy.records.base import Moment, Record, Scope, now


class AccessToken(Record):
    """A right to use the service, without the token itself: only its hash is kept."""

    id: str = Field(description="the token's public part, by which it is found and named")
    name: str = Field(description="whom or what it was made for")
    hash: str = Field(description="SHA-256 of the whole token")
    scopes: tuple[Scope, ...]
    created: Moment = Field(default_factory=now)
    by: str
    expires: Moment | None = None
    revoked: Moment | None = None

    def allows(self, scope: Scope, at: datetime) -> bool:
        """Whether it gives a right at a moment."""
        return scope in self.scopes and self.revoked is None and (self.expires is None or at < self.expires)


class AuditEntry(Record):
    """One administrative act, or the attempt at one. Only ever added to."""

    at: Moment = Field(default_factory=now)
    who: str = Field(description="a user, or a token's name and id")
    act: str = Field(description="such as 'promote' or 'create token'")
    target: str = Field(default="", description="what it was done to: a version, a token")
    outcome: Literal["done", "refused", "failed"]
    detail: str = ""
    origin: str = Field(default="command line", description="through what: the command line, or a service's address")


class Evidence(Record):
    """What was found of one bound of a rollout, at one look."""

    at: Moment = Field(default_factory=now)
    step: int
    bound: str = Field(description="error rate, slow share, difference or quality")
    value: float = Field(description="the challenger's, or its difference to the champion's where a bound says so")
    low: float = Field(description="lower end of its confidence sequence: valid however often one looks")
    high: float
    n: int = Field(description="requests of the challenger")
    limit: float
    verdict: Literal["kept", "broken", "too little data"]
    words: str


class Rollout(Record):
    """A challenger let into production step by step."""

    id: str
    mode: Literal["shadow", "canary"]
    champion: str
    challenger: str
    steps: tuple[float, ...] = Field(description="shares of the traffic, one after another")
    step: int = 0
    started: Moment
    since: Moment = Field(description="when the present step began")
    who: str
    reason: str = ""
    state: Literal["running", "promoted", "rolled back", "aborted", "finished"] = "running"
    ended: Moment | None = None
    outcome: str = ""
    evidence: tuple[Evidence, ...] = Field(default=(), description="of the newest look at each step and bound")

    @property
    def share(self) -> float:
        """The share of the traffic that the challenger sees at present."""
        return self.steps[self.step]
