"""What would be found in a project: measured where there is traffic, assumed and said where there is none."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from roadworthy import cli, detectability, registry
from roadworthy import project as projects
from roadworthy.errors import MonitoringError
from roadworthy.monitoring import drift, importance
from roadworthy.monitoring.profiles import Profile
from roadworthy.project import Project
from roadworthy.records import (
    FeatureImportance,
    GateCheck,
    GateVerdict,
    Importance,
    MetricReading,
    ModelVersion,
    RunRecord,
    Window,
    WindowReport,
    now,
)
from roadworthy.terminal.detectability import show_detectability

RNG = np.random.default_rng(0)
ROWS = 3000
REFERENCE = pd.DataFrame(
    {
        "temp": RNG.normal(50, 10, ROWS),
        "departure_hour": RNG.integers(5, 23, ROWS),
        "origin": RNG.choice(["EWR", "JFK", "LGA"], ROWS),
        "probability": RNG.beta(2, 8, ROWS),
    }
)
WEIGHTS = {"temp": 0.01, "departure_hour": 0.05, "origin": 0.02}
AREA = MetricReading(metric="roc_auc", value=0.75, low=0.73, high=0.77, n=2000)


@pytest.fixture
def project(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Project]:
    """A project with a champion whose reference has three of the features."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    with projects.load(root) as project:
        _release(project, with_importance=True)
        yield project


def _release(project: Project, *, with_importance: bool) -> ModelVersion:
    measured = Importance(
        metric="roc_auc",
        rows=900,
        repeats=3,
        features={name: FeatureImportance(mean=mean, sd=0.0) for name, mean in WEIGHTS.items()},
    )
    files: dict[str, bytes | Path] = {
        "model.skops": _model(),
        "contract.yaml": project.config.path(project.config.settings.contract),
        "smoke.json": b"{}",
        "reference.profile.bin": Profile.of(REFERENCE).to_bytes(),
    }
    version = registry.add(
        project.config,
        project.state,
        run=RunRecord(id="run", project="late-flights", state="done", started=now()),
        verdict=GateVerdict(checks=(GateCheck(name="test", passed=True, fact="it is a test"),)),
        metrics={"roc_auc": AREA},
        files=files | ({importance.FILE: measured.model_dump_json().encode()} if with_importance else {}),
        contract_hash=project.contract.hash,
        tables={},
        trained_from=None,
        trained_until=None,
        who="test",
    )
    registry.promote(project.config, project.state, version.tag, who="test", reason="test", force=True)
    return version


def _model() -> bytes:
    from sklearn.dummy import DummyClassifier
    from skops import io as skops_io

    content: bytes = skops_io.dumps(DummyClassifier())
    return content


def _answer(project: Project, days: int, a_day: int, *, event_lag: timedelta = timedelta(hours=2)) -> pd.DataFrame:
    """Store answers that came evenly over some days, for events two hours later."""
    n = days * a_day
    received = pd.date_range("2026-03-01", periods=n, freq=pd.Timedelta(days=1) / a_day, tz="UTC").as_unit("us")
    rows = pd.DataFrame(
        {
            "request_id": [f"r{i}" for i in range(n)],
            "row": np.zeros(n, dtype="int64"),
            "received": received,
            project.dataset.time: (received + event_lag).as_unit("us"),
        }
    )
    project.tables.append("predictions", rows)
    return rows


def test_traffic_and_labels_are_measured(project: Project) -> None:
    rows = _answer(project, days=60, a_day=200)
    labelled = rows.iloc[::2]
    known = (labelled["received"] + pd.Timedelta(days=3)).dt.as_unit("us")
    labels = labelled[["request_id", "row"]].assign(label=True, received=known, at=known)
    project.tables.append("labels", labels[labels["at"] <= rows["received"].max()])
    found = detectability.outlook(project)
    assert found.rows_per_day == pytest.approx(200, rel=0.01)
    assert found.label_delay_days == pytest.approx(3, abs=0.01)
    assert found.labelled_share == pytest.approx(0.5, abs=0.01)
    assert found.assumed == ()
    assert [horizon.name for horizon in found.horizons] == ["a day", "a week", "a month"]
    assert found.horizons[1].labelled == pytest.approx(200 * 4 * 0.5, rel=0.02)
    columns = [shift.column for shift in found.shifts[::3]]
    assert columns == ["departure_hour", "probability", "origin", "temp"]
    assert [fall.fall is None for fall in found.falls] == [True, True, False]


def test_what_is_given_counts_and_what_is_assumed_is_said(project: Project) -> None:
    found = detectability.outlook(project, rows_per_day=5000)
    assert found.assumed == ("No labels have come yet: a delay of 1 days is assumed, for all rows.",)
    given = detectability.outlook(project, rows_per_day=5000, label_delay=timedelta(days=8), labelled_share=0.1)
    assert (given.rows_per_day, given.label_delay_days, given.labelled_share, given.assumed) == (5000, 8, 0.1, ())
    assert given.falls[1].fall is None
    assert found.falls[1].fall is not None


def test_a_replays_labels_tell_no_delay(project: Project) -> None:
    rows = _answer(project, days=3, a_day=300, event_lag=timedelta(days=-4000))
    project.tables.append("labels", rows[["request_id", "row", "received"]].assign(label=True))
    found = detectability.outlook(project)
    assert found.label_delay_days == 1.0
    assert "replayed" in found.assumed[0]


def test_a_window_without_rows_does_not_loosen_what_a_reading_must_reach(project: Project) -> None:
    window = Window(start=datetime(2026, 4, 1, tzinfo=UTC), end=datetime(2026, 5, 1, tzinfo=UTC))
    facts = {"project": "p", "labelled": 0, "open": False, "versions": {}, "reference": "v", "verdict": "no drift"}
    columns = [column.name for column in project.dataset.with_role("feature")]
    readings = drift.without_rows(project.dataset.with_role("feature"), "probability", project.config.policy.drift)
    answered = WindowReport.model_validate(facts | {"window": window, "rows": 9, "readings": readings})
    project.state.save_window(answered)
    before = detectability.outlook(project, rows_per_day=900)
    assert before.level == pytest.approx(0.05 / (len(columns) + 1))
    later = Window(start=window.end, end=window.end + timedelta(days=31))
    project.state.save_window(answered.model_copy(update={"window": later, "rows": 0, "readings": readings[:1]}))
    assert detectability.outlook(project, rows_per_day=900) == before


def test_a_version_from_before_importance_was_measured_is_asked_too(project: Project) -> None:
    version = _release(project, with_importance=False)
    found = detectability.outlook(project, version.tag, rows_per_day=900)
    assert {shift.importance for shift in found.shifts} == {1.0}


def test_without_traffic_rows_must_be_given(project: Project) -> None:
    with pytest.raises(MonitoringError, match="No traffic"):
        detectability.outlook(project)
    for wrong in ({"rows_per_day": 0.0}, {"label_delay": timedelta(days=-1)}, {"labelled_share": 1.5}):
        with pytest.raises(MonitoringError):
            detectability.outlook(project, **({"rows_per_day": 10.0} | wrong))  # type: ignore[arg-type]


def test_the_command_shows_a_line_a_column_and_draws(project: Project, tmp_path: Path) -> None:
    drawn = tmp_path / "found.svg"
    arguments = ["detectability", "-C", str(project.root), "--rows-per-day", "2000", "--label-delay", "48"]
    shown = CliRunner().invoke(cli.app, [*arguments, "--output", str(drawn)])
    assert shown.exit_code == 0, shown.output
    assert "2000 rows a day, each month judged together, labels after 2 days for 100.0 %" in shown.output
    assert drawn.stat().st_size
    printed = CliRunner().invoke(cli.app, [*arguments, "--json"])
    content = json.loads(printed.stdout)
    assert len(content["shifts"]) == 12
    assert content["falls"][2]["fall"] > 0.03


def test_a_person_is_shown_sizes_and_words(project: Project) -> None:
    found = detectability.outlook(project, rows_per_day=300)
    console = Console(file=io.StringIO(), width=160, soft_wrap=True)
    show_detectability(console, found)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    origin = next(line for line in lines if line.startswith("origin"))
    assert origin.split()[1] == "nothing"
    assert "odds x" in origin
    assert " from 3" in origin
    assert next(line for line in lines if line.startswith("temp")).count("sd") == 2


def test_the_page_on_it_is_true(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(project, days=10, a_day=150)
    monkeypatch.chdir(project.root)
    page = (Path(__file__).parents[2] / "docs" / "detectability.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("roadworthy ")]
    assert len(lines) == 5
    for line in lines:
        done = CliRunner().invoke(cli.app, shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}: {done.output}"
    assert (project.root / "detectability.svg").stat().st_size
