"""Versions of tables as their users see them: what happened, what changed, what is kept and why, and the way back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

from pydantic import Field

from roadworthy.errors import TableError
from roadworthy.records import ModelVersion, Pin, Record, RunRecord
from roadworthy.state import State
from roadworthy.tables import Tables, TableVersion, Vacuum

_RUNS_LOOKED_AT = 100


class LoggedVersion(TableVersion):
    """A version of a table, whether it can be read, and why it is kept."""

    readable: bool = Field(description="all of its files are there")
    kept: tuple[str, ...] = Field(default=(), description="why its files are never removed; empty: they may be")


class Restored(Record):
    """What going back came to."""

    table: str
    version: int = Field(description="the version that was made")
    restored: int = Field(description="the version whose rows it has")
    rows: int
    former: int = Field(description="the version that was the newest before")
    former_rows: int

    @property
    def words(self) -> str:
        """What was done, in words.

        Examples
        --------
        >>> print(Restored(table="flights", version=9, restored=4, rows=1000, former=8, former_rows=1500).words)
        Version 9 of flights has the 1,000 rows of version 4 again. Version 8 with its 1,500 rows is still there.
        """
        if self.version == self.restored:
            return f"Version {self.version} of {self.table} is the newest already: nothing was done."
        return (
            f"Version {self.version} of {self.table} has the {self.rows:,} rows of version {self.restored} again. "
            f"Version {self.former} with its {self.former_rows:,} rows is still there."
        )


class Cleaning(Record):
    """What a vacuum removed or would remove, and the versions that could not be kept."""

    vacuum: Vacuum
    kept: dict[int, tuple[str, ...]] = Field(description="version -> why it is kept")
    lost: tuple[int, ...] = Field(default=(), description="versions to be kept whose files had been removed before")


def log(tables: Tables, state: State, table: str, *, limit: int | None = 20) -> tuple[LoggedVersion, ...]:
    """Return the versions of a table, newest first, each with whether it can be read and why it is kept.

    Raises
    ------
    TableError
        When there is no such table.
    """
    versions = tables.log(table, limit=limit)
    readable = tables.readable(table, [version.version for version in versions])
    reasons = _kept(tables, state, table)
    return tuple(
        LoggedVersion(
            **version.model_dump(), readable=version.version in readable, kept=reasons.get(version.version, ())
        )
        for version in versions
    )


def protected(state: State, table: str) -> dict[int, tuple[str, ...]]:
    """Return the versions of a table whose files must never be removed, and why: models, runs, and pins.

    Kept is what a model on record or the run that made it read or wrote, what a run that is under way reads, and what
    somebody pinned. The newest version is kept too; `Tables.vacuum` sees to that.
    """
    reasons: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for version, reason in [*_by_models(state, table), *_by_running(state, table), *_by_pins(state, table)]:
        reasons[version][reason] = None
    return {version: tuple(reasons[version]) for version in sorted(reasons)}


def restore(tables: Tables, table: str, version: int, *, who: str | None = None, reason: str = "") -> Restored:
    """Make a new version with the rows of an old one. Nothing is lost: the way back is the same.

    A batch whose rows are taken away by this can be ingested again.

    Raises
    ------
    TableError
        When there is no such table or version, or its files were removed.
    """
    former = tables.newest(table)
    made = tables.restore(table, version, who=who, reason=reason)
    return Restored(
        table=table,
        version=made,
        restored=version,
        rows=tables.count(table, version=made),
        former=former,
        former_rows=tables.count(table, version=former),
    )


def pin(tables: Tables, state: State, table: str, name: str, *, who: str, version: int | None = None) -> Pin:
    """Have a version kept under a name; one that had the name before loses it.

    Parameters
    ----------
    version
        By default the newest.

    Raises
    ------
    TableError
        When there is no such table or version, its files were removed, or the name could be taken for a version.
    """
    if not name.strip() or name.strip().isdecimal() or set(name) & {"=", ","}:
        raise TableError(
            f"{name!r} cannot name a pin.", "Use words that are no number, without '=' and ',', such as 'paper 2026'."
        )
    chosen = tables.newest(table) if version is None else version
    if chosen not in tables.readable(table, [chosen]):
        raise TableError(
            f"Version {chosen} of table {table!r} is gone: some of its files were removed.",
            f"Choose one that can be read: `roadworthy data log {table}`.",
        )
    record = Pin(dataset=table, version=chosen, name=name.strip(), who=who)
    state.pin(record)
    return record


def unpin(state: State, table: str, name: str) -> Pin:
    """Forget a pin, and return it; its version is then removed by a vacuum like any other.

    Raises
    ------
    TableError
        When there is no such pin.
    """
    known = {found.name: found for found in state.pins(table)}
    if name not in known or not state.unpin(table, name):
        listed = ", ".join(map(repr, known)) or "none is there"
        raise TableError(f"Table {table!r} has no pin {name!r}.", f"Name one of its pins ({listed}).")
    return known[name]


def vacuum(tables: Tables, state: State, table: str, *, older_than: timedelta, dry_run: bool) -> Cleaning:
    """Remove the files of versions that nothing needs and that a newer one replaced long enough ago.

    Parameters
    ----------
    older_than
        For how long a replaced version is kept; the policy's ``retention.days``.
    dry_run
        Only say what would be removed.

    Raises
    ------
    TableError
        When there is no such table, or a file cannot be removed.
    """
    newest = tables.newest(table)
    keep = [version for version in protected(state, table) if version <= newest]
    lost = set(keep) - tables.readable(table, keep)
    done = tables.vacuum(table, keep=keep, older_than=older_than, dry_run=dry_run)
    return Cleaning(vacuum=done, kept=_kept(tables, state, table), lost=tuple(sorted(lost)))


def _kept(tables: Tables, state: State, table: str) -> dict[int, tuple[str, ...]]:
    reasons, newest = protected(state, table), tables.newest(table)
    return reasons | {newest: ("it is the newest", *reasons.get(newest, ()))}


def _by_models(state: State, table: str) -> Iterator[tuple[int, str]]:
    for model in state.versions():
        for version in _of_model(state, model, table):
            yield version, f"model {model.tag} comes from it"


def _of_model(state: State, model: ModelVersion, table: str) -> Sequence[int]:
    run = state.run(model.run_id)
    named = [model.tables[table]] if table in model.tables else []
    return [*named, *(_of_run(run, table) if run else [])]


def _by_running(state: State, table: str) -> Iterator[tuple[int, str]]:
    for run in state.runs(_RUNS_LOOKED_AT):
        if run.state == "running":
            yield from ((version, f"run {run.id} is under way") for version in _of_run(run, table))


def _by_pins(state: State, table: str) -> Iterator[tuple[int, str]]:
    return ((found.version, f"pinned as {found.name!r} by {found.who}") for found in state.pins(table))


def _of_run(run: RunRecord, table: str) -> list[int]:
    places = [run.tables, run.as_of, *(found for task in run.tasks for found in (task.reads, task.writes))]
    return [place[table] for place in places if table in place]
