"""Rollouts as a person reads them: where it stands, and a line a bound."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from roadworthy.records import Evidence, Rollout
from roadworthy.rollouts import Standing
from roadworthy.serving.rollout.rule import QUALITY, percent
from roadworthy.terminal import moment, short

_MARKS = {"kept": "[green]● kept[/]", "broken": "[red]▲ broken[/]", "too little data": "[dim]○ too little[/]"}


def show_rollout(console: Console, found: Standing) -> None:
    """The newest rollout: who against whom, where it stands, and its evidence."""
    if found.rollout is None:
        console.print(escape(found.reason))
        return
    rollout = found.rollout
    console.print(
        f"{rollout.mode} {escape(rollout.id)}: {escape(short(rollout.challenger))} against champion "
        f"{escape(short(rollout.champion))}, since {moment(rollout.started)} by {escape(rollout.who)}",
        highlight=False,
    )
    console.print(". ".join(filter(None, (_place(rollout), escape(_next(found))))), highlight=False)
    if rollout.evidence:
        console.print(_table(rollout.evidence))


def _place(rollout: Rollout) -> str:
    step = f"step {rollout.step + 1} of {len(rollout.steps)} ({percent(rollout.share)} of the traffic)"
    if rollout.state == "running":
        return f"{step}, since {moment(rollout.since)}"
    return f"{rollout.state} {moment(rollout.ended)} in {step}"


def _next(found: Standing) -> str:
    return found.reason if found.act in (None, "wait") else f"The next look will {found.act}: {found.reason}"


def _table(evidence: Sequence[Evidence]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("step", "bound", "value", "interval", "at most", "requests", "verdict"):
        table.add_column(name, justify="right" if name in ("step", "requests") else "left", no_wrap=True)
    for found in evidence:
        value, low, high, limit = (
            _figure(found, figure) for figure in (found.value, found.low, found.high, found.limit)
        )
        known = (value, f"{low} to {high}") if found.n else ("-", "-")
        table.add_row(str(found.step + 1), found.bound, *known, limit, f"{found.n:,}", _MARKS[found.verdict])
    return table


def _figure(found: Evidence, figure: float) -> str:
    return f"{figure:+.4f}" if found.bound == QUALITY else percent(figure)
