"""JupyterLab's server side: what its page asks for and is told of. The only folder that imports tornado."""

from __future__ import annotations

from typing import Any

from roadworthy.server.app import Roadworthy


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter what to load."""
    return [{"module": "roadworthy.server", "app": Roadworthy}]
