"""The products of a task of Ploomber's: where they are, and what becomes of them before and after a run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ploomber import DAG
from ploomber.products import File
from ploomber.tasks.abc import Task

from roadworthy.pipeline import kernels, lineage

_FAILED = ".failed.ipynb"


def files(task: Task) -> list[Path]:
    """Return the paths of a task's products that are files."""
    single_or_many = getattr(task.product, "products", [task.product])
    return [Path(str(product)) for product in single_or_many if isinstance(product, File)]


def folder(dag: DAG, root: Path) -> str:
    """Return the folder that holds all products of a pipeline, as it is recorded."""
    parents = [(root / path).resolve().parent for task in dag.values() for path in files(task)]
    return lineage.below(root, Path(os.path.commonpath(parents))) if parents else "."


def notebook(task: Task) -> Path | None:
    """Return where a notebook task puts the executed notebook; None for tasks of other kinds."""
    key = getattr(task, "nb_product_key", None)
    if key is None:
        return None
    if not hasattr(task.product, "products"):
        return Path(str(task.product))
    return Path(str(task.product[key if isinstance(key, str) else key[0]]))


def remove(task: Task) -> None:
    """Remove what an earlier run of the task left, so that nothing of it can pass for this run's."""
    for path in files(task):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    task.product.metadata.delete()


def finish(task: Task, root: Path) -> dict[str, str]:
    """Sign the executed notebook and return the products' hashes by their recorded paths."""
    executed = notebook(task)
    if executed is not None:
        _failed_name(executed).unlink(missing_ok=True)
        if executed.suffix == ".ipynb":
            kernels.sign(executed)
    return {lineage.below(root, path): lineage.content_hash(path) for path in files(task)}


def set_aside(task: Task) -> dict[str, str]:
    """Remove a failed task's products; the half executed notebook stays beside them as NAME.failed.ipynb."""
    executed = notebook(task)
    partial = executed.with_suffix(".ipynb") if executed else None
    if partial is not None and partial.exists():
        partial.replace(_failed_name(partial))
    remove(task)
    return {}


def _failed_name(executed: Path) -> Path:
    return executed.with_suffix(_FAILED)
