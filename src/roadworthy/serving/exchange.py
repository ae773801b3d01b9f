"""A request as it reaches the desk, and its reply: what the web has to do with it is in `roadworthy.serving.front`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from roadworthy.errors import RoadworthyError
from roadworthy.records import AccessToken
from roadworthy.serving.telemetry import Trace


@dataclass(frozen=True)
class Call:
    """One request: its body, and who sent it when."""

    body: bytes
    started: float
    """As `time.perf_counter` gives it."""
    trace: Trace
    token: AccessToken | None = None
    sticky: str = ""
    """The key by which a rollout's share is drawn, where the caller names one."""

    @property
    def who(self) -> str:
        """Who sends it, for the history."""
        return f"token {self.token.name} ({self.token.id})" if self.token else "anybody"


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def reply(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply with JSON in it."""
    return Reply(status, orjson.dumps(content), headers or {})


def refusal(
    status: int,
    fact: str,
    next_step: str,
    detail: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply that says what was wrong and what to do about it."""
    content: dict[str, Any] = {"error": fact, "next_step": next_step}
    return reply(content if detail is None else content | {"detail": detail}, status, headers)


def refused(status: int, error: RoadworthyError) -> Reply:
    """Return an error as a reply."""
    return refusal(status, error.fact, error.next_step)
