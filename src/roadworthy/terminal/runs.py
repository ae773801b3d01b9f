"""What a person is shown of runs: a list, what changed between two, and what something came from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text
from rich.tree import Tree

from roadworthy.pipeline.runs import Change, Measure, RunDiff, TaskDiff
from roadworthy.records import RunRecord
from roadworthy.terminal import moment
from roadworthy.trace.tree import Trace

_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_STATES = {"done": "green", "failed": "red", "interrupted": "yellow", "running": "blue"}


def show_runs(console: Console, runs: Iterable[RunRecord]) -> None:
    """Runs, newest first."""
    for run in runs:
        seconds = f"{(run.ended - run.started).total_seconds():6.1f} s" if run.ended else " " * 8
        marked = [task.name if task.state == "done" else f"{task.name} [red]{task.state}[/]" for task in run.tasks]
        tasks = ", ".join(marked)
        color = _STATES[run.state]
        console.print(
            f"  {run.id}  {moment(run.started)}  [{color}]{run.state:<11}[/]  {seconds}  {tasks}", highlight=False
        )


def show_diff(console: Console, found: RunDiff) -> None:
    """What changed between two runs, code by cell."""
    same = ": all that goes into a result is the same" if found.same else ""
    console.print(f"{found.before} -> {found.after}{same}", highlight=False)
    for title in ("run", "parameters", "reads", "writes", "as_of", "inputs", "contract", "commit", "environment"):
        _changes(console, title.replace("_", " "), getattr(found, title))
    for task in found.tasks:
        _task(console, task)
    for metric in found.metrics:
        console.print(f"  metric {_measure(metric)}", highlight=False)
    console.print(f"  {_measure(found.seconds)}", highlight=False)


def show_trace(console: Console, found: Trace) -> None:
    """What something came from, as a tree."""
    console.print(_branch(found), soft_wrap=False)


def _task(console: Console, task: TaskDiff) -> None:
    console.print(f"  [bold]{escape(task.name)}[/]" + ("" if task.kind in ("same", "changed") else f" {task.kind}"))
    for note in task.notes:
        console.print(f"    [dim]{escape(note)}[/]", highlight=False)
    for title in ("parameters", "inputs", "reads", "writes"):
        _changes(console, f"  {title}", getattr(task, title))
    for cell in task.code:
        console.print(f"    {escape(cell.words)}", highlight=False)
        if cell.diff:
            console.print(Syntax(cell.diff, "diff", background_color="default"), soft_wrap=False)


def _changes(console: Console, title: str, changes: Iterable[Change]) -> None:
    for change in changes:
        console.print(f"  {title}: {escape(_short(change.words))}", highlight=False)


def _measure(measure: Measure) -> str:
    values = ["none" if value is None else f"{value:,.4g}" for value in (measure.before, measure.after)]
    changed = "" if measure.difference is None else f" ({measure.difference:+,.4g})"
    return f"{escape(measure.name)}: {values[0]} -> {values[1]}{changed}"


def _short(value: object) -> str:
    """Return a fact in words, hashes by their beginnings: whoever needs them whole asks for JSON."""
    return _HASH.sub(lambda found: found[0][:12], str(value))


def _branch(found: Trace) -> Tree:
    again = " [dim](told above)[/]" if found.above else ""
    facts = "".join(f"\n[dim]{escape(name)}: {escape(_short(value))}[/]" for name, value in found.facts.items())
    words = Text.from_markup(f"{found.kind} [bold]{escape(found.name)}[/]{again}{facts}", overflow="fold")
    tree = Tree(words, highlight=False)
    for parent in found.parents:
        tree.children.append(_branch(parent))
    return tree
