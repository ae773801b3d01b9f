"""What is checked before Ploomber starts: pipeline.yaml, the names in env.yaml, the cell tagged ``parameters``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from roadworthy import documents
from roadworthy.errors import PipelineError
from roadworthy.pipeline import code

_SCRIPTS = (".py", ".R", ".r")


def refuse_without_parameters(pipeline: Path) -> None:
    """Raise PipelineError when a notebook or script of a pipeline.yaml has no cell tagged ``parameters``.

    Ploomber would write such a cell into the user's file. A pipeline that cannot be read at all, or names a file that
    is not there, is left to Ploomber, which says so.
    """
    for source in _sources(pipeline):
        path = pipeline.parent / source
        if path.suffix in (".ipynb", *_SCRIPTS) and path.is_file() and not code.parameters_cell(path):
            raise PipelineError(
                f"{source} has no cell tagged `parameters`, so no parameter can reach it.", _how_to_tag(source)
            )


def refuse_unknown(given: Iterable[str], root: Path) -> None:
    """Raise PipelineError when a parameter is not a name in env.yaml."""
    known = [str(name) for name in _mapping(root / "env.yaml")]
    for name in given:
        if name not in known:
            raise PipelineError(
                f"env.yaml has no parameter {name!r}.", f"Use one of: {', '.join(known) or 'none is there yet'}."
            )


def refuse_broken(pipeline: Path) -> None:
    """Raise PipelineError, with the line, when a pipeline.yaml is missing or is not YAML."""
    _mapping(pipeline)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = documents.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PipelineError(f"{path} cannot be read: {error.strerror}.", "Restore the file.") from error
    except documents.NotYaml as error:
        raise PipelineError(f"{path}{error.line}: not YAML: {error.problem}.", "Mend that line.") from error
    if not isinstance(content, dict):
        raise PipelineError(f"{path} is not a mapping of names to values.", "Write it as `name: value` lines.")
    return content


def _sources(pipeline: Path) -> list[str]:
    try:
        tasks = _mapping(pipeline).get("tasks")
    except PipelineError:
        return []
    named = [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else []
    return [str(task.get("source", "")) for task in named]


def _how_to_tag(source: str) -> str:
    if source.endswith(_SCRIPTS):
        return f'Put the line `# %% tags=["parameters"]` above the parameters in {source}, and `# %%` below them.'
    return (
        f"Open it with `jupyter lab {source}`, select the cell with its parameters, and add the tag `parameters` in "
        "the property inspector (the gears on the right)."
    )
