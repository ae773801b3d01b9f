"""What is checked before Ploomber starts: pipeline.yaml, the names in env.yaml, the cell tagged ``parameters``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from roadworthy import documents
from roadworthy.errors import PipelineError
from roadworthy.pipeline import code

_SCRIPTS = (".py", ".R", ".r")
_TAG = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_BUILT_IN = {"git", "git_hash", "version", "here", "cwd", "root", "user", "now", "random"}


def refuse_without_parameters(pipeline: Path) -> None:
    """Raise PipelineError when a notebook or script of a pipeline.yaml has no cell tagged ``parameters``.

    Ploomber would write such a cell into the user's file. A pipeline that cannot be read at all, or names a file that
    is not there, is left to Ploomber, which says so.
    """
    for source in sources(pipeline):
        path = pipeline.parent / source
        if path.suffix in (".ipynb", *_SCRIPTS) and path.is_file() and not code.parameters_cell(path):
            raise PipelineError(
                f"{source} has no cell tagged `parameters`, so no parameter can reach it.",
                _how_to_tag(source),
                file=path,
            )


def refuse_unknown(given: Iterable[str], root: Path) -> None:
    """Raise PipelineError when a parameter is not a name in env.yaml."""
    known = [str(name) for name in _mapping(root / "env.yaml")]
    for name in given:
        if name not in known:
            raise PipelineError(
                f"env.yaml has no parameter {name!r}.", f"Use one of: {', '.join(known) or 'none is there yet'}."
            )


def problems(root: Path) -> Iterator[PipelineError]:
    """Yield what keeps Ploomber from reading the pipeline in ``root``, or a task from being run, with its line."""
    pipeline = root / "pipeline.yaml"
    try:
        content = _mapping(pipeline)
    except PipelineError as error:
        yield error
        return
    text = pipeline.read_text(encoding="utf-8")
    try:
        env = _mapping(root / "env.yaml") if (root / "env.yaml").exists() else {}
    except PipelineError as error:
        yield error
    else:
        yield from _unset(pipeline, text, env)
    yield from _tasks_problems(root, content, text)


def _unset(pipeline: Path, text: str, env: Mapping[str, Any]) -> Iterator[PipelineError]:
    """Yield the names in double braces that env.yaml does not set."""
    seen = set(map(str, env)) | _BUILT_IN
    for number, line in enumerate(text.splitlines(), start=1):
        for name in _TAG.findall(line.partition("#")[0]):
            if name not in seen:
                seen.add(name)
                fact = f"pipeline.yaml names {{{{{name}}}}}, which env.yaml does not set."
                yield PipelineError(fact, f"Add `{name}: value` to env.yaml.", file=pipeline, line=number)


def _tasks_problems(root: Path, content: Mapping[str, Any], text: str) -> Iterator[PipelineError]:
    pipeline, tasks = root / "pipeline.yaml", content.get("tasks")
    if not isinstance(tasks, list):
        line = documents.line_of(text, ["tasks"])
        yield PipelineError("pipeline.yaml lists no tasks.", "List them below `tasks:`.", file=pipeline, line=line)
        return
    names = {_name(task) for task in tasks if isinstance(task, dict)}
    for place, task in enumerate(tasks):
        if isinstance(task, dict):
            for key, fact, step in _task_problems(root, task, names):
                line = documents.line_of(text, ["tasks", place, key])
                yield PipelineError(fact, step, file=pipeline, line=line)


def _task_problems(root: Path, task: Mapping[str, Any], names: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong in a task: its key, the fact, the next step."""
    source, wanted = str(task.get("source", "")), task.get("upstream")
    if source.endswith((".ipynb", *_SCRIPTS)) and "{{" not in source and not (root / source).is_file():
        fact = f"The source {source} of task {_name(task)!r} is missing."
        yield "source", fact, "Correct `source`, or restore the file."
    for name in [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []:
        if "*" not in str(name) and str(name) not in names:
            fact = f"Task {_name(task)!r} builds on {str(name)!r}, which is no task."
            yield "upstream", fact, f"Use one of: {', '.join(sorted(names))}."


def _name(task: Mapping[str, Any]) -> str:
    return str(task.get("name") or Path(str(task.get("source", ""))).stem)


def sources(pipeline: Path) -> list[str]:
    """Return the sources of a pipeline.yaml's tasks as they are written there; none when it cannot be read."""
    try:
        tasks = _mapping(pipeline).get("tasks")
    except PipelineError:
        return []
    named = [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else []
    return [str(task.get("source", "")) for task in named]


def refuse_broken(pipeline: Path) -> None:
    """Raise PipelineError, with the line, when a pipeline.yaml is missing or is not YAML."""
    _mapping(pipeline)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = documents.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PipelineError(f"{path} cannot be read: {error.strerror}.", "Restore the file.", file=path) from error
    except documents.NotYaml as error:
        fact = f"{path}{error.line}: not YAML: {error.problem}."
        raise PipelineError(fact, "Mend that line.", file=path, line=error.number) from error
    if not isinstance(content, dict):
        fact = f"{path} is not a mapping of names to values."
        raise PipelineError(fact, "Write it as `name: value` lines.", file=path, line=1)
    return content


def _how_to_tag(source: str) -> str:
    if source.endswith(_SCRIPTS):
        return f'Put the line `# %% tags=["parameters"]` above the parameters in {source}, and `# %%` below them.'
    return (
        f"Open it with `jupyter lab {source}`, select the cell with its parameters, and add the tag `parameters` in "
        "the property inspector (the gears on the right)."
    )
