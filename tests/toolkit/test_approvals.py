"""Approvals: a person's yes is carried out once, a no is kept, and neither is taken about what has changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from roadworthy import approvals, lifecycle, registry
from roadworthy import project as projects
from roadworthy.cli import main
from roadworthy.errors import ApprovalError
from roadworthy.project import Project
from roadworthy.records import Decision, GateCheck, GateVerdict, RunRecord, Window, WindowReport, now

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
    made = []
    for seed in (1, 2):
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
        registry.promote(project.config, project.state, version.tag, who="ann", reason="")
        made.append(version.tag)
    return made[0], made[1]


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


Ask = Callable[..., Decision]


def _champion(project: Project) -> str:
    return registry.resolve(project.state, "champion").tag


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
    facts = {"rows": 9, "labelled": 9, "open": False, "versions": {}, "project": "p", "reference": versions[1]}
    project.state.save_window(WindowReport.model_validate(facts | {"window": MAY, "verdict": "drift"}))
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
