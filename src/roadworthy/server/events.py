"""Events for the page: what a LabEvent is to Jupyter, and the thread that notices what happened and tells it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from roadworthy.records.lab import EVENTS, LabEvent
from roadworthy.server.opened import Opened, Projects

SECONDS_BETWEEN_LOOKS = 1.0
# A project that nobody has asked about for so long, and in which nothing happened, is looked at less often.
RESTS_AFTER, SECONDS_AT_REST = 120.0, 5.0
# Looks at one project: called again and again, it returns what has happened since it was last called.
Look = Callable[[], Sequence[LabEvent]]
# Begins to look at a project; what was there before is not told.
Watch = Callable[[Opened], Look]
_LOG = logging.getLogger("roadworthy")


def schema() -> dict[str, Any]:
    """Return the schema of a LabEvent, as Jupyter's event system registers it."""
    described = LabEvent.model_json_schema(mode="serialization")
    return {
        "$id": EVENTS,
        "version": "1",
        "title": "Roadworthy",
        "description": "Something that happened in a project that somebody has open.",
        "personal-data": True,
        "type": "object",
        "properties": described["properties"],
        "required": ["kind", "project", "at"],
    }


class Noticing(threading.Thread):
    """Looks at every open project again and again, and tells what has happened.

    Parameters
    ----------
    projects
        The open projects; one that is opened later is looked at from then on.
    watches
        What to look for.
    tell
        Called with each event, from this thread.
    """

    def __init__(self, projects: Projects, watches: Sequence[Watch], tell: Callable[[LabEvent], None]) -> None:
        super().__init__(name="roadworthy-noticing", daemon=True)
        self._projects = projects
        self._watches = watches
        self._tell = tell
        self._looks: dict[tuple[Opened, Watch], Look] = {}
        self._failed: dict[tuple[Opened, Watch], str] = {}
        self._looked_at: dict[Opened, float] = {}
        self._happened: dict[Opened, float] = {}
        self._end = threading.Event()

    def run(self) -> None:
        """Look until `stop` is called."""
        self._projects.foresee()
        while not self._end.wait(SECONDS_BETWEEN_LOOKS):
            self.look()

    def stop(self) -> None:
        """Look no more."""
        self._end.set()

    def look(self) -> None:
        """Look once at everything; what cannot be looked at is logged once, and looked at again the next time."""
        projects = self._projects.all
        self._forget_all_but(projects)
        for opened in projects:
            at = time.monotonic()
            quiet = at - max(opened.asked, self._happened.get(opened, 0.0)) > RESTS_AFTER
            if quiet and at - self._looked_at.get(opened, 0.0) < SECONDS_AT_REST:
                continue
            self._looked_at[opened] = at
            for watch in self._watches:
                for event in self._looked((opened, watch)):
                    self._happened[opened] = at
                    self._tell(event)

    def _forget_all_but(self, projects: Sequence[Opened]) -> None:
        for opened in [one for one in self._looked_at if one not in projects]:
            del self._looked_at[opened]
            self._happened.pop(opened, None)
            for watch in self._watches:
                self._looks.pop((opened, watch), None)
                self._failed.pop((opened, watch), None)

    def _looked(self, key: tuple[Opened, Watch]) -> Sequence[LabEvent]:
        opened, watch = key
        try:
            if key not in self._looks:
                self._looks[key] = watch(opened)
            found = self._looks[key]()
        except Exception as error:  # one project that is broken must not keep the others from being looked at
            words = f"{type(error).__name__}: {error}"
            if self._failed.get(key) != words:
                _LOG.warning("%s cannot be looked at: %s", opened.root.name, words)
            self._failed[key] = words
            return ()
        self._failed.pop(key, None)
        return found
