"""A window's rows against those that a version keeps: together, and why the metric fell."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy.special import expit
from sklearn.dummy import DummyClassifier
from typer.testing import CliRunner

from roadworthy import cli, insight, registry
from roadworthy import project as projects
from roadworthy.errors import MonitoringError
from roadworthy.project import Project
from roadworthy.records import GateCheck, GateVerdict, ModelVersion, Performance, RunRecord, Window, WindowReport, now

WINDOW = Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC))


def _rows(project: Project, start: str, days: int, seed: int, *, turned: bool = False) -> pd.DataFrame:
    """Draw flights whose temperature and dew point go together, or in the other direction."""
    rng, n = np.random.default_rng(seed), days * 60
    temp = rng.normal(50, 10, n)
    dewp = 40 + (-0.8 if turned else 0.8) * (temp - 50) + rng.normal(0, 6, n)
    signal = (temp - 50) / 10
    frame = pd.DataFrame({"temp": temp, "dewp": dewp, "origin": rng.choice(["EWR", "JFK"], n)})
    times = pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.sort(rng.random(n)) * days, unit="D")
    frame[project.dataset.time] = times.as_unit("us")
    frame["probability"] = expit(signal)
    frame[project.dataset.label] = rng.random(n) < expit(-signal if turned else signal)
    return frame


@pytest.fixture
def project(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Project]:
    """A project with a version, and a month in which two features have turned round."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    with projects.load(root) as project:
        reference = _rows(project, "2013-01-01", 90, 0)
        reference.loc[: len(reference) // 2, "probability"] = np.nan
        version = _release(project, {insight.FILE: insight.kept_rows(project, reference)})
        rows = _rows(project, "2013-05-01", 31, 1, turned=True)
        keys = {"request_id": [f"r{i}" for i in range(len(rows))], "row": np.zeros(len(rows), dtype="int64")}
        captured = rows.drop(columns=project.dataset.label).assign(**keys, version=version.tag)
        project.tables.append("predictions", captured)
        received = pd.Series([pd.Timestamp("2013-07-01", tz="UTC").as_unit("us")] * len(rows))
        labels = pd.DataFrame(keys).assign(label=rows[project.dataset.label], received=received)
        project.tables.append("labels", labels.iloc[: len(rows) // 2])
        _judged(project, version.tag)
        yield project


def _release(project: Project, files: dict[str, bytes | Path]) -> ModelVersion:
    return registry.add(
        project.config,
        project.state,
        run=RunRecord(id="run", project="late-flights", state="done", started=now()),
        verdict=GateVerdict(checks=(GateCheck(name="test", passed=True, fact="it is a test"),)),
        metrics={},
        files=files
        | {
            "model.skops": skops.io.dumps(DummyClassifier()),
            "contract.yaml": project.config.path(project.config.settings.contract),
            "smoke.json": b"{}",
        },
        contract_hash=project.contract.hash,
        tables={},
        trained_from=None,
        trained_until=None,
        who="test",
    )


def _judged(project: Project, tag: str) -> WindowReport:
    report = WindowReport(
        window=WINDOW,
        project="late-flights",
        rows=9,
        labelled=0,
        open=False,
        versions={tag: 9},
        reference=tag,
        verdict="no drift",
    )
    project.state.save_window(report)
    return report


def test_what_features_do_together_is_told_of_captured_rows(project: Project) -> None:
    separation, pairs = insight.together(project, project.state.windows()[-1])
    assert separation.verdict == "drift"
    assert set(list(separation.drivers)[:2]) == {"temp", "dewp"}
    assert {pair.second for pair in pairs} | {pair.first for pair in pairs} == {"temp", "dewp", "origin"}
    assert [{pair.first, pair.second} for pair in pairs if pair.verdict == "drift"] == [{"temp", "dewp"}]


def test_why_the_metric_fell_is_told_of_labelled_rows(project: Project) -> None:
    found = insight.why(project, project.state.windows()[-1])
    assert found.metric == "roc_auc"
    assert found.labelled == 31 * 30
    assert found.reference > 0.6
    assert found.window < 0.4


def test_the_command_tells_both(project: Project) -> None:
    shown = CliRunner().invoke(cli.app, ["explain", "2013-05-01", "-C", str(project.root)])
    assert shown.exit_code == 0, shown.output
    assert "the features together are unlike before" in shown.output
    assert "go together otherwise: rank correlation" in shown.output
    printed = CliRunner().invoke(cli.app, ["explain", "-C", str(project.root), "--json"])
    assert json.loads(printed.stdout)[0]["verdict"] == "drift"
    with pytest.raises(MonitoringError, match="No window 2013-06-01"):
        CliRunner().invoke(cli.app, ["explain", "2013-06-01", "-C", str(project.root)], catch_exceptions=False)


def test_of_windows_without_rows_nothing_is_explained(project: Project) -> None:
    newest = project.state.windows()[-1]
    window = Window(start=newest.window.end, end=newest.window.end + timedelta(days=1))
    project.state.save_window(newest.model_copy(update={"window": window, "rows": 0}))
    printed = CliRunner().invoke(cli.app, ["explain", "-C", str(project.root), "--json"])
    assert json.loads(printed.stdout)[0]["n_window"] > 0  # it is the newest one with rows
    with pytest.raises(MonitoringError, match="no row came"):
        CliRunner().invoke(cli.app, ["explain", window.name, "-C", str(project.root)], catch_exceptions=False)


def test_a_version_that_keeps_no_rows_cannot_be_explained_by(project: Project) -> None:
    report = project.state.windows()[-1].model_copy(update={"reference": _release(project, {}).tag})
    with pytest.raises(MonitoringError, match="keeps no rows"):
        insight.together(project, report)
    unlabelled = insight.kept_rows(project, _rows(project, "2013-01-01", 30, 2).drop(columns=project.dataset.label))
    report = report.model_copy(update={"reference": _release(project, {insight.FILE: unlabelled}).tag})
    with pytest.raises(MonitoringError, match="keeps no labels"):
        insight.why(project, report)


def test_rows_are_kept_within_bounds_and_without_what_must_not_be(project: Project) -> None:
    many = _rows(project, "2013-01-01", 400, 3).assign(secret="x")
    many.loc[: len(many) // 2, "probability"] = np.nan
    kept = pd.read_parquet(io.BytesIO(insight.kept_rows(project, many)))
    assert len(kept) == 20_000
    assert kept["probability"].notna().sum() == 10_000
    assert set(kept) == {"temp", "dewp", "origin", "probability", project.dataset.time, project.dataset.label}


def test_a_report_has_what_its_rows_tell(project: Project) -> None:
    report = project.state.windows()[-1]
    fallen = Performance(version=report.reference, rows=9, labelled=9, fell=True)
    report = report.model_copy(update={"performance": (fallen,)})
    rows = insight._captured(project, WINDOW)
    found = insight.told(project, report, lambda: rows)
    assert found.separation is not None
    assert found.separation.verdict == "drift"
    assert len(found.associations) == 3
    assert found.performance[0].explanation is not None
    untold = report.model_copy(update={"reference": _release(project, {}).tag})
    assert insight.told(project, untold, lambda: rows) == untold
