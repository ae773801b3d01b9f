"""Following the champion, in this process; over HTTP it is tested with the service."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from roadworthy.records import AccessToken, Finding, HistoryEntry, Observer, Rollout, now
from roadworthy.serving import tokens
from roadworthy.serving.champion import Follower
from roadworthy.serving.tokens import TokenBook

if TYPE_CHECKING:
    from conftest import Project


def test_a_follower_without_a_champion_has_no_model_and_says_so(fresh: Project) -> None:
    follower = Follower(fresh.config, fresh.dataset, TokenBook())
    follower.look()
    (deployment,) = fresh.state.deployments()
    assert follower.lineup.champion is None
    assert (deployment.id, deployment.pid, deployment.version) == (follower.id, os.getpid(), None)
    follower.stop()
    assert fresh.state.deployments() == []


def test_it_follows_promotion_and_keeps_the_old_one_when_the_new_one_is_broken(fresh: Project) -> None:
    good, broken = fresh.release(3), fresh.release(4, smoke_off_by=0.1)
    one, other = (Follower(fresh.config, fresh.dataset, TokenBook()) for _ in range(2))
    fresh.promote(good)
    for follower in (one, other):
        follower.look()
        assert follower.lineup.champion is not None
        assert follower.lineup.champion.tag == good.tag
    fresh.promote(broken, force=True)
    for follower in (one, other, one, other):
        follower.look()
        assert follower.lineup.champion is not None
        assert follower.lineup.champion.tag == good.tag
        assert broken.tag in (follower.problem or "")
    assert [entry.version_to for entry in fresh.state.history() if entry.action == "refuse"] == [broken.tag]
    fresh.promote(good)
    one.look()
    assert one.problem is None
    for follower in (one, other):
        follower.stop()


def test_a_rollout_whose_champion_is_another_by_now_has_no_share_of_the_traffic(fresh: Project) -> None:
    champion, challenger, hurried = (fresh.release(seed) for seed in (3, 4, 5))
    fresh.promote(champion)
    pair = {"champion": champion.tag, "challenger": challenger.tag}
    rollout = Rollout(id="tried", mode="canary", steps=(0.9,), started=now(), since=now(), who="ada", **pair)
    fresh.state.start_rollout(rollout, HistoryEntry(who="ada", action="rollout", version_to=challenger.tag))
    follower = Follower(fresh.config, fresh.dataset, TokenBook())
    follower.look()
    assert follower.lineup.rollout == rollout
    assert fresh.state.deployments()[0].challenger == challenger.tag
    fresh.promote(hurried)
    follower.look()
    assert (follower.lineup.rollout, follower.lineup.challenger) == (None, None)
    assert follower.lineup.champion is not None
    assert follower.lineup.champion.tag == hurried.tag
    follower.stop()


def test_a_changed_model_file_is_refused(fresh: Project) -> None:
    version = fresh.release(3)
    fresh.promote(version)
    (model,) = (Path(os.environ["BENTOML_HOME"]) / "models").rglob("model.skops")
    model.write_bytes(model.read_bytes() + b"x")
    follower = Follower(fresh.config, fresh.dataset, TokenBook())
    follower.look()
    assert follower.lineup.champion is None
    assert version.tag in (follower.problem or "")
    follower.stop()


def test_the_heartbeat_goes_on(fresh: Project) -> None:
    follower = Follower(fresh.config, fresh.dataset, TokenBook())
    follower.start()
    first = fresh.state.deployments()[0].heartbeat
    end = time.monotonic() + 20
    while fresh.state.deployments()[0].heartbeat == first:
        assert time.monotonic() < end
        time.sleep(0.1)
    follower.stop()
    assert fresh.state.deployments() == []


def test_problems_of_several_parts_are_told_together(fresh: Project) -> None:
    follower = Follower(fresh.config, fresh.dataset, TokenBook())
    follower.note("capture", "The disk is full.")
    follower.note("collect", "The table is gone.")
    follower.look()
    assert fresh.state.deployments()[0].problem == "The disk is full. The table is gone."
    follower.note("capture", None)
    follower.look()
    assert fresh.state.deployments()[0].problem == "The table is gone."
    follower.stop()


def test_tokens_are_known_from_the_first_look_on_and_revoked_by_a_later_one(fresh: Project) -> None:
    book = TokenBook()
    follower = Follower(fresh.config, fresh.dataset, book)
    token, record = tokens.create(fresh.state, "a desk", ["predict"], by="test")
    header = f"Bearer {token}"
    follower.look()
    assert book.check(header, "predict") == record
    assert tokens.local(fresh.config, fresh.state).startswith("rw_")
    tokens.revoke(fresh.state, record.id, by="test")
    follower.look()
    assert not isinstance(book.check(header, "predict"), AccessToken)
    follower.stop()


def test_metrics_tell_of_alerts_and_observers(fresh: Project) -> None:
    def told(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, labels)

    finding = Finding(cause="drift:m:1", owner="model", severity="critical", title="3 columns drifted", message="temp")
    alert, _ = fresh.state.raise_alert(finding, "model: Ada <ada@example.org>")
    claim = now() + timedelta(minutes=1)
    fresh.state.claim_delivery(alert.id, now(), claim)
    fresh.state.record_delivery(alert.id, claim, reached=(), error="not taken", next_attempt=claim)
    living = Observer(id="a", host="box", pid=1, every=60)
    dead = living.model_copy(update={"id": "b", "heartbeat": now() - timedelta(minutes=2)})
    for observer in (living, dead, living.model_copy(update={"id": "c", "ended": now()})):
        fresh.state.save_observer(observer)
    follower = Follower(fresh.config, fresh.dataset, TokenBook())
    follower.look()
    assert told("roadworthy_alerts_open", severity="critical") == 1
    assert told("roadworthy_alerts_open", severity="warning") == 0
    assert told("roadworthy_alerts_undelivered") == 1
    assert told("roadworthy_observers") == 1
    follower.stop()
