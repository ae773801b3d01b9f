"""A task's notebook with the inputs of its last run restored, to be run cell by cell in JupyterLab.

It is a copy: what it writes goes to a folder of its own, and what is learnt in it goes into the source by hand. Its
outputs are the user's own: unlike an executed notebook's they are not masked, so ``print(password)`` shows it there.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode

from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import code, copies, lineage, spec, staging
from roadworthy.pipeline.content import content_hash
from roadworthy.pipeline.failures import failed_cell
from roadworthy.pipeline.spec import Pipeline
from roadworthy.records import Record, RunRecord, TaskRecord
from roadworthy.state import State

FOLDER = ".roadworthy/debug"
FAILED, ADDED = (
    "failed-here",
    "roadworthy-debug",
)  # tags: of the cell that failed, and of cells that are not the source's


class DebugNotebook(Record):
    """A notebook to be opened in JupyterLab."""

    path: Path
    warnings: tuple[str, ...] = ()


class _Case(Record):
    """What is known of the run that is looked into; without one, what pipeline.yaml says."""

    task: str
    source: str
    notebook: str | None
    parameters: dict[str, Any]
    run: RunRecord | None = None
    record: TaskRecord | None = None

    @property
    def error(self) -> str | None:
        return self.record.error if self.record else None


def prepare(config: Config, state: State, task: str, *, run: RunRecord | None = None) -> DebugNotebook:
    """Write a copy of a task's notebook with its inputs restored, and return where it is.

    Parameters
    ----------
    config, state
        The project's configuration and state.
    task
        The task's name.
    run
        The run to restore; by default the newest in which the task was executed.

    Returns
    -------
    DebugNotebook
        Its path, and what is no longer as it was in that run.

    Raises
    ------
    PipelineError
        When there is no such task, it was not executed in that run, or its source is no Python notebook or script.
    """
    pipeline = spec.read(config.root, {})
    case = _case(state, task, pipeline, run)
    source = config.root / case.source
    _refuse_other_sources(case, source)
    path = config.path(FOLDER) / f"{_file_name(task)}.ipynb"
    given = _given(config, case, pipeline) | case.parameters
    given["product"] = copies.aside(given.get("product"), path.with_suffix(""))
    warnings = tuple(_warnings(config, state, case))
    notebook = copies.clean(source)
    _mark_failed(notebook, case)
    notebook = copies.filled(notebook, given)
    notebook.cells[:0] = [_introduction(case, warnings), _setup(config.root, case)]
    if path.exists():  # it may hold somebody's experiments
        path.replace(path.with_suffix(".former.ipynb"))
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    return DebugNotebook(path=path, warnings=warnings)


# --- what is restored ------------------------------------------------------------------------------------------------


def _case(state: State, task: str, pipeline: Pipeline | None, run: RunRecord | None) -> _Case:
    runs = state.runs(limit=lineage.RUNS_SEARCHED)
    executed = [(found, record) for found in runs for record in found.tasks if record.name == task]
    known = next((found for found in pipeline.tasks if found.name == task), None) if pipeline else None
    notebook = known.notebook if known else next((record.notebook for _, record in executed if record.notebook), None)
    for found, record in executed:
        if record.state != "skipped" and (run is None or found.id == run.id):
            return _Case(
                task=task,
                source=record.source,
                notebook=notebook,
                parameters=record.parameters,
                run=found,
                record=record,
            )
    if known is not None and run is None:
        return _Case(task=task, source=known.source, notebook=notebook, parameters=known.parameters)
    fact = f"Run {run.id} did not execute a task {task!r}." if run else f"There is no task {task!r}."
    names = {record.name for found in ([run] if run else runs) for record in found.tasks}
    if pipeline and not run:
        names |= {found.name for found in pipeline.tasks}
    raise PipelineError(fact, f"Use one of: {', '.join(sorted(names))}." if names else "Run `ploomber build` first.")


def _refuse_other_sources(case: _Case, source: Path) -> None:
    if not case.source:
        raise PipelineError(f"Task {case.task!r} is no notebook.", f"Run `ploomber task {case.task}` to debug it.")
    found = code.read(source)
    if not found.python or not found.parameters_cell:
        raise PipelineError(
            f"{case.source} is not a Python notebook or script with a cell tagged `parameters`.",
            f"Open it with `jupyter lab {case.source}`.",
        )


def _given(config: Config, case: _Case, pipeline: Pipeline | None) -> dict[str, Any]:
    """What the task was given beside its parameters: from the notebook that was executed, or from pipeline.yaml."""
    if case.record is not None and case.notebook is not None:
        place = config.root / case.notebook
        executed = place if case.record.state == "done" else staging.failed_name(place)
        if executed.suffix == ".ipynb" and executed.is_file():
            return _injected(executed)
    known = {found.name: found for found in pipeline.tasks} if pipeline else {}
    task = known.get(case.task)
    if task is None:
        raise PipelineError(
            f"What task {case.task!r} was given cannot be found out: only Ploomber can read this pipeline.yaml.",
            "Set `extract_upstream: false` and `extract_product: false` below `meta`, and name each task's `upstream`.",
        )
    return copies.given(config.root, task, known)


def _injected(notebook: Path) -> dict[str, Any]:
    """The values in an executed notebook's injected cell. Secrets, which are calls there, come from the record."""
    cells = code.read(notebook).written
    text = next((cell.text for cell in cells if code.INJECTED in cell.tags), "")
    found = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except ValueError:
                continue
    return found


def _warnings(config: Config, state: State, case: _Case) -> list[str]:
    """What is no longer as it was in the run, or would be changed by running the notebook."""
    if case.record is None:
        return ["The task was never executed: its parameters are those of pipeline.yaml and env.yaml."]
    makers = state.makers(list(case.record.inputs))
    said = []
    for path, then in case.record.inputs.items():
        there = (config.root / path).exists()
        now = content_hash(config.root / path) if there else "missing"
        maker = makers.get(path)
        if now != then and not there:
            said.append(f"{path}, which the run read, is gone.")
        elif now != then:
            again = maker is not None and maker.hash == now
            said.append(f"{path} was {f'made anew by run {maker.run_id}' if again and maker else 'changed'} since.")
    then_cells = state.source(case.record.code_hash)
    now_cells = code.cells(config.root / case.source)
    if then_cells and code.code_hash(then_cells, cosmetic=False) != code.code_hash(now_cells, cosmetic=False):
        said.append(f"{case.source} was edited since; this is the code of today.")
    said += [
        f"The task writes to table {table}, and so does this notebook when it is run." for table in case.record.writes
    ]
    return said


# --- the notebook ----------------------------------------------------------------------------------------------------


def _mark_failed(notebook: NotebookNode, case: _Case) -> None:
    place = failed_cell(case.error)
    if place is None or place >= len(notebook.cells):  # it was not a cell that failed, or the source has become shorter
        return
    cell = notebook.cells[place]
    cell.metadata["tags"] = [*cell.metadata.tags, FAILED]
    words = f"**The next cell failed** (cell {place + 1} of `{case.source}`):\n\n{_quoted(_fact(case))}"
    notebook.cells.insert(place, _added("markdown", words))


def _setup(root: Path, case: _Case) -> NotebookNode:
    lines = ["# The task ran in the project's folder", "import os", "", f"os.chdir({str(root)!r})"]
    reads = case.record.reads if case.record else {}
    if reads:
        lines += [
            "# and read these versions of the tables",
            f'os.environ["{lineage.AS_OF_VARIABLE}"] = {_json(reads)!r}',
        ]
    lines += ["del os  # as the task had to import it itself"]
    return _added("code", "\n".join(lines))


def _introduction(case: _Case, warnings: tuple[str, ...]) -> NotebookNode:
    if case.run is None or case.record is None:
        told = "It was never executed."
    elif case.error:
        told = f"It failed in run `{case.run.id}` ({case.record.started:%Y-%m-%d %H:%M} UTC):\n\n{_quoted(_fact(case))}"
    else:
        told = f"It was executed without an error in run `{case.run.id}`."
    listed = "".join(f"\n- {warning}" for warning in warnings)
    return _added(
        "markdown",
        f"# Debugging task `{case.task}`\n\n{told}\n"
        + (f"\nNot as it was then:\n{listed}\n" if listed else "")
        + f"\nRun the cells from the top. This is a copy: mend the source, `{case.source}`, and then run "
        f"`ploomber build`. What this copy writes goes to `{FOLDER}/{_file_name(case.task)}/`; the products of the "
        "pipeline stay as they are.",
    )


def _added(kind: Literal["code", "markdown"], text: str) -> NotebookNode:
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    cell: NotebookNode = make(text, metadata={"tags": [ADDED]})  # type: ignore[no-untyped-call]
    return cell


def _quoted(text: str) -> str:
    """As a block of code, whatever it holds: an error's words are not to be taken for Markdown."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _fact(case: _Case) -> str:
    return (case.error or "").partition("\nNext: ")[0]


def _json(reads: Mapping[str, int]) -> str:
    return json.dumps(dict(reads), sort_keys=True)


def _file_name(task: str) -> str:
    return re.sub(r"[^\w-]", "_", task)
