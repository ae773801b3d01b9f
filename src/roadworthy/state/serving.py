"""The state's part on serving: tokens, the audit log, and the rollout that is running."""

from __future__ import annotations

from sqlalchemy import select, update

from roadworthy.errors import StateError
from roadworthy.records import AccessToken, AuditEntry, HistoryEntry, Rollout, now
from roadworthy.state.base import Database, document, insert_unless_there, record_of
from roadworthy.state.schema import audit, history, rollouts, tokens


class Serving(Database):
    """Who may do what, who did what, and what is being tried."""

    def add_token(self, record: AccessToken) -> None:
        """Keep a token's record; the token itself is never kept."""
        row = {"id": record.id, "created": record.created, "document": document(record)}
        with self._writing() as connection:
            if not insert_unless_there(connection, tokens, row, ("id",)):
                raise StateError(f"A token {record.id} is on record already.", "Make another.")

    def tokens(self) -> list[AccessToken]:
        """Return all tokens, revoked ones too, oldest first."""
        return self._many(AccessToken, select(tokens.c.document).order_by(tokens.c.created, tokens.c.id))

    def revoke_token(self, token_id: str) -> AccessToken | None:
        """Revoke a token and return it; None when there is none. One that is revoked already stays as it was."""
        with self._writing() as connection:
            found = connection.execute(
                select(tokens.c.document).where(tokens.c.id == token_id).with_for_update()
            ).scalar_one_or_none()
            if found is None:
                return None
            record = AccessToken.model_validate_json(found)
            if record.revoked is None:
                record = record.model_copy(update={"revoked": now()})
                connection.execute(update(tokens).where(tokens.c.id == token_id).values(document=document(record)))
        return record

    def add_audit(self, entry: AuditEntry) -> None:
        """Add an entry to the audit log; nothing ever changes or removes one."""
        with self._writing() as connection:
            connection.execute(audit.insert().values(document=document(entry)))

    def audit(self, limit: int | None = 100) -> list[AuditEntry]:
        """Return the newest entries of the audit log, or all, newest first."""
        return self._many(AuditEntry, select(audit.c.document).order_by(audit.c.id.desc()).limit(limit))

    def start_rollout(self, record: Rollout, entry: HistoryEntry) -> None:
        """Keep a rollout that starts, with its history entry, both or neither.

        Raises
        ------
        StateError
            When another one is running.
        """
        row = {"id": record.id, "started": record.started, "running": True, "document": document(record)}
        with self._writing() as connection:
            if not insert_unless_there(connection, rollouts, row, ("running",), rollouts.c.running):
                raise StateError(
                    "A rollout is running already.", "See it with `roadworthy rollout status`, or abort it first."
                )
            connection.execute(history.insert().values(document=document(entry)))

    def save_rollout(self, record: Rollout, entry: HistoryEntry | None = None, *, after: Rollout | None = None) -> bool:
        """Keep what has become of a running rollout, with its history entry when it has one, both or neither.

        Parameters
        ----------
        record
            The rollout as it is now.
        entry
            What is added to the history.
        after
            The rollout as it was read: when another has led it to another step meanwhile, nothing changes.

        Returns
        -------
        bool
            False when it has ended meanwhile, or is no longer as in ``after``: then nothing changes.
        """
        values = {"running": record.state == "running", "document": document(record)}
        here = (rollouts.c.id == record.id, rollouts.c.running)
        with self._writing() as connection:
            found = connection.execute(select(rollouts.c.document).where(*here).with_for_update()).scalar_one_or_none()
            if found is None or (after is not None and record_of(Rollout, found).step != after.step):
                return False
            connection.execute(update(rollouts).where(*here).values(values))
            if entry is not None:
                connection.execute(history.insert().values(document=document(entry)))
            return True

    def running_rollout(self) -> Rollout | None:
        """Return the rollout that is running, if one is."""
        return self._one(Rollout, select(rollouts.c.document).where(rollouts.c.running))

    def rollouts(self, limit: int = 50) -> list[Rollout]:
        """Return rollouts, newest first."""
        order = (rollouts.c.started.desc(), rollouts.c.id.desc())
        return self._many(Rollout, select(rollouts.c.document).order_by(*order).limit(limit))
