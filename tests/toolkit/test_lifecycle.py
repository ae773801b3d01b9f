"""The loop on a real build of the reference project; traffic is put where a service would have put it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from roadworthy import lifecycle, registry
from roadworthy import project as projects
from roadworthy.decisions import findings
from roadworthy.errors import GateRefused, MonitoringError, PipelineError
from roadworthy.monitoring import importance
from roadworthy.monitoring.alerts import tell
from roadworthy.monitoring.estimation import calibration
from roadworthy.monitoring.estimation.calibration import Calibration
from roadworthy.project import Project
from roadworthy.records import Deployment, ModelVersion, Window, WindowReport, now

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SHARE = "0.1"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled-in project after a real `ploomber build` on a tenth of the flights."""
    folder = tmp_path_factory.mktemp("lifecycle")
    root = projects.init("late-flights", folder, filled=True)
    env = root / "env.yaml"
    env.write_text(env.read_text().replace('share: "1.0"', f'share: "{SHARE}"'))
    # its metric on so few flights is not the point here
    settings = root / "pyproject.toml"
    settings.write_text(settings.read_text().replace("threshold = 0.60", "threshold = 0.55"))
    with projects.load(root) as project:
        lifecycle.train(project)
    return root


@pytest.fixture(scope="module")
def released(built: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelVersion]:
    """A copy of it, and a store of models beside it, after a release."""
    root = tmp_path_factory.mktemp("released") / built.name
    shutil.copytree(built, root)
    with pytest.MonkeyPatch.context() as patch, projects.load(root) as project:
        patch.setenv("BENTOML_HOME", str(root.parent / "bentoml"))
        return root, lifecycle.release(project, who="ada")


@contextmanager
def _copied(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A copy of a project with its store of models."""
    monkeypatch.setenv("BENTOML_HOME", str(folder / "bentoml"))
    if (root.parent / "bentoml").exists():
        shutil.copytree(root.parent / "bentoml", folder / "bentoml")
    shutil.copytree(root, folder / root.name)
    with projects.load(folder / root.name) as project:
        yield project


@pytest.fixture
def project(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A copy of the built project, each test's own."""
    with _copied(built, tmp_path, monkeypatch) as project:
        yield project


@pytest.fixture
def live(
    released: tuple[Path, ModelVersion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Project, ModelVersion]]:
    """A copy of the released project, each test's own, and its champion."""
    root, champion = released
    with _copied(root, tmp_path, monkeypatch) as project:
        yield project, champion


def _live(project: Project, start: str, end: str, *, labels: bool = True) -> pd.DataFrame:
    """Answer the flights of some days with the champion, and store what a service would have stored."""
    file = project.root / f"{start}.parquet"
    command = [sys.executable, "notebooks/departures.py", start, end, str(file), "--share", SHARE]
    subprocess.run(command, cwd=project.root, check=True, env=os.environ)
    flights = pd.read_parquet(file)
    flights = flights.assign(scheduled_departure=flights["scheduled_departure"].astype("datetime64[us, UTC]"))
    champion = registry.resolve(project.state, "champion")
    probability = registry.load(project.config, champion.tag).predict(flights)
    requests = flights[[column.name for column in project.dataset.request_columns]]
    requests = requests.astype({c.name: c.dtype for c in project.dataset.request_columns})
    moment = pd.Timestamp(datetime.now(UTC)).as_unit("us")
    captured = pd.DataFrame(
        {
            "request_id": [f"{start}-{number}" for number in range(len(flights))],
            "row": np.zeros(len(flights), dtype=np.int64),
            "received": pd.Series([moment] * len(flights), dtype="datetime64[us, UTC]"),
            "version": champion.tag,
            "probability": probability,
            "prediction": probability >= 0.5,
        }
    ).join(requests)
    project.tables.append("predictions", captured)
    known = captured.assign(label=flights["late"])[lambda frame: frame["label"].notna()]
    if labels:
        _label(project, known)
    return known


def _label(project: Project, known: pd.DataFrame) -> None:
    rows = known[["request_id", "row", "label", "received"]].astype({"label": "bool"})
    project.tables.append("labels", rows)


def _window(month: int) -> Window:
    return Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))


def _of(reports: list[WindowReport], month: int) -> WindowReport:
    return next(report for report in reports if report.window == _window(month))


def test_the_first_version_that_passes_becomes_champion(live: tuple[Project, ModelVersion]) -> None:
    project, version = live
    assert version.gate.passed
    assert registry.resolve(project.state, "champion") == version
    assert version.tables["flights"] >= 0
    assert version.trained_from == "2013-01-01"
    for name in ("model.skops", "contract.yaml", "reference.profile.bin", "lineage.json", "calibration.json"):
        assert registry.file(version.tag, name).stat().st_size
    reference = pd.read_parquet(project.root / "products" / "reference.parquet")
    held_out = reference[reference["probability"].notna()]
    curve = Calibration.kept(registry.file(version.tag, calibration.FILE))
    assert curve is not None
    assert (curve.rows, curve.positives) == (len(held_out), held_out["late"].astype(bool).sum())
    learnt = reference[reference["probability"].isna()]
    seen = registry.load(project.config, version.tag).seen
    assert seen == {name: set(learnt[name]) for name in ("carrier", "origin", "dest")}
    measured = importance.read(registry.file(version.tag, importance.FILE))
    assert measured is not None
    assert set(measured.features) == set(project.dataset.features)
    assert max(feature.mean for feature in measured.features.values()) > 0.01
    acts = [(entry.action, entry.who) for entry in project.state.history()]
    assert ("promote", "ada") in acts
    log = [(entry.act, entry.who, entry.target, entry.outcome) for entry in project.state.audit()]
    assert log == [("promote", "ada", version.tag, "done"), ("release", "ada", version.tag, "done")]

    second = lifecycle.release(project, who="ada")
    champion, challenger = project.state.alias("champion"), project.state.alias("challenger")
    assert champion is not None
    assert champion.version == version.tag
    assert challenger is not None
    assert challenger.version == second.tag


def test_of_two_first_versions_released_at_once_one_becomes_champion(project: Project) -> None:
    together = threading.Barrier(2)

    def release(who: str) -> ModelVersion:
        with projects.load(project.root) as own:
            together.wait()
            return lifecycle.release(own, who=who)

    with ThreadPoolExecutor(2) as pool:
        versions = {version.tag for version in pool.map(release, ("ada", "grace"))}
    aliases = (project.state.alias("champion"), project.state.alias("challenger"))
    assert {alias.version for alias in aliases if alias is not None} == versions
    acts = sorted(entry.action for entry in project.state.history() if entry.action != "release")
    assert acts == ["nominate", "promote"]


def test_a_product_changed_by_hand_is_not_released(project: Project) -> None:
    (project.root / "products" / "metrics.json").write_text("{}")
    with pytest.raises(PipelineError, match=r"metrics\.json"):
        lifecycle.release(project, who="ada")
    assert project.state.versions() == []
    (entry,) = project.state.audit()
    assert (entry.act, entry.target, entry.outcome) == ("release", "products", "failed")
    assert "metrics.json" in entry.detail


def test_a_release_that_would_break_a_consumer_names_it(project: Project) -> None:
    file = project.root / "consumers" / "rebooking-desk.yaml"
    file.write_text(file.read_text().replace("weekday: 3", "weekday: 8", 1) + "- predictions.0.score\n")
    version = lifecycle.release(project, who="ada")
    failed = {check.name: check.fact for check in version.gate.checks if not check.passed}
    assert list(failed) == ["consumer rebooking-desk"]
    assert "rows.0.weekday" in failed["consumer rebooking-desk"]
    assert registry.champion(project.state) is None
    assert project.state.versions() == [version]


def test_without_traffic_there_is_nothing_to_observe(project: Project) -> None:
    with pytest.raises(MonitoringError, match="No traffic"):
        lifecycle.observe(project)


def test_windows_are_judged_once_and_again_when_a_late_label_comes(live: tuple[Project, ModelVersion]) -> None:
    project, _ = live
    may = _live(project, "2013-05-02", "2013-06-03", labels=False)
    reports = lifecycle.observe(project)
    assert [report.open for report in reports] == [False, True]
    assert sum(report.rows for report in reports) == project.tables.count("predictions")
    first = _of(reports, 5)
    assert first.labelled == 0
    assert first.performance[0].metrics == {}
    assert first.verdict == "drift"
    assert {"temp", "dewp"} <= set(first.drifted)
    weights = {reading.column: reading.importance for reading in first.readings if reading.kind == "feature"}
    assert set(weights) == set(project.dataset.features)
    assert max(weight for weight in weights.values() if weight is not None) == 1.0
    assert lifecycle.observe(project) == []

    _label(project, may)
    again = _of(lifecycle.observe(project), 5)
    in_may = may[(may["scheduled_departure"] >= again.window.start) & (may["scheduled_departure"] < again.window.end)]
    assert again.labelled == len(in_may)
    expected = roc_auc_score(in_may["label"].astype(bool), in_may["probability"])
    assert again.performance[0].metrics["roc_auc"].value == pytest.approx(expected)
    assert again.readings == first.readings
    page = lifecycle.report(project)
    assert "temp" in page.read_text()


def test_drift_leads_to_a_challenger_trained_before_the_window_and_judged_on_it(
    live: tuple[Project, ModelVersion],
) -> None:
    project, champion = live
    _live(project, "2013-06-02", "2013-07-03")
    decisions = lifecycle.watch_once(project, who="policy")
    made = next(decision for decision in decisions if decision.window == _window(6))
    assert made.action == "retrain"
    challenger = project.state.versions()[0]
    assert challenger.tag != champion.tag
    assert (challenger.trained_from, challenger.trained_until) == ("2013-02-01", "2013-06-01")
    assert made.outcome is not None
    assert challenger.tag in made.outcome
    comparison = lifecycle.compare(project, champion.tag, challenger.tag, _window(6))
    now = registry.resolve(project.state, "champion")
    assert (now.tag == challenger.tag) == (comparison.better and challenger.gate.passed)
    alerts = project.state.open_alerts()
    assert any(alert.cause.startswith("drift:") for alert in alerts)
    lines = (project.root / ".roadworthy" / "alerts.jsonl").read_text().splitlines()
    assert len(lines) == len({alert.cause for alert in alerts})


def test_a_bad_version_is_found_out_and_taken_back(live: tuple[Project, ModelVersion]) -> None:
    project, good = live
    names = project.config.settings.pipeline
    hurried = {names.start: "2013-03-01", names.end: "2013-03-04", names.products: "products/hurried"}
    lifecycle.train(project, hurried)
    bad = lifecycle.release(project, who="bob", products="products/hurried")
    if not bad.gate.passed:
        with pytest.raises(GateRefused):
            registry.promote(project.config, project.state, bad.tag, who="bob", reason="in a hurry")
    registry.promote(project.config, project.state, bad.tag, who="bob", reason="in a hurry", force=True)
    _live(project, "2013-05-02", "2013-05-30")
    (decision,) = lifecycle.watch_once(project, who="policy")
    assert decision.action == "rollback"
    assert registry.resolve(project.state, "champion") == good
    last = project.state.history(limit=1)[0]
    assert (last.action, last.who, last.version_from, last.version_to) == ("rollback", "policy", bad.tag, good.tag)
    entry = project.state.audit()[0]
    assert (entry.act, entry.who, entry.target, entry.outcome) == ("rollback", "policy", good.tag, "done")
    assert entry.origin == "watch"


def test_what_is_wrong_with_a_service_is_told_without_traffic_and_resolved_when_it_has_gone(root: Path) -> None:
    with projects.load(root) as project:
        service = Deployment(id="box-1-a", pid=1, version=None, since=now(), heartbeat=now(), problem="no disk", lost=3)
        project.state.heartbeat(service)
        for _ in range(2):
            with pytest.raises(MonitoringError, match="No traffic"):
                lifecycle.watch_once(project, who="policy")
        told = {alert.cause: alert.delivered for alert in project.state.open_alerts()}
        assert told == {"service:no disk": True, "lost:box-1-a": True}
        lines = (root / ".roadworthy" / "alerts.jsonl").read_text().splitlines()
        assert len(lines) == 2  # each once, though looked at twice
        project.state.heartbeat(service.model_copy(update={"problem": None}))
        assert [finding.cause for finding in lifecycle.watch_services(project)] == ["lost:box-1-a"]
        assert [alert.cause for alert in project.state.open_alerts()] == ["lost:box-1-a"]
        over = json.loads((root / ".roadworthy" / "alerts.jsonl").read_text().splitlines()[-1])
        assert (over["cause"], bool(over["resolved"])) == ("service:no disk", True)


# --- while no row comes --------------------------------------------------------------------------------------------


def _judged(project: Project, month: int, kind: str = "", rows: int = 9000) -> WindowReport:
    """Keep the report of a month, in which something of a kind has changed, or nothing."""
    fields = {"effect": 0.9, "threshold": 0.5, "p_value": 0, "adjusted_p": 0, "n_reference": 9, "n_window": 9}
    about = {"column": "rows" if kind == "volume" else "temp", "kind": kind, "words": kind, "verdict": "drift"}
    report = WindowReport.model_validate(
        {
            "window": _window(month),
            "project": "late-flights",
            "rows": rows,
            "labelled": rows,
            "open": False,
            "versions": {},
            "reference": "late-flights:a",
            "readings": [about | fields | {"measure": "", "statistic": 0}] if kind else [],
            "verdict": "drift" if kind else "no drift",
            "drifted": [about["column"]] if kind else [],
        }
    )
    project.state.save_window(report)
    tell(findings(report), project.config, project.state)
    return report


def _open(project: Project) -> set[str]:
    return {alert.cause.partition(":")[0] for alert in project.state.open_alerts()}


def test_what_was_found_last_stays_while_no_row_comes_and_a_silence_is_over_with_the_first(root: Path) -> None:
    with projects.load(root) as project:
        _judged(project, 4)
        _judged(project, 5, "feature")
        for month in (6, 7, 8):
            _judged(project, month, "volume", rows=0)
        assert lifecycle.resolve_quiet_alerts(project) == []
        assert _open(project) == {"drift", "volume"}
        silence = next(alert for alert in project.state.open_alerts() if alert.cause.startswith("volume"))
        assert (silence.count, silence.role) == (3, "infrastructure")
        _judged(project, 9)
        assert lifecycle.resolve_quiet_alerts(project) == ["volume:rows:late-flights:a"]
        _judged(project, 10)
        lifecycle.resolve_quiet_alerts(project)
        assert _open(project) == set()


def test_the_newest_window_with_rows_still_leads_to_a_retraining_while_no_row_comes(root: Path) -> None:
    with projects.load(root) as project:
        drifted = _judged(project, 5, "feature")
        silent = [_judged(project, month, "volume", rows=0) for month in (6, 7)]
        assert lifecycle.decide(project, drifted).action == "retrain"
        told = lifecycle.decide(project, silent[-1])
        assert (told.action, told.reason) == ("alert", "rows: number of rows")


def test_windows_without_rows_do_not_end_the_wait_after_a_retraining(root: Path) -> None:
    with projects.load(root) as project:
        made = lifecycle.decide(project, _judged(project, 5, "feature"))
        project.state.add_decision(made.model_copy(update={"outcome": "promoted"}))
        for month in (6, 7):
            project.state.add_decision(lifecycle.decide(project, _judged(project, month, "volume", rows=0)))
        waits = lifecycle.decide(project, _judged(project, 8, "feature"))
        assert "within 2 windows of the last one" in waits.reason
