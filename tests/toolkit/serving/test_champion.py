"""Following the champion, in this process; over HTTP it is tested with the service."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from roadworthy.serving.champion import Follower

if TYPE_CHECKING:
    from conftest import Project


def test_a_follower_without_a_champion_has_no_model_and_says_so(fresh: Project) -> None:
    follower = Follower(fresh.config, fresh.dataset)
    follower.look()
    (deployment,) = fresh.state.deployments()
    assert follower.model is None
    assert (deployment.id, deployment.pid, deployment.version) == (follower.id, os.getpid(), None)
    follower.stop()
    assert fresh.state.deployments() == []


def test_it_follows_promotion_and_keeps_the_old_one_when_the_new_one_is_broken(fresh: Project) -> None:
    good, broken = fresh.release(3), fresh.release(4, smoke_off_by=0.1)
    one, other = (Follower(fresh.config, fresh.dataset) for _ in range(2))
    fresh.promote(good)
    for follower in (one, other):
        follower.look()
        assert follower.model is not None
        assert follower.model.tag == good.tag
    fresh.promote(broken, force=True)
    for follower in (one, other, one, other):
        follower.look()
        assert follower.model is not None
        assert follower.model.tag == good.tag
        assert broken.tag in (follower.problem or "")
    assert [entry.version_to for entry in fresh.state.history() if entry.action == "refuse"] == [broken.tag]
    fresh.promote(good)
    one.look()
    assert one.problem is None
    for follower in (one, other):
        follower.stop()


def test_a_changed_model_file_is_refused(fresh: Project) -> None:
    version = fresh.release(3)
    fresh.promote(version)
    (model,) = (Path(os.environ["BENTOML_HOME"]) / "models").rglob("model.skops")
    model.write_bytes(model.read_bytes() + b"x")
    follower = Follower(fresh.config, fresh.dataset)
    follower.look()
    assert follower.model is None
    assert version.tag in (follower.problem or "")
    follower.stop()


def test_the_heartbeat_goes_on(fresh: Project) -> None:
    follower = Follower(fresh.config, fresh.dataset)
    follower.start()
    first = fresh.state.deployments()[0].heartbeat
    end = time.monotonic() + 20
    while fresh.state.deployments()[0].heartbeat == first:
        assert time.monotonic() < end
        time.sleep(0.1)
    follower.stop()
    assert fresh.state.deployments() == []


def test_problems_of_several_parts_are_told_together(fresh: Project) -> None:
    follower = Follower(fresh.config, fresh.dataset)
    follower.note("capture", "The disk is full.")
    follower.note("collect", "The table is gone.")
    follower.look()
    assert fresh.state.deployments()[0].problem == "The disk is full. The table is gone."
    follower.note("capture", None)
    follower.look()
    assert fresh.state.deployments()[0].problem == "The table is gone."
    follower.stop()
