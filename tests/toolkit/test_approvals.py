"""Approvals: a person's yes is carried out once, a no is kept, and neither is taken about what has changed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from roadworthy import approvals, lifecycle, registry, retraining
from roadworthy import project as projects
from roadworthy.cli import main
from roadworthy.errors import ApprovalError, NoTraffic
from roadworthy.project import Project
from roadworthy.records import (
    Comparison,
    Decision,
    GateCheck,
    GateVerdict,
    ModelVersion,
    Retraining,
    RunRecord,
    Window,
    WindowReport,
    now,
)

CONTRACT = """
kind: DataContract
apiVersion: v3.2.0
id: small
version: 1.0.0
schema:
- name: flights
  properties:
  - {name: id, logicalType: string, required: true, customProperties: [{property: role, value: identifier}]}
  - {name: distance, logicalType: number, required: true, customProperties: [{property: role, value: feature}]}
"""
MAY = Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC))
Versions = tuple[str, str]


@pytest.fixture
def project(root: Path, state_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The reference project on the database at hand."""
    monkeypatch.setenv("ROADWORTHY_STATE", state_address)
    with projects.load(root) as project:
        yield project


@pytest.fixture
def versions(project: Project) -> Versions:
    """The former champion and the present one."""
    made = [_version(project, seed) for seed in (1, 2)]
    for tag in made:
        registry.promote(project.config, project.state, tag, who="ann", reason="")
    return made[0], made[1]


def _version(project: Project, seed: int) -> str:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"distance": rng.uniform(0, 3, 100)})
    model = LogisticRegression().fit(rows, rows["distance"] + rng.normal(0, 1, 100) > 1.5)
    smoke = {"rows": [{"id": "a", "distance": 1.0}]}
    smoke["probabilities"] = model.predict_proba(pd.DataFrame({"distance": [1.0]}))[:, 1].tolist()
    version = registry.add(
        project.config,
        project.state,
        run=RunRecord(id=f"run-{seed}", project="late-flights", state="done", started=now()),
        verdict=GateVerdict(checks=(GateCheck(name="owners", passed=True, fact="all are named"),)),
        metrics={},
        files={
            "model.skops": skops.io.dumps(model),
            "contract.yaml": CONTRACT.encode(),
            "smoke.json": json.dumps(smoke).encode(),
        },
        contract_hash="abc",
        tables={},
        trained_from=None,
        trained_until=None,
        who="ann",
    )
    return version.tag


@pytest.fixture
def ask(project: Project, versions: Versions) -> Callable[..., Decision]:
    """Keep a decision that asks for something."""

    def asked(asks_for: str = "rollback", **fields: object) -> Decision:
        given = {"window": MAY, "action": "ask", "asks_for": asks_for, "reason": "it answers better"}
        given |= {"champion": versions[1], "target": versions[0]}
        decision = Decision.model_validate(given | fields)
        project.state.add_decision(decision)
        return decision

    return asked


@pytest.fixture
def meanwhile(project: Project, versions: Versions, monkeypatch: pytest.MonkeyPatch) -> str:
    """A third version, which bob makes champion in the seconds in which the next one is tried."""
    third, smoke = _version(project, 3), registry.smoke

    def tried(model: registry.LoadedModel) -> None:
        monkeypatch.setattr(registry, "smoke", smoke)
        registry.promote(project.config, project.state, third, who="bob", reason="by hand")
        smoke(model)

    monkeypatch.setattr(registry, "smoke", tried)
    return third


Ask = Callable[..., Decision]
FACTS = {"window": MAY, "rows": 9, "labelled": 9, "open": False, "versions": {}, "project": "p", "verdict": "drift"}


def _champion(project: Project) -> str:
    return registry.resolve(project.state, "champion").tag


def _report(versions: Versions) -> WindowReport:
    return WindowReport.model_validate(FACTS | {"reference": versions[1]})


def _rollback(versions: Versions) -> Decision:
    return Decision(
        window=MAY,
        judged=now(),
        action="rollback",
        reason="it answers better",
        champion=versions[1],
        target=versions[0],
    )


def _rollbacks(project: Project) -> int:
    return sum(entry.action == "rollback" for entry in project.state.history(limit=None))


def test_a_rollback_that_is_approved_is_done_at_once_and_once(project: Project, versions: Versions, ask: Ask) -> None:
    question = ask()
    (told,) = approvals.questions(project)
    assert told.title == f"Go back to {versions[0]}?"
    done = approvals.answer(project, question.id, approve=True, who="ann", note="it warns of everything")
    assert (done.answer, done.answered_by, done.note) == ("approved", "ann", "it warns of everything")
    assert done.outcome is not None
    assert done.outcome.startswith(f"rolled back to {versions[0]}")
    assert _champion(project) == versions[0]
    approvals.carry_out(project, who="policy")
    acts = [(entry.action, entry.who) for entry in project.state.history(limit=2)]
    assert acts == [("rollback", "ann"), ("approve", "ann")]
    approved = project.state.history(limit=2)[1]
    assert (approved.version_from, approved.version_to) == (versions[1], versions[0])
    log = [(entry.act, entry.target, entry.outcome) for entry in project.state.audit(limit=2)]
    assert log == [("rollback", versions[0], "done"), ("approve", f"rollback {versions[0]}", "done")]
    assert approvals.questions(project) == []


def test_an_approval_whose_giver_died_is_carried_out_by_the_next_look(
    project: Project, versions: Versions, ask: Ask
) -> None:
    question = ask()
    project.state.answer_decision(question.id, "approved", who="ann", note="")
    approvals.carry_out(project, who="policy")
    assert _champion(project) == versions[0]
    kept = project.state.decision(question.id)
    assert kept is not None
    assert kept.outcome is not None


def test_a_no_is_kept_and_nothing_is_done(project: Project, versions: Versions, ask: Ask) -> None:
    question = ask()
    rejected = approvals.answer(project, question.id, approve=False, who="bob", note="June is hard")
    assert (rejected.answer, rejected.outcome) == ("rejected", None)
    assert _champion(project) == versions[1]
    assert (project.state.audit()[0].act, project.state.audit()[0].detail) == ("reject", "June is hard")
    entry = project.state.history()[0]
    assert (entry.action, entry.who, entry.reason) == ("reject", "bob", "June is hard")
    assert (entry.version_from, entry.version_to) == (versions[1], versions[0])
    with pytest.raises(ApprovalError, match="was rejected by bob"):
        approvals.answer(project, question.id, approve=True, who="ann")
    assert project.state.audit()[0].outcome == "refused"


def test_a_question_about_a_champion_of_the_past_is_not_approved_but_withdrawn(
    project: Project, versions: Versions, ask: Ask
) -> None:
    question = ask()
    registry.rollback(project.config, project.state, who="ann", reason="by hand")
    with pytest.raises(ApprovalError, match=f"was about {versions[1]}, and {versions[0]} is champion now"):
        approvals.answer(project, question.id, approve=True, who="ann")
    approvals.carry_out(project, who="policy")
    kept = project.state.decision(question.id)
    assert kept is not None
    assert (kept.answer, kept.note) == ("rejected", f"withdrawn: {versions[1]} is no longer champion")


def test_a_retraining_that_is_approved_begins_with_the_next_look(
    project: Project, versions: Versions, ask: Ask
) -> None:
    project.state.save_window(_report(versions))
    question = ask("retrain", target=None)
    approvals.answer(project, question.id, approve=True, who="ann")
    (opened,) = project.state.retrainings()
    assert (opened.step, opened.start, opened.end, opened.decision) == (
        "train",
        "2013-01-01",
        "2013-05-01",
        question.id,
    )
    again = ask("retrain", target=None)
    with pytest.raises(ApprovalError, match="has led to a retraining"):
        approvals.answer(project, again.id, approve=True, who="ann")


# --- another becomes champion in that moment ------------------------------------------------------------------------


def test_a_rollback_by_policy_does_not_override_who_became_champion_meanwhile(
    project: Project, versions: Versions, meanwhile: str
) -> None:
    kept = lifecycle.act(project, _rollback(versions), _report(versions), who="policy")
    assert kept is not None
    assert kept.outcome == f"not rolled back: {versions[1]} is no longer champion"
    assert (_champion(project), _rollbacks(project)) == (meanwhile, 0)
    log = [(entry.act, entry.outcome) for entry in project.state.audit(limit=2)]
    assert log == [("rollback", "refused"), ("promote", "done")]


def test_a_rollback_that_is_approved_does_not_override_who_became_champion_meanwhile(
    project: Project, versions: Versions, ask: Ask, meanwhile: str
) -> None:
    question = ask()
    with pytest.raises(ApprovalError, match=f"approved, and nothing done: {versions[1]} is no longer champion"):
        approvals.answer(project, question.id, approve=True, who="ann")
    assert (_champion(project), _rollbacks(project)) == (meanwhile, 0)
    kept = project.state.decision(question.id)
    assert kept is not None
    assert (kept.answer, kept.outcome) == ("approved", f"not rolled back: {versions[1]} is no longer champion")


def test_a_promotion_that_is_approved_is_compared_anew_with_who_became_champion_meanwhile(
    project: Project, versions: Versions, ask: Ask, meanwhile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beaten, challenger = versions[1], _version(project, 4)
    comparison = Comparison(
        metric="roc_auc",
        champion=beaten,
        challenger=challenger,
        n=9,
        champion_value=0.6,
        challenger_value=0.7,
        gain=0.1,
        low=0.05,
        high=0.15,
    )
    question = ask("promote", target=challenger, judged=now())
    words = {"reason": "", "start": "2013-04-01", "end": "2013-05-01", "why": "", "products": "", "step": "ask"}
    about = {"window": MAY, "champion": beaten, "decision": question.id, "question": question.id}
    opened = words | about | {"id": "r1", "version": challenger, "comparison": comparison}
    project.state.add_decision(_rollback(versions), Retraining.model_validate(opened))
    compared: list[str] = []

    def compare(project: Project, champion: ModelVersion, *given: object) -> Comparison:
        compared.append(champion.tag)
        return comparison.model_copy(update={"champion": champion.tag, "low": -0.05})

    monkeypatch.setattr(retraining, "compare", compare)
    approvals.answer(project, question.id, approve=True, who="ann")
    (ended,) = project.state.retrainings()
    assert compared == [meanwhile]
    assert (ended.step, ended.failed, ended.promoted) == ("done", False, None)
    assert _champion(project) == meanwhile


# --- whoever decides or acts dies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["registry.rollback", "state.finish_decision"])
def test_a_rollback_whose_decider_was_interrupted_is_done_once_by_the_next_look(
    project: Project, versions: Versions, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    owner = registry if place.startswith("registry") else project.state
    decision = _rollback(versions)
    with monkeypatch.context() as patch:
        patch.setattr(owner, place.partition(".")[2], interrupted)
        with pytest.raises(KeyboardInterrupt):
            lifecycle.act(project, decision, _report(versions), who="policy")
    _done_once_by_the_next_look(project, versions, decision)


DYING = """
import os, signal, sys
from pathlib import Path
from roadworthy import lifecycle, project, registry
from roadworthy.records import Decision, WindowReport
root, moment, decision, report = sys.argv[1:]
opened = project.load(Path(root))
def die(*given, **named):
    os.kill(os.getpid(), signal.SIGKILL)
def then_die(work):
    def worked(*given, **named):
        work(*given, **named)
        die()
    return worked
if moment == "kept":
    opened.state.add_decision = then_die(opened.state.add_decision)
elif moment == "tried":
    registry.smoke = then_die(registry.smoke)
elif moment == "moved":
    opened.state.move_alias = then_die(opened.state.move_alias)
elif moment == "logged":
    opened.state.finish_decision = die
lifecycle.act(opened, Decision.model_validate_json(decision), WindowReport.model_validate_json(report), who="policy")
"""


@pytest.mark.full
@pytest.mark.parametrize("moment", ["kept", "tried", "moved", "logged"])
def test_a_rollback_whose_decider_was_killed_is_done_once_by_the_next_look(
    project: Project, versions: Versions, moment: str
) -> None:
    decision = _rollback(versions)
    documents = (decision.model_dump_json(), _report(versions).model_dump_json())
    command = [sys.executable, "-c", DYING, str(project.root), moment, *documents]
    assert subprocess.run(command, check=False, timeout=200).returncode == -signal.SIGKILL
    assert _rollbacks(project) == (moment in ("moved", "logged"))
    _done_once_by_the_next_look(project, versions, decision)


def _done_once_by_the_next_look(project: Project, versions: Versions, decision: Decision) -> None:
    open_yet = project.state.decision(decision.id)
    assert open_yet is not None
    assert open_yet.outcome is None
    for _ in range(2):
        with pytest.raises(NoTraffic):
            lifecycle.watch_once(project, who="policy")
    kept = project.state.decision(decision.id)
    assert kept is not None
    assert kept.outcome is not None
    assert kept.outcome.startswith(f"rolled back to {versions[0]} in ")
    assert (_champion(project), _rollbacks(project)) == (versions[0], 1)


def test_what_asks_for_nothing_is_told_with_what_does(project: Project, ask: Ask) -> None:
    question = ask()
    with pytest.raises(ApprovalError, match="'nobody' asks for an approval") as caught:
        approvals.answer(project, "nobody", approve=True, who="ann")
    assert question.id in caught.value.next_step


def test_the_command_answers(
    project: Project, versions: Versions, ask: Ask, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["roadworthy", *words, "-C", str(project.root)])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    question = ask()
    assert run("status") == 0
    assert f"{question.id}: rollback? it answers better" in capsys.readouterr().out
    assert run("approve", question.id, "--reject", "--note", "no", "--who", "bob") == 0
    assert "rejected by bob" in capsys.readouterr().out
    assert run("approve", ask().id, "--who", "ann", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["answer"], told["answered_by"]) == ("approved", "ann")
    assert run("approve", question.id) == 2
    captured = capsys.readouterr().err
    assert "was rejected by bob" in captured
    assert "Traceback" not in captured
    assert not lifecycle.needs_somebody(project)
