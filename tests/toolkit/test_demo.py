"""The demo, whole, on fewer flights: its account is checked against the tables and the state, not against its words."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from filelock import FileLock

from roadworthy import project as projects
from roadworthy.demo import MARKER, NAME
from roadworthy.demo.stage import QUICK
from roadworthy.monitoring.alerts import UNDELIVERED
from roadworthy.monitoring.windows import window_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the quick demo once; return the project's folder and what was printed."""
    folder = tmp_path_factory.mktemp("demo")
    environment = os.environ | {"BENTOML_HOME": str(folder / "bentoml")}
    done = subprocess.run(
        [sys.executable, "-m", "roadworthy.cli", "demo", "--quick", "--folder", str(folder / "work")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "work" / NAME, done.stdout


def test_sent_is_answered_is_captured(demo: tuple[Path, str]) -> None:
    root, told = demo
    assert "✗ requests" not in told
    with projects.load(root) as project:
        captured = project.tables.read("predictions", columns=["request_id", "row", "version"])
        labels = project.tables.read("labels", columns=["request_id", "row"])
        released = {version.tag for version in project.state.versions()}
    assert not captured.duplicated(["request_id", "row"]).any()
    assert f"✓ rows: {len(captured):,} sent, {len(captured):,} answered, {len(captured):,} captured" in told
    joined = labels.drop_duplicates().merge(captured, on=["request_id", "row"])
    assert f"{len(joined):,} joined to their prediction" in told
    assert set(captured["version"]) <= released


def test_every_window_was_judged_and_the_way_back_was_taken(demo: tuple[Path, str]) -> None:
    root, _ = demo
    with projects.load(root) as project:
        reports, history, alerts = project.state.windows(), project.state.history(), project.state.alerts()
        captured = project.tables.count("predictions")
        champion = project.state.alias("champion")
    assert sum(report.rows for report in reports) == captured
    assert not any(report.open for report in reports)
    assert all((root / "reports" / f"{r.window.name}.profile.bin").stat().st_size for r in reports)
    (forced,) = [entry for entry in history if entry.action == "promote" and entry.forced]
    (back,) = [entry for entry in history if entry.action == "rollback" and entry.version_from == forced.version_to]
    assert back.version_to == forced.version_from
    assert back.who
    assert back.reason
    assert champion is not None
    assert champion.version != forced.version_to
    for cause in {alert.cause for alert in alerts}:  # told again only after it had gone
        same = sorted((alert for alert in alerts if alert.cause == cause), key=lambda alert: alert.since)
        assert all(gone.resolved and gone.resolved <= again.since for gone, again in pairwise(same))
    sent = [json.loads(line) for line in (root / ".roadworthy" / "alerts.jsonl").read_text().splitlines()]
    assert sorted(line["id"] for line in sent if not line["resolved"]) == sorted(alert.id for alert in alerts)
    over = [line["id"] for line in sent if line["resolved"]]
    assert len(over) == len(set(over))
    assert set(over) <= {alert.id for alert in alerts if alert.resolved and not alert.resolved_by}


def test_people_were_asked_and_saw_to_what_was_found(demo: tuple[Path, str]) -> None:
    root, told = demo
    with projects.load(root) as project:
        state = project.state
        decisions, alerts, observers, reports = state.decisions(), state.alerts(), state.observers(), state.windows()
        acts = [entry.action for entry in state.history()]
    asked = [decision for decision in decisions if decision.asks_for == "retrain"]
    assert all(decision.answer == "approved" and decision.outcome for decision in asked)
    assert acts.count("approve") == len(asked)
    assert not any(decision.action == "retrain" for decision in decisions)
    (observer,) = observers
    assert observer.died
    (death,) = [alert for alert in alerts if alert.cause == "observer"]
    assert death.resolved_by
    assert any(alert.acknowledged_by for alert in alerts)
    expected = sum(report.expected_false_alarms for report in reports)
    assert f"{expected:.2g} would be expected to, at most" in told


def test_a_better_challenger_was_tried_on_traffic_before_it_was_promoted(demo: tuple[Path, str]) -> None:
    root, _ = demo
    with projects.load(root) as project:
        state = project.state
        retrainings, rollouts, history = state.retrainings(), state.rollouts(), state.history()
        answered = project.tables.read("predictions", columns=["version", "role", "rollout"])
    better = {one.version for one in retrainings if one.comparison and one.comparison.better}
    assert {rollout.challenger for rollout in rollouts} == better
    assert not any(rollout.state == "running" for rollout in rollouts)
    for rollout in rollouts:
        meanwhile = answered[answered["rollout"] == rollout.id]
        by_role = {role: set(rows) for role, rows in meanwhile.groupby("role")["version"]}
        assert by_role == {"champion": {rollout.champion}, "canary": {rollout.challenger}}
    promoted = {rollout.challenger for rollout in rollouts if rollout.state == "promoted"}
    assert promoted == {entry.version_to for entry in history if (entry.who, entry.action) == ("policy", "promote")}


def test_what_nobody_acknowledged_went_on_to_the_backup_and_arrived_in_the_end(demo: tuple[Path, str]) -> None:
    root, _ = demo
    with projects.load(root) as project:
        alerts, backup = project.state.alerts(), project.config.policy.owners.model.backup
    handed = [alert for alert in alerts if alert.escalated]
    assert handed
    assert all(alert.reached == ("json, number 1 in owners.model.backup.to",) for alert in handed)
    (undelivered,) = [alert for alert in alerts if alert.cause == UNDELIVERED]
    assert undelivered.resolved
    assert not undelivered.resolved_by  # it went when the others had arrived
    assert all(alert.delivered and not alert.error for alert in alerts)
    assert backup is not None
    assert not backup.to  # as it was before


def test_other_windows_were_tried_on_the_side(demo: tuple[Path, str]) -> None:
    root, told = demo
    with projects.load(root) as project:
        windows, reports = project.config.policy.window, project.state.windows()
        captured = project.tables.count("predictions")
    assert (windows.length, windows.rows, windows.reference) == ("month", None, "training")
    assert all(report.window == window_of(report.window.start, "month") for report in reports)
    assert all(report.baseline and report.baseline.kind == "training" for report in reports)
    tried = told[told.index("By other windows") : told.index("The account")]
    rows = [int(found.replace(",", "")) for found in re.findall(r"([\d,]+) rows, ", tried)]
    (other,) = QUICK.windows
    assert rows[0] >= (other.rows or captured)
    assert sum(rows) == captured  # every row is in one of them, too


def test_status_gives_what_programs_need(demo: tuple[Path, str]) -> None:
    root, _ = demo
    command = [sys.executable, "-m", "roadworthy.cli", "status", "--json", "-C", str(root)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert {"version", "since", "metrics"} <= set(found["champion"])
    assert {"id", "state", "tasks"} <= set(found["last_run"])
    assert all({"start", "end", "rows", "verdict", "drifted"} <= set(window) for window in found["windows"])
    assert all({"owner", "cause", "since"} <= set(alert) for alert in found["alerts"])
    assert found["deployments"] == []


def test_the_report_needs_no_network(demo: tuple[Path, str]) -> None:
    root, told = demo
    page = root / "reports" / "report.html"
    assert str(page) in told
    text = page.read_text()
    assert "<svg" in text
    assert not any(word in text for word in ('src="http', 'href="http', "@import", "url(http"))


def test_it_ends_by_telling_how_to_see_it_in_jupyterlab(demo: tuple[Path, str]) -> None:
    root, told = demo
    last = told[told.index("See it all") :]
    assert f"cd {root} && jupyter lab" in last
    assert "make lab" not in last  # which only a checkout has
    (report,) = re.findall(r"reports/\S+\.drift\.json", last)
    assert (root / report).is_file()
    (notebook,) = re.findall(r"notebooks/\S+\.ipynb", last)
    assert (root / notebook).is_file()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of it")
    command = [sys.executable, "-m", "roadworthy.cli", "demo", "--quick", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "not an earlier demo" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_at_once_do_not_meet_in_a_folder(tmp_path: Path) -> None:
    with FileLock(tmp_path / MARKER):
        command = [sys.executable, "-m", "roadworthy.cli", "demo", "--quick", "--folder", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Another demo is running" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]
