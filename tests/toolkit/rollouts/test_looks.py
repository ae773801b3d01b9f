"""What a look at a rollout does: it leads it on, ends it, or waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy import lifecycle, registry, rollouts
from roadworthy import project as projects
from roadworthy.project import Project
from roadworthy.records import ModelVersion
from roadworthy.serving import capture

if TYPE_CHECKING:
    from conftest import Crew

Release = Callable[..., ModelVersion]


def test_a_good_challenger_is_led_from_step_to_step_and_promoted(
    project: Project, pair: tuple[str, str], crew: Crew
) -> None:
    rollout = crew.start(project, pair[1], 0.1, 0.5)
    assert crew.look(project, rollout).evidence[0].verdict == "too little data"
    crew.answer(project, rollout)
    assert crew.look(project, rollout, timedelta(minutes=1)).step == 0  # it must last a while
    second = crew.look(project, rollout)
    assert (second.step, second.share, second.since) == (1, 0.5, rollout.since + crew.later)
    assert project.state.history()[0].reason.startswith(f"rollout {rollout.id}, running: step 2 of 2, 50 % of the")
    assert crew.look(project, second).step == 1  # what the first step has shown does not count in the second
    crew.answer(project, second)
    ended = crew.look(project, second)
    assert (ended.state, ended.ended) == ("promoted", second.since + crew.later)
    assert "error rate: 0 of 2,000 requests failed" in ended.outcome
    assert [(found.step, found.bound, found.verdict) for found in ended.evidence if found.n] == [
        (0, "error rate", "kept"),
        (0, "slow share", "kept"),
        (1, "error rate", "kept"),
        (1, "slow share", "kept"),
    ]
    assert crew.champion(project) == pair[1]
    entry = project.state.history()[0]
    assert (entry.action, entry.version_from, entry.version_to) == ("promote", *pair)
    assert entry.reason == f"rollout {rollout.id}: {ended.outcome}"
    assert project.state.rollouts() == [ended]
    assert rollouts.look(project, who="watch") is None
    assert registry.former(project.state) is not None


def test_a_challenger_that_fails_is_out_at_the_next_look(project: Project, pair: tuple[str, str], crew: Crew) -> None:
    rollout = crew.start(project, pair[1])
    spool = capture.Spool(project.config.path(project.config.settings.spool), "failures")
    for number in range(60):
        entry = capture.failure_entry(
            f"q{number}", pair[1], role="canary", rollout=rollout.id, rows=1, error="ValueError", seconds=0.01
        )
        spool.append(entry)
    spool.close()
    ended = crew.look(project, rollout)
    assert ended.state == "rolled back"
    assert ended.outcome.startswith("error rate: 60 of 60 requests failed, 100 %")
    assert project.state.running_rollout() is None
    assert crew.champion(project) == pair[0]
    entry = project.state.history()[0]
    assert (entry.action, entry.who) == ("abort", "watch")
    assert entry.reason == f"rollout {rollout.id}, rolled back: {ended.outcome}"
    alert = project.state.open_alerts()[0]
    assert alert.title == f"The rollout of {pair[1]} is over: rolled back"
    assert alert.delivered
    lifecycle.resolve_quiet_alerts(project)
    assert project.state.open_alerts() == [alert]
    crew.start(project, pair[1])
    assert project.state.open_alerts() == []


def test_sampled_answers_make_no_error_rate(root: Path, project: Project, pair: tuple[str, str], crew: Crew) -> None:
    policy = root / "monitoring" / "policy.yaml"
    policy.write_text(policy.read_text().replace("sample: 1.0", "sample: 0.1"))
    rollout = crew.start(project, pair[1])
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
        ended = crew.look(sampling, rollout)
    assert ended.state == "rolled back"
    assert 10 < ended.evidence[0].n < 60


def test_a_shadow_ends_with_its_evidence_and_promotes_nothing(
    project: Project, pair: tuple[str, str], crew: Crew
) -> None:
    rollout = rollouts.start(project, pair[1], mode="shadow", who="ann", reason="")
    assert rollout.steps == (1.0,)
    crew.answer(project, rollout)
    ended = crew.look(project, rollout)
    assert ended.state == "finished"
    assert ended.outcome.endswith(f"Promote it with `roadworthy promote {pair[1]}`, or leave it")
    assert crew.champion(project) == pair[0]
    assert [found.bound for found in ended.evidence] == ["error rate", "slow share", "difference", "quality"]


def test_a_step_without_a_verdict_is_given_up(project: Project, pair: tuple[str, str], crew: Crew) -> None:
    ended = crew.look(project, crew.start(project, pair[1]), timedelta(days=1))
    assert (ended.state, crew.champion(project)) == ("aborted", pair[0])
    assert ended.outcome.startswith("no verdict after 1,440 minutes: 0 of at least 500 requests")


def test_it_is_aborted_by_hand(project: Project, pair: tuple[str, str], crew: Crew) -> None:
    rollout = crew.start(project, pair[1])
    ended = rollouts.abort(project, who="bob", reason="the desk complains")
    assert (ended.id, ended.state, ended.outcome) == (rollout.id, "aborted", "aborted by bob: the desk complains")
    assert project.state.history()[0].action == "abort"
    assert project.state.audit()[0].act == "abort rollout"
    assert rollouts.look(project, who="watch") is None


def test_a_champion_changed_by_hand_ends_it(
    project: Project, pair: tuple[str, str], release: Release, crew: Crew
) -> None:
    rollout = crew.start(project, pair[1])
    third = release().tag
    registry.promote(project.config, project.state, third, who="bob", reason="")
    ended = crew.look(project, rollout)
    assert (ended.state, ended.outcome) == ("aborted", f"the champion was changed under it: from {pair[0]} to {third}")


def test_a_challenger_promoted_by_hand_has_arrived(project: Project, pair: tuple[str, str], crew: Crew) -> None:
    rollout = crew.start(project, pair[1])
    registry.promote(project.config, project.state, pair[1], who="bob", reason="")
    ended = crew.look(project, rollout)
    assert (ended.state, ended.outcome) == ("promoted", f"{pair[1]} had become champion meanwhile")
    assert [entry.action for entry in project.state.history()].count("promote") == 2  # the first, and bob's


def test_a_challenger_that_cannot_answer_any_more_is_not_promoted(
    project: Project, pair: tuple[str, str], crew: Crew
) -> None:
    rollout = crew.start(project, pair[1], 0.5)
    crew.answer(project, rollout)
    registry.file(pair[1], "model.skops").write_bytes(b"changed")
    ended = crew.look(project, rollout)
    assert (ended.state, crew.champion(project)) == ("aborted", pair[0])
    assert ended.outcome.startswith("could not be promoted: The model file of")
    assert "refuse" in [entry.action for entry in project.state.history(limit=3)]
