"""Commands on rollouts: a challenger let into production step by step, looked at, and taken out again."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from roadworthy import project as projects
from roadworthy import rollouts
from roadworthy.cli.common import HERE, AsJson, Folder, Reason, Who, me, out, printed_as_json
from roadworthy.records import Rollout
from roadworthy.rollouts import Standing
from roadworthy.terminal.rollout import show_rollout

app = typer.Typer()
rollout = typer.Typer(help="Let a challenger into production step by step, by the rule in the policy.")
app.add_typer(rollout, name="rollout", no_args_is_help=True)


@rollout.command()
def start(
    version: Annotated[str, typer.Argument(help="A version, the beginning of one, or 'challenger'.")],
    shadow: Annotated[bool, typer.Option("--shadow", help="It answers too, and nobody sees its answers.")] = False,
    step: Annotated[
        list[float] | None, typer.Option(help="Share of the traffic; once for each step. By default the policy's.")
    ] = None,
    reason: Reason = "",
    who: Who = "",
    folder: Folder = HERE,
) -> None:
    """Start a canary, or a shadow; `roadworthy watch` then leads it on, back or through. Exit code 1: the gate says no.

    Example: roadworthy rollout start challenger --step 0.05 --step 0.5 --reason "better in June"
    """
    mode: Literal["shadow", "canary"] = "shadow" if shadow else "canary"
    with projects.load(folder) as project:
        started = rollouts.start(project, version, mode=mode, who=who or me(), reason=reason, steps=step)
    _show(started, "Running services follow within seconds; `roadworthy watch` judges it.")


@rollout.command()
def status(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show the newest rollout, with the evidence as it is now; nothing is done.

    Example: roadworthy rollout status --json
    """
    with projects.load(folder) as project:
        found = rollouts.status(project)
    if not printed_as_json(found, as_json):
        show_rollout(out, found)


@rollout.command()
def abort(reason: Reason = "", who: Who = "", folder: Folder = HERE) -> None:
    """Take the challenger out of the traffic; running services follow within seconds.

    Example: roadworthy rollout abort --reason "the desk complains"
    """
    with projects.load(folder) as project:
        ended = rollouts.abort(project, who=who or me(), reason=reason)
    _show(ended, ended.outcome)


def _show(found: Rollout, reason: str) -> None:
    show_rollout(out, Standing(rollout=found, reason=reason))
