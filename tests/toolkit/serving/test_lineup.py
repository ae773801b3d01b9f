"""Who answers a request, with real models and without a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from roadworthy import registry
from roadworthy.records import Rollout, now
from roadworthy.serving.lineup import LineUp, Ready
from roadworthy.serving.schema import Inspector

if TYPE_CHECKING:
    from conftest import Project

KEYS = [f"key {number}" for number in range(2000)]


@pytest.fixture
def pair(fresh: Project) -> tuple[Ready, Ready]:
    """Two versions."""
    tags = [fresh.release(trees).tag for trees in (2, 3)]
    models = [registry.load(fresh.config, tag) for tag in tags]
    first, second = (Ready(model, Inspector(fresh.dataset, model.seen)) for model in models)
    return first, second


def _rollout(pair: tuple[Ready, Ready], mode: Literal["shadow", "canary"], share: float) -> LineUp:
    moment = now()
    rollout = Rollout(
        id="r1",
        mode=mode,
        champion=pair[0].tag,
        challenger=pair[1].tag,
        steps=(share,),
        started=moment,
        since=moment,
        who="test",
    )
    return LineUp(*pair, rollout)


def test_without_a_rollout_the_champion_answers_alone(pair: tuple[Ready, Ready]) -> None:
    for lineup in (LineUp(pair[0]), LineUp(*pair)):
        assert lineup.answering("a") == (pair[0], "champion")
        assert lineup.shadow("a") is None
    assert LineUp().answering("a") == (None, "champion")


def test_a_canary_answers_its_share_by_key(pair: tuple[Ready, Ready]) -> None:
    lineup = _rollout(pair, "canary", 0.1)
    answering = {key: lineup.answering(key) for key in KEYS}
    canaries = [key for key, (ready, role) in answering.items() if (ready, role) == (pair[1], "canary")]
    assert 140 < len(canaries) < 260  # 200 expected, four standard deviations are 54
    assert all(answering[key] == (pair[0], "champion") for key in KEYS if key not in canaries)
    assert answering == {key: lineup.answering(key) for key in KEYS}
    assert all(lineup.shadow(key) is None for key in KEYS)


def test_a_shadow_is_never_heard(pair: tuple[Ready, Ready]) -> None:
    lineup = _rollout(pair, "shadow", 0.5)
    assert {lineup.answering(key) for key in KEYS} == {(pair[0], "champion")}
    assert 900 < sum(lineup.shadow(key) is pair[1] for key in KEYS) < 1100
