"""The rule: what it does in each case, how seldom chance decides, and how soon it finds what is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from roadworthy.config import RolloutPolicy
from roadworthy.records import Rollout
from roadworthy.serving.rollout.rule import Judgement, Measured, judge

BEGAN = datetime(2013, 5, 1, tzinfo=UTC)
NONE = np.zeros(0)
POLICY = RolloutPolicy()
_Floats = NDArray[np.float64]


def _rollout(mode: Literal["shadow", "canary"] = "canary", step: int = 0) -> Rollout:
    steps = (1.0,) if mode == "shadow" else (0.01, 0.1, 0.5)
    moments = {"started": BEGAN, "since": BEGAN}
    return Rollout(id="r1", mode=mode, champion="a", challenger="b", steps=steps, step=step, who="ada", **moments)


def _measured(requests: int = 2000, failed: int = 0, slow: int = 0, **arrays: _Floats) -> Measured:
    seconds = np.where(np.arange(requests) < slow, 1.0, 0.01)
    given = {"differences": NONE, "squares": NONE, "champion_squares": NONE} | arrays
    return Measured(failed=np.arange(requests) < failed, seconds=seconds, **given)


def _judged(
    measured: Measured, rollout: Rollout | None = None, minutes: float = 15, policy: RolloutPolicy = POLICY
) -> Judgement:
    return judge(policy, rollout or _rollout(), measured, BEGAN + timedelta(minutes=minutes))


# --- what it does --------------------------------------------------------------------------------------------------


def test_kept_bounds_lead_on_and_after_the_last_step_to_the_promotion() -> None:
    assert [_judged(_measured(), _rollout(step=step)).act for step in range(3)] == ["next step", "next step", "promote"]
    asking = RolloutPolicy(then="ask")
    assert _judged(_measured(), _rollout(step=2), policy=asking).act == "ask"


def test_a_shadow_never_promotes() -> None:
    found = _judged(_measured(differences=np.full(2000, 0.05)), _rollout("shadow"))
    assert found.act == "ask"
    assert [evidence.bound for evidence in found.evidence] == ["error rate", "slow share", "difference", "quality"]


def test_words_give_value_interval_number_limit_and_verdict() -> None:
    error, slow, quality = _judged(_measured(failed=2, slow=10)).evidence
    assert error.words == "error rate: 2 of 2,000 requests failed, 0.1 % (0.00016 % to 0.73 %), at most 1 %; kept"
    assert slow.words.startswith("slow share: 10 of 2,000 requests took longer than 0.5 s, 0.5 % (")
    assert (error.value, error.n, error.limit, error.verdict, error.step) == (0.001, 2000, 0.01, "kept", 0)
    assert quality.words == "quality: nothing to judge it by yet"


def test_one_broken_bound_is_enough_whatever_the_minimums() -> None:
    found = _judged(_measured(requests=30, failed=30), minutes=0.1)
    assert found.act == "roll back"
    assert found.reason.startswith("error rate: 30 of 30 requests failed, 100 % (")
    assert _judged(_measured(slow=400)).reason.startswith("slow share: 400 of 2,000")


def test_enough_requests_and_minutes_are_waited_for() -> None:
    policy = RolloutPolicy(minimum_requests=3000)
    few = _judged(_measured(), policy=policy)
    assert (few.act, few.reason) == ("wait", "waiting: 2,000 of at least 3,000 requests")
    early = _judged(_measured(), minutes=9.96)
    assert (early.act, early.reason) == ("wait", "waiting: 10.0 of at least 10 minutes")
    undecided = _judged(_measured(requests=600))
    assert undecided.act == "wait"
    assert "error rate: 0 of 600 requests failed" in undecided.reason


def test_patience_ends() -> None:
    found = _judged(_measured(requests=600), minutes=1440)
    assert found.act == "abort"
    assert found.reason.startswith("no verdict after 1,440 minutes: error rate")
    assert _judged(_measured(), minutes=1440).act == "next step"  # all it needs is there


def test_in_a_shadow_decisions_and_paired_squares_count() -> None:
    rollout = _rollout("shadow")
    other = _judged(_measured(differences=np.full(2000, 0.3)), rollout)
    assert other.act == "roll back"
    assert other.reason.startswith("difference: in 2,000 requests the champion decided otherwise in 30 % (")
    alike = np.full(2000, 0.05)
    worse = _judged(_measured(differences=alike, squares=np.full(2000, 0.06)), rollout)
    assert worse.act == "roll back"
    assert "labelled requests the Brier score less the champion's is +0.0600" in worse.reason
    assert _judged(_measured(differences=alike, squares=np.full(2000, -0.01)), rollout).act == "ask"


def test_labels_that_do_not_come_are_not_waited_for_and_those_that_came_must_speak() -> None:
    rng = np.random.default_rng(4)
    champion = rng.beta(2, 8, 20_000)
    few = _judged(_measured(squares=rng.beta(2, 8, 100), champion_squares=champion))
    assert few.act == "next step"
    assert few.reason.startswith("no bound is broken: ")
    assert "quality: on 100 labelled requests" in few.reason
    unclear = _judged(_measured(squares=rng.beta(2, 8, 600), champion_squares=champion))
    assert unclear.act == "wait"
    assert unclear.reason.startswith("waiting: quality: on 600 labelled requests")
    enough = _judged(_measured(squares=rng.beta(2, 8, 20_000), champion_squares=champion))
    assert enough.act == "next step"
    bad = _judged(_measured(squares=rng.beta(3, 7, 2000), champion_squares=champion))
    assert (bad.act, bad.evidence[-1].verdict) == ("roll back", "broken")


def test_a_limit_of_one_asks_nothing() -> None:
    policy = RolloutPolicy(error_rate=1.0, slow_share=1.0, difference=1.0, quality=1.0, minimum_requests=1)
    found = _judged(_measured(requests=1, failed=1), _rollout("shadow"), policy=policy)
    assert found.act == "ask"


@pytest.mark.parametrize("steps", [(), (0.0, 0.1), (0.5, 0.1), (0.1, 0.1), (0.5, 1.1), (float("nan"),)])
def test_steps_are_rising_shares(steps: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="rising shares"):
        RolloutPolicy(steps=steps)


# --- how seldom chance decides -------------------------------------------------------------------------------------

CONFIDENCE = 0.9
STRICT = RolloutPolicy(
    confidence=CONFIDENCE, error_rate=0.05, slow_share=0.1, minimum_requests=1, minimum_minutes=0, minimum_labelled=1
)
LOOKS = range(100, 2001, 100)


def _at(rng: np.random.Generator, errors: float, slow: float, differences: float, squares: float) -> Measured:
    """As many requests as the longest look takes, every mean being what is asked."""
    n = LOOKS[-1]
    return Measured(
        failed=rng.random(n) < errors,
        seconds=np.where(rng.random(n) < slow, 1.0, 0.1),
        differences=rng.beta(2, 2 / differences - 2, n),
        squares=np.clip(squares + rng.normal(0, 0.05, n), squares - 0.2, squares + 0.2),
        champion_squares=NONE,
    )


def _acts(measured: Measured, rollout: Rollout) -> list[str]:
    """The act of each look, up to the first that ends or promotes."""
    acts = []
    for look in LOOKS:
        seen = Measured(**{name: values[:look] for name, values in vars(measured).items()})
        acts.append(judge(STRICT, rollout, seen, BEGAN + timedelta(minutes=look / 10)).act)
        if acts[-1] != "wait":
            break
    return acts


@pytest.mark.slow
def test_a_challenger_at_all_its_limits_is_seldom_sent_back() -> None:
    rng, rollout = np.random.default_rng(5), _rollout("shadow")
    limits = (STRICT.error_rate, STRICT.slow_share, STRICT.difference, STRICT.quality)
    ended = [_acts(_at(rng, *limits), rollout)[-1] == "roll back" for _ in range(100)]
    assert np.mean(ended) <= 1 - CONFIDENCE


@pytest.mark.slow
@pytest.mark.parametrize("bound", range(4))
def test_a_challenger_that_breaks_one_bound_seldom_gets_through(bound: int) -> None:
    rng, rollout = np.random.default_rng(6), _rollout("shadow")
    good = [0.001, 0.001, 0.05, -0.05]
    good[bound] = (STRICT.error_rate, STRICT.slow_share, STRICT.difference, STRICT.quality)[bound]
    through = [_acts(_at(rng, *good), rollout)[-1] == "ask" for _ in range(50)]
    assert np.mean(through) <= 1 - CONFIDENCE


# --- how soon it finds what is there -------------------------------------------------------------------------------


def _needed(act: str, errors: float, slow: float, runs: int = 40) -> float:
    """The median number of requests after which a first step of the default policy comes to an act."""
    rng, found = np.random.default_rng(7), []
    for _ in range(runs):
        failed, late = rng.random(20_000) < errors, rng.random(20_000) < slow
        for look in range(20, 20_001, 20):
            seen = _measured(look, int(failed[:look].sum()), int(late[:look].sum()))
            if _judged(seen).act == act:
                found.append(look)
                break
    assert len(found) == runs
    return float(np.median(found))


@pytest.mark.slow
def test_what_is_bad_is_found_soon_and_what_is_good_too() -> None:
    assert _needed("roll back", errors=1.0, slow=0.0) <= 20
    assert _needed("roll back", errors=0.05, slow=0.0) <= 400
    assert _needed("roll back", errors=0.0, slow=0.15) <= 400
    assert _needed("next step", errors=0.0, slow=0.0) <= 1000
    assert _needed("next step", errors=0.001, slow=0.01) <= 1400
