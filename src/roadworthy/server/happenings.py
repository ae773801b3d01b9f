"""What happens in a project's pipeline, found by looking again: builds, ends of runs, files that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from roadworthy.errors import RoadworthyError
from roadworthy.pipeline import jobs, progress
from roadworthy.records import RunRecord, Severity
from roadworthy.records.lab import Job, LabEvent
from roadworthy.server.opened import Opened, stamp

_JOBS, _RUNS = 5, 3
_RUN_WORDS = {"done": "is done", "failed": "failed", "interrupted": "was interrupted"}
_JOB_WORDS = {"running": "is running", "done": "is done", "failed": "failed", "cancelled": "was broken off"}


@dataclass(frozen=True)
class Seen:
    """A pipeline as one look found it."""

    jobs: Mapping[str, Job] = field(default_factory=dict)
    runs: Mapping[str, RunRecord] = field(default_factory=dict)
    files: Mapping[Path, object] = field(default_factory=dict)
    logs: Mapping[str, object] = field(default_factory=dict)


class Happenings:
    """Looks at a project again and again; what was there at first is not told, only that it is looked at from now on.

    Whoever asked about the project before that asks once more, so that nothing is missed in between.

    Parameters
    ----------
    opened
        The project.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._seen = self._see()
        self._new = True

    def __call__(self) -> Sequence[LabEvent]:
        """Return what has happened since the last look."""
        if self._new:
            self._new = False
            return [LabEvent(kind="files", project=self._opened.folder, title="The project is looked at from now on")]
        before, self._seen = self._seen, self._see()
        return [
            *_of_jobs(before, self._seen),
            *_of_runs(before, self._seen, self._opened.folder),
            *self._of_files(before, self._seen),
        ]

    def _see(self) -> Seen:
        files: dict[Path, object] = {path: stamp(path) for path in self._opened.files()}
        try:
            config = self._opened.config
            found = [self._opened.placed_job(job) for job in jobs.listed(config, limit=_JOBS)]
            current = jobs.current(config, progress.read(progress.place(config)))
            if current is not None and current.request is None:
                found.append(self._opened.placed_job(current))
            runs = self._opened.state.runs(limit=_RUNS)
        except RoadworthyError:  # it is broken just now, which the page is told when it asks
            return Seen(files=files)
        logs = {job.id: stamp(jobs.log(config, job.id)) for job in found}
        return Seen({job.id: job for job in found}, {run.id: run for run in runs}, files, logs)

    def _of_files(self, before: Seen, after: Seen) -> Iterator[LabEvent]:
        both = {**before.files, **after.files}
        changed = [path for path in both if before.files.get(path) != after.files.get(path)]
        if changed:
            names = [path.relative_to(self._opened.root).as_posix() for path in changed]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            message = f"{', '.join(names[:3])}{more}"
            yield LabEvent(kind="files", project=self._opened.folder, title="Files changed", message=message)


def _of_jobs(before: Seen, after: Seen) -> Iterator[LabEvent]:
    for name, job in after.jobs.items():
        former = before.jobs.get(name)
        as_before = former is not None and _told(former) == _told(job)
        if as_before and before.logs.get(name) == after.logs.get(name):
            continue
        severity: Severity = "warning" if job.state == "failed" else "info"
        yield LabEvent(
            kind="job",
            project=job.project,
            title=f"{_what(job)} {_JOB_WORDS[job.state]}",
            message=job.error or "",
            severity=severity,
            job=job.id,
            state=job.state,
            run=job.run,
        )


def _executed(count: int) -> str:
    return "1 task was executed" if count == 1 else f"{count} tasks were executed"


def _told(job: Job) -> tuple[object, ...]:
    return job.state, job.tasks, job.run


def _what(job: Job) -> str:
    if job.request is None:
        return f"A build by {job.who}"
    if job.request.alone:
        return f"{job.request.only[0]}, run alone,"
    return ", ".join(job.request.only) or "The build of all tasks"


def _of_runs(before: Seen, after: Seen, folder: str) -> Iterator[LabEvent]:
    newest = max((run.started for run in before.runs.values()), default=None)
    for name, run in after.runs.items():
        former = before.runs.get(name)
        if run.state == "running" or (former is not None and former.state == run.state):
            continue
        if former is None and newest is not None and run.started <= newest:  # it came back into sight
            continue
        failed = [task.name for task in run.tasks if task.state == "failed"]
        yield LabEvent(
            kind="run",
            project=folder,
            title=f"Run {run.id} {_RUN_WORDS[run.state]}",
            message=f"{', '.join(failed)} failed" if failed else _executed(len(run.tasks)),
            severity="warning" if run.state == "failed" else "info",
            run=run.id,
        )
