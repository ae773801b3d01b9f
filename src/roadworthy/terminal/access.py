"""What a person is shown of access: tokens, and the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import Console
from rich.markup import escape

from roadworthy.records import AccessToken, AuditEntry
from roadworthy.terminal import moment

_OUTCOMES = {"done": "[green]✓ done[/]", "refused": "[yellow]✗ refused[/]", "failed": "[red]✗ failed[/]"}


def show_new_token(console: Console, token: str, record: AccessToken) -> None:
    """A token that was just made, and what to do with it."""
    console.print(token, markup=False, highlight=False)
    console.print(
        f"Token {record.id} for {record.name}: {', '.join(record.scopes)}, {_until(record)}.",
        markup=False,
        highlight=False,
    )
    console.print(
        "Keep it where secrets are kept: only its hash is stored, so it cannot be shown again.\n"
        "Send it as the header `Authorization: Bearer TOKEN`.",
        highlight=False,
    )


def show_tokens(console: Console, records: Iterable[AccessToken], at: datetime) -> None:
    """Tokens with their rights, and whether they are still worth something."""
    for record in records:
        if record.revoked is not None:
            standing = f"[red]revoked {moment(record.revoked)}[/]"
        elif record.expires is not None and record.expires <= at:
            standing = f"[red]expired {moment(record.expires)}[/]"
        else:
            standing = _until(record)
        console.print(
            f"  {record.id}  [bold]{escape(record.name)}[/]  {', '.join(record.scopes)}  {standing}  "
            f"[dim]made {moment(record.created)} by {escape(record.by)}[/]",
            highlight=False,
        )


def show_audit(console: Console, entries: Iterable[AuditEntry]) -> None:
    """Who did or tried what, through what, and what became of it."""
    for entry in entries:
        console.print(
            f"  {moment(entry.at)}  {escape(entry.who)}  [bold]{escape(entry.act)}[/] {escape(entry.target)}  "
            f"{_OUTCOMES[entry.outcome]}  [dim]{escape(entry.origin)}[/]",
            highlight=False,
        )
        if entry.detail:
            console.print(f"      {escape(entry.detail)}", highlight=False, style="dim")


def _until(record: AccessToken) -> str:
    return f"until {moment(record.expires)}" if record.expires else "never expires"
