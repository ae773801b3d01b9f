"""What a person is shown of scoring, and of the service's consumers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from roadworthy.terminal import short

if TYPE_CHECKING:  # not all that show something of serving score
    from roadworthy.scoring import Account
    from roadworthy.serving.consumers import Checked


def show_scoring(console: Console, found: Account) -> None:
    """What came of the rows."""
    if found.note:
        console.print(f"[yellow]{escape(found.note)}[/]", highlight=False)
    if found.repeated:
        console.print(f"{escape(found.source)} was scored into {escape(found.output)} already; nothing was added.")
    resumed = f", {found.resumed:,} of them before it was ended early" if found.resumed else ""
    console.print(
        f"{escape(found.source)}: {found.scored:,} of {found.read:,} rows answered{resumed} "
        f"by {short(found.version)}, into {escape(found.output)}",
        highlight=False,
    )
    for words, counts in (("a new category in", found.unseen), ("a value out of range in", found.out_of_range)):
        for column, rows in counts.items():
            console.print(f"  {rows:>8,} answered with {words} {escape(column)}", highlight=False)
    if found.refused:
        more = ", more than the policy tolerates (quarantine.refuse_over)" if found.too_many else ""
        console.print(
            f"  {found.refused:>8,} break the contract{more}; why: {escape(found.refused_to)}", highlight=False
        )


def show_consumers(console: Console, checked: Sequence[Checked]) -> None:
    """Each consumer, and what would break."""
    if not checked:
        console.print("No consumer has put its requests into the folder that service.consumers names.")
    for each in checked:
        mark = "[red]✗[/]" if each.problems else "[green]✓[/]"
        console.print(f"  {mark} {escape(each.consumer)}: {escape(each.words)}", highlight=False)
