"""Report files: read for the page, and as an HTML document to take away.

What it takes is imported when it is first asked for, by a thread: Jupyter's server starts without it.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import quote

import tornado.web
from jupyter_server.auth.decorator import authorized

from roadworthy.errors import RoadworthyError
from roadworthy.records.lab import LabReport
from roadworthy.server.base import Handler

_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Report(Handler):
    """GET: what a ``.drift.json`` or ``.profile.bin`` says."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer a LabReport."""
        path = self.get_query_argument("path")

        def work() -> LabReport:
            from roadworthy.monitoring.report import files

            place = self.place(path)
            times = self._times(place) if place.name.endswith(files.PROFILE) else ()
            return files.read(place, path.strip("/"), times=times)

        await self.answer(work)

    def _times(self, place: Path) -> tuple[str, ...]:
        """Return the names of the columns that hold moments, as far as a contract says so."""
        try:
            contract = self.projects.of(place).contract
        except RoadworthyError:  # a profile may lie anywhere
            return ()
        columns = (column for dataset in (contract.datasets if contract else ()) for column in dataset.columns)
        return tuple(column.name for column in columns if column.type == "timestamp")


class ReportPage(Handler):
    """GET: a window's report as an HTML document, which a browser saves."""

    @tornado.web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer the document; where a browser shows it all the same, nothing in it runs."""
        path = self.get_query_argument("path")

        def work() -> str:
            from roadworthy.monitoring.report import files, to_html

            return to_html(files.document(self.place(path)))

        try:
            page = await self.off_the_loop(work)
        except RoadworthyError as error:
            await self.refuse_for(error)
            return
        name = f"{PurePosixPath(path).name.partition('.')[0]}.html"
        self.set_header("Content-Security-Policy", _SANDBOX)
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name)}")
        await self.finish(page, set_content_type="text/html; charset=utf-8")


HANDLERS: tuple[tuple[str, type[Handler]], ...] = ((r"/report", Report), (r"/report\.html", ReportPage))
