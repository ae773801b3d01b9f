"""A spool folder, the tables that it is collected into, and a row as the service has it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from roadworthy.config import Config
from roadworthy.tables import Tables


@pytest.fixture
def folder(config: Config) -> Path:
    """The services' spool."""
    return config.path(config.settings.spool)


@pytest.fixture
def tables(config: Config) -> Tables:
    """The project's tables."""
    return Tables(config.tables_address)


@pytest.fixture
def row() -> dict[str, object]:
    """A flight as a request carries it."""
    return {
        "flight_id": "a",
        "scheduled_departure": datetime(2013, 5, 1, 10, tzinfo=UTC),
        "carrier": "UA",
        "origin": "EWR",
        "dest": "IAH",
        "distance": 1400.0,
        "departure_hour": 5.25,
        "weekday": 2,
        "temp": None,
    }
