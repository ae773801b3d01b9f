"""The state's part on what is done: decisions, retrainings step by step, and the observers that lead them on."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, or_, select, update

from roadworthy.records import Decision, Observer, Retraining, Step, now
from roadworthy.state.base import Database, document, insert_unless_there, record_of
from roadworthy.state.schema import decisions, observers, retrainings


class _OpenedBefore(Exception):
    """Undoes a transaction; no error."""


class Actions(Database):
    """What was decided, how far a retraining has come, and who looks."""

    # --- decisions -------------------------------------------------------------------------------------------------

    def add_decision(self, record: Decision, opening: Retraining | None = None) -> bool:
        """Keep a decision and open the retraining that it leads to, both or neither.

        Returns
        -------
        bool
            False when another has decided about that report, or the window has led to a retraining of that champion:
            then nothing changes.
        """
        try:
            with self._writing() as connection:
                added = insert_unless_there(connection, decisions, _decision(record), ("start", "end", "judged"))
                if added and opening is not None and not _open(connection, opening):
                    raise _OpenedBefore
        except _OpenedBefore:
            return False
        return added

    def finish_decision(self, decision_id: str, outcome: str) -> None:
        """Add to a decision what acting on it came to."""
        with self._writing() as connection:
            found = _found(connection, decision_id)
            if found is not None:
                _keep(connection, found.model_copy(update={"outcome": outcome}))

    def answer_decision(
        self,
        decision_id: str,
        answer: Literal["approved", "rejected"],
        *,
        who: str,
        note: str,
        opening: Retraining | None = None,
    ) -> Decision | None:
        """Answer a decision that waits, and open the retraining that was approved; both or neither.

        Returns
        -------
        Decision or None
            As answered; None when it does not wait for an answer, or its window has led to a retraining already.
        """
        with self._writing() as connection:
            found = _found(connection, decision_id)
            if found is None or not found.waits or (opening is not None and not _open(connection, opening)):
                return None
            answered = {"answer": answer, "answered_by": who, "answered": now(), "note": note}
            done = found.model_copy(update=answered)
            _keep(connection, done)
        return done

    def decision(self, decision_id: str) -> Decision | None:
        """Return a decision by its id."""
        return self._one(Decision, select(decisions.c.document).where(decisions.c.decision == decision_id))

    def decisions(self) -> list[Decision]:
        """Return all decisions, oldest first."""
        return self._many(Decision, select(decisions.c.document).order_by(decisions.c.id))

    # --- retrainings -----------------------------------------------------------------------------------------------

    def claim_retraining(self, retraining_id: str, owner: str, moment: datetime, until: datetime) -> Retraining | None:
        """Take the lease of a retraining that has not ended, and count the attempt at its present step.

        Returns
        -------
        Retraining or None
            As it is then; None when it has ended, or another holds its lease.
        """
        free = or_(retrainings.c.until.is_(None), retrainings.c.until <= moment, retrainings.c.owner == owner)
        here = (retrainings.c.id == retraining_id, retrainings.c.step != "done", free)
        with self._writing() as connection:
            found = connection.execute(
                select(retrainings.c.document).where(*here).with_for_update()
            ).scalar_one_or_none()
            if found is None:
                return None
            record = record_of(Retraining, found)
            record = record.model_copy(update={"attempts": record.attempts + 1})
            values = {"owner": owner, "until": until, "document": document(record)}
            connection.execute(update(retrainings).where(retrainings.c.id == retraining_id).values(values))
        return record

    def renew_lease(self, retraining_id: str, owner: str, until: datetime) -> bool:
        """Hold a retraining's lease for longer; False when another has taken it over."""
        mine = (retrainings.c.id == retraining_id, retrainings.c.owner == owner)
        with self._writing() as connection:
            return connection.execute(update(retrainings).where(*mine).values(until=until)).rowcount > 0

    def free_lease(self, retraining_id: str, owner: str) -> None:
        """Let others lead a retraining on."""
        mine = (retrainings.c.id == retraining_id, retrainings.c.owner == owner)
        with self._writing() as connection:
            connection.execute(update(retrainings).where(*mine).values(owner=None, until=None))

    def lead_on(self, record: Retraining, *, after: Step, owner: str, asking: Decision | None = None) -> bool:
        """Bring a retraining from one step to the next, and keep the question that it asks, both or neither.

        An outcome that it has is then its decision's, too.

        Returns
        -------
        bool
            False when it is no longer at the step ``after``, or another holds its lease: then nothing changes.
        """
        mine = (retrainings.c.id == record.id, retrainings.c.step == after, retrainings.c.owner == owner)
        values = {"step": record.step, "document": document(record)}
        with self._writing() as connection:
            if connection.execute(update(retrainings).where(*mine).values(values)).rowcount == 0:
                return False
            if asking is not None:
                connection.execute(decisions.insert().values(_decision(asking)))
            if record.outcome and (decision := _found(connection, record.decision)) is not None:
                _keep(connection, decision.model_copy(update={"outcome": record.outcome}))
            return True

    def retrainings(self, limit: int | None = None) -> list[Retraining]:
        """Return retrainings, oldest first: all, or the newest so many."""
        order = (retrainings.c.opened.desc(), retrainings.c.id.desc())
        return self._many(Retraining, select(retrainings.c.document).order_by(*order).limit(limit))[::-1]

    # --- observers -------------------------------------------------------------------------------------------------

    def save_observer(self, record: Observer) -> None:
        """Keep what an observer reports of itself, in place of what it reported before."""
        running = record.ended is None
        row = {"id": record.id, "heartbeat": record.heartbeat, "running": running, "document": document(record)}
        self._put(observers, row, ("id",))

    def dead_observers(self, silent_since: datetime) -> list[Observer]:
        """Return those that said that they died, or have neither ended nor been heard of since a moment."""
        running = select(observers.c.document).where(observers.c.running).order_by(observers.c.id)
        return [one for one in self._many(Observer, running) if one.died or one.heartbeat < silent_since]

    def observers(self, limit: int = 20) -> list[Observer]:
        """Return observers, those that were heard of last first."""
        return self._many(Observer, select(observers.c.document).order_by(observers.c.heartbeat.desc()).limit(limit))


def _open(connection: Connection, record: Retraining) -> bool:
    row = {
        "id": record.id,
        "start": record.window.start,
        "end": record.window.end,
        "champion": record.champion,
        "opened": record.opened,
        "step": record.step,
        "document": document(record),
    }
    return insert_unless_there(connection, retrainings, row, ("start", "end", "champion"))


def _decision(record: Decision) -> dict[str, Any]:
    return {
        "start": record.window.start,
        "end": record.window.end,
        "at": record.at,
        "decision": record.id,
        "judged": record.judged,
        "document": document(record),
    }


def _found(connection: Connection, decision_id: str) -> Decision | None:
    query = select(decisions.c.document).where(decisions.c.decision == decision_id).with_for_update()
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else record_of(Decision, found)


def _keep(connection: Connection, record: Decision) -> None:
    connection.execute(update(decisions).where(decisions.c.decision == record.id).values(document=document(record)))
