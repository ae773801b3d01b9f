"""Contract documents to be varied, and the linter of the standard's own tool."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from roadworthy import contract as contracts
from roadworthy.contract import Contract

Make = Callable[..., Contract]


@pytest.fixture
def make() -> Make:
    """Parse a document of trips and stations, whose sections may be replaced."""

    def parse(**sections: Any) -> Contract:  # noqa: ANN401 - any YAML may stand there
        trips = {
            "name": "trips",
            "properties": [
                _property("trip", "string", "identifier", required=True, unique=True),
                _property("departure", "timestamp", "time", required=True),
                _property("arrival", "timestamp", "other"),
                _property("seats", "integer", "feature"),
                _property("weight", "number", "feature"),
                _property("late", "boolean", "label", required=True),
            ],
        }
        stations = {"name": "stations", "properties": [_property("code", "string", "identifier")]}
        trips |= sections.pop("trips", {})
        content = {"kind": "DataContract", "apiVersion": "v3.2.0", "id": "t", "version": "1.0.0"}
        content |= {"schema": [trips, stations]} | sections
        return contracts.parse(yaml.safe_dump(content), "trips.yaml")

    return parse


def _property(name: str, kind: str, role: str, **fields: object) -> dict[str, Any]:
    return {"name": name, "logicalType": kind, "customProperties": [{"property": "role", "value": role}], **fields}


@pytest.fixture
def lint() -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """Run ``datacontract lint`` with no way to the network: every proxy is a closed port."""

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        program = Path(sys.executable).with_name("datacontract")
        return subprocess.run(
            [program, "lint", str(path)], env=os.environ | closed, capture_output=True, text=True, check=False
        )

    return run
