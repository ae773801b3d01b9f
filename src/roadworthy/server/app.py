"""The server extension: which endpoints there are, and what lives as long as the server."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from jupyter_events import EventLogger
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp

from roadworthy.records.lab import EVENTS, LabEvent
from roadworthy.server import events, production, reports
from roadworthy.server.base import Handler
from roadworthy.server.events import Watch
from roadworthy.server.happenings import Happenings
from roadworthy.server.jobs import JobOf, Jobs
from roadworthy.server.opened import Projects
from roadworthy.server.pipeline import Notebook, Pipeline
from roadworthy.server.runs import Diff, Run, Runs

URL = "/roadworthy/api"
HANDLERS: tuple[tuple[str, type[Handler]], ...] = (
    (r"/notebook", Notebook),
    (r"/pipeline", Pipeline),
    (r"/jobs", Jobs),
    (r"/jobs/([\w-]+)", JobOf),
    (r"/runs", Runs),
    (r"/runs/([\w~-]+)", Run),
    (r"/diff", Diff),
    *production.HANDLERS,
    *reports.HANDLERS,
)

WATCHES: tuple[Watch, ...] = (Happenings, production.watch)


class Roadworthy(ExtensionApp):
    """JupyterLab's server side."""

    name = "roadworthy"
    extension_url = "/lab"
    load_other_extensions = True

    @property
    def _server(self) -> ServerApp:
        if self.serverapp is None:
            raise RuntimeError("The extension was not linked to a server.")
        return self.serverapp

    @property
    def _events(self) -> EventLogger:
        if self._server.event_logger is None:
            raise RuntimeError("The server has no event system.")
        return self._server.event_logger

    def initialize_settings(self) -> None:
        """Make what the endpoints share."""
        projects = Projects(Path(self._server.root_dir))
        self._events.register_event_schema(events.schema())
        self.settings["roadworthy_projects"] = projects
        self._noticing = events.Noticing(projects, WATCHES, self._tell)

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Begin to notice what happens, once the loop runs that tells it."""
        await super()._start_jupyter_server_extension(serverapp)  # type: ignore[no-untyped-call]
        self._loop = asyncio.get_running_loop()
        self._noticing.start()

    def _tell(self, event: LabEvent) -> None:
        """Tell an event from another thread: Jupyter's listeners live on the loop."""
        emit = self._events.emit
        data = event.model_dump(mode="json")
        with contextlib.suppress(RuntimeError):  # the server is ending
            self._loop.call_soon_threadsafe(lambda: emit(schema_id=EVENTS, data=data))

    def initialize_handlers(self) -> None:
        """Name the endpoints."""
        self.handlers.extend((URL + path, handler) for path, handler in HANDLERS)

    async def stop_extension(self) -> None:
        """Close what was opened; builds go on."""
        self._noticing.stop()
        self.settings["roadworthy_projects"].close()
