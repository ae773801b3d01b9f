"""``%load_ext roadworthy`` in a real kernel: the command, its output, its completion."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)>"
CONTRACT = f"""
kind: DataContract
apiVersion: v3.2.0
id: trips
version: 1.2.0
status: active
schema:
- name: flights
  physicalType: table
  logicalType: object
  properties:
  - {{name: trip, logicalType: string, required: true, customProperties: [{{property: role, value: identifier}}]}}
  - {{name: left, logicalType: timestamp, required: true, customProperties: [{{property: role, value: time}}]}}
  - {{name: "{HOSTILE}", logicalType: number, logicalTypeOptions: {{maximum: 100}},
     customProperties: [{{property: role, value: feature}}]}}
  - {{name: who, logicalType: string, classification: restricted, logicalTypeOptions: {{pattern: "^[a-z]+$"}}}}
  - {{name: late, logicalType: boolean, required: true, customProperties: [{{property: role, value: label}}]}}
- name: stations
  physicalType: table
  logicalType: object
  properties:
  - {{name: station, logicalType: string, required: true}}
"""
FRAMES = f"""
import pandas as pd
trips = pd.DataFrame({{"trip": ["a", "b"], "left": ["2013-05-01", "2013-05-02"], "{HOSTILE}": [1.0, 101.0],
                      "who": ["ada", "SECRET-7"], "late": [True, False]}})
places = pd.DataFrame({{"station": ["JFK", None]}})
tree = 3
"""


class Kernel:
    """A kernel, and what it answers."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str) -> tuple[dict[str, Any], str, str]:
        """Run a cell; return its output's mime bundle, what it printed, and how it ended."""
        data: dict[str, Any] = {}
        printed: list[str] = []

        def took(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] in ("execute_result", "display_data"):
                data.update(content["data"])
            elif message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] == "error":
                printed.extend(content["traceback"])

        reply = self._client.execute_interactive(code, output_hook=took, timeout=60, allow_stdin=False)
        return data, "".join(printed), reply["content"]["status"]

    def value(self, expression: str) -> str:
        data, printed, status = self.run(expression)
        assert status == "ok", printed
        return str(data["text/plain"])

    def complete(self, code: str) -> list[str]:
        reply = self._client.complete(code, reply=True, timeout=60)["content"]
        start = reply["cursor_start"]
        return [code[:start] + match for match in reply["matches"]]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel in the notebooks' folder of a project, with two DataFrames and the extension."""
    root = tmp_path_factory.mktemp("trips")
    (root / "monitoring").mkdir()
    (root / "notebooks").mkdir()
    (root / "pyproject.toml").write_text('[tool.roadworthy]\nname = "trips"\ndataset = "flights"\n')
    (root / "monitoring" / "contract.yaml").write_text(CONTRACT)
    contact = "{name: Ada, contact: ada@example.org}"
    owners = "".join(f"\n  {role}: {contact}" for role in ("data", "model", "infrastructure", "monitoring"))
    (root / "monitoring" / "policy.yaml").write_text(f"owners:{owners}\n")
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv[0] = sys.executable
    manager.start_kernel(cwd=str(root / "notebooks"))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    found = Kernel(client)
    _, printed, status = found.run(f"%load_ext roadworthy\n{FRAMES}")
    assert status == "ok", printed
    yield found
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_frame_is_checked_and_the_result_shows_itself(kernel: Kernel) -> None:
    data, printed, status = kernel.run("%contract trips")
    assert (printed, status) == ("", "ok")
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"].startswith("✗ 1 of 2 rows breaks 2 rules (dataset flights, version 1.2.0")
    assert HOSTILE in data["text/plain"]
    assert HOSTILE not in data["text/html"]
    assert "&lt;img src=x onerror=alert(1)&gt; must be at most 100" in data["text/html"]
    assert not any(word in data["text/html"].lower() for word in ("<script", "<style", "<img", "javascript:"))
    assert not any("SECRET-7" in shown for shown in data.values())  # the policy keeps no value of it


def test_the_result_is_gone_on_with(kernel: Kernel) -> None:
    data, _, status = kernel.run("found = %contract trips")
    assert (data, status) == ({}, "ok")
    assert kernel.value("found.ok") == "False"
    assert kernel.value("sorted(found.failures['column'])") == f"['{HOSTILE}', 'who']"
    assert kernel.value("found.broken['trip'].tolist()") == "['b']"
    assert kernel.value("type(found).__name__") == "'Checked'"


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("places stations", "✗ 1 of 2 rows breaks 1 rule (dataset stations"),
        ('trips[trips["trip"] == "a"]', "✓ All 1 rows keep the contract (dataset flights"),
        ("trips.drop(columns=['late'])", "✗ 1 of 2 rows breaks 2 rules, and 1 column is missing"),
        ("trips[['trip']] --partial", "✓ All 2 rows keep the contract"),
        ("places[:1] stations --partial", "✓ All 1 rows keep the contract (dataset stations"),
    ],
)
def test_expressions_datasets_and_parts_can_be_named(kernel: Kernel, line: str, first: str) -> None:
    assert kernel.value(f"%contract {line}").startswith(first)


def test_alone_it_shows_the_contract(kernel: Kernel) -> None:
    data, _, _ = kernel.run("%contract")
    assert "stations" in data["text/plain"]
    assert HOSTILE not in data["text/html"]
    assert "at most 100" in data["text/html"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nothing", "NameError"),
        ("tree", "'tree' is no DataFrame but of type int.\nNext: Name a DataFrame; there is: trips, places."),
        ("trips nowhere", "no dataset 'nowhere'.\nNext: Use one of: flights, stations."),
        ("places", "none of the columns of dataset 'flights'"),
    ],
)
def test_a_mistake_is_said_without_a_traceback(kernel: Kernel, line: str, told: str) -> None:
    _, printed, _ = kernel.run(f"%contract {line}")
    assert told in printed
    assert "Traceback" not in printed


def test_outside_a_project_it_says_so(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run(f"import os; before = os.getcwd(); os.chdir({str(tmp_path)!r})")
    try:
        _, printed, _ = kernel.run("%contract trips")
        assert kernel.complete("%contract trips ") == ["%contract trips --partial"]
    finally:
        kernel.run("os.chdir(before)")
    assert "is not inside a Roadworthy project" in printed
    assert "Traceback" not in printed


def test_frames_datasets_and_the_option_are_completed(kernel: Kernel) -> None:
    assert kernel.complete("%contract t") == ["%contract trips"]  # tree is no DataFrame
    assert kernel.complete("%contract ") == ["%contract --partial", "%contract places", "%contract trips"]
    assert kernel.complete("%contract trips st") == ["%contract trips stations"]
    assert kernel.complete("found = %contract places s") == ["found = %contract places stations"]
    assert kernel.complete("%contract trips --p") == ["%contract trips --partial"]


def test_it_can_be_taken_away_and_brought_back(kernel: Kernel) -> None:
    kernel.run("%unload_ext roadworthy")
    _, printed, _ = kernel.run("%contract trips")
    assert "not found" in printed
    kernel.run("%load_ext roadworthy")
    assert kernel.value("%contract trips").startswith("✗")


def test_the_package_itself_imports_next_to_nothing() -> None:
    code = "import sys, roadworthy; print([m for m in ('IPython', 'pandas', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
