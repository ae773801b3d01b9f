"""The state's part on production: versions, where the aliases point, who did what, and the running services."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, delete, select, update

from roadworthy.errors import ChampionChanged, RolloutOver, StateError
from roadworthy.records import Alias, Deployment, HistoryEntry, ModelVersion, Rollout, now
from roadworthy.state.base import Database, document, insert_unless_there
from roadworthy.state.schema import aliases, deployments, history, rollouts, versions

ANYONE = ""  # no version has this tag


class Production(Database):
    """Model versions, the pointers at them, and the processes that serve them."""

    def add_version(self, record: ModelVersion) -> None:
        """Keep a model version.

        Raises
        ------
        StateError
            When its tag is on record already.
        """
        row = {"tag": record.tag, "created": record.created, "document": document(record)}
        with self._writing() as connection:
            if not insert_unless_there(connection, versions, row, ("tag",)):
                raise StateError(f"Version {record.tag} is on record already.", "Release it under another tag.")

    def version(self, tag: str) -> ModelVersion | None:
        """Return a version by its full tag."""
        return self._one(ModelVersion, select(versions.c.document).where(versions.c.tag == tag))

    def versions(self) -> list[ModelVersion]:
        """Return all versions, newest first."""
        order = (versions.c.created.desc(), versions.c.tag.desc())
        return self._many(ModelVersion, select(versions.c.document).order_by(*order))

    def alias(self, name: str) -> Alias | None:
        """Return where an alias points."""
        with self._reading() as connection:
            row = connection.execute(select(aliases).where(aliases.c.name == name)).mappings().one_or_none()
        return None if row is None else Alias.model_validate(dict(row))

    def move_alias(
        self,
        name: str,
        tag: str,
        entry: HistoryEntry,
        *,
        ending: Rollout | None = None,
        instead_of: str | None = ANYONE,
    ) -> HistoryEntry:
        """Point an alias at a version and add the history entry, both or neither.

        The entry's ``version_from`` becomes what the alias pointed at in that very moment, and ``version_to`` the tag,
        so that the history stays a chain whoever races. The entry as added is returned.

        Parameters
        ----------
        ending
            A rollout that ends by it, as it is then; it ends in the same transaction.
        instead_of
            What the alias must point at in that moment, None for nothing; by default whatever it does.

        Raises
        ------
        ChampionChanged
            When it points at another: then nothing changes.
        RolloutOver
            When the rollout has ended meanwhile, or another than its champion is champion: then nothing changes.
        """
        row = {"name": name, "version": tag, "since": entry.at}
        with self._writing() as connection:
            former = None
            if not insert_unless_there(connection, aliases, row, ("name",)):
                found = select(aliases.c.version).where(aliases.c.name == name).with_for_update()
                former = connection.execute(found).scalar_one()
                connection.execute(update(aliases).where(aliases.c.name == name).values(version=tag, since=entry.at))
            if instead_of not in (ANYONE, former):
                raise changed(former, instead_of)
            added = entry.model_copy(update={"version_from": former, "version_to": tag})
            connection.execute(history.insert().values(document=document(added)))
            if ending is not None:
                _end(connection, ending, former)
        return added

    def append_history(self, entry: HistoryEntry) -> None:
        """Add an entry to the history; nothing ever changes or removes one."""
        with self._writing() as connection:
            connection.execute(history.insert().values(document=document(entry)))

    def history(self, limit: int | None = 100) -> list[HistoryEntry]:
        """Return the newest entries of the history, or all, newest first."""
        return self._many(HistoryEntry, select(history.c.document).order_by(history.c.id.desc()).limit(limit))

    def heartbeat(self, record: Deployment) -> None:
        """Keep what a service process reports of itself, in place of what it reported before."""
        row = {"id": record.id, "heartbeat": record.heartbeat, "document": document(record)}
        self._put(deployments, row, ("id",))

    def deployments(self, within_seconds: float | None = None) -> list[Deployment]:
        """Return the service processes that reported within so many seconds, or all on record."""
        query = select(deployments.c.document).order_by(deployments.c.id)
        if within_seconds is not None:
            query = query.where(deployments.c.heartbeat >= now() - timedelta(seconds=within_seconds))
        return self._many(Deployment, query)

    def forget_deployment(self, deployment_id: str) -> None:
        """Remove a service process that has ended."""
        with self._writing() as connection:
            connection.execute(delete(deployments).where(deployments.c.id == deployment_id))


def changed(present: str | None, seen: str | None) -> ChampionChanged:
    """Return the error that another version is champion than somebody had seen."""
    return ChampionChanged(
        f"{present or 'No version'} is champion by now, not {seen or 'none'}.", "Look again, then decide."
    )


def _end(connection: Connection, rollout: Rollout, former: str | None) -> None:
    """End a running rollout; raise RolloutOver, which undoes the transaction, when it runs no longer as it did."""
    here = (rollouts.c.id == rollout.id, rollouts.c.running)
    ended = update(rollouts).where(*here).values(running=False, document=document(rollout))
    if former != rollout.champion or connection.execute(ended).rowcount == 0:
        raise RolloutOver(
            f"Rollout {rollout.id} has ended meanwhile, or {rollout.champion} is no longer champion.",
            "See what became of it: `roadworthy rollout status`.",
        )
