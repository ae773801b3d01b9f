"""Commands on alerts: what is open, and what somebody does about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from roadworthy import terminal
from roadworthy.cli.common import HERE, AsJson, Folder, Who, me, opened_state, out, printed_as_json
from roadworthy.monitoring import alerts as telling
from roadworthy.records import Alert, now

app = typer.Typer()
alerts = typer.Typer(help="What somebody must know: list, acknowledge, mute and resolve alerts.", no_args_is_help=True)
app.add_typer(alerts, name="alerts")

Name = Annotated[str, typer.Argument(metavar="ID", help="The alert's id, or its cause.")]
Note = Annotated[str, typer.Option(help="What you found or will do; kept with the alert.")]


@alerts.command(name="list")
def listed(
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too, the newest hundred.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show the open alerts, newest first: whose they are, whether they were delivered, who sees to them.

    Example: roadworthy alerts list
    """
    with opened_state(folder) as state:
        found = state.alerts() if everything else state.open_alerts()
    if printed_as_json(found, as_json):
        return
    terminal.show_alerts(out, found)
    if not found:
        out.print("no open alerts" if not everything else "no alerts")


@alerts.command()
def ack(name: Name, note: Note = "", who: Who = "", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Acknowledge an alert: you see to it, and it does not go on to the backup.

    Example: roadworthy alerts ack 12 --note "the carrier renamed its codes, asked them"
    """
    with opened_state(folder) as state:
        _show(telling.acknowledge(state, name, who=who or me(), note=note), as_json)


@alerts.command()
def mute(
    name: Name,
    hours: Annotated[float, typer.Option(min=0.01, help="For how long.")] = 24.0,
    until: Annotated[datetime | None, typer.Option(help="Until when instead, in UTC.")] = None,
    note: Note = "",
    who: Who = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Mute an alert's cause for a while: it is counted on, and nobody is told, also when it comes back.

    Example: roadworthy alerts mute 12 --hours 72 --note "until the new codes are in the contract"
    """
    moment = until.replace(tzinfo=UTC) if until else now() + timedelta(hours=hours)
    with opened_state(folder) as state:
        _show(telling.mute(state, name, moment, who=who or me(), note=note), as_json)


@alerts.command()
def resolve(name: Name, note: Note = "", who: Who = "", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Resolve an alert by hand; when its cause is found again, a new one is opened.

    Example: roadworthy alerts resolve 12 --note "the feed was repaired"
    """
    with opened_state(folder) as state:
        _show(telling.resolve(state, name, who=who or me(), note=note), as_json)


def _show(alert: Alert, as_json: bool) -> None:
    if not printed_as_json(alert, as_json):
        terminal.show_alerts(out, [alert])
