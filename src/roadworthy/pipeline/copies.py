"""A copy of a task's notebook, given what the pipeline gives it, that writes its products aside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from papermill.parameterize import parameterize_notebook

from roadworthy import secrets
from roadworthy.pipeline import code
from roadworthy.pipeline.spec import TaskSpec

_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def given(root: Path, task: TaskSpec, known: Mapping[str, TaskSpec]) -> dict[str, Any]:
    """Return what pipeline.yaml gives a task beside its parameters: upstream, product and resources, as full paths."""
    resources = {"resources_": {name: str(root / path) for name, path in task.resources.items()}}
    return {
        "upstream": {name: products(root, known[name]) for name in task.upstream} or None,
        "product": products(root, task),
    } | (resources if task.resources else {})


def products(root: Path, task: TaskSpec) -> str | dict[str, str]:
    """Return a task's products as full paths, by their keys where it has several."""
    paths = {key: str(root / path) for key, path in task.products.items()}
    return paths[""] if set(paths) == {""} else paths


def aside(product: Any, folder: Path) -> Any:  # noqa: ANN401 - a path, or paths in a list or mapping
    """Return the product with every path in a folder of its own, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(product, str):
        return str(folder / Path(product).name)
    keyed = product if isinstance(product, Mapping) else dict(enumerate(product or ()))
    names = [Path(str(path)).name for path in keyed.values()]
    alike = len(set(names)) < len(names)
    moved = {key: aside(path, folder / str(key) if alike else folder) for key, path in keyed.items()}
    return moved if isinstance(product, Mapping) else list(moved.values())


def clean(source: Path) -> NotebookNode:
    """Return a source as a notebook without outputs and without what Papermill or Ploomber injected."""
    import jupytext  # third-party and slow to import

    notebook: NotebookNode = jupytext.read(source)
    notebook["metadata"] = {"kernelspec": notebook.metadata.get("kernelspec", _KERNEL)}
    notebook.cells = [cell for cell in notebook.cells if code.INJECTED not in cell.metadata.get("tags", ())]
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])  # which Papermill takes for granted
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def filled(notebook: NotebookNode, given: dict[str, Any]) -> NotebookNode:
    """Return the notebook with these values injected; secrets are fetched when it runs, so that none stands in it."""
    notebook.metadata["papermill"] = {}  # which Papermill fills
    words = "Parameters, as the task was given them"
    filled: NotebookNode = parameterize_notebook(
        notebook, given, comment=words, kernel_name="python3", language="python"
    )
    del filled.metadata["papermill"]
    for cell in filled.cells:
        if code.INJECTED in cell.metadata.tags:
            cell.source = secrets.injected(cell.source, given)
    return filled
