"""Puts into every wheel, an editable one too, the file that runs roadworthy.startup when an interpreter starts."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StartupHook(BuildHookInterface):  # type: ignore[type-arg,misc]  # hatchling is there only while building
    """Adds roadworthy.pth beside the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the file for the kind of wheel being built."""
        kind = "force_include_editable" if version == "editable" else "force_include"
        build_data[kind]["packaging/roadworthy.pth"] = "roadworthy.pth"
