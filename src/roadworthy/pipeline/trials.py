"""Where a notebook is tried with other values, aside from the pipeline, and whether it may be."""

from __future__ import annotations

from pathlib import Path

from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import code
from roadworthy.pipeline.spec import Pipeline
from roadworthy.state import State

_FOLDER = "trials"  # not hidden, or JupyterLab would not open what is in it
_RUNS_SEARCHED = 50


def refuse(config: Config, state: State, pipeline: Pipeline | None, name: str) -> None:
    """Raise PipelineError when a task cannot be tried: it is no notebook, lacks an input, or writes to a table."""
    if pipeline is None:
        raise PipelineError(
            "What a notebook is given cannot be found out: only Ploomber can read this pipeline.yaml.",
            "Set `extract_upstream: false` and `extract_product: false` below `meta`, and name each task's `upstream`.",
        )
    task = pipeline.task(name)
    found = code.read(config.root / task.source) if task.source else None
    if found is None or not found.python or not found.parameters_cell:
        raise PipelineError(
            f"Task {name!r} is not a Python notebook or script with a cell tagged `parameters`.",
            "Run it with the pipeline.",
        )
    needed = [path for other in task.upstream for path in pipeline.task(other).data]
    missing = [path for path in needed if not (config.root / path).exists()]
    if missing:
        raise PipelineError(
            f"{missing[0]} is missing, which task {name!r} builds on.", "Run the task with what it needs first."
        )
    runs = state.runs(limit=_RUNS_SEARCHED)
    written = next((task.writes for run in runs for task in run.tasks if task.name == name), {})
    if written:
        raise PipelineError(
            f"Task {name!r} writes to table {next(iter(written))}, which is not the task's own to try things on.",
            "Run it with the pipeline, or open a copy with `roadworthy debug`.",
        )


def folder(config: Config, identity: str) -> Path:
    """Return the folder of a trial, made, in one whose content Git does not look at."""
    found = config.root / _FOLDER / identity
    found.mkdir(parents=True, exist_ok=True)
    mark = found.parent / ".gitignore"
    if not mark.exists():
        mark.write_text("*\n", encoding="utf-8")
    return found
