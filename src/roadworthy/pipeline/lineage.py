"""What came from what: hashes of files, the commit, the environment, and the lineage of a folder of products."""

from __future__ import annotations

import getpass
import json
import os
import platform
import secrets
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import spec
from roadworthy.pipeline.content import content_hash, text_hash
from roadworthy.pipeline.spec import Pipeline
from roadworthy.records import RunRecord, TaskRecord, now
from roadworthy.state import State

_PACKAGES = (
    "roadworthy",
    "ploomber",
    "papermill",
    "ipykernel",
    "bentoml",
    "whylogs",
    "deltalake",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "skops",
)
RUN_ID_VARIABLE = "ROADWORTHY_RUN_ID"
WHO_VARIABLE = "ROADWORTHY_WHO"
TABLE_LOG_VARIABLE = "ROADWORTHY_TABLE_LOG"
AS_OF_VARIABLE = "ROADWORTHY_AS_OF"
RUNS_SEARCHED = 10_000


def run_id() -> str:
    """Return a new run's id: its time in UTC and four hex digits."""
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def parameter_hash(parameters: Mapping[str, Any]) -> str:
    """Return the BLAKE3 hash of parameters, whatever their order.

    Examples
    --------
    >>> parameter_hash({"a": 1, "b": 2}) == parameter_hash({"b": 2, "a": 1})
    True
    """
    return text_hash(json.dumps(parameters, sort_keys=True, default=str))


def below(root: Path, path: Path) -> str:
    """Return a path as it is recorded: relative to the root, or absolute when it lies outside."""
    absolute = (root / path).resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else absolute.as_posix()


def folder(pipeline: Pipeline) -> str:
    """Return the folder that holds all products of a pipeline, as it is recorded."""
    parents = [Path(path).parent.as_posix() for task in pipeline.tasks for path in task.products.values()]
    return Path(os.path.commonpath(parents)).as_posix() if parents else "."


def builder(root: Path) -> str:
    """Return the machine and folder that a run belongs to."""
    return f"{socket.gethostname()}:{root}"


def who() -> str:
    """Return who builds: the variable ROADWORTHY_WHO, or the operating system's user."""
    try:
        return os.environ.get(WHO_VARIABLE) or getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in some containers
        return "somebody"


def commit(root: Path) -> tuple[str | None, bool]:
    """Return the commit of the project's repository and whether its files differ from it; (None, False) without one."""
    head = _git(root, "rev-parse", "--verify", "HEAD")
    return head or None, bool(head and _git(root, "status", "--porcelain", "--", "."))


def environment() -> dict[str, str]:
    """Return the versions of Python, the platform and the packages that shape a result."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def told(root: Path, products: Iterable[str]) -> tuple[dict[str, int], dict[str, float]]:
    """Return the table versions and metrics that JSON products tell under ``tables`` and ``metrics``, merged."""
    tables: dict[str, int] = {}
    metrics: dict[str, float] = {}
    for name in products:
        if not name.endswith(".json"):
            continue
        content = _json(root / name)
        tables |= {key: int(value) for key, value in _numbers(content, "tables")}
        metrics |= {key: float(value) for key, value in _numbers(content, "metrics")}
    return tables, metrics


def is_unchanged(root: Path, task: TaskRecord) -> bool:
    """Return whether a task's products are what it made.

    An executed notebook is for reading, and looking at it in JupyterLab may save it anew, so it is compared only
    when it is the task's only product.
    """
    compared = {name: made for name, made in task.products.items() if name != task.notebook} or task.products
    return all((root / name).exists() and content_hash(root / name) == made for name, made in compared.items())


def lineage(config: Config, state: State, products: Path) -> RunRecord:
    """Return what a folder of products came from, as one record.

    For each of the pipeline's tasks it holds the newest execution whose products are the files that are there; the
    products may come from several runs, and the record goes by the id of the newest of them.

    Parameters
    ----------
    config
        The project's configuration.
    state
        The state database, with the runs.
    products
        The folder, absolute or below the root.

    Raises
    ------
    PipelineError
        When a task was not recorded for this folder, or a product is missing or was changed since.
    """
    folder = below(config.root, products)
    key = config.settings.pipeline.products
    runs = [run for run in state.runs(limit=RUNS_SEARCHED) if run.parameters.get(key) == folder]
    found = {name: _origin(config.root, runs, name, folder) for name in _tasks(config, {key: folder})}
    tasks = tuple(task for _, task in found.values())
    tables, metrics = told(config.root, [product for task in tasks for product in task.products])
    newest = max((run for run, _ in found.values()), key=lambda run: run.started)
    return newest.model_copy(
        update={
            "state": "done",
            "started": min(task.started for task in tasks),
            "tables": tables,
            "metrics": metrics,
            "tasks": tasks,
        }
    )


def executions(runs: Iterable[RunRecord], task: str) -> Iterator[tuple[RunRecord, TaskRecord]]:
    """Yield a task's successful executions, in the order of the runs."""
    for run in runs:
        for record in run.tasks:
            if record.name == task and record.state == "done":
                yield run, record


def _tasks(config: Config, values: Mapping[str, str]) -> Iterable[str]:
    pipeline = spec.read(config.root, values)
    names = config.settings.pipeline.tasks or tuple(task.name for task in (pipeline.tasks if pipeline else ()))
    if not names:
        raise PipelineError(
            "What pipeline.yaml makes is only known to Ploomber, so nobody can say what a product came from.",
            "Name the tasks: `tasks` in [tool.roadworthy.pipeline].",
        )
    return names


def _origin(root: Path, runs: list[RunRecord], task: str, folder: str) -> tuple[RunRecord, TaskRecord]:
    newest: TaskRecord | None = None
    for run, record in executions(runs, task):
        if is_unchanged(root, record):
            return run, record
        newest = newest or record
    if newest is None:
        raise PipelineError(
            f"No run of task {task!r} into {folder}/ is recorded.", "Run `ploomber build`, which records what it makes."
        )
    raise PipelineError(
        f"{_odd_product(root, newest)}, so nobody can say what it came from.",
        f"Run `ploomber build`: it makes the products of {task!r} anew.",
    )


def _odd_product(root: Path, record: TaskRecord) -> str:
    missing = [name for name in record.products if not (root / name).exists()]
    if missing:
        return f"{missing[0]} is missing"
    changed = [name for name, made in record.products.items() if content_hash(root / name) != made]
    data = [name for name in changed if name != record.notebook] or changed
    return f"{data[0]} was changed after task {record.name!r} made it"


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None  # a product may be called .json and be something else, such as JSON lines


def _numbers(content: object, key: str) -> list[tuple[str, float]]:
    section = content.get(key) if isinstance(content, dict) else None
    entries = section.items() if isinstance(section, dict) else ()
    return [(name, value) for name, value in entries if isinstance(value, int | float)]


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
