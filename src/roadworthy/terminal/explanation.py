"""What a window's rows say together, and why a metric fell, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from roadworthy.records import AssociationChange, Explanation, Separation, Window

_MARKS = {"drift": "[yellow]▲[/]", "no drift": "[green]●[/]", "too little data": "[dim]○[/]"}
_MOST_PAIRS = 10


def show_explanation(
    console: Console,
    window: Window,
    separation: Separation,
    pairs: Sequence[AssociationChange],
    explanation: Explanation | None,
) -> None:
    """A line for all features together, one for each pair that goes together otherwise, and one for the metric."""
    console.print(f"[bold]{window.name}[/]")
    console.print(f"  {_MARKS[separation.verdict]} {escape(separation.words)}", highlight=False)
    changed = [pair for pair in pairs if pair.verdict == "drift"]
    for pair in changed[:_MOST_PAIRS]:
        console.print(f"  {_MARKS[pair.verdict]} {escape(pair.words)}", highlight=False)
    if pairs and not changed:
        console.print(f"  {_MARKS['no drift']} each two of them go together as before", highlight=False)
    if explanation is not None:
        console.print(f"  {escape(explanation.words)}", highlight=False)
