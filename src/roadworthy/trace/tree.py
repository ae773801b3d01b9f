"""The tree that a trace is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from roadworthy.records import Record

Kind = Literal["request", "bento", "version", "file", "task", "source", "run", "contract", "table", "batch"]


class Trace(Record):
    """One thing, what is known of it, and what it came from.

    ``above`` marks what was told before, nearer to the beginning: its facts and parents stand there.
    """

    kind: Kind
    name: str
    facts: dict[str, Any] = Field(default={})
    parents: tuple[Trace, ...] = ()
    above: bool = False
