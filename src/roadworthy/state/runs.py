"""The state's part on data and runs: batches, runs, what they made, the code and contracts they used, and pins."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, delete, func, select

from roadworthy.records import Artifact, Ingestion, Pin, RunRecord, now
from roadworthy.state.base import Database, document, insert_unless_there, record_of
from roadworthy.state.schema import artifacts, contracts, ingestions, pins, runs, sources


class DataAndRuns(Database):
    """Batches that were ingested, and runs of the pipeline."""

    def record_ingestion(self, record: Ingestion) -> Ingestion:
        """Keep an ingestion and return it; when its batch is on record already, keep and return the first."""
        with self._writing() as connection:
            row = {"dataset": record.dataset, "batch": record.batch, "document": document(record)}
            insert_unless_there(connection, ingestions, row, ("dataset", "batch"))
            return record_of(Ingestion, connection.execute(_ingestion(record.dataset, record.batch)).scalar_one())

    def ingestion(self, dataset: str, batch: str) -> Ingestion | None:
        """Return the ingestion of a batch, if there was one."""
        return self._one(Ingestion, _ingestion(dataset, batch))

    def ingestions(self, dataset: str | None = None, limit: int = 50) -> list[Ingestion]:
        """Return ingestions, newest first, of one dataset or of all."""
        query = select(ingestions.c.document).order_by(ingestions.c.id.desc()).limit(limit)
        return self._many(Ingestion, query if dataset is None else query.where(ingestions.c.dataset == dataset))

    def save_run(self, record: RunRecord) -> None:
        """Keep a run; one of the same id is replaced."""
        self._put(runs, {"id": record.id, "started": record.started, "document": document(record)}, ("id",))

    def run(self, run_id: str) -> RunRecord | None:
        """Return a run by its id."""
        return self._one(RunRecord, select(runs.c.document).where(runs.c.id == run_id))

    def runs(self, limit: int = 50) -> list[RunRecord]:
        """Return runs, newest first."""
        order = (runs.c.started.desc(), runs.c.id.desc())
        return self._many(RunRecord, select(runs.c.document).order_by(*order).limit(limit))

    def last_run(self) -> RunRecord | None:
        """Return the newest run."""
        return next(iter(self.runs(limit=1)), None)

    # --- what came from what ---------------------------------------------------------------------------------------

    def add_artifacts(self, run_id: str, task: str, made: Mapping[str, str], fingerprint: str = "") -> None:
        """Keep what a task of a run made: path to content hash, and the task's fingerprint."""
        common = {"run_id": run_id, "task": task, "fingerprint": fingerprint, "at": now()}
        rows = [{"path": path, "hash": content} | common for path, content in made.items()]
        if rows:
            with self._writing() as connection:
                connection.execute(artifacts.insert(), rows)

    def makers(self, paths: Collection[str], fingerprint: str | None = None) -> dict[str, Artifact]:
        """Return, for each path that a task ever made (under a fingerprint, if one is given), who made it last."""
        newest = select(func.max(artifacts.c.id)).where(artifacts.c.path.in_(paths)).group_by(artifacts.c.path)
        if fingerprint is not None:
            newest = newest.where(artifacts.c.fingerprint == fingerprint)
        return {found.path: found for found in self._artifacts(select(artifacts).where(artifacts.c.id.in_(newest)))}

    def makers_of(self, path: str) -> list[Artifact]:
        """Return everyone who ever made a path, newest first."""
        return self._artifacts(select(artifacts).where(artifacts.c.path == path))

    def made(self, content: str) -> list[Artifact]:
        """Return every artifact with a content hash, newest first."""
        return self._artifacts(select(artifacts).where(artifacts.c.hash == content))

    def keep_source(self, content: str, cells: Sequence[str]) -> None:
        """Keep a task's code, by cell, under its hash."""
        with self._writing() as connection:
            insert_unless_there(connection, sources, {"hash": content, "cells": json.dumps(list(cells))}, ("hash",))

    def source(self, content: str) -> tuple[str, ...] | None:
        """Return the code of a hash, by cell."""
        found = self._value(select(sources.c.cells).where(sources.c.hash == content))
        return None if found is None else tuple(json.loads(found))

    def keep_contract(self, content: str, version: str, text: str) -> None:
        """Keep a contract's document under its hash."""
        row = {"hash": content, "version": version[:100], "text": text}
        with self._writing() as connection:
            insert_unless_there(connection, contracts, row, ("hash",))

    def contract(self, content: str) -> str | None:
        """Return the contract's document of a hash."""
        return self._value(select(contracts.c.text).where(contracts.c.hash == content))

    # --- pinned versions of tables ---------------------------------------------------------------------------------

    def pin(self, record: Pin) -> None:
        """Keep a version of a table under a name; the name is moved when it is taken."""
        self._put(pins, record.model_dump(), ("dataset", "name"))

    def unpin(self, dataset: str, name: str) -> bool:
        """Forget a pin; return whether there was one."""
        with self._writing() as connection:
            gone = delete(pins).where(pins.c.dataset == dataset, pins.c.name == name).returning(pins.c.name)
            return connection.execute(gone).first() is not None

    def pins(self, dataset: str | None = None) -> list[Pin]:
        """Return the pins, oldest first, of one dataset or of all."""
        query = select(pins).order_by(pins.c.at, pins.c.name)
        with self._reading() as connection:
            rows = connection.execute(query if dataset is None else query.where(pins.c.dataset == dataset)).mappings()
            return [Pin.model_validate(dict(row)) for row in rows]

    def _artifacts(self, query: Select[Any]) -> list[Artifact]:
        with self._reading() as connection:
            rows = connection.execute(query.order_by(artifacts.c.id.desc())).mappings().all()
        return [Artifact.model_validate({k: v for k, v in row.items() if k != "id"}) for row in rows]

    def _value(self, query: Select[Any]) -> str | None:
        with self._reading() as connection:
            found: str | None = connection.execute(query).scalar()
        return found


def _ingestion(dataset: str, batch: str) -> Select[Any]:
    return select(ingestions.c.document).where(ingestions.c.dataset == dataset, ingestions.c.batch == batch)
