"""What monitoring would find, as a person reads it: the traffic, a line a column, and the metric."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from roadworthy.monitoring.wording import figure, percent
from roadworthy.records import Detectability, DetectableFall, DetectableShift
from roadworthy.terminal import short

_NOTHING = "[dim]nothing[/]"


def show_detectability(console: Console, found: Detectability) -> None:
    """The smallest changes that are found; each column with the words for the last horizon."""
    alarms = found.false_alarms_per_month
    console.print(
        f"{short(found.version)} at {figure(found.rows_per_day)} rows a day, {found.window} judged together, "
        f"labels after {_days(found.label_delay_days)} for {percent(found.labelled_share)} of them",
        highlight=False,
    )
    console.print(
        f"Found with a chance of {found.power:.0%}, at {figure(alarms)} false alarms a month at most, "
        "when it begins with a window and stays:",
        highlight=False,
    )
    console.print(_table(found))
    for words in found.assumed:
        console.print(f"[yellow]{escape(words)}[/]", highlight=False)


def _days(days: float) -> str:
    return f"{figure(24 * days)} hours" if days < 2 else f"{figure(days)} days"


def _table(found: Detectability) -> Table:
    names = [horizon.name for horizon in found.horizons]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("smallest change", no_wrap=True)
    for name in names:
        table.add_column(f"in {name}", justify="right", no_wrap=True)
    table.add_column(f"that is, in {names[-1]}")
    for fall in (found.falls[i : i + len(names)] for i in range(0, len(found.falls), len(names))):
        cells = [_NOTHING if one.fall is None else f"{one.fall:.3f}" for one in fall]
        table.add_row(f"[bold]{fall[0].metric}[/]", *cells, escape(fall[-1].words))
    for i in range(0, len(found.shifts), len(names)):
        column = found.shifts[i : i + len(names)]
        cells = [_NOTHING if one.effect is None else _size(one) for one in column]
        table.add_row(escape(column[0].column), *cells, escape(_words(column)))
    return table


def _size(one: DetectableShift) -> str:
    """Write a number's shift in standard deviations, a category's as a factor on its odds."""
    return f"{one.sd:+.2f} sd" if one.sd is not None else f"odds x{one.odds:.2f}"


def _words(column: Sequence[DetectableShift | DetectableFall]) -> str:
    return column[-1].words.partition(" (")[0]
