"""The audit log: each administrative act is written down once, whatever became of it.

The acts themselves write it, not those who call them, so that command line, watch and service are all in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from roadworthy.errors import (
    AlertError,
    ApprovalError,
    DataRefused,
    GateRefused,
    RegistryError,
    RoadworthyError,
    RolloutError,
    StateError,
    TokenError,
    UnknownVersion,
)
from roadworthy.records import AuditEntry
from roadworthy.state import State

COMMAND_LINE = "command line"

# What was asked for was looked at, and the answer is no; anything else broke on the way.
_REFUSALS = (
    GateRefused,
    DataRefused,
    RegistryError,
    UnknownVersion,
    TokenError,
    RolloutError,
    AlertError,
    ApprovalError,
)


@dataclass
class Act:
    """An act on its way: what it is done to and its details may become known only while it is done."""

    target: str
    detail: str = ""
    outcome: Literal["done", "refused"] = "done"

    def refuse(self, fact: str) -> None:
        """Say that the act ended with a no that is an answer, not an error."""
        self.outcome, self.detail = "refused", fact


@contextmanager
def recorded(state: State, *, who: str, act: str, target: str = "", origin: str = COMMAND_LINE) -> Iterator[Act]:
    """Write what happens inside into the audit log: done, refused, or failed with the fact as its detail.

    Parameters
    ----------
    state
        The database that the act itself writes to: when it is away, the act fails before its record could.
    who
        A user, or a token's name and id.
    act
        Such as ``promote`` or ``create token``.
    target
        What it is done to, as far as it is known yet.
    origin
        Through what it came: the command line, or a service's address.

    Raises
    ------
    StateError
        When the act was done and could not be written down. An error of the act's own is never covered by another.
    """
    found = Act(target)

    def entry(outcome: Literal["done", "refused", "failed"], detail: str) -> AuditEntry:
        return AuditEntry(who=who, act=act, target=found.target, outcome=outcome, detail=detail, origin=origin)

    try:
        yield found
    except BaseException as error:  # Ctrl-C too is something that became of it
        fact = error.fact if isinstance(error, RoadworthyError) else type(error).__name__
        with suppress(Exception):  # what the caller must see is the act's own error
            state.add_audit(entry("refused" if isinstance(error, _REFUSALS) else "failed", fact))
        raise
    try:
        state.add_audit(entry(found.outcome, found.detail))
    except StateError as error:
        raise StateError(
            f"The act ({act} {found.target}) took place, but could not be written into the audit log: {error.fact}",
            f"{error.next_step} Do not repeat the act; note it down where it will be found.",
        ) from error
