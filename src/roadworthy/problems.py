"""What is broken in a project's files: configuration, contract, pipeline; each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.config import Settings
from roadworthy.errors import RoadworthyError
from roadworthy.pipeline import checks


def find(root: Path) -> tuple[RoadworthyError, ...]:
    """Return all that is broken in the files of the project in ``root``, without stopping at the first.

    Each is the error that a command would end with; its ``file`` and ``line`` say where it is to be mended.
    """
    return tuple(_find(root.resolve()))


def _find(root: Path) -> Iterator[RoadworthyError]:
    settings: Settings | None = None
    try:
        settings = configuration.load_settings(root)
        configuration.load_policy(root / settings.policy)
    except RoadworthyError as error:
        yield error
    contract = root / (settings.contract if settings else Settings.model_fields["contract"].default)
    try:
        contracts.read(contract)
    except RoadworthyError as error:
        if settings or contract.exists():
            yield error
    yield from checks.problems(root)
