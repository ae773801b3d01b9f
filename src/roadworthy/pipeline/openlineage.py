"""OpenLineage events of runs and tasks, for whoever collects them; nothing at all unless that is configured.

``[tool.roadworthy.openlineage] to`` names a file below the root, to which events are appended as JSON lines, or an
http(s) address. A token for the address comes from the environment variable ``OPENLINEAGE_API_KEY``, as in every
OpenLineage client. An event's run id is derived from ours, so an event that comes twice changes nothing.

What a run, job, dataset and facet are: https://openlineage.io/docs/spec/object-model.
"""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from roadworthy import contract as contracts
from roadworthy.config import Config, Owner
from roadworthy.pipeline import outbox
from roadworthy.records import RunRecord, TaskRecord, now

if TYPE_CHECKING:
    from openlineage.client import event_v2

_RUN_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "openlineage.roadworthy")
_INTEGRATION = "ROADWORTHY"
_ENDED = {"done": "COMPLETE", "failed": "FAIL", "interrupted": "ABORT", "running": "RUNNING"}
_CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")
_SECONDS_FOR_GIT = 10


class Events:
    """Tells the collector what happens; every method does nothing when none is configured. Safe among threads.

    Parameters
    ----------
    config
        The project's configuration.

    Raises
    ------
    ConfigError
        When what is configured is neither a file nor an http(s) address.
    ContractError
        By the first event, when the contract cannot be read, which describes the tables' columns.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._collector = outbox.collector(config)
        self._open: dict[tuple[str, str], RunRecord] = {}

    def started(self, run: RunRecord) -> None:
        """Tell that a run has started."""
        if self._collector:
            self._tell(self._words.run_event("START", run, run.started))

    def task_started(self, run: RunRecord, task: str, inputs: Mapping[str, str]) -> None:
        """Tell that a task has started, with the files that it reads: path to content hash."""
        if self._collector:
            self._open[run.id, task] = run
            self._tell(self._words.task_start(run, task, inputs))

    def task_ended(self, run: RunRecord, task: TaskRecord, *, aborted: bool = False) -> None:
        """Tell how a task ended, what it read and what it made; ``aborted`` when it was stopped from outside."""
        self._open.pop((run.id, task.name), None)
        if self._collector and task.state != "skipped":
            self._tell(self._words.task_end("ABORT" if aborted else _ENDED[task.state], run, task))

    def ended(self, run: RunRecord) -> None:
        """Tell how a run ended; a task of it that never came to its own end was aborted with it."""
        if self._collector is None:
            return
        moment = run.ended or now()
        for key in [key for key in self._open if key[0] == run.id]:
            self._tell(self._words.task_abort(self._open.pop(key), key[1], moment))
        self._tell(self._words.run_event(_ENDED[run.state], run, moment))

    def close(self) -> str | None:
        """Send what is left, for a moment; return a warning in words when something could not be delivered."""
        return self._collector.close() if self._collector else None

    @cached_property
    def _words(self) -> _Words:
        return _Words(self._config)

    def _tell(self, event: event_v2.RunEvent) -> None:
        if self._collector:
            self._collector.add(self._words.line(event))


class _Words:
    """Our records in OpenLineage's words."""

    def __init__(self, config: Config) -> None:
        # Imported here: 0.3 s that no build should pay which tells nobody.
        from openlineage.client import event_v2, facet_v2
        from openlineage.client.serde import Serde

        self._version = metadata.version("roadworthy")
        event_v2.set_producer(f"urn:roadworthy:{self._version}")
        self._events, self._facets, self._serde = event_v2, facet_v2, Serde
        self._project = config.settings.name
        self._namespace = config.settings.openlineage.namespace or self._project
        self._tables_address = config.tables_address
        self._owners = config.policy.owners
        contract = contracts.read(config.path(config.settings.contract))
        self._columns = {dataset.name: dataset.columns for dataset in contract.datasets}
        self._repository = _CREDENTIALS.sub("", _git(config, "config", "--get", "remote.origin.url"))
        self._prefix = _git(config, "rev-parse", "--show-prefix")

    def line(self, event: event_v2.RunEvent) -> bytes:
        """Return an event as a line of JSON."""
        return self._serde.to_json(event).encode() + b"\n"

    # --- events

    def run_event(self, kind: str, run: RunRecord, moment: datetime) -> event_v2.RunEvent:
        """Return an event of a whole run."""
        facets = self._parameters(run.parameters)
        failures = [task.error for task in run.tasks if task.error]
        if kind == "FAIL" and failures:
            facets |= self._error("\n\n".join(failures))
        return self._event(kind, run, "", moment, facets=facets, source="pipeline.yaml")

    def task_start(self, run: RunRecord, task: str, inputs: Mapping[str, str]) -> event_v2.RunEvent:
        """Return the event of a task's start."""
        return self._event("START", run, task, now(), inputs=self._files(inputs))

    def task_abort(self, run: RunRecord, task: str, moment: datetime) -> event_v2.RunEvent:
        """Return the event of a task that went with its run."""
        return self._event("ABORT", run, task, moment)

    def task_end(self, kind: str, run: RunRecord, task: TaskRecord) -> event_v2.RunEvent:
        """Return the event of a task's own end."""
        return self._event(
            kind,
            run,
            task.name,
            task.started + timedelta(seconds=task.seconds),
            facets=self._parameters(task.parameters) | (self._error(task.error) if task.error else {}),
            source=task.source,
            inputs=self._files(task.inputs) | self._tables(task.reads),
            outputs=self._files(task.products) | self._tables(task.writes),
        )

    def _event(
        self,
        kind: str,
        run: RunRecord,
        task: str,
        moment: datetime,
        *,
        facets: Mapping[str, Any] | None = None,
        source: str = "",
        inputs: Mapping[str, dict[str, Any]] | None = None,
        outputs: Mapping[str, dict[str, Any]] | None = None,
    ) -> event_v2.RunEvent:
        known = self._engine(run) | self._tags(run) | (self._parent(run) if task else {}) | dict(facets or {})
        job = self._job_type(task) | self._ownership() | (self._location(run, source) if source else {})
        name = f"{self._project}.{task}" if task else self._project
        read, made = self._events.InputDataset, self._events.OutputDataset
        return self._events.RunEvent(
            eventType=self._events.RunState(kind),
            eventTime=moment.isoformat(),
            run=self._events.Run(runId=self._run_id(run, task), facets=known),
            job=self._events.Job(namespace=self._namespace, name=name, facets=job),
            inputs=[read(self._namespace, dataset, facets=told) for dataset, told in (inputs or {}).items()],
            outputs=[made(self._namespace, dataset, facets=told) for dataset, told in (outputs or {}).items()],
        )

    def _run_id(self, run: RunRecord, task: str = "") -> str:
        return str(uuid.uuid5(_RUN_IDS, f"{self._namespace}/{run.id}/{task}"))

    # --- what is told of a run

    def _parent(self, run: RunRecord) -> dict[str, Any]:
        words, identity = self._facets.parent_run, self._run_id(run)
        root = words.Root(words.RootRun(identity), words.RootJob(self._namespace, self._project))
        parent = words.ParentRunFacet(words.Run(identity), words.Job(self._namespace, self._project), root)
        return {"parent": parent}

    def _engine(self, run: RunRecord) -> dict[str, Any]:
        words = self._facets.processing_engine_run
        version = run.environment.get("ploomber", "unknown")
        return {"processing_engine": words.ProcessingEngineRunFacet(version, "ploomber", self._version)}

    def _tags(self, run: RunRecord) -> dict[str, Any]:
        """What leads back from an event to our own record, and what no other facet has a place for."""
        words = self._facets.tags_run
        told = {
            "roadworthy_run": run.id,
            "git_dirty": json.dumps(run.git_dirty),
            "contract_version": run.contract_version,
            "contract_hash": run.contract_hash,
        }
        tags = [words.TagsRunFacetFields(key, value, _INTEGRATION) for key, value in told.items() if value]
        return {"tags": words.TagsRunFacet(tags)}

    def _parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        words = self._facets.execution_parameters_run
        given = [words.ExecutionParameter(key=key, value=_text(value)) for key, value in parameters.items()]
        return {"executionParameters": words.ExecutionParametersRunFacet(given)} if given else {}

    def _error(self, message: str) -> dict[str, Any]:
        return {"errorMessage": self._facets.error_message_run.ErrorMessageRunFacet(message, "Python")}

    # --- what is told of a job

    def _job_type(self, task: str) -> dict[str, Any]:
        words = self._facets.job_type_job
        return {"jobType": words.JobTypeJobFacet("BATCH", _INTEGRATION, "TASK" if task else "DAG")}

    def _ownership(self) -> dict[str, Any]:
        words, owner = self._facets.ownership_job, _owner(self._owners.model)
        return {"ownership": words.OwnershipJobFacet([words.Owner(owner, "model")])} if owner else {}

    def _location(self, run: RunRecord, source: str) -> dict[str, Any]:
        if run.git_commit is None:
            return {}
        path = self._prefix + source
        place = f"git:{run.git_commit}:{quote(path)}"
        if self._repository.startswith(("http://", "https://")):
            place = f"{self._repository.removesuffix('.git')}/blob/{run.git_commit}/{quote(path)}"
        words = self._facets.source_code_location_job
        repository = self._repository or None
        return {"sourceCodeLocation": words.SourceCodeLocationJobFacet("git", place, repository, path, run.git_commit)}

    # --- datasets, by name, and what is told of them

    def _files(self, files: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """A file's version is the hash of its content."""
        return {path: self._dataset_version(content) | self._dataset_type("FILE") for path, content in files.items()}

    def _tables(self, tables: Mapping[str, int]) -> dict[str, dict[str, Any]]:
        return {name: self._table(name, version) for name, version in tables.items()}

    def _table(self, name: str, version: int) -> dict[str, Any]:
        facets = self._dataset_version(str(version)) | self._dataset_type("TABLE")
        facets["storage"] = self._facets.storage_dataset.StorageDatasetFacet("delta", "parquet")
        owner = _owner(self._owners.data)
        if owner:
            owners = self._facets.ownership_dataset
            facets["ownership"] = owners.OwnershipDatasetFacet([owners.Owner(owner, "data")])
        if name in self._columns:
            facets["schema"] = self._schema(name)
        scheme, _, place = self._tables_address.partition("://")
        if place:  # other engines name it by its address
            links, (bucket, _, folder) = self._facets.symlinks_dataset, place.partition("/")
            identity = links.Identifier(f"{scheme}://{bucket}", f"{folder}/{name}".lstrip("/"), "TABLE")
            facets["symlinks"] = links.SymlinksDatasetFacet([identity])
        return facets

    def _schema(self, table: str) -> Any:  # noqa: ANN401 - a facet of a lazily imported package
        words = self._facets.schema_dataset
        fields = [
            words.SchemaDatasetFacetFields(column.name, column.type, column.meaning or None, position)
            for position, column in enumerate(self._columns[table], start=1)
        ]
        return words.SchemaDatasetFacet(fields)

    def _dataset_version(self, version: str) -> dict[str, Any]:
        return {"version": self._facets.dataset_version_dataset.DatasetVersionDatasetFacet(version)}

    def _dataset_type(self, kind: str) -> dict[str, Any]:
        return {"datasetType": self._facets.dataset_type_dataset.DatasetTypeDatasetFacet(kind)}


def _owner(owner: Owner) -> str:
    return f"{owner.name} <{owner.contact}>" if owner.name and owner.contact else owner.name or owner.contact


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _git(config: Config, *arguments: str) -> str:
    command = ["git", "-C", str(config.root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_FOR_GIT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
