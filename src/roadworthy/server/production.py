"""Production: what runs and how it does, the acts that somebody has confirmed, alerts, and what has happened.

What it takes is imported when it is first asked for, by a thread: Jupyter's server starts without pandas.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import tornado.web
from jupyter_server.auth.decorator import authorized

from roadworthy.errors import (
    AlertError,
    ApprovalError,
    ConfigError,
    GateRefused,
    ProjectError,
    RegistryError,
    RoadworthyError,
    UnknownVersion,
)
from roadworthy.records import Alert, Decision, HistoryEntry, now
from roadworthy.records.lab import Acknowledging, ActRequest, LabEvent, LabProduction, Muting
from roadworthy.server.base import Handler
from roadworthy.server.events import Look
from roadworthy.server.opened import Opened
from roadworthy.server.pipeline import no_project

if TYPE_CHECKING:
    from roadworthy.project import Project

RESOURCE = "roadworthy:production"
ORIGIN = "JupyterLab"
_STATUSES: tuple[tuple[type[RoadworthyError], int], ...] = (
    (UnknownVersion, 404),
    (AlertError, 404),
    (RegistryError, 409),
    (GateRefused, 409),
    (ApprovalError, 409),
)


class _OfProduction(Handler):
    """Base of what reads or changes production, to which a right of its own belongs."""

    auth_resource = RESOURCE

    def status_of(self, error: RoadworthyError) -> int:
        """Return 409 where production is no longer as it was when the act was confirmed, or refuses it."""
        found = next((status for kind, status in _STATUSES if isinstance(error, kind)), None)
        return found or super().status_of(error)


class Production(_OfProduction):
    """GET: what runs in production and how it does. POST: an act that somebody has confirmed."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer a LabProduction."""
        path = self.get_query_argument("path", "")
        may_act = await self._may_act()

        def work() -> LabProduction:
            from roadworthy import production

            try:
                opened = self.opened(path)
            except ProjectError as error:
                return LabProduction(project=no_project(error), may_act=may_act)
            described = opened.described()
            try:
                project = project_of(opened)
            except ConfigError:  # it is among the problems
                return LabProduction(project=described, may_act=may_act)
            return production.describe(project, described, self.root, may_act=may_act)

        await self.answer(work)

    @tornado.web.authenticated
    @authorized
    async def post(self) -> None:
        """Do it in the user's name, and answer the history's entry or the decision."""
        request = self.body(ActRequest)
        who = self.me

        def work() -> HistoryEntry | Decision:
            from roadworthy import production

            return production.act(project_of(self.opened(request.path)), request, who=who, origin=ORIGIN)

        await self.answer(work)

    async def _may_act(self) -> bool:
        allowed = self.authorizer.is_authorized(self, self.current_user, "write", RESOURCE)
        return bool(await allowed if asyncio.iscoroutine(allowed) else allowed)


class Acknowledge(_OfProduction):
    """POST: somebody sees to an alert."""

    @tornado.web.authenticated
    @authorized
    async def post(self, alert: str) -> None:
        """Answer the alert as it is then."""
        asked = self.body(Acknowledging)
        who = self.me

        def work() -> Alert:
            from roadworthy.monitoring import alerts

            state = self.opened(asked.path).state
            return alerts.acknowledge(state, alert, who=who, note=asked.note, origin=ORIGIN)

        await self.answer(work)


class Mute(_OfProduction):
    """POST: let an alert's cause rest."""

    @tornado.web.authenticated
    @authorized
    async def post(self, alert: str) -> None:
        """Answer the alert as it is then."""
        asked = self.body(Muting)
        who = self.me

        def work() -> Alert:
            from roadworthy.monitoring import alerts

            state, until = self.opened(asked.path).state, now() + timedelta(hours=asked.hours)
            return alerts.mute(state, alert, until, who=who, note=asked.note, origin=ORIGIN)

        await self.answer(work)


HANDLERS: tuple[tuple[str, type[Handler]], ...] = (
    (r"/production", Production),
    (r"/alerts/(\d+)/ack", Acknowledge),
    (r"/alerts/(\d+)/mute", Mute),
)


def watch(opened: Opened) -> Look:
    """Begin to look at a project's production: alerts, switches of the champion, new reports."""
    from roadworthy import production

    served = _served(opened)
    last = [production.seen(project_of(opened))]

    def look() -> Sequence[LabEvent]:
        project = project_of(opened)
        found = production.seen(project)
        told = production.changes(project, last[0], found, folder=opened.folder, below=served)
        last[0] = found
        return told

    return look


def project_of(opened: Opened) -> Project:
    """Return an open project, whose state is the one that is open already; nobody is to close it.

    Raises
    ------
    ConfigError, StateError
        When its configuration cannot be read, or its state not be opened.
    """
    from roadworthy.project import Project

    return Project.using(opened.config, opened.state)


def _served(opened: Opened) -> Path:
    """Return the folder that Jupyter serves."""
    below = PurePosixPath(opened.folder).parts
    return opened.root.parents[len(below) - 1] if below else opened.root
