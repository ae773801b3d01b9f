"""The demo's stage: its folder, the project in it, the flights that wait, and how its chapters are printed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from roadworthy import project as projects
from roadworthy import registry
from roadworthy.config import WindowPolicy
from roadworthy.data.sources import read_file
from roadworthy.errors import ProjectError, RoadworthyError
from roadworthy.project import Project

MARKER = ".roadworthy-demo"
NAME = "late-flights"
QUICK_SHARE = 0.2
_POLICY = (
    ("on_drift: retrain", "on_drift: ask"),
    ("months: 4", "months: 5"),
    ("then: promote  # when the challenger", "then: rollout  # when the challenger"),
    # the flights of an hour are one request, 560 or so a month: too few for the reference's steps and limits
    ("steps: [0.01, 0.1, 0.5]", "steps: [0.5, 0.9]"),
    ("minimum_requests: 500", "minimum_requests: 80"),
    ("minimum_minutes: 10", "minimum_minutes: 0"),
    ("error_rate: 0.01", "error_rate: 0.1"),
    ("slow_share: 0.05", "slow_share: 0.1"),
)


@dataclass(frozen=True)
class Plan:
    """How much of the year is replayed, and by which policy.

    Days begin at midnight UTC; a slice ends when its month has its labels.

    Attributes
    ----------
    silent_until
        Up to when nobody asks after the end; blank where too few months are known to tell that this is unusual.
    policy
        What stands in the reference project's policy, and what takes its place.
    windows
        By which the traffic is judged once more at the end.
    """

    share: float
    slices: tuple[tuple[str, str], ...]
    mistake_at: str
    found_by: str
    end: str
    silent_until: str
    policy: tuple[tuple[str, str], ...]
    windows: tuple[WindowPolicy, ...]

    @property
    def clock(self) -> datetime:
        """Event time at the end."""
        return datetime.fromisoformat(self.silent_until or self.end).replace(tzinfo=UTC)


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
    silent_until="2014-02-01",
    policy=(("segments: []", "segments: [origin]"), *_POLICY),
    windows=(
        WindowPolicy(length=None, rows=100_000, reference="frozen", frozen="2013-05-01"),
        WindowPolicy(length=None, rows=100_000, reference="before"),
    ),
)
QUICK = Plan(
    share=QUICK_SHARE,
    slices=(*FULL.slices[:2], ("2013-07-03", "2013-07-24")),
    mistake_at="2013-07-24",
    found_by="2013-07-30",
    end="2013-08-01",
    silent_until="",
    policy=_POLICY,
    windows=(WindowPolicy(length=None, rows=9_000, reference="frozen", frozen="2013-05-01"),),
)


def fresh_project(folder: Path, plan: Plan) -> Path:
    """Make the project anew, with a history of its own, and return its root."""
    _forget(folder)
    root = projects.init(NAME, folder, filled=True)
    edit(root / "env.yaml", ('share: "1.0"', f'share: "{plan.share}"'))
    edit(root / "monitoring" / "policy.yaml", *plan.policy)
    _commit(root)
    return root


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Write something else in place of what stands in a file of the project, as a person would."""
    text = path.read_text(encoding="utf-8")
    for before, after in changes:
        if before not in text:
            raise ProjectError(f"{path} of the reference project has no {before!r}.", "Install roadworthy anew.")
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


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


def later_flights(project: Project, plan: Plan, console: Console) -> pd.DataFrame:
    """Let the source system write down the later months, before the first of them is lived through."""
    file = project.config.private("traffic.parquet")
    start = plan.slices[0][0]
    command = [sys.executable, "notebooks/departures.py", start, plan.end, str(file), "--share", str(plan.share)]
    subprocess.run(command, cwd=project.root, check=True)
    rows = read_file(file)
    console.print(f"  {len(rows):,} later flights wait to be asked about")
    return rows


def chapter(console: Console, number: int, title: str, meaning: str) -> None:
    """Print a chapter's head."""
    console.print(f"\n[bold]{number}  {title}[/]  [dim]{meaning}[/]")


@contextmanager
def progress(console: Console, text: str, total: int) -> Iterator[Callable[[int, int, datetime], object] | None]:
    """Show a bar, or a plain line where nobody looks on; give what is to be called as rows are sent."""
    if not console.is_terminal:
        console.print(f"{text}: {total:,} rows", highlight=False)
        yield None
        return
    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda sent, _total, _moment: bar.update(task, completed=sent)
