"""Rollouts on real models, tables and databases: who may start, what a look does, and that it does it once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from roadworthy import lifecycle, registry, rollouts
from roadworthy import project as projects
from roadworthy.cli import main
from roadworthy.config import RolloutPolicy
from roadworthy.errors import GateRefused, MonitoringError, RegistryError, RolloutError, StateError, UnknownVersion
from roadworthy.project import Project
from roadworthy.records import GateCheck, GateVerdict, ModelVersion, Rollout, RunRecord, now
from roadworthy.serving import capture

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
ROWS = [{"id": "a", "distance": 100.0}, {"id": "b", "distance": 2500.5}]
LATER = timedelta(minutes=15)
Release = Callable[..., ModelVersion]


@pytest.fixture
def project(root: Path, state_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The reference project on the database at hand, without any version."""
    monkeypatch.setenv("ROADWORTHY_STATE", state_address)
    with projects.load(root) as project:
        yield project


@pytest.fixture
def release(project: Project) -> Release:
    """Release a small model; whether its gate passed, and by how much its recorded smoke answer is off."""

    def released(*, passed: bool = True, off_by: float = 0.0, contract: str = CONTRACT) -> ModelVersion:
        rng = np.random.default_rng(len(project.state.versions()))
        rows = pd.DataFrame({"distance": rng.uniform(10, 3000, 200)})
        model = LogisticRegression(max_iter=1000).fit(rows, rows["distance"] + rng.normal(0, 900, 200) > 1500)
        probabilities = model.predict_proba(pd.DataFrame(ROWS)[["distance"]])[:, 1] + off_by
        return registry.add(
            project.config,
            project.state,
            run=RunRecord(id="run-1", project="late-flights", state="done", started=now()),
            verdict=GateVerdict(checks=(GateCheck(name="owners", passed=passed, fact="all are named"),)),
            metrics={},
            files={
                "model.skops": skops.io.dumps(model),
                "contract.yaml": contract.encode(),
                "smoke.json": json.dumps({"rows": ROWS, "probabilities": probabilities.tolist()}).encode(),
            },
            contract_hash="abc",
            tables={},
            trained_from=None,
            trained_until=None,
            who="ann",
        )

    return released


@pytest.fixture
def pair(project: Project, release: Release) -> tuple[str, str]:
    """A champion and a challenger."""
    champion, challenger = release().tag, release().tag
    registry.promote(project.config, project.state, champion, who="ann", reason="the first")
    return champion, challenger


def _start(project: Project, challenger: str, *steps: float) -> Rollout:
    return rollouts.start(project, challenger, mode="canary", who="ann", reason="faster", steps=steps or None)


def _answer(project: Project, rollout: Rollout, requests: int = 2000) -> None:
    """Put into the tables what services of the present step have captured: all is well."""
    moments = pd.Timestamp(rollout.since) + pd.to_timedelta(np.arange(requests), unit="ms")
    frame = pd.DataFrame(
        {
            "request_id": [f"{rollout.id}-{rollout.step}-{number}" for number in range(requests)],
            "row": np.zeros(requests, dtype=np.int64),
            "received": moments.astype("datetime64[us, UTC]"),
            "version": rollout.challenger,
            "rollout": rollout.id,
            "probability": 0.3,
            "prediction": False,
            "seconds": 0.01,
        }
    )
    if rollout.mode == "canary":
        project.tables.append("predictions", frame.assign(role="canary"))
        return
    project.tables.append("shadow", frame)
    project.tables.append("predictions", frame.assign(version=rollout.champion, role="champion", rollout=""))


def _look(project: Project, rollout: Rollout, after: timedelta = LATER) -> Rollout:
    found = rollouts.look(project, who="watch", now=rollout.since + after)
    assert found is not None
    return found


def _champion(project: Project) -> str:
    return registry.resolve(project.state, "champion").tag


# --- who may start -------------------------------------------------------------------------------------------------


def test_a_rollout_that_starts_stands_in_state_history_and_audit_log(project: Project, pair: tuple[str, str]) -> None:
    rollout = _start(project, pair[1])
    assert project.state.running_rollout() == rollout
    assert (rollout.champion, rollout.challenger, rollout.share, rollout.who) == (*pair, 0.01, "ann")
    entry = project.state.history()[0]
    assert (entry.action, entry.version_from, entry.version_to, entry.who) == ("rollout", *pair, "ann")
    assert entry.reason == f"rollout {rollout.id}, running: canary, step 1 of 3, 1 % of the traffic: faster"
    written = project.state.audit()[0]
    assert (written.act, written.target, written.outcome) == ("start rollout", pair[1], "done")
    with pytest.raises(StateError, match="running already"):
        _start(project, pair[1])


def test_a_challenger_that_is_not_ready_is_refused_and_the_history_says_so(
    project: Project, pair: tuple[str, str], release: Release
) -> None:
    other = CONTRACT.replace("name: distance, logicalType: number", "name: distance, logicalType: string")
    for made, error, fact in (
        (release(passed=False), GateRefused, "did not pass its gate"),
        (release(off_by=0.1), RegistryError, "smoke request otherwise"),
        (release(contract=other), RolloutError, "do not carry as it takes them"),
    ):
        with pytest.raises(error, match=fact):
            _start(project, made.tag)
        entry = project.state.history()[0]
        assert (entry.action, entry.version_to) == ("refuse", made.tag)
        assert entry.reason.startswith("rollout refused: ")
        assert project.state.audit()[0].outcome == "refused"
    assert project.state.running_rollout() is None


def test_a_challenger_that_needs_more_than_requests_carry_is_refused(project: Project, release: Release) -> None:
    narrow = CONTRACT.replace("name: distance", "name: length")
    champion = release(contract=narrow)
    registry.promote(
        project.config, project.state, champion.tag, who="ann", reason="", force=True
    )  # what it answers matters not
    with pytest.raises(RolloutError, match=r"needs distance, which requests to .* do not carry"):
        _start(project, release().tag)


def test_what_makes_no_sense_is_refused(project: Project, release: Release) -> None:
    version = release().tag
    with pytest.raises(RolloutError, match="There is no champion"):
        _start(project, version)
    registry.promote(project.config, project.state, version, who="ann", reason="")
    with pytest.raises(RolloutError, match="is champion already"):
        _start(project, version)
    with pytest.raises(UnknownVersion):
        _start(project, "nobody")
    with pytest.raises(RolloutError, match=r"0.5, 0.1 are no steps"):
        _start(project, release().tag, 0.5, 0.1)
    with pytest.raises(RolloutError, match="A shadow has one step"):
        rollouts.start(project, release().tag, mode="shadow", who="ann", reason="", steps=(0.1, 0.5))
    with pytest.raises(RolloutError, match="No rollout is running"):
        rollouts.abort(project, who="ann", reason="")


def test_without_capture_nothing_would_be_known(root: Path, project: Project, pair: tuple[str, str]) -> None:
    policy = root / "monitoring" / "policy.yaml"
    policy.write_text(policy.read_text().replace("sample: 1.0", "sample: 0.0"))
    with projects.load(root) as blind, pytest.raises(RolloutError, match=r"capture\.sample is 0"):
        _start(blind, pair[1])


# --- what a look does ----------------------------------------------------------------------------------------------


def test_a_good_challenger_is_led_from_step_to_step_and_promoted(project: Project, pair: tuple[str, str]) -> None:
    rollout = _start(project, pair[1], 0.1, 0.5)
    assert _look(project, rollout).evidence[0].verdict == "too little data"
    _answer(project, rollout)
    assert _look(project, rollout, timedelta(minutes=1)).step == 0  # it must last a while
    second = _look(project, rollout)
    assert (second.step, second.share, second.since) == (1, 0.5, rollout.since + LATER)
    assert project.state.history()[0].reason.startswith(f"rollout {rollout.id}, running: step 2 of 2, 50 % of the")
    assert _look(project, second).step == 1  # what the first step has shown does not count in the second
    _answer(project, second)
    ended = _look(project, second)
    assert (ended.state, ended.ended) == ("promoted", second.since + LATER)
    assert "error rate: 0 of 2,000 requests failed" in ended.outcome
    assert [(found.step, found.bound, found.verdict) for found in ended.evidence if found.n] == [
        (0, "error rate", "kept"),
        (0, "slow share", "kept"),
        (1, "error rate", "kept"),
        (1, "slow share", "kept"),
    ]
    assert _champion(project) == pair[1]
    entry = project.state.history()[0]
    assert (entry.action, entry.version_from, entry.version_to) == ("promote", *pair)
    assert entry.reason == f"rollout {rollout.id}: {ended.outcome}"
    assert project.state.rollouts() == [ended]
    assert rollouts.look(project, who="watch") is None
    assert registry.former(project.state) is not None


def test_a_challenger_that_fails_is_out_at_the_next_look(project: Project, pair: tuple[str, str]) -> None:
    rollout = _start(project, pair[1])
    spool = capture.Spool(project.config.path(project.config.settings.spool), "failures")
    for number in range(60):
        entry = capture.failure_entry(
            f"q{number}", pair[1], role="canary", rollout=rollout.id, rows=1, error="ValueError", seconds=0.01
        )
        spool.append(entry)
    spool.close()
    ended = _look(project, rollout)
    assert ended.state == "rolled back"
    assert ended.outcome.startswith("error rate: 60 of 60 requests failed, 100 %")
    assert project.state.running_rollout() is None
    assert _champion(project) == pair[0]
    entry = project.state.history()[0]
    assert (entry.action, entry.who) == ("abort", "watch")
    assert entry.reason == f"rollout {rollout.id}, rolled back: {ended.outcome}"
    alert = project.state.open_alerts()[0]
    assert alert.title == f"The rollout of {pair[1]} is over: rolled back"
    assert alert.delivered
    lifecycle.resolve_quiet_alerts(project)
    assert project.state.open_alerts() == [alert]
    _start(project, pair[1])
    assert project.state.open_alerts() == []


def test_sampled_answers_make_no_error_rate(root: Path, project: Project, pair: tuple[str, str]) -> None:
    policy = root / "monitoring" / "policy.yaml"
    policy.write_text(policy.read_text().replace("sample: 1.0", "sample: 0.1"))
    rollout = _start(project, pair[1])
    spool = capture.Spool(project.config.path(project.config.settings.spool), "failures")
    spool.append_all(
        [
            capture.failure_entry(
                f"q{number}", pair[1], 1, role="canary", rollout=rollout.id, error="ValueError", seconds=0.01
            )
            for number in range(300)
        ]
    )
    spool.close()
    with projects.load(root) as sampling:
        ended = _look(sampling, rollout)
    assert ended.state == "rolled back"
    assert 10 < ended.evidence[0].n < 60


def test_a_shadow_ends_with_its_evidence_and_promotes_nothing(project: Project, pair: tuple[str, str]) -> None:
    rollout = rollouts.start(project, pair[1], mode="shadow", who="ann", reason="")
    assert rollout.steps == (1.0,)
    _answer(project, rollout)
    ended = _look(project, rollout)
    assert ended.state == "finished"
    assert ended.outcome.endswith(f"Promote it with `roadworthy promote {pair[1]}`, or leave it")
    assert _champion(project) == pair[0]
    assert [found.bound for found in ended.evidence] == ["error rate", "slow share", "difference", "quality"]


def test_a_step_without_a_verdict_is_given_up(project: Project, pair: tuple[str, str]) -> None:
    ended = _look(project, _start(project, pair[1]), timedelta(days=1))
    assert (ended.state, _champion(project)) == ("aborted", pair[0])
    assert ended.outcome.startswith("no verdict after 1,440 minutes: 0 of at least 500 requests")


def test_it_is_aborted_by_hand(project: Project, pair: tuple[str, str]) -> None:
    rollout = _start(project, pair[1])
    ended = rollouts.abort(project, who="bob", reason="the desk complains")
    assert (ended.id, ended.state, ended.outcome) == (rollout.id, "aborted", "aborted by bob: the desk complains")
    assert project.state.history()[0].action == "abort"
    assert project.state.audit()[0].act == "abort rollout"
    assert rollouts.look(project, who="watch") is None


def test_a_champion_changed_by_hand_ends_it(project: Project, pair: tuple[str, str], release: Release) -> None:
    rollout = _start(project, pair[1])
    third = release().tag
    registry.promote(project.config, project.state, third, who="bob", reason="")
    ended = _look(project, rollout)
    assert (ended.state, ended.outcome) == ("aborted", f"the champion was changed under it: from {pair[0]} to {third}")


def test_a_challenger_promoted_by_hand_has_arrived(project: Project, pair: tuple[str, str]) -> None:
    rollout = _start(project, pair[1])
    registry.promote(project.config, project.state, pair[1], who="bob", reason="")
    ended = _look(project, rollout)
    assert (ended.state, ended.outcome) == ("promoted", f"{pair[1]} had become champion meanwhile")
    assert [entry.action for entry in project.state.history()].count("promote") == 2  # the first, and bob's


def test_a_challenger_that_cannot_answer_any_more_is_not_promoted(project: Project, pair: tuple[str, str]) -> None:
    rollout = _start(project, pair[1], 0.5)
    _answer(project, rollout)
    registry.file(pair[1], "model.skops").write_bytes(b"changed")
    ended = _look(project, rollout)
    assert (ended.state, _champion(project)) == ("aborted", pair[0])
    assert ended.outcome.startswith("could not be promoted: The model file of")
    assert "refuse" in [entry.action for entry in project.state.history(limit=3)]


def test_status_judges_and_does_nothing(
    project: Project, pair: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rollouts.status(project) == rollouts.Standing(reason="No rollout was started yet.")
    rollout = _start(project, pair[1], 0.5)
    _answer(project, rollout)
    found = rollouts.status(project, now=rollout.since + LATER)
    assert found.act == "promote"
    assert found.rollout is not None
    assert [evidence.verdict for evidence in found.rollout.evidence] == ["kept", "kept", "too little data"]
    assert project.state.running_rollout() == rollout
    assert _champion(project) == pair[0]
    assert _command(monkeypatch, project, "status", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rollout"]["id"], told["act"]) == (rollout.id, "wait")


def _command(monkeypatch: pytest.MonkeyPatch, project: Project, *words: str, of: str = "rollout") -> int:
    monkeypatch.setattr(sys, "argv", ["roadworthy", of, *words, "-C", str(project.root)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_commands_start_and_abort(
    project: Project, pair: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ("--step", "0.05", "--step", "0.5", "--reason", "better in June", "--who", "ann")
    assert _command(monkeypatch, project, "start", pair[1], *steps) == 0
    rollout = project.state.running_rollout()
    assert rollout is not None
    assert (rollout.mode, rollout.steps, rollout.reason) == ("canary", (0.05, 0.5), "better in June")
    assert "step 1 of 2 (5 % of the traffic)" in capsys.readouterr().out
    assert _command(monkeypatch, project, "--once", of="watch") == 0
    assert "error rate  -" in capsys.readouterr().out
    assert _command(monkeypatch, project, "abort", "--reason", "no", "--who", "ann") == 0
    assert "aborted by ann: no" in capsys.readouterr().out
    assert _command(monkeypatch, project, "start", pair[1], "--shadow") == 0
    shadow = project.state.running_rollout()
    assert shadow is not None
    assert (shadow.mode, shadow.steps) == ("shadow", (1.0,))


def test_watch_looks_also_where_nothing_was_answered(project: Project, pair: tuple[str, str]) -> None:
    _start(project, pair[1])
    registry.promote(project.config, project.state, pair[1], who="bob", reason="")
    with pytest.raises(MonitoringError, match="No traffic"):
        lifecycle.watch_once(project, who="watch")
    assert project.state.rollouts()[0].state == "promoted"


# --- once ----------------------------------------------------------------------------------------------------------


def _at_once(root: Path, moment: datetime, looks: int = 4) -> list[Rollout | None]:
    """Look from several threads at the same moment, each with its own project."""
    ready, found = threading.Barrier(looks), list[Rollout | None]()

    def one() -> None:
        with projects.load(root) as project:
            project.state.running_rollout()
            ready.wait()
            found.append(rollouts.look(project, who="watch", now=moment))

    threads = [threading.Thread(target=one) for _ in range(looks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_looks_at_the_same_moment_act_once(root: Path, project: Project, pair: tuple[str, str]) -> None:
    rollout = _start(project, pair[1], 0.1, 0.5)
    _answer(project, rollout)
    assert {found.step for found in _at_once(root, rollout.since + LATER) if found} == {1}
    second = project.state.running_rollout()
    assert second is not None
    _answer(project, second)
    found = _at_once(root, second.since + LATER)
    assert {one.state for one in found if one} == {"promoted"}
    actions = [entry.action for entry in project.state.history()]
    assert (actions.count("promote"), actions.count("rollout")) == (2, 2)  # the first champion; start and second step


_LOOKING = """
import sys
from datetime import datetime
from pathlib import Path
from roadworthy import project, rollouts
with project.load(Path(sys.argv[1])) as opened:
    print("ready", flush=True)
    rollouts.look(opened, who="watch", now=datetime.fromisoformat(sys.argv[2]))
    print("done", flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_neither_promotes_twice_nor_leaves_it_hanging(
    root: Path, project: Project, pair: tuple[str, str]
) -> None:
    rollout = _start(project, pair[1], 0.5)
    _answer(project, rollout)
    moment = rollout.since + LATER
    for delay in (0.0, 0.2, 0.6):
        command = [sys.executable, "-c", _LOOKING, str(root), moment.isoformat()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(delay)
            process.kill()
        running = project.state.running_rollout()
        assert (running is None) == (_champion(project) == pair[1])
    rollouts.look(project, who="watch", now=moment)
    assert project.state.rollouts()[0].state == "promoted"
    assert [entry.action for entry in project.state.history()].count("promote") == 2


def test_the_policys_defaults_are_those_of_the_reference_project(project: Project) -> None:
    assert project.config.policy.rollout == RolloutPolicy()
