"""The account: what was sent is counted in the tables, and what came of it is told; then how to see it all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from roadworthy import lifecycle, terminal
from roadworthy import project as projects
from roadworthy.demo.stage import chapter
from roadworthy.demo.story import Story
from roadworthy.project import Project


def settle(story: Story, started: float) -> bool:
    """Tell what came of it all, and how to see more; return whether what was sent is what was kept."""
    project, console = story.project, story.console
    chapter(console, 10, "The account", "counted in the tables, not in the replay")
    balanced = _balance(story)
    metric = project.config.settings.use_case.metric
    console.print()
    terminal.show_windows(console, project.state.windows(), metric)
    _versions(project, console, metric)
    console.print()
    terminal.show_history(console, reversed(project.state.history()))
    _foretold(project, console, metric)
    _named(project, console)
    alerts = project.state.alerts()
    told = sum(alert.delivered for alert in alerts)
    console.print(f"\n  {len(alerts)} causes were found, {told} told to their owners, each once:")
    terminal.show_alerts(console, alerts)
    console.print(f"\n  report      {lifecycle.report(project)}", soft_wrap=True)
    console.print(f"  status      cd {project.root} && roadworthy status", soft_wrap=True)
    console.print(f"  {time.monotonic() - started:.0f} s in all")
    chapter(console, 11, "See it all", "in JupyterLab, where the notebooks are")
    for words, meaning in _ways_in(project):
        console.print(f"  {words}" + (f"\n      [dim]{escape(meaning)}[/]" if meaning else ""), soft_wrap=True)
    return balanced


def _balance(story: Story) -> bool:
    """Count what was sent in the tables."""
    project, console = story.project, story.console
    sent = story.replayer.account
    captured = project.tables.read("predictions", columns=["request_id", "row"])
    labels = project.tables.read("labels", columns=["request_id", "row"]).drop_duplicates()
    joined = labels.merge(captured.drop_duplicates(), on=["request_id", "row"])
    lines = (
        ("requests", sent.requests_sent, sent.requests_answered, captured["request_id"].nunique(), "captured"),
        ("rows", sent.rows_sent, sent.rows_answered, len(captured), "captured"),
        ("labels", sent.labels_sent, sent.labels_accepted, len(joined), "joined to their prediction"),
    )
    balanced = True
    for what, first, second, third, end in lines:
        equal = first == second == third
        balanced &= equal
        mark = "[green]✓[/]" if equal else "[red]✗[/]"
        console.print(f"  {mark} {what}: {first:,} sent, {second:,} answered, {third:,} {end}")
    console.print(f"    {sent.never_labelled:,} flights were cancelled or diverted: no label will ever come")
    return balanced


def _ways_in(project: Project) -> Iterator[tuple[str, str]]:
    """Yield what opens JupyterLab on this project, and what is to be seen there."""
    in_checkout = project.root.parents[1] == projects.reference() == Path.cwd()
    if in_checkout:
        yield "make lab", ""
    else:
        if find_spec("roadworthy_jupyterlab") is None:
            yield escape('pip install "roadworthy[lab]"'), ""
        yield f"cd {project.root} && jupyter lab", ""
    newest = next(report.window.name for report in reversed(project.state.windows()) if report.rows)
    yield "the panel Roadworthy, with notebooks/train.ipynb open", "how it stands, its runs, and what is in production"
    yield f"{project.config.settings.reports}/{newest}.drift.json, by a double click", "the newest window, worst first"
    yield "%load_ext roadworthy, then %contract DATAFRAME in a cell", "whether your data keep the contract"
    yield "roadworthy watch, in a terminal there", "looks again and again: what the demo did after each month"
    yield "roadworthy serve, in another", "requests, errors and latency in the panel, as they come"


def _foretold(project: Project, console: Console, metric: str) -> None:
    """Tell how far the estimates were from what came, as the reports have it."""
    answers = [answer for report in project.state.windows() for answer in report.performance]
    misses = [answer.estimate_miss for answer in answers if answer.estimate_miss is not None]
    if misses:
        mean = sum(map(abs, misses)) / len(misses)
        console.print(
            f"\n  {metric} was estimated before its labels came {len(misses)} times; what came was {mean:.3f} away "
            f"on average, {max(map(abs, misses)):.3f} at most",
            highlight=False,
        )


def _versions(project: Project, console: Console, metric: str) -> None:
    console.print("\n  versions and what they came from")
    for version in reversed(project.state.versions()):
        tables = ", ".join(f"{name} version {number}" for name, number in version.tables.items())
        console.print(
            f"    {terminal.short(version.tag)}: trained on {version.trained_from} to {version.trained_until} "
            f"({tables}), run {version.run_id}, commit {(version.git_commit or 'none')[:10]}, "
            f"{metric} {terminal.reading(version.metrics.get(metric))}",
            highlight=False,
        )


def _named(project: Project, console: Console) -> None:
    """Tell how many windows named something, and how many of them would without any change."""
    reports = [report for report in project.state.windows() if report.rows]
    named = sum(report.verdict == "drift" or any(part.drifted for part in report.segments) for report in reports)
    expected = sum(report.expected_false_alarms for report in reports)
    console.print(
        f"\n  {named} of {len(reports)} windows named something that has changed; where nothing ever changes, "
        f"{expected:.2g} would be expected to, at most",
        highlight=False,
    )
