"""A project in production: a champion that followed another, a challenger, four days of traffic and what came of it.

Each test has its own copy below the server's root, made of what real traffic through real models has left.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from roadworthy import project as projects
from roadworthy.observation import observe
from roadworthy.project import Project
from roadworthy.records import (
    CHALLENGER,
    Decision,
    Deployment,
    Finding,
    HistoryEntry,
    Served,
    now,
)
from roadworthy.registry import rollback
from roadworthy.serving.recent import bucket

if TYPE_CHECKING:
    from conftest import Lab

NASTY = "<img src=x onerror=alert(1)>"
MODEL, DATA = "model: Mo Model <mo@example.org>", "data: Dana Data <dana@example.org>"
MADE_OF = ("pyproject.toml", "pipeline.yaml", "env.yaml", "bentos", "monitoring", "notebooks")


def _airport() -> ModuleType:
    """The module that knows how to fly: models are trained and asked there as services do."""
    place = Path(__file__).parents[2] / "toolkit" / "observation" / "conftest.py"
    spec = importlib.util.spec_from_file_location("airport", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def flown(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder after four days of flights, of which the last are warmer and all from one airport."""
    airport = _airport()
    root: Path = tmp_path_factory.mktemp("flown") / "project"
    root.mkdir()
    for name in MADE_OF:
        source: Path = airport.REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    (root / "monitoring" / "contract.yaml").write_text(airport.CONTRACT)
    airport._set_windows(root, "{length: day, segments: [origin]}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(lab.models))
        with projects.load(root) as project:
            flights = airport.Airport(project)
            for trees in (3, 5, 7):
                flights.release(trees)
            rollback(project.config, project.state, who="ada", reason="the new one is slow")
            for day, count in enumerate((1200, 60, 1200, 1200)):
                late = day == 3
                rows = flights.flights(count, airport.MAY + pd.Timedelta(days=day), 1, warmer=4.0 * late)
                captured = flights.answer(rows.assign(origin="EWR") if late else rows)
                if not late:
                    flights.label(captured)
            observe(project)
            _fill(project)
    return root


def _fill(project: Project) -> None:
    """Nominate a challenger, tell of what was found, ask what to do about it, and let two workers report themselves."""
    state = project.state
    newest = state.versions()[0].tag
    reason = "passed its gate"
    state.move_alias(CHALLENGER, newest, HistoryEntry(who="ada", action="nominate", version_to=newest, reason=reason))
    drift = Finding(
        cause="drift", owner="model", severity="warning", title="2 columns drifted", message="origin and temp"
    )
    state.raise_alert(drift, MODEL)
    state.raise_alert(
        Finding(cause="missing", owner="data", severity="critical", title=f"{NASTY} is missing", message=NASTY), DATA
    )
    champion = state.alias("champion")
    assert champion is not None
    state.add_decision(
        Decision(
            window=state.windows()[-1].window,
            action="ask",
            asks_for="retrain",
            reason="2 columns drifted",
            champion=champion.version,
            judged=now(),
        )
    )
    for worker in (1, 2):
        served = Served(
            version=champion.version,
            requests=400,
            rows=800,
            errors=worker,
            latencies={bucket(0.012): 380, bucket(0.2): 20},
        )
        later = now() + timedelta(hours=1)  # a worker that goes on reporting itself
        state.heartbeat(
            Deployment(
                id=f"w{worker}",
                pid=worker,
                version=champion.version,
                since=now(),
                heartbeat=later,
                served=(served,),
            )
        )


@pytest.fixture
def airport(
    lab: Lab, flown: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """The project in production, the test's own, below the server's root."""
    monkeypatch.setenv("BENTOML_HOME", str(lab.models))
    folder = lab.root / request.node.name
    shutil.copytree(flown, folder)
    with projects.load(folder) as project:
        yield project
    shutil.rmtree(folder, ignore_errors=True)  # else the server would go on looking at it
