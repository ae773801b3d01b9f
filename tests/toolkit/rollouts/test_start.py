"""Who may start a rollout, and what is said to the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roadworthy import project as projects
from roadworthy import registry, rollouts
from roadworthy.config import RolloutPolicy
from roadworthy.errors import GateRefused, RegistryError, RolloutError, StateError, UnknownVersion
from roadworthy.project import Project
from roadworthy.records import ModelVersion

if TYPE_CHECKING:
    from conftest import Crew

Release = Callable[..., ModelVersion]


def test_a_rollout_that_starts_stands_in_state_history_and_audit_log(
    project: Project, pair: tuple[str, str], crew: Crew
) -> None:
    rollout = crew.start(project, pair[1])
    assert project.state.running_rollout() == rollout
    assert (rollout.champion, rollout.challenger, rollout.share, rollout.who) == (*pair, 0.01, "ann")
    entry = project.state.history()[0]
    assert (entry.action, entry.version_from, entry.version_to, entry.who) == ("rollout", *pair, "ann")
    assert entry.reason == f"rollout {rollout.id}, running: canary, step 1 of 3, 1 % of the traffic: faster"
    written = project.state.audit()[0]
    assert (written.act, written.target, written.outcome) == ("start rollout", pair[1], "done")
    with pytest.raises(StateError, match="running already"):
        crew.start(project, pair[1])


def test_a_challenger_that_is_not_ready_is_refused_and_the_history_says_so(
    project: Project, pair: tuple[str, str], release: Release, crew: Crew
) -> None:
    other = crew.contract.replace("name: distance, logicalType: number", "name: distance, logicalType: string")
    for made, error, fact in (
        (release(passed=False), GateRefused, "did not pass its gate"),
        (release(off_by=0.1), RegistryError, "smoke request otherwise"),
        (release(contract=other), RolloutError, "do not carry as it takes them"),
    ):
        with pytest.raises(error, match=fact):
            crew.start(project, made.tag)
        entry = project.state.history()[0]
        assert (entry.action, entry.version_to) == ("refuse", made.tag)
        assert entry.reason.startswith("rollout refused: ")
        assert project.state.audit()[0].outcome == "refused"
    assert project.state.running_rollout() is None


def test_a_challenger_that_needs_more_than_requests_carry_is_refused(
    project: Project, release: Release, crew: Crew
) -> None:
    narrow = crew.contract.replace("name: distance", "name: length")
    champion = release(contract=narrow)
    registry.promote(
        project.config, project.state, champion.tag, who="ann", reason="", force=True
    )  # what it answers matters not
    with pytest.raises(RolloutError, match=r"needs distance, which requests to .* do not carry"):
        crew.start(project, release().tag)


def test_what_makes_no_sense_is_refused(project: Project, release: Release, crew: Crew) -> None:
    version = release().tag
    with pytest.raises(RolloutError, match="There is no champion"):
        crew.start(project, version)
    registry.promote(project.config, project.state, version, who="ann", reason="")
    with pytest.raises(RolloutError, match="is champion already"):
        crew.start(project, version)
    with pytest.raises(UnknownVersion):
        crew.start(project, "nobody")
    with pytest.raises(RolloutError, match=r"0.5, 0.1 are no steps"):
        crew.start(project, release().tag, 0.5, 0.1)
    with pytest.raises(RolloutError, match="A shadow has one step"):
        rollouts.start(project, release().tag, mode="shadow", who="ann", reason="", steps=(0.1, 0.5))
    with pytest.raises(RolloutError, match="No rollout is running"):
        rollouts.abort(project, who="ann", reason="")


def test_without_capture_nothing_would_be_known(
    root: Path, project: Project, pair: tuple[str, str], crew: Crew
) -> None:
    policy = root / "monitoring" / "policy.yaml"
    policy.write_text(policy.read_text().replace("sample: 1.0", "sample: 0.0"))
    with projects.load(root) as blind, pytest.raises(RolloutError, match=r"capture\.sample is 0"):
        crew.start(blind, pair[1])


def test_the_policys_defaults_are_those_of_the_reference_project(project: Project) -> None:
    assert project.config.policy.rollout == RolloutPolicy()
