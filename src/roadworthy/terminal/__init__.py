"""What the command line shows a person: records as short tables and lines, by Rich; plain when piped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from roadworthy.errors import RoadworthyError
from roadworthy.records import (
    Alert,
    Decision,
    GateVerdict,
    HistoryEntry,
    Ingestion,
    MetricReading,
    Observer,
    Performance,
    RunRecord,
    WindowReport,
)

if TYPE_CHECKING:  # it would bring the whole project with it, and a build with nothing to do needs only words
    from roadworthy.status import Status

_MARKS = {"drift": "[yellow]▲ drift[/]", "no drift": "[green]● no drift[/]", "too little data": "[dim]○ too little[/]"}
_SEVERITIES = {"info": "blue", "warning": "yellow", "critical": "red"}
_TASK_MARKS = {"done": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


def moment(value: datetime | None) -> str:
    """Return a time as people read it, in UTC."""
    return value.strftime("%Y-%m-%d %H:%M UTC") if value else "-"


def short(tag: str | None) -> str:
    """Return a version's own id, without the project's name.

    Examples
    --------
    >>> short("late-flights:20261122-171500-3fa2")
    '20261122-171500-3fa2'
    """
    return tag.rpartition(":")[2] if tag else "-"


def times(count: int) -> str:
    """Return how often something was seen, in words.

    Examples
    --------
    >>> times(1), times(3)
    ('seen once', 'seen 3 times')
    """
    return "seen once" if count == 1 else f"seen {count} times"


def reading(metric: MetricReading | None) -> str:
    """Return a metric's value with its interval."""
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})" if metric else "-"


def show_ingestion(console: Console, found: Ingestion) -> None:
    """One batch: what was taken and what was not, with the reasons."""
    if found.repeated:
        console.print(f"{escape(found.source)}: this content is in table {found.dataset} already; nothing was added.")
        return
    console.print(
        f"{escape(found.source)}: {found.accepted:,} of {found.rows:,} rows into table {found.dataset} "
        f"(version {found.table_version}), {found.quarantined:,} into quarantine"
    )
    if found.absent:
        console.print(f"  [yellow]not delivered, and so missing in every row: {escape(', '.join(found.absent))}[/]")
    for rule, rows in sorted(found.reasons.items(), key=lambda item: -item[1]):
        console.print(f"  {rows:>8,}  {escape(rule)}")


def show_error(console: Console, error: RoadworthyError) -> None:
    """A failure that the user can mend: the fact, and the next step."""
    console.print(f"[red]{type(error).__name__}[/]: ", end="")
    console.print(error.fact, markup=False, highlight=False)
    console.print(f"Next: {error.next_step}", markup=False, highlight=False)


def show_run(console: Console, run: RunRecord) -> None:
    """A run: its tasks, and what it measured."""
    console.print(f"Run {run.id}: {run.state}, commit {(run.git_commit or 'none')[:10]}")
    for task in run.tasks:
        memory = f", {task.peak_memory / 2**20:,.0f} MB" if task.peak_memory else ""
        console.print(f"  {_TASK_MARKS[task.state]} {task.name:<12} {task.seconds:6.1f} s{memory}")
    if run.metrics:
        console.print("  " + ", ".join(f"{name} {value:,.4g}" for name, value in run.metrics.items()))


def show_gate(console: Console, verdict: GateVerdict) -> None:
    """Each question the gate asked."""
    for check in verdict.checks:
        mark = "[green]✓[/]" if check.passed else "[red]✗ no:[/]"
        console.print(f"  {mark} {check.name}: {escape(check.fact)}", highlight=False)


def show_windows(console: Console, reports: Sequence[WindowReport], metric: str) -> None:
    """The windows: what was found, and how each version that answered did."""
    for report in reports:
        state = " (still open)" if report.open else ""
        share = f"{report.labelled / report.rows:.0%}" if report.rows else "none"
        named = escape(", ".join(report.drifted))
        console.print(
            f"  [bold]{report.window.name}[/]{state}  {report.rows:>7,} rows, {share} labelled  "
            f"{_MARKS[report.verdict]}{f': {named}' if named else ''}",
            highlight=False,
        )
        for answered in report.performance:
            show_performance(console, answered, metric)


def show_performance(console: Console, answered: Performance, metric: str) -> None:
    """How a version did in a window: realised, where labels came, and what was foretold before they did."""
    then = f", at release {answered.reference.value:.3f}" if answered.reference else ""
    fell = "  [red]▼ fell by more than is tolerated[/]" if answered.fell else ""
    if answered.metrics:
        found = reading(answered.metrics.get(metric))
        console.print(f"      {metric} {found}{then}, by {short(answered.version)}{fell}", highlight=False)
    if metric in answered.estimated:
        doubt = "" if answered.estimate_trusted else "  [yellow]not to be trusted[/]"
        whole = reading(answered.estimated[metric])
        console.print(f"      estimated without labels {whole}, by {short(answered.version)}{doubt}", highlight=False)


def show_decision(console: Console, decision: Decision) -> None:
    """A decision, its reason, and what came of it."""
    console.print(f"  decision for {decision.window.name}: [bold]{decision.action}[/], {escape(decision.reason)}")
    if decision.action == "ask":
        asks = f"waits for an answer: roadworthy approve {decision.id}"
        told = f"{decision.answer} by {decision.answered_by}" if decision.answer else asks
        console.print(f"    {decision.asks_for}? {escape(told)}", highlight=False)
    if decision.outcome:
        console.print(f"    {escape(decision.outcome)}", highlight=False)


def show_history(console: Console, entries: Iterable[HistoryEntry]) -> None:
    """Who did what to production, when, why, and how long it took."""
    for entry in entries:
        what = f"{entry.action} (forced)" if entry.forced else entry.action
        origin = f"{short(entry.version_from)} -> " if entry.version_from else ""
        seconds = f"  {entry.seconds:.1f} s" if entry.seconds >= 0.05 else ""
        console.print(
            f"  {moment(entry.at)}  {escape(entry.who)}  [bold]{what}[/]  {origin}{short(entry.version_to)}{seconds}",
            highlight=False,
        )
        if entry.reason:
            console.print(f"      {escape(entry.reason)}", highlight=False, style="dim")


def show_alerts(console: Console, alerts: Iterable[Alert]) -> None:
    """Alerts: whom they are for, whether they were told, and what somebody did about them."""
    for alert in alerts:
        colour = _SEVERITIES[alert.severity] if alert.resolved is None else "dim"
        console.print(f"  [bold]{alert.id}[/] [{colour}]{alert.severity}[/] {escape(alert.title)}", highlight=False)
        told = (
            "told" if alert.delivered else f"[red]not delivered[/]{f': {escape(alert.error)}' if alert.error else ''}"
        )
        console.print(
            f"    {escape(alert.owner)}, since {moment(alert.since)}, {times(alert.count)}, {told}", highlight=False
        )
        if standing := _standing(alert):
            console.print(f"    {escape(standing)}", highlight=False, style="dim")


def _standing(alert: Alert) -> str:
    """Return in words what people did about an alert; blank when nobody did anything."""
    parts = [
        alert.acknowledged and f"acknowledged by {alert.acknowledged_by} {moment(alert.acknowledged)}",
        alert.muted_until and f"muted by {alert.muted_by} until {moment(alert.muted_until)}",
        alert.escalated and f"went on to the backup {moment(alert.escalated)}",
        alert.resolved
        and f"resolved {f'by {alert.resolved_by} ' if alert.resolved_by else ''}{moment(alert.resolved)}",
        alert.note,
    ]
    return "; ".join(part for part in parts if part)


def show_status(console: Console, found: Status, metric: str) -> None:
    """The status, as `roadworthy status` prints it."""
    console.print(f"[bold]{escape(found.project)}[/]  {escape(found.problem) or '[red]no problem is stated[/]'}")
    for name, version in (("champion", found.champion), ("challenger", found.challenger)):
        if version:
            value = reading(version.metrics.get(metric))
            console.print(f"{name:<11} {version.version} since {moment(version.since)}, {metric} {value} at release")
        else:
            console.print(f"{name:<11} none")
    run = found.last_run
    tasks = ", ".join(f"{name} {state}" for name, state in run.tasks.items()) if run else ""
    console.print(f"{'last run':<11} {f'{run.id} {run.state}: {tasks}' if run else 'none'}")
    for window in found.windows[-12:]:
        drifted = escape(", ".join(window.drifted[:4])) + (" ..." if len(window.drifted) > 4 else "")
        days = f"{window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}"
        console.print(f"{'window':<11} {days}  {window.rows:>7,} rows  {_MARKS[window.verdict]}  {drifted}")
    for deployment in found.deployments:
        problem = f"  [red]{escape(deployment.problem)}[/]" if deployment.problem else ""
        console.print(f"{'service':<11} process {deployment.pid} answers with {deployment.version}{problem}")
    for observer in found.observers:
        console.print(f"{'observer':<11} {escape(_heard(observer))}", highlight=False)
    for retraining in found.retrainings:
        words = f"for the window from {retraining.window.name}, at step {retraining.step}, on {retraining.why}"
        console.print(f"{'retraining':<11} {escape(retraining.id)} {escape(words)}", highlight=False)
    for question in found.questions:
        console.print(
            f"{'question':<11} {question.id}: {question.asks_for}? {escape(question.reason)}", highlight=False
        )
    if found.alerts:
        console.print(f"{len(found.alerts)} open alerts:")
        show_alerts(console, found.alerts)
    else:
        console.print("no open alerts")


def _heard(observer: Observer) -> str:
    """Return in words how an observer is: when it looked last, and what became of it."""
    looked = f"looked last {moment(observer.looked)}" if observer.looked else "has not looked yet"
    problem = f", with the problem: {observer.problem}" if observer.problem else ""
    fate = "died" if observer.died else f"ended {moment(observer.ended)}" if observer.ended else "runs"
    silent = f", last heard of {moment(observer.heartbeat)}"
    return f"process {observer.pid} on {observer.host} {fate}, {looked}{problem}{silent}"
