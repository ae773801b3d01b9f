"""Builds that somebody asks for from JupyterLab: start, watch, break off."""

from __future__ import annotations

import tornado.web
from jupyter_server.auth.decorator import authorized

from roadworthy.pipeline import jobs, progress
from roadworthy.records.lab import Job, JobRequest
from roadworthy.server.base import Handler
from roadworthy.server.opened import Opened


class Jobs(Handler):
    """GET: the newest jobs. POST: a new one."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer Jobs, newest first, without their logs."""
        path = self.get_query_argument("path", "")

        def work() -> list[Job]:
            opened = self.opened(path)
            return [opened.placed_job(job) for job in jobs.listed(opened.config)]

        await self.answer(work)

    @tornado.web.authenticated
    @authorized("execute")  # type: ignore[untyped-decorator]  # with an action it is declared too widely
    async def post(self) -> None:
        """Start what is asked for and answer its Job."""
        request = self.body(JobRequest)
        who = self.me

        def work() -> Job:
            opened = self.opened(request.path)
            identity = jobs.start(opened.config, opened.state, request, who)
            return opened.placed_job(jobs.read(opened.config, identity))

        await self.answer(work, status=201)


class JobOf(Handler):
    """GET: one job. DELETE: break it off."""

    @tornado.web.authenticated
    @authorized
    async def get(self, identity: str) -> None:
        """Answer a Job with its log."""
        path = self.get_query_argument("path", "")
        await self.answer(lambda: _read(self.opened(path), identity))

    @tornado.web.authenticated
    @authorized("execute")  # type: ignore[untyped-decorator]  # with an action it is declared too widely
    async def delete(self, identity: str) -> None:
        """Break it off and answer it; it has ended when its state says so."""
        path = self.get_query_argument("path", "")

        def work() -> Job:
            opened = self.opened(path)
            jobs.cancel(opened.config, identity)
            return _read(opened, identity)

        await self.answer(work)


def _read(opened: Opened, identity: str) -> Job:
    elsewhere = jobs.current(opened.config, progress.read(progress.place(opened.config)))
    if elsewhere is not None and elsewhere.id == identity and elsewhere.request is None:
        return opened.placed_job(elsewhere)
    return opened.placed_job(jobs.read(opened.config, identity))
