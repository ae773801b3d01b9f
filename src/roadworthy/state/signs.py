"""The state's part on change: what differs whenever production does, cheap enough to be asked for every second."""

from __future__ import annotations

from sqlalchemy import Executable, func, select

from roadworthy.state.base import Database
from roadworthy.state.schema import aliases, decisions, history, retrainings, rollouts, windows

_DECISIONS = 200  # the newest; that an older question was answered is seen by its alert, which is resolved


class Signs(Database):
    """Whether something happened, without asking what."""

    def signs(self) -> dict[str, object]:
        """Return, by part of production, what is no longer equal once the part has changed.

        No document is read as a record. Alerts, deployments and observers are not among the parts: they are few, and
        change without anything having happened.
        """
        parts: dict[str, Executable] = {
            "history": select(func.max(history.c.id)),
            "versions": select(aliases).order_by(aliases.c.name),
            "windows": select(func.count(), func.max(windows.c.end)).select_from(windows),
            # A decision is only ever added to: an answer, an outcome.
            "decisions": select(decisions.c.id, func.length(decisions.c.document))
            .order_by(decisions.c.id.desc())
            .limit(_DECISIONS),
            "retrainings": select(retrainings.c.document)
            .where(retrainings.c.step != "done")
            .order_by(retrainings.c.id),
            "rollout": select(rollouts.c.document).where(rollouts.c.running),
        }
        with self._reading() as connection:
            return {part: [tuple(row) for row in connection.execute(query)] for part, query in parts.items()}
