"""Retraining on a small project that is really built, served and judged; and what is left when its leader is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from roadworthy import approvals, lifecycle, registry, retraining, rollouts
from roadworthy import project as projects
from roadworthy.cli import main
from roadworthy.errors import ApprovalError
from roadworthy.monitoring import alerts
from roadworthy.project import Project
from roadworthy.records import Decision, Retraining, Rollout, Window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

JUNE = Window(start=datetime(2013, 6, 1, tzinfo=UTC), end=datetime(2013, 7, 1, tzinfo=UTC))


def _with_policy(project: Project, old: str, new: str) -> Project:
    policy = project.root / "monitoring" / "policy.yaml"
    text = policy.read_text()
    assert old in text
    policy.write_text(text.replace(old, new, 1))
    return projects.load(project.root)


def _actions(project: Project) -> list[str]:
    return [entry.action for entry in reversed(project.state.history())]


def _once(project: Project) -> None:
    """See that the chain was gone through once: one build, one version, one promotion."""
    (retrained,) = project.state.retrainings()
    assert (retrained.step, retrained.failed) == ("watch", False)
    assert project.state.versions()[0].tag == retrained.version
    assert len(project.state.versions()) == 2
    assert _actions(project) == ["release", "promote", "release", "retrain", "nominate", "promote"]
    builds = [run for run in project.state.runs() if run.parameters.get("products") == retrained.products and run.tasks]
    assert sum(task.state == "done" for run in builds for task in run.tasks) == 1
    assert registry.resolve(project.state, "champion").tag == retrained.version
    (made,) = [decision for decision in project.state.decisions() if decision.retrains]
    assert made.outcome == retrained.outcome


# --- from decision to promotion ------------------------------------------------------------------------------------


def test_a_drift_leads_to_a_better_version_that_is_watched_and_taken_back_when_it_disappoints(project: Project) -> None:
    (made, _) = lifecycle.watch_once(project, who="policy")
    assert (made.window, made.action) == (JUNE, "retrain")
    _once(project)
    (retrained,) = project.state.retrainings()
    assert (retrained.start, retrained.end, retrained.why) == (
        "2013-05-01",
        "2013-06-01",
        "the 1 months before the window",
    )
    assert retrained.comparison is not None
    assert retrained.comparison.better
    assert retrained.comparison.n == 3100  # the window's rows, and the day after it: the newest that neither knows
    assert made.outcome is not None
    assert made.outcome.startswith(f"trained {retrained.version} on 2013-05-01 to 2013-06-01")
    assert "promoted: roc_auc 0.9" in made.outcome
    assert lifecycle.watch_once(project, who="policy") == []  # everything was decided about
    registry.rollback(project.config, project.state, who="bob", reason="the desk complains")
    lifecycle.watch_once(project, who="policy")
    (ended,) = project.state.retrainings()
    assert ended.step == "done"
    assert ended.outcome.endswith("; taken back: the desk complains")


def test_what_the_policy_asks_is_answered_by_a_person(project: Project) -> None:
    with _with_policy(project, "then: promote  # when", "then: ask  # when") as asking:
        lifecycle.watch_once(asking, who="policy")
        (retrained,) = asking.state.retrainings()
        assert retrained.step == "ask"
        question = asking.state.decision(str(retrained.question))
        assert question is not None
        assert (question.asks_for, question.target, question.waits) == ("promote", retrained.version, True)
        (told,) = [alert for alert in asking.state.open_alerts() if alert.cause == f"approval:{question.id}"]
        assert f"roadworthy approve {question.id}" in told.message
        assert lifecycle.needs_somebody(asking)
        lifecycle.watch_once(asking, who="policy")
        assert len([decision for decision in asking.state.decisions() if decision.waits]) == 1  # asked once
        approvals.answer(asking, question.id, approve=True, who="ann", note="good")
        _approved(asking, question)


def test_a_better_version_answers_a_part_of_the_traffic_before_all_of_it(
    rolling: tuple[Project, Rollout], live: Callable[..., None]
) -> None:
    project, rollout = rolling
    live(project, "2013-07-02", "2013-07-25", rollout)
    time.sleep(0.5)  # what was received counts once it is in the past
    lifecycle.watch_once(project, who="policy")
    (retrained,) = project.state.retrainings()
    assert retrained.step == "watch"
    assert registry.resolve(project.state, "champion").tag == retrained.version == rollout.challenger
    assert [run.state for run in project.state.rollouts()] == ["promoted"]
    promotions = [entry for entry in project.state.history() if entry.action == "promote"]
    assert len(promotions) == 2
    assert promotions[0].reason.startswith(f"rollout {rollout.id}")
    lifecycle.watch_once(project, who="policy")
    assert len(project.state.versions()) == 2


def test_a_version_whose_rollout_was_broken_off_is_not_promoted(rolling: tuple[Project, Rollout]) -> None:
    project, _ = rolling
    champion = registry.resolve(project.state, "champion")
    rollouts.abort(project, who="bob", reason="the desk complains")
    lifecycle.watch_once(project, who="policy")
    (retrained,) = project.state.retrainings()
    assert (retrained.step, retrained.failed) == ("done", False)
    assert retrained.outcome.endswith("not promoted: its rollout was aborted by bob: the desk complains")
    assert registry.resolve(project.state, "champion") == champion


def _approved(project: Project, question: Decision) -> None:
    (retrained,) = project.state.retrainings()
    assert retrained.step == "watch"
    assert registry.resolve(project.state, "champion").tag == retrained.version
    assert _actions(project)[-2:] == ["approve", "promote"]
    log = [(entry.who, entry.act, entry.outcome) for entry in project.state.audit()]
    assert ("ann", "approve", "done") in log
    assert [alert for alert in project.state.open_alerts() if alert.cause.startswith("approval:")] == []
    with pytest.raises(ApprovalError, match="was approved by ann"):
        approvals.answer(project, question.id, approve=False, who="bob")


def _observe(project: Project, *options: str) -> int:
    """Run `roadworthy observe` in this process, and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["roadworthy", "observe", "-C", str(project.root), *options])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def test_to_judge_decides_nothing_and_to_observe_says_whether_somebody_is_needed(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _observe(project, "--only-judge", "--exit-code", "--json") == 0
    judged = json.loads(capsys.readouterr().out)
    assert len(judged["windows"]) == 2
    assert (judged["decisions"], judged["alerts"], judged["needs_somebody"]) == ([], [], False)
    assert project.state.decisions() == []
    retraining_ones = "on_drift: retrain\n  on_performance_fall: retrain"
    with _with_policy(project, retraining_ones, retraining_ones.replace("retrain", "alert")) as telling:
        assert _observe(telling, "--exit-code") == 1
        assert "decision for 2013-06-01: alert" in capsys.readouterr().out
        for alert in telling.state.open_alerts():
            alerts.acknowledge(telling.state, str(alert.id), who="ann")
        assert _observe(telling, "--exit-code", "--json") == 0
        looked = json.loads(capsys.readouterr().out)
    assert (looked["decisions"], looked["needs_somebody"]) == ([], False)
    assert {"concept", "drift", "performance"} <= {alert["cause"].partition(":")[0] for alert in looked["alerts"]}


def test_a_pipeline_that_fails_is_an_outcome_and_an_alert(project: Project) -> None:
    notebook = project.root / "notebooks" / "learn.ipynb"
    notebook.write_text(notebook.read_text().replace("LogisticRegression().fit", "nobody().fit"))
    lifecycle.watch_once(project, who="policy")
    (retrained,) = project.state.retrainings()
    assert (retrained.step, retrained.failed, retrained.version) == ("done", True, None)
    assert retrained.outcome.startswith("failed at step 'train': Task 'learn' failed")
    (alert,) = [alert for alert in project.state.open_alerts() if alert.cause == f"retraining:{retrained.id}"]
    assert alert.role == "model"
    lifecycle.watch_once(project, who="policy")
    assert project.state.retrainings() == [retrained]  # nobody tries the same again


# --- killed, and at once -------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from roadworthy import project, retraining
root, step, moment = sys.argv[1:]
opened = project.load(Path(root))
work, lead_on = retraining._STEPS[step], opened.state.lead_on
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def work_and_die(*given):
    work(*given)
    die()
def keep_and_die(record, *, after, **given):
    kept = lead_on(record, after=after, **given)
    if after == step:
        die()
    return kept
def ask_and_die(record, *, asking=None, **given):
    return die() if asking else lead_on(record, asking=asking, **given)
if moment == "begun":
    retraining._STEPS[step] = die
elif moment == "worked":
    retraining._STEPS[step] = work_and_die
elif moment == "asking":
    opened.state.lead_on = ask_and_die
else:
    opened.state.lead_on = keep_and_die
retraining.go_on(opened, who="policy", lease=timedelta(seconds=0.5))
"""
LOOKING = """
import sys
from pathlib import Path
from roadworthy import lifecycle, project
with project.load(Path(sys.argv[1])) as opened:
    print("ready", flush=True)
    sys.stdin.readline()
    lifecycle.watch_once(opened, who="policy")
"""


def _opened(project: Project) -> Retraining:
    """Observe and decide, and let the process end before it leads the retraining on."""
    lifecycle.observe(project)
    for report in project.state.windows():
        decision = lifecycle.decide(project, report)
        opening = retraining.plan(project, decision, report) if decision.action == "retrain" else None
        assert project.state.add_decision(decision, opening)
    (opened,) = project.state.retrainings()
    return opened


def _kill(project: Project, step: str, moment: str) -> None:
    command = [sys.executable, "-c", KILLED, str(project.root), step, moment]
    died = subprocess.run(command, check=False, timeout=200)
    assert died.returncode == -signal.SIGKILL, (step, moment)
    time.sleep(0.6)  # its lease runs out


def _goes_on(project: Project, points: list[tuple[str, str]]) -> None:
    _opened(project)
    for step, moment in points:
        _kill(project, step, moment)
    lifecycle.watch_once(project, who="policy")
    _once(project)


def test_a_leader_that_is_killed_is_followed_by_the_next_look(project: Project) -> None:
    _goes_on(project, [("promote", "worked")])


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_whoever_is_killed_at_any_step_the_chain_is_gone_through_once(project: Project) -> None:
    steps, moments = ("train", "release", "compare", "promote"), ("begun", "worked", "kept")
    _goes_on(project, list(product(steps, moments)))


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_whoever_is_killed_over_a_question_it_is_put_once_and_its_answer_holds(project: Project) -> None:
    with _with_policy(project, "then: promote  # when", "then: ask  # when") as asking:
        _opened(asking)
        _kill(asking, "ask", "asking")  # it was made, and not kept
        assert [decision for decision in asking.state.decisions() if decision.waits] == []
        for moment in ("kept", "begun", "worked"):
            _kill(asking, "ask", moment)
        lifecycle.watch_once(asking, who="policy")
        (question,) = [decision for decision in asking.state.decisions() if decision.waits]
        assert asking.state.answer_decision(question.id, "approved", who="ann", note="")
        for moment in ("begun", "worked", "kept"):
            _kill(asking, "ask", moment)
        lifecycle.watch_once(asking, who="policy")
        _once(asking)
        assert [made.asks_for for made in asking.state.decisions() if made.asks_for] == ["promote"]


@pytest.mark.full
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
def test_whenever_a_look_is_killed_the_next_goes_on(project: Project, seconds: float) -> None:
    command = [sys.executable, "-c", LOOKING, str(project.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
    for retrained in project.state.retrainings():  # as if its lease had run out
        project.state.claim_retraining(retrained.id, "t", datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC))
    lifecycle.watch_once(project, who="policy")
    _once(project)


def test_of_two_who_look_at_once_one_retrains(project: Project) -> None:
    command = [sys.executable, "-c", LOOKING, str(project.root)]
    looking = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in looking:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in looking:
        process.communicate("go\n", timeout=300)
    assert [process.returncode for process in looking] == [0, 0]
    _once(project)
    judged = [(decision.window, decision.judged) for decision in project.state.decisions()]
    assert len(judged) == len(set(judged))


def test_a_step_that_is_never_ended_is_given_up(project: Project) -> None:
    opened = _opened(project)
    for _ in range(5):
        project.state.claim_retraining(opened.id, "dead", datetime.now(UTC), datetime.now(UTC))
    (given_up,) = retraining.go_on(project, who="policy")
    assert given_up.failed
    assert given_up.outcome == "given up: it was begun 5 times at step 'train' and never came to its end"
    assert retraining.go_on(project, who="policy") == []
