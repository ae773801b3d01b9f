"""One notebook run aside with other values: its source, the pipeline's products and their records stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import papermill
import psutil

from roadworthy import secrets
from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import copies, failures, kernels, parameters
from roadworthy.pipeline.spec import Pipeline

_SECONDS_TO_END = 5


def run(config: Config, pipeline: Pipeline, name: str, given: Mapping[str, Any], folder: Path) -> Path:
    """Execute a copy of a task's notebook with other values, its products in a folder of its own.

    Parameters
    ----------
    config
        The project's configuration.
    pipeline
        The pipeline.
    name
        The task.
    given
        Values for its parameters instead of those of pipeline.yaml.
    folder
        Where the executed notebook and the products go; it is made.

    Returns
    -------
    Path
        The executed notebook.

    Raises
    ------
    PipelineError
        When a value is not what its parameter takes, or a cell failed; the half executed notebook is then there too.
    """
    task = pipeline.task(name)
    known = {secret: secrets.value(config, secret) for secret in secrets.used({**task.parameters, **given}).values()}
    values = task.parameters | parameters.checked(parameters.of_task(config.root, task, {}), given)
    inputs = copies.given(config.root, task, {other.name: other for other in pipeline.tasks})
    product = copies.aside(inputs["product"], folder)
    notebook = copies.filled(copies.clean(config.root / task.source), inputs | {"product": product} | values)
    executed = folder / f"{Path(task.source).stem}.ipynb"
    options: dict[str, Any] = {}
    kernels.prepare(options, terminal=False, secrets=known)
    try:
        with _no_orphans():
            papermill.execute_notebook(notebook, str(executed), cwd=str(config.root), **options)
    except Exception as error:  # whatever a notebook may raise
        words = kernels.explain(error, task=name, notebook=task.source, cells=notebook.cells, parameters=values)
        fact, step = failures.parts(str(secrets.masked(words, known)))
        raise PipelineError(fact, step) from error
    finally:
        if executed.exists():
            kernels.sign(executed)
    return executed


@contextmanager
def _no_orphans() -> Iterator[None]:
    """End the kernel and whatever it has started, also when it is broken off."""
    me = psutil.Process()
    before = set(me.children(recursive=True))
    try:
        yield
    finally:
        for child in set(me.children(recursive=True)) - before:
            with suppress(psutil.Error):
                child.kill()
                child.wait(_SECONDS_TO_END)
