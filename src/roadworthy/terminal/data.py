"""What a person is shown of data: what a contract changes, versions of tables, batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from roadworthy.terminal import moment

if TYPE_CHECKING:  # not all that show something of data read tables
    from roadworthy.contract.changes import Change
    from roadworthy.data.versions import Cleaning, LoggedVersion
    from roadworthy.serving.labels import LabelAccount
    from roadworthy.tables.differences import Difference


def show_changes(console: Console, changes: Iterable[Change], suggested: str | None) -> None:
    """What a contract changes, and whom that breaks."""
    for change in changes:
        mark = "[red]✗[/]" if change.breaks else "[green]✓[/]"
        console.print(f"  {mark} {escape(change.words)}", highlight=False)
    if suggested:
        console.print(f"The version for it: {suggested}")


def show_log(console: Console, versions: Iterable[LoggedVersion]) -> None:
    """Versions of a table, newest first."""
    for version in versions:
        change = f"+{version.added:,}" if not version.removed else f"+{version.added:,} -{version.removed:,}"
        gone = "" if version.readable else "  [red]its files were removed[/]"
        kept = f"  [dim]kept: {escape('; '.join(version.kept))}[/]" if version.kept else ""
        console.print(
            f"  {version.version:>5}  {moment(version.at)}  {escape(version.operation):<10} "
            f"{change:>12} rows{gone}{kept}",
            highlight=False,
        )


def show_difference(console: Console, found: Difference) -> None:
    """What changed in a table between two versions."""
    console.print(f"{found.table}, version {found.before} to {found.after}: ", end="", highlight=False)
    console.print(f"{found.rows_before:,} rows to {found.rows_after:,}", highlight=False)
    changed = f", {found.changed:,} changed" if found.key else ""
    console.print(f"  {found.added:,} rows added, {found.removed:,} removed{changed}", highlight=False)
    for column in found.columns:
        console.print(f"  column {escape(column.column)}: {column.before or 'none'} -> {column.after or 'none'}")
    for value in found.values:
        console.print(f"  {escape(value.column)} changed in {value.rows:,} rows, such as", highlight=False)
        for example in value.examples:
            key = escape(", ".join(example.key))
            console.print(f"    {key}: {escape(example.before)} -> {escape(example.after)}", highlight=False)


def show_cleaning(console: Console, found: Cleaning) -> None:
    """What a vacuum removed or would remove, and what it kept."""
    done = found.vacuum
    verb = "would remove" if done.dry_run else "removed"
    console.print(f"{done.table}: {verb} {done.files:,} files, {done.bytes / 1e6:,.1f} MB", highlight=False)
    for version, reasons in found.kept.items():
        console.print(f"  [dim]version {version} is kept: {escape('; '.join(reasons))}[/]", highlight=False)
    for version in found.lost:
        console.print(f"  [red]version {version} should be kept, and its files were gone before[/]", highlight=False)


def show_labels(console: Console, account: LabelAccount) -> None:
    """What became of a source's labels, and the rows that have none that could be taken."""
    console.print(
        f"{escape(account.source)}: {account.rows:,} rows; {account.taken:,} labels taken, {account.repeated:,} there "
        f"already, {account.unmatched:,} of no prediction (kept in table unmatched), {account.unlabelled:,} not known "
        f"yet, {account.bad:,} bad",
        highlight=False,
    )
    for problem in account.problems:
        words = f"row {problem.row:,}, {problem.column}: {problem.value!r} {problem.rule}"
        console.print(f"  [red]✗[/] {escape(words)}", highlight=False)
