"""What is checked before Ploomber starts: pipeline.yaml, the names in env.yaml, the cell tagged ``parameters``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from roadworthy.errors import PipelineError


def refuse_without_parameters(pipeline: Path) -> None:
    """Raise PipelineError when a notebook of a pipeline.yaml has no cell tagged ``parameters``.

    Ploomber would write such a cell into the user's file. A pipeline or notebook that cannot be read at all is left
    to Ploomber, which says so.
    """
    for source in _sources(pipeline):
        path = pipeline.parent / source
        if path.suffix == ".ipynb" and path.is_file() and not _has_parameters(path):
            raise PipelineError(
                f"{source} has no cell tagged `parameters`, so no parameter can reach it.",
                f"Open it with `jupyter lab {source}`, select the cell with its parameters, and add the tag "
                "`parameters` in the property inspector (the gears on the right).",
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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PipelineError(f"{path} cannot be read: {error.strerror}.", "Restore the file.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise PipelineError(
            f"{path}{line}: not YAML: {getattr(error, 'problem', error)}.", "Mend that line."
        ) from error
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


def _has_parameters(notebook: Path) -> bool:
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return any("parameters" in cell.get("metadata", {}).get("tags", ()) for cell in cells)
    except (ValueError, TypeError, KeyError, AttributeError):
        return True  # not a notebook of today's format: Ploomber reads it, or says what is wrong
