"""Ploomber's DAG as the pipeline that it is, and what its tasks were given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ploomber import DAG
from ploomber.constants import TaskStatus
from ploomber.products import File
from ploomber.sources.notebooksource import NotebookSource
from ploomber.tasks.abc import Task

from roadworthy.pipeline import lineage
from roadworthy.pipeline.spec import Pipeline, TaskSpec

_NOT_PARAMETERS = ("product", "upstream", "resources_")


def pipeline(dag: DAG, root: Path) -> Pipeline:
    """Return a rendered DAG's tasks, as `spec.read` gives them where it can."""
    return Pipeline(tasks=tuple(_task(dag[name], root) for name in dag))


def parameters(task: Task) -> dict[str, Any]:
    """Return what a task was given beside product and upstream."""
    given = task.params.to_json_serializable(params_only=True)
    return {name: value for name, value in given.items() if name not in _NOT_PARAMETERS}


def files(task: Task) -> dict[str, Path]:
    """Return a task's products that are files, by their keys; a single product's is blank."""
    many = getattr(getattr(task.product, "products", None), "products", None)
    if many is None:
        found = {"": task.product}
    else:
        found = dict(many) if isinstance(many, dict) else {str(place): file for place, file in enumerate(many)}
    return {str(key): Path(str(product)) for key, product in found.items() if isinstance(product, File)}


def notebook(task: Task) -> Path | None:
    """Return where a notebook task puts the executed notebook; None for tasks of other kinds."""
    key = getattr(task, "nb_product_key", None)
    if key is None:
        return None
    found = files(task)
    return found.get("") or found.get(key if isinstance(key, str) else key[0])


def settle(task: Task, status: TaskStatus) -> None:
    """Set a task's status without what Ploomber's own setter does to those that come after: the builder decides."""
    task._exec_status = status


def _task(task: Task, root: Path) -> TaskSpec:
    given = task.params.to_json_serializable(params_only=True)
    of_file = isinstance(task.source, NotebookSource) and task.source.loc is not None
    executed = notebook(task)
    return TaskSpec(
        name=str(task.name),
        source=lineage.below(root, Path(task.source.loc)) if of_file else "",
        text=None if of_file else str(task.source),
        upstream=tuple(str(name) for name in task.upstream),
        products={key: lineage.below(root, path) for key, path in files(task).items()},
        notebook=lineage.below(root, executed) if executed else None,
        parameters=parameters(task),
        resources={
            str(name): lineage.below(root, Path(str(path))) for name, path in (given.get("resources_") or {}).items()
        },
    )
