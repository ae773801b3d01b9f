"""The server extension: which endpoints there are, and what lives as long as the server."""

from __future__ import annotations

from pathlib import Path

from jupyter_server.extension.application import ExtensionApp

from roadworthy.server.base import Handler
from roadworthy.server.opened import Projects
from roadworthy.server.pipeline import Notebook, Pipeline

URL = "/roadworthy/api"
HANDLERS: tuple[tuple[str, type[Handler]], ...] = (
    (r"/notebook", Notebook),
    (r"/pipeline", Pipeline),
)


class Roadworthy(ExtensionApp):
    """JupyterLab's server side."""

    name = "roadworthy"
    extension_url = "/lab"
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Make what the endpoints share."""
        assert self.serverapp is not None  # noqa: S101 - it is set before this is called
        self.settings["roadworthy_projects"] = Projects(Path(self.serverapp.root_dir))

    def initialize_handlers(self) -> None:
        """Name the endpoints."""
        self.handlers.extend((URL + path, handler) for path, handler in HANDLERS)

    async def stop_extension(self) -> None:
        """Close what was opened; builds go on."""
        self.settings["roadworthy_projects"].close()
