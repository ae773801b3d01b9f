"""Records of data and runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from roadworthy.records.base import Moment, Record, now


class Ingestion(Record):
    """One batch that went through the contract into a table."""

    dataset: str
    batch: str = Field(description="BLAKE3 of the batch's content: the same content twice adds nothing")
    source: str
    rows: int
    accepted: int
    quarantined: int
    reasons: dict[str, int] = Field(default={}, description="broken rule in words -> rows; a row may break several")
    absent: tuple[str, ...] = Field(default=(), description="columns that may be missing, and were not delivered")
    table_version: int
    repeated: bool = Field(default=False, description="the batch had been ingested before, nothing was added")
    at: Moment = Field(default_factory=now)


class TaskRecord(Record):
    """One executed task of a run."""

    name: str
    state: Literal["done", "failed", "skipped"]
    started: Moment
    seconds: float
    peak_memory: int | None = Field(default=None, description="bytes, the task's process and its children")
    source: str
    source_hash: str
    parameters: dict[str, Any] = Field(default={})
    parameter_hash: str = ""
    products: dict[str, str] = Field(default={}, description="path below the project's root -> BLAKE3 of its content")
    notebook: str | None = Field(default=None, description="path of the executed notebook")
    error: str | None = None
    code_hash: str = Field(default="", description="BLAKE3 of the code by cell, as the state keeps it")
    fingerprint: str = Field(default="", description="BLAKE3 of all that decides whether its products are fresh")
    inputs: dict[str, str] = Field(default={}, description="path that it read -> BLAKE3 of its content then")
    reads: dict[str, int] = Field(default={}, description="table -> version that it read")
    newest: tuple[str, ...] = Field(default=(), description="tables whose newest version it read, whichever that was")
    writes: dict[str, int] = Field(default={}, description="table -> last version that it made")
    attempts: int = Field(default=1, description="how often it was started, the last time included")
    kernel: Literal["warm", "plain"] | None = Field(default=None, description="how its kernel was started")
    kernel_reason: str = Field(default="", description="why it was plain although a warm one was wanted")


class RunRecord(Record):
    """One run of the pipeline: what was executed, from what, with which result."""

    id: str
    project: str
    builder: str = Field(default="", description="the machine and the folder that it runs in")
    who: str = Field(default="", description="who built")
    state: Literal["running", "done", "failed", "interrupted"]
    started: Moment
    ended: Moment | None = None
    git_commit: str | None = None
    git_dirty: bool = False
    environment: dict[str, str] = Field(default={}, description="python, platform and package versions")
    parameters: dict[str, Any] = Field(default={})
    contract_hash: str = ""
    contract_version: str = ""
    tables: dict[str, int] = Field(default={}, description="dataset -> table version that was read or written")
    as_of: dict[str, int] = Field(default={}, description="dataset -> version that the run was told to read")
    jobs: int = Field(default=1, description="how many tasks could run at once")
    metrics: dict[str, float] = Field(default={})
    tasks: tuple[TaskRecord, ...] = ()


class Artifact(Record):
    """One file or folder as a task of a run made it."""

    path: str = Field(description="below the project's root")
    hash: str = Field(description="BLAKE3 of its content")
    run_id: str
    task: str
    fingerprint: str = Field(default="", description="of the task, when it made this")
    at: Moment = Field(default_factory=now)


class Pin(Record):
    """A table's version that somebody wants kept, and why."""

    dataset: str
    version: int
    name: str = Field(description="what it goes by, such as 'paper 2026'")
    who: str
    at: Moment = Field(default_factory=now)
