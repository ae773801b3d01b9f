"""The pipeline as it stands in pipeline.yaml: its tasks, what each is given, reads and makes.

Read without Ploomber, whose import alone takes longer than finding out that there is nothing to do. What only Ploomber
can resolve (functions, SQL, grids, what is extracted from sources) is left to it: `of` takes the same from its DAG.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from roadworthy import documents
from roadworthy.errors import PipelineError
from roadworthy.records import Record

_TAG = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_BUILT_IN = ("git", "git_hash", "version", "here", "cwd", "root", "user", "now", "random")
# what a task may have for `read` to know all about it; the rest of Ploomber's keys change what it is
_KNOWN = {"name", "source", "product", "params", "upstream", "nb_product_key", "executor_params", "papermill_params"}
_WITHOUT_EFFECT = {"static_analysis", "kernelspec_name", "nbconvert_exporter_name", "nbconvert_export_kwargs"}
_NOTEBOOKS = (".ipynb", ".py", ".md", ".Rmd", ".R", ".r")
_WORDS = {"false": False, "true": True, "none": None, "null": None}
_RESOURCES = "resources_"


class TaskSpec(Record):
    """One task."""

    name: str
    source: str = ""
    text: str | None = None
    upstream: tuple[str, ...] = ()
    products: dict[str, str] = Field(default={})
    notebook: str | None = None
    parameters: dict[str, Any] = Field(default={})
    resources: dict[str, str] = Field(default={})

    @property
    def data(self) -> tuple[str, ...]:
        """The products that others build on: all but the executed notebook, or that one when there is no other."""
        return tuple(path for path in self.products.values() if path != self.notebook) or tuple(self.products.values())


class Pipeline(Record):
    """All tasks, each after those that it builds on."""

    tasks: tuple[TaskSpec, ...]

    def task(self, name: str) -> TaskSpec:
        """Return the task of a name.

        Raises
        ------
        PipelineError
            When there is none.
        """
        for task in self.tasks:
            if task.name == name:
                return task
        names = ", ".join(task.name for task in self.tasks)
        raise PipelineError(f"pipeline.yaml has no task {name!r}.", f"Use one of: {names}.")

    def needed(self, names: tuple[str, ...]) -> frozenset[str]:
        """Return the given tasks and all that they build on."""
        found: set[str] = set()
        waiting = [self.task(name).name for name in names]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.task(name).upstream)
        return frozenset(found)


def read(root: Path, values: Mapping[str, str]) -> Pipeline | None:
    """Read pipeline.yaml and env.yaml in ``root``; None when only Ploomber can tell what they mean.

    Parameters
    ----------
    root
        The folder of both files.
    values
        What replaces values of env.yaml.
    """
    content, given = _mapping(root / "pipeline.yaml"), env(root)
    meta = content.get("meta")
    plain = isinstance(meta, dict) and meta.get("extract_upstream") is False and not meta.get("extract_product")
    if not plain or not isinstance(content.get("tasks"), list) or set(content) - {"meta", "tasks", "executor"}:
        return None
    given = {name: cast(value) for name, value in {**given, **values}.items()}
    if any(_TAG.search(str(value)) or name in _BUILT_IN for name, value in given.items()):
        return None
    try:
        tasks = {task.name: task for task in (_task(raw, given) for raw in content["tasks"])}
        return Pipeline(tasks=tuple(_ordered(tasks)))
    except _OnlyPloomber:
        return None


def env(root: Path) -> dict[str, Any]:
    """Return what env.yaml in ``root`` holds; nothing where there is none or it cannot be read."""
    return _mapping(root / "env.yaml")


def cast(value: Any) -> Any:  # noqa: ANN401 - YAML holds anything
    """Return a value as Ploomber hands it to a task: text that reads as a literal becomes it.

    Examples
    --------
    >>> cast("3"), cast("2013-01-01"), cast("True")
    (3, '2013-01-01', True)
    """
    if isinstance(value, dict):
        return {name: cast(item) for name, item in value.items()}
    if isinstance(value, list):
        return [cast(item) for item in value]
    if not isinstance(value, str):
        return value
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value


class _OnlyPloomber(Exception):
    """Something stands there that only Ploomber can resolve."""


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = documents.parse(path.read_text(encoding="utf-8"))
    except (OSError, documents.NotYaml):
        return {}
    return content if isinstance(content, dict) else {}


def _task(raw: object, env: Mapping[str, Any]) -> TaskSpec:
    if not isinstance(raw, dict) or set(raw) - _KNOWN - _WITHOUT_EFFECT:
        raise _OnlyPloomber
    entry = _rendered(raw, env)
    source, product = entry.get("source"), entry.get("product")
    if not isinstance(source, str) or not source.endswith(_NOTEBOOKS) or not isinstance(product, str | dict):
        raise _OnlyPloomber
    products = {"": product} if isinstance(product, str) else product
    key = entry.get("nb_product_key", "nb")
    if not isinstance(key, str) or not all(isinstance(path, str) for path in products.values()):
        raise _OnlyPloomber
    parameters = dict(entry.get("params") or {})
    resources = parameters.pop(_RESOURCES, None) or {}
    return TaskSpec(
        name=str(entry.get("name") or Path(source).stem),
        source=_below(source),
        upstream=_upstream(entry.get("upstream")),
        products={name: _below(path) for name, path in products.items()},
        notebook=_below(products.get(key if len(products) > 1 or key in products else "", "")) or None,
        parameters=parameters,
        resources={name: _below(str(path)) for name, path in resources.items()},
    )


def _rendered(value: Any, env: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, dict):
        return {name: _rendered(item, env) for name, item in value.items()}
    if isinstance(value, list):
        return [_rendered(item, env) for item in value]
    if not isinstance(value, str):
        return value

    def replaced(found: re.Match[str]) -> str:
        if found[1] not in env:
            raise _OnlyPloomber
        return str(env[found[1]])

    text = _TAG.sub(replaced, value)
    if "{{" in text or "{%" in text:
        raise _OnlyPloomber
    return cast(text)


def _upstream(given: object) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given or []
    if not isinstance(names, list) or not all(isinstance(name, str) and "*" not in name for name in names):
        raise _OnlyPloomber
    return tuple(names)


def _ordered(tasks: Mapping[str, TaskSpec]) -> Iterator[TaskSpec]:
    placed: set[str] = set()
    while len(placed) < len(tasks):
        ready = [task for task in tasks.values() if task.name not in placed and placed.issuperset(task.upstream)]
        if not ready:  # a circle, or an unknown name: Ploomber says which
            raise _OnlyPloomber
        yield from ready
        placed.update(task.name for task in ready)


def _below(path: str) -> str:
    return Path(path).as_posix() if path else ""
