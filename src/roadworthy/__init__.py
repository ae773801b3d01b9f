"""Roadworthy takes a notebook that works and turns it into a service that keeps working."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Let ``%load_ext roadworthy`` bring ``%contract`` to a notebook."""
    # Imported here: every process of a project imports this module, and none but a notebook's kernel has use for it.
    from roadworthy.notebook import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Let ``%unload_ext roadworthy`` take it away again."""
    from roadworthy.notebook import unload

    unload(shell)
