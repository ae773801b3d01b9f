"""The same traffic by other windows: tried on the side, so that the project's own stay as they were judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from rich.markup import escape

from roadworthy import lifecycle, terminal
from roadworthy.config import WindowPolicy
from roadworthy.demo.stage import chapter
from roadworthy.demo.story import Story
from roadworthy.project import Project


def judge_otherwise(story: Story) -> None:
    """Judge what was captured by other windows, against something else than the training data."""
    chapter(
        story.console, 9, "By other windows", "the same traffic, had `window` in monitoring/policy.yaml been another"
    )
    metric = story.project.config.settings.use_case.metric
    for window in story.plan.windows:
        frozen = f", frozen: {window.frozen}" if window.frozen else ""
        words = f"window: {{length: null, rows: {window.rows}, reference: {window.reference}{frozen}}}"
        story.console.print(f"  {words}", markup=False, highlight=False)
        with _beside(story.project, window) as other:
            for report in lifecycle.observe(other, clock=story.plan.clock):
                terminal.show_windows(story.console, [report.model_copy(update={"performance": ()})], metric)
                if report.baseline:
                    story.console.print(f"      against {escape(report.baseline.words)}", highlight=False)


@contextmanager
def _beside(project: Project, window: WindowPolicy) -> Iterator[Project]:
    """Give the project with other windows: its traffic and versions, a state and reports that are gone afterwards."""
    config = project.config
    with TemporaryDirectory() as folder:
        settings = config.settings.model_copy(update={"state": f"sqlite:///{folder}/state.db", "reports": folder})
        policy = config.policy.model_copy(update={"window": window})
        with Project(config.model_copy(update={"settings": settings, "policy": policy})) as other:
            for version in project.state.versions():
                other.state.add_version(version)
            yield other
