"""Commands that look at the traffic, decide and act by the policy; and those on what waits for a person."""

from __future__ import annotations

from typing import Annotated

import typer

from roadworthy import approvals, lifecycle, rollouts, secrets, terminal
from roadworthy import project as projects
from roadworthy import watch as watching
from roadworthy.cli.common import HERE, AsJson, Folder, Who, err, me, out, printed_as_json
from roadworthy.errors import MonitoringError, RoadworthyError
from roadworthy.project import Project
from roadworthy.records import Decision, Look
from roadworthy.terminal.rollout import show_rollout

app = typer.Typer()


@app.command()
def observe(
    only_judge: Annotated[bool, typer.Option("--only-judge", help="Judge and report; decide and do nothing.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 1 when somebody must see to an alert.")
    ] = False,
    who: Who = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Look once, as for cron or Airflow: judge what changed, write the report, decide and act by the policy.

    Exit codes: 0 it was looked, 2 it could not be; with --exit-code 1 when an alert is open that nobody acknowledged or
    muted, such as a question that waits for an approval.

    Example: roadworthy observe --exit-code
    """
    with projects.load(folder) as project:
        before = {(report.window, report.made) for report in project.state.windows()}
        if only_judge:
            lifecycle.observe(project)
            decided = []
        else:
            decided = _looked(project, who or me(), shown=not as_json)
        page = lifecycle.report(project)
        look = Look(
            windows=tuple(project.state.windows()),
            decisions=tuple(decided),
            alerts=tuple(project.state.open_alerts()),
            needs_somebody=lifecycle.needs_somebody(project),
        )
        metric = project.config.settings.use_case.metric
    if not printed_as_json(look, as_json):
        anew = sum((report.window, report.made) not in before for report in look.windows)
        terminal.show_windows(out, look.windows, metric)
        for decision in decided:
            terminal.show_decision(out, decision)
        out.print(f"{anew} of {len(look.windows)} windows were judged anew. Report: {page}")
    if exit_code and look.needs_somebody:
        raise typer.Exit(1)


@app.command()
def watch(
    every: Annotated[float, typer.Option(min=0.0, help="Seconds between two looks.")] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="Look once and end, as `roadworthy observe` does.")] = False,
    who: Who = "",
    folder: Folder = HERE,
) -> None:
    """Look again and again: observe, decide and act by the policy; alert, retrain, promote, roll back. Until Ctrl-C.

    Example: roadworthy watch --every 300
    """
    with projects.load(folder) as project:

        def look() -> None:
            _show_look(project, _looked(project, who or me(), shown=True))

        if not once:
            known = secrets.known(project.config)
            watching.watch(project.state, look, every=every, on_problem=_show_problem, known=known)
        try:
            look()
        except MonitoringError as error:
            _show_problem(error)


@app.command()
def approve(
    decision: Annotated[str, typer.Argument(metavar="ID", help="The decision's id, which the alert names.")],
    reject: Annotated[bool, typer.Option("--reject", help="Reject it instead.")] = False,
    note: Annotated[str, typer.Option(help="Why; kept with the decision.")] = "",
    who: Who = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Approve or reject what the policy leaves to a person: a retraining, a promotion, a rollback.

    A promotion or a rollback is done at once; a retraining begins with the next look.

    Example: roadworthy approve 3fa2c1d0 --note "June is known to be harder"
    """
    with projects.load(folder) as project:
        answered = approvals.answer(project, decision, approve=not reject, who=who or me(), note=note)
    if not printed_as_json(answered, as_json):
        terminal.show_decision(out, answered)


def _looked(project: Project, who: str, *, shown: bool) -> list[Decision]:
    running = project.state.running_rollout()
    try:
        return lifecycle.watch_once(project, who=who)
    finally:
        if running is not None and shown:
            show_rollout(out, rollouts.kept(project))


def _show_look(project: Project, decided: list[Decision]) -> None:
    page = lifecycle.report(project)
    for decision in decided:
        terminal.show_decision(out, decision)
    out.print(f"{len(decided)} windows decided. Report: {page}")


def _show_problem(error: RoadworthyError) -> None:
    if isinstance(error, MonitoringError):  # there is no traffic yet
        out.print(f"{error.fact}", markup=False)
    else:
        terminal.show_error(err, error)
