"""A pipeline that only Ploomber can read, as the last build resolved it.

To resolve it means to import what pipeline.yaml names, which is the project's own code. Whoever merely looks at a
project must not run its code, so what a build found is kept for them.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from roadworthy import documents
from roadworthy.config import Config
from roadworthy.pipeline import spec
from roadworthy.pipeline.content import text_hash
from roadworthy.pipeline.spec import Pipeline, TaskSpec
from roadworthy.records import Record

_FILE = "pipeline.json"
_OTHER_VALUES = "--env--"


class _Kept(Record):
    written: str
    pipeline: Pipeline


def keep(config: Config, pipeline: Pipeline) -> None:
    """Keep a pipeline as a build resolved it, unless all can read it, or the build was given other values."""
    if any(argument.startswith(_OTHER_VALUES) for argument in sys.argv) or spec.read(config.root, {}) is not None:
        return
    path = config.private(_FILE)
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):  # it is only for those who look
        aside.write_text(_Kept(written=_written(config.root), pipeline=pipeline).model_dump_json(), encoding="utf-8")
        aside.replace(path)


def read(config: Config) -> Pipeline | None:
    """Return the pipeline of a project; None when only Ploomber can tell, and no build has since its files changed."""
    found = spec.read(config.root, {})
    if found is not None:
        return found
    try:
        kept = _Kept.model_validate_json(config.private(_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return kept.pipeline if kept.written == _written(config.root) else None


def outline(root: Path) -> Pipeline:
    """Return the tasks of a pipeline.yaml by name and source alone, as far as they are written there."""
    try:
        content = documents.parse((root / "pipeline.yaml").read_text(encoding="utf-8"))
    except (OSError, documents.NotYaml):
        return Pipeline(tasks=())
    tasks = content.get("tasks") if isinstance(content, dict) else None
    sources = [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else []
    return Pipeline(tasks=tuple(_outlined(root, task) for task in sources))


def _outlined(root: Path, task: dict[str, object]) -> TaskSpec:
    source = str(task.get("source", ""))
    there = source if (root / source).is_file() else ""
    name = Path(source).stem if there else source.rpartition(".")[2]  # otherwise it is a function
    return TaskSpec(name=str(task.get("name") or name), source=there)


def _written(root: Path) -> str:
    texts = []
    for name in ("pipeline.yaml", "env.yaml"):
        with suppress(OSError):
            texts.append((root / name).read_text(encoding="utf-8"))
    return text_hash("\n".join(texts))
