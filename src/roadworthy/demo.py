"""The demo: the whole loop on a year of real flights, told as it happens.

Nothing here decides anything. Each step calls what a user would call, and prints what was found, whatever it is.
"""

from __future__ import annotations

import getpass
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from roadworthy import detectability, lifecycle, registry, terminal
from roadworthy import project as projects
from roadworthy.data.sources import read_file
from roadworthy.errors import GateRefused, ProjectError, RoadworthyError
from roadworthy.project import Project
from roadworthy.records import CHAMPION, Decision, ModelVersion
from roadworthy.serving import tokens
from roadworthy.serving.replay import Replayer
from roadworthy.serving.server import Server
from roadworthy.terminal.detectability import show_detectability
from roadworthy.terminal.progress import BuildDisplay

MARKER = ".roadworthy-demo"
NAME = "late-flights"
LABEL_DELAY = timedelta(hours=24)
QUICK_SHARE = 0.2
MISTAKE = ("2013-03-01", "2013-03-04")  # three days of flights, as somebody in a hurry might train on


@dataclass(frozen=True)
class Plan:
    """How much of the year is replayed. Days begin at midnight UTC; a slice ends when its month has its labels."""

    share: float
    slices: tuple[tuple[str, str], ...]
    mistake_at: str
    found_by: str
    end: str


FULL = Plan(
    share=1.0,
    slices=(
        ("2013-05-01", "2013-06-03"),
        ("2013-06-03", "2013-07-03"),
        ("2013-07-03", "2013-08-03"),
        ("2013-08-03", "2013-09-03"),
        ("2013-09-03", "2013-10-03"),
        ("2013-10-03", "2013-11-03"),
        ("2013-11-03", "2013-12-03"),
    ),
    mistake_at="2013-12-03",
    found_by="2013-12-15",
    end="2014-01-01",
)
QUICK = Plan(
    share=QUICK_SHARE, slices=FULL.slices[:3], mistake_at="2013-08-03", found_by="2013-08-20", end="2013-09-01"
)


@dataclass
class Story:
    """The running demo."""

    project: Project
    console: Console
    plan: Plan
    server: Server
    replayer: Replayer
    traffic: pd.DataFrame
    started: float = field(default_factory=time.monotonic)
    who: str = field(default_factory=getpass.getuser)

    def replay(self, start: str, end: str) -> None:
        """Send the flights of some days to the service."""
        time_column = self.project.dataset.time
        moments = self.traffic[time_column]
        begin, finish = (pd.Timestamp(day, tz="UTC") for day in (start, end))
        rows = self.traffic[(moments >= begin) & (moments < finish)]
        with _progress(self.console, f"  flights of {start} to {end}", len(rows)) as advance:
            self.replayer.send(rows, on_progress=advance)

    def look(self, *, clock: datetime | None = None) -> list[Decision]:
        """Observe, decide and act, and tell what came of it."""
        before = registry.champion(self.project.state)
        decided = lifecycle.watch_once(self.project, who="policy", clock=clock)
        windows = {report.window: report for report in self.project.state.windows()}
        metric = self.project.config.settings.use_case.metric
        terminal.show_windows(self.console, [windows[d.window] for d in decided], metric)
        for decision in decided:
            terminal.show_decision(self.console, decision)
        after = registry.champion(self.project.state)
        if before and after and before.tag != after.tag:
            self.follow(after)
        return decided

    def follow(self, version: ModelVersion) -> None:
        """Wait until the running service answers with a version."""
        seconds = self.server.wait_for_version(version.tag)
        self.console.print(
            f"  the service answers with {terminal.short(version.tag)} after {seconds:.1f} s, without a restart"
        )


def run(folder: Path, console: Console, *, quick: bool) -> bool:
    """Run the demo in a folder of its own, and return whether its account adds up.

    Raises
    ------
    ProjectError
        When the folder holds something that is not an earlier demo.
    """
    folder = folder.resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise ProjectError(f"{folder} is not empty and not an earlier demo.", "Name another folder with --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / MARKER, timeout=0):
            return _play(folder, console, QUICK if quick else FULL)
    except Timeout as error:
        raise ProjectError(
            f"Another demo is running in {folder}.", "Wait for it, or name another folder with --folder."
        ) from error


def _play(folder: Path, console: Console, plan: Plan) -> bool:
    started = time.monotonic()
    _chapter(console, 0, "A project", "a copy of the reference project, in a folder of its own")
    root = _fresh_project(folder, plan)
    console.print(f"  {root}")
    with projects.load(root) as project:
        console.print(f"  {project.config.settings.use_case.problem}")
        _build_and_release(project, console)
        traffic = _traffic(project, plan, console)
        _chapter(console, 4, "Serve", "bentoml serve, on a free port of this machine")
        with Server.start(project.config, port=0) as server:
            console.print(f"  {server.address} answers with {terminal.short(_champion(project).tag)}")
            replayer = Replayer(
                project.config,
                project.dataset,
                server.address,
                label_delay=LABEL_DELAY,
                token=tokens.local(project.config, project.state),
            )
            story = Story(project, console, plan, server, replayer, traffic)
            _live_through_the_year(story)
            _mistake(story)
            _finish(story)
        return _account(story, started)


# --- the chapters --------------------------------------------------------------------------------------------------


def _build_and_release(project: Project, console: Console) -> None:
    _chapter(console, 1, "Ingest and build", "ploomber build runs the notebooks; the data passes the contract first")
    with BuildDisplay() as display:
        run = lifecycle.train(project, on_event=display.take)
    for found in reversed(project.state.ingestions()):
        terminal.show_ingestion(console, found)
    _chapter(console, 2, "The run", "what was made from what")
    terminal.show_run(console, run)
    _chapter(console, 3, "Gate", "the use case and the owners decide")
    version = lifecycle.release(project, who=getpass.getuser())
    terminal.show_gate(console, version.gate)
    if not version.gate.passed:
        raise GateRefused(
            "The first version did not pass the gate; the demo has no champion to go on with.",
            "See the reasons above, and open the evaluation in products/evaluate.ipynb.",
        )
    console.print(f"  {version.tag} is champion")


def _live_through_the_year(story: Story) -> None:
    _chapter(
        story.console, 5, "Traffic, month by month", "replayed in order over HTTP; labels follow a day after the flight"
    )
    story.console.print("  after each month: observe, decide, act by monitoring/policy.yaml")
    (first, *later) = story.plan.slices
    story.replay(*first)
    story.look()
    story.console.print("\n  what would be found at this traffic, and how soon: roadworthy detectability")
    show_detectability(story.console, detectability.outlook(story.project))
    story.console.print()
    for start, end in later:
        story.replay(start, end)
        story.look()


def _mistake(story: Story) -> None:
    _chapter(story.console, 6, "A mistake and the way back", "somebody in a hurry trains on three days of flights")
    names = story.project.config.settings.pipeline
    products = "products/hurried"
    with BuildDisplay() as display:
        hurried = {names.start: MISTAKE[0], names.end: MISTAKE[1], names.products: products}
        lifecycle.train(story.project, hurried, on_event=display.take)
    version = lifecycle.release(story.project, who=story.who, products=products)
    terminal.show_gate(story.console, version.gate)
    try:
        entry = registry.promote(
            story.project.config, story.project.state, version.tag, who=story.who, reason="it trained so fast"
        )
    except GateRefused as refusal:
        story.console.print(f"  promote: {refusal.fact}", markup=False)
        entry = registry.promote(
            story.project.config, story.project.state, version.tag, who=story.who, reason="no time", force=True
        )
    story.console.print(f"  promoted{' by force' if entry.forced else ''}: {terminal.short(version.tag)}")
    story.follow(version)
    story.replay(story.plan.mistake_at, story.plan.found_by)
    decided = story.look()
    if not any(decision.action == "rollback" for decision in decided):
        story.console.print("  the policy found no reason to go back; somebody does it by hand: roadworthy rollback")
        registry.rollback(story.project.config, story.project.state, who=story.who, reason="it was a mistake")
        story.follow(_champion(story.project))


def _finish(story: Story) -> None:
    story.replay(story.plan.found_by, story.plan.end)
    story.replayer.flush()
    end = datetime.fromisoformat(story.plan.end).replace(tzinfo=UTC)
    story.look(clock=end)


def _account(story: Story, started: float) -> bool:
    project, console = story.project, story.console
    _chapter(console, 7, "The account", "counted in the tables, not in the replay")
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
    metric = project.config.settings.use_case.metric
    console.print()
    terminal.show_windows(console, project.state.windows(), metric)
    _versions(project, console, metric)
    console.print()
    terminal.show_history(console, reversed(project.state.history()))
    _foretold(project, console, metric)
    alerts = project.state.alerts()
    told = sum(alert.delivered for alert in alerts)
    console.print(f"\n  {len(alerts)} causes were found, {told} told to their owners, each once:")
    terminal.show_alerts(console, alerts)
    console.print(f"\n  report      {lifecycle.report(project)}", soft_wrap=True)
    console.print(f"  status      cd {project.root} && roadworthy status", soft_wrap=True)
    console.print(f"  {time.monotonic() - started:.0f} s in all")
    _chapter(console, 8, "See it all", "in JupyterLab, where the notebooks are")
    for words, meaning in _ways_in(project):
        console.print(f"  {words}" + (f"\n      [dim]{escape(meaning)}[/]" if meaning else ""), soft_wrap=True)
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
    newest = project.state.windows()[-1].window.name
    yield "the panel Roadworthy, with notebooks/train.ipynb open", "how it stands, its runs, and what is in production"
    yield f"{project.config.settings.reports}/{newest}.drift.json, by a double click", "the newest window, worst first"
    yield "%load_ext roadworthy, then %contract DATAFRAME in a cell", "whether your data keep the contract"
    yield "roadworthy serve, in a terminal there", "requests, errors and latency in the panel, as they come"


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


# --- the stage -----------------------------------------------------------------------------------------------------


def _fresh_project(folder: Path, plan: Plan) -> Path:
    _forget(folder)
    root = projects.init(NAME, folder, filled=True)
    env = root / "env.yaml"
    env.write_text(env.read_text(encoding="utf-8").replace('share: "1.0"', f'share: "{plan.share}"'), encoding="utf-8")
    _commit(root)
    return root


def _forget(folder: Path) -> None:
    """Remove an earlier demo, its versions in the model store included."""
    root = folder / NAME
    # one that was edited until it no longer loads is removed all the same; its versions stay in the store
    with suppress(RoadworthyError), projects.load(root) as earlier:
        if earlier.config.private("state.db").exists():
            for version in earlier.state.versions():
                registry.delete(version.tag, earlier.config)
    if root.exists():
        shutil.rmtree(root)


def _commit(root: Path) -> None:
    """Give the project a history of its own, so that its runs name a commit."""
    if shutil.which("git") is None:
        return
    identity = ["-c", "user.name=Roadworthy demo", "-c", "user.email=demo@example.org"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "The reference project"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def _traffic(project: Project, plan: Plan, console: Console) -> pd.DataFrame:
    """Let the source system write down the later months, before the first of them is lived through."""
    file = project.config.private("traffic.parquet")
    start = plan.slices[0][0]
    command = [sys.executable, "notebooks/departures.py", start, plan.end, str(file), "--share", str(plan.share)]
    subprocess.run(command, cwd=project.root, check=True)
    rows = read_file(file)
    console.print(f"  {len(rows):,} later flights wait to be asked about")
    return rows


def _champion(project: Project) -> ModelVersion:
    return registry.resolve(project.state, CHAMPION)


def _chapter(console: Console, number: int, title: str, meaning: str) -> None:
    console.print(f"\n[bold]{number}  {title}[/]  [dim]{meaning}[/]")


@contextmanager
def _progress(console: Console, text: str, total: int) -> Iterator[Callable[[int, int, datetime], object] | None]:
    if not console.is_terminal:
        console.print(f"{text}: {total:,} rows", highlight=False)
        yield None
        return
    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda sent, _total, _moment: bar.update(task, completed=sent)
