"""The history of a task, one run, and what changed between two."""

from __future__ import annotations

import tornado.web
from jupyter_server.auth.decorator import authorized
from tornado.web import HTTPError

from roadworthy.pipeline import history
from roadworthy.pipeline import runs as found_runs
from roadworthy.pipeline.runs import RunDiff
from roadworthy.records import RunRecord
from roadworthy.records.lab import TaskRun
from roadworthy.server.base import Handler

_MOST = 500


class Runs(Handler):
    """GET: a task's executions."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer TaskRuns, newest first; of all tasks where none is named."""
        path, task = self.get_query_argument("path", ""), self.get_query_argument("task", "")
        limit = self._number("limit", 50)

        def work() -> list[TaskRun]:
            opened = self.opened(path)
            found = history.of_task(opened.config, opened.state, task, limit)
            return [one.model_copy(update={"notebook": opened.below(one.notebook or "") or None}) for one in found]

        await self.answer(work)

    def _number(self, name: str, usual: int) -> int:
        text = self.get_query_argument(name, str(usual))
        if not text.isdecimal() or not 0 < int(text) <= _MOST:
            raise HTTPError(400, f"{name} is a number from 1 to {_MOST}, not {text!r}.")
        return int(text)


class Run(Handler):
    """GET: one run."""

    @tornado.web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Answer a RunRecord."""
        path = self.get_query_argument("path", "")

        def work() -> RunRecord:
            opened = self.opened(path)
            return history.without_secrets(opened.config, found_runs.find(opened.state, name))

        await self.answer(work)


class Diff(Handler):
    """GET: what changed between two runs."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer a RunDiff, of one task where one is named."""
        path, task = self.get_query_argument("path", ""), self.get_query_argument("task", "")
        names = (self.get_query_argument("before"), self.get_query_argument("after"))

        def work() -> RunDiff:
            opened = self.opened(path)
            before, after = (found_runs.find(opened.state, name) for name in names)
            folder = opened.config.settings.pipeline.products
            found = history.without_secrets(opened.config, found_runs.diff(opened.state, before, after, folder=folder))
            if not task:
                return found
            return found.model_copy(update={"tasks": tuple(one for one in found.tasks if one.name == task)})

        await self.answer(work)
