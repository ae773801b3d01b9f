"""What a build is told: by pipeline.yaml about each task, and by `roadworthy build` about this one run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ByteSize, Field, ValidationError

from roadworthy.errors import PipelineError
from roadworthy.records import Record

VARIABLE = "ROADWORTHY_BUILD"


class Limits(Record):
    """What one task may take."""

    retries: int = Field(default=0, ge=0, description="how often it is started again after a failure")
    timeout: float | None = Field(default=None, gt=0, description="seconds")
    memory: ByteSize | None = Field(default=None, description="such as 4 GB, of its process and its kernel together")


class Execution(Record):
    """What stands in pipeline.yaml below `executor:`, beside its dotted path."""

    jobs: int | None = Field(default=None, ge=0, description="tasks that may run at once; 0 is one for each core")
    kernels: Literal["warm", "plain"] | None = None
    tasks: dict[str, Limits] = Field(default={})

    def limits(self, task: str) -> Limits:
        """Return a task's limits."""
        return self.tasks.get(task, Limits())


class BuildOptions(Record):
    """What `roadworthy build` asks of one run; handed to ``ploomber build`` by an environment variable."""

    only: tuple[str, ...] = ()
    needs: bool = Field(default=True, description="also what those tasks need; otherwise they run on what is there")
    as_of: dict[str, int] = Field(default={}, description="table to the version to read instead of the newest")
    jobs: int | None = Field(default=None, ge=0)
    progress: bool = Field(default=False, description="print what happens as JSON lines, for a display")

    @classmethod
    def given(cls) -> BuildOptions:
        """Return what this process was told."""
        return cls.model_validate_json(os.environ.get(VARIABLE, "{}"))

    def as_environment(self) -> dict[str, str]:
        """Return the environment variable that tells it to ``ploomber build``."""
        return {VARIABLE: json.dumps(self.model_dump(mode="json"))}


def execution(given: Mapping[str, Any], tasks: set[str] | None = None) -> Execution:
    """Return the checked content of `executor:`.

    Raises
    ------
    PipelineError
        When a key or a task is unknown, or a value is not what it must be.
    """
    try:
        found = Execution.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["executor", *(str(part) for part in first["loc"])])
        raise PipelineError(
            f"pipeline.yaml: {place}: {first['msg']}.",
            "Below executor: may stand jobs, kernels, and tasks with "
            "retries, timeout (seconds) and memory (such as 4 GB).",
        ) from error
    unknown = sorted(set(found.tasks) - tasks) if tasks is not None else []
    if unknown:
        raise PipelineError(
            f"pipeline.yaml: executor.tasks names {unknown[0]!r}, which is no task.",
            f"Use one of: {', '.join(sorted(tasks or ()))}.",
        )
    return found
