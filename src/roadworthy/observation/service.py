"""How each version served in a window: requests, errors and how long answers took, counted in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from roadworthy.observation.traffic import Traffic
from roadworthy.project import Project
from roadworthy.records import Served, Window
from roadworthy.serving import capture

_FAILURE = ["request_id", "received", "version", "role"]


class Service:
    """What the services that answered a project's traffic did, window by window.

    Parameters
    ----------
    project
        Whose tables ``predictions`` and ``failures`` are read.
    traffic
        All that was answered.
    """

    def __init__(self, project: Project, traffic: Traffic) -> None:
        self._project = project
        self._traffic = traffic

    def served(self, window: Window, rows: Mapping[str, int]) -> tuple[Served, ...]:
        """Return how each version served in a window.

        A request is counted where its first row's event time is. A failure has no rows, and so no event time: it
        belongs where the answer is that was given at the moment nearest to it.

        Parameters
        ----------
        window
            A stretch of event time.
        rows
            How many of its rows each version answered.

        Raises
        ------
        TableError
            When a table cannot be read.
        """
        seconds, failures = self._seconds(window), self._failures
        inside = (failures["at"] >= window.start) & (failures["at"] < window.end)
        errors = failures.loc[inside, "version"].value_counts()
        return tuple(
            _of_version(version, rows.get(version, 0), seconds.get(version, np.zeros(0)), int(errors.get(version, 0)))
            for version in dict.fromkeys([*rows, *map(str, errors.index)])
        )

    def _seconds(self, window: Window) -> dict[str, NDArray[np.float64]]:
        """Return by version how long each request took; not a number where its service was too old to say."""
        tables, columns = self._project.tables, ["row", "version"]
        timed = "seconds" in tables.columns("predictions", version=self._traffic.version)
        between = (self._traffic.time, window.start, window.end)
        stream = tables.stream(
            "predictions",
            version=self._traffic.version,
            columns=[*columns, "seconds"] if timed else columns,
            between=between,
        )
        found: dict[str, list[NDArray[np.float64]]] = {}
        for batch in stream:
            first = pc.equal(batch["row"], 0)
            versions = batch["version"].cast(pa.string()).filter(first)
            seconds = batch["seconds"].filter(first) if timed else pa.nulls(len(versions), pa.float64())
            for version in pc.unique(versions).to_pylist():
                own = seconds.filter(pc.equal(versions, version))
                found.setdefault(version, []).append(own.to_numpy(zero_copy_only=False).astype(np.float64))
        return {version: np.concatenate(parts) for version, parts in found.items()}

    @cached_property
    def _failures(self) -> pd.DataFrame:
        """The requests that a version could not answer, each with the event time of the answer nearest to it."""
        tables, time = self._project.tables, self._traffic.time
        failed = pd.DataFrame(columns=[*_FAILURE, "at"])
        if tables.exists("failures"):
            failed = self._kept(tables.read("failures", columns=_FAILURE))
        if failed.empty:
            return failed.assign(at=pd.Series(dtype="datetime64[us, UTC]"))
        answers = tables.read("predictions", version=self._traffic.version, columns=["received", time])
        answers = answers.rename(columns={time: "at"}).dropna().sort_values("received")
        return pd.merge_asof(failed.sort_values("received"), answers, on="received", direction="nearest")

    def _kept(self, failed: pd.DataFrame) -> pd.DataFrame:
        """Leave out what no caller saw, and failures of requests whose answers would not have been kept either."""
        heard, policy = failed[failed["role"] != "shadow"], self._project.config.policy.capture
        if policy.sample >= 1:
            return heard
        # asked for its draw alone, which needs no secret
        keeps = capture.Keeper(policy, self._project.dataset, key=b"").keeps
        return heard[[keeps(name) for name in heard["request_id"]]]


def _of_version(version: str, rows: int, seconds: NDArray[np.float64], errors: int) -> Served:
    known = seconds[np.isfinite(seconds)]
    p50, p99 = map(float, np.quantile(known, [0.5, 0.99])) if len(known) else (None, None)
    return Served(version=version, requests=len(seconds) + errors, rows=rows, errors=errors, p50=p50, p99=p99)
