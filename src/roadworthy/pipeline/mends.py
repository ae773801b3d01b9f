"""What is wrong in Ploomber itself and mended here, each with a test that fails when it is no longer needed."""

from __future__ import annotations

import functools
import sys
from typing import Any

from ploomber.products import File


def tolerate_damaged_metadata() -> None:
    """Let a damaged ``.NAME.metadata`` file count as none; Ploomber would refuse the whole pipeline for it.

    It holds the time and source code of the last run, by which nothing is decided here.
    """
    former = File.fetch_metadata
    if hasattr(former, "__wrapped__"):
        return

    @functools.wraps(former)
    def fetch(self: File) -> Any:  # noqa: ANN401 - as Ploomber has it
        try:
            found = former(self)
        except (ValueError, AttributeError, TypeError):
            found = None
        else:
            if found is None or (isinstance(found, dict) and {"timestamp", "stored_source_code"} <= found.keys()):
                return found
        print(f"{self._path_to_metadata} is damaged; it is left out of account.", file=sys.stderr)  # noqa: T201
        self._delete_metadata()
        return None

    File.fetch_metadata = fetch
