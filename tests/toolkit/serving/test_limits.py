"""Rate limits: never more than allowed, never less, and no more memory than a few callers need."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.config import RateLimit
from roadworthy.serving.limits import MOST_CALLERS, Limiter

SCHEDULES = st.lists(st.tuples(st.floats(0, 5), st.sampled_from([1.0, 1.0, 1.0, 0.5, 2.5])), max_size=60)
RATES = st.floats(0.01, 1000)
BURSTS = st.integers(1, 50)
WORKERS = st.integers(1, 8)
START = 1_000_000.0  # a monotonic clock may have run for days


class Clock:
    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> float:
        return self.moment


def share(rate: float, burst: int, workers: int) -> tuple[float, float]:
    """A worker's tokens a second and its burst."""
    return rate / workers, max(1.0, burst / workers)


@given(schedule=SCHEDULES, rate=RATES, burst=BURSTS, workers=WORKERS)
def test_never_more_than_the_burst_and_the_rate(
    schedule: list[tuple[float, float]], rate: float, burst: int, workers: int
) -> None:
    clock = Clock()
    limiter = Limiter(RateLimit(per_second=rate, burst=burst), workers, clock)
    speed, most = share(rate, burst, workers)
    taken: list[tuple[float, float]] = []
    for pause, cost in schedule:
        clock.moment += pause
        if limiter.wait("ann", cost) == 0:
            taken.append((clock.moment, cost))
    for first in range(len(taken)):
        total = 0.0
        for moment, cost in taken[first:]:
            total += cost
            assert total <= most + speed * (moment - taken[first][0]) + speed * 2e-6 + 1e-9


@given(schedule=SCHEDULES, rate=RATES, burst=BURSTS, workers=WORKERS)
def test_it_decides_as_a_bucket_that_is_filled_step_by_step(
    schedule: list[tuple[float, float]], rate: float, burst: int, workers: int
) -> None:
    """Against the textbook's form, kept as a level; within the clock's exactness either answer is right."""
    clock = Clock()
    limiter = Limiter(RateLimit(per_second=rate, burst=burst), workers, clock)
    speed, most = share(rate, burst, workers)
    level = most
    for pause, cost in schedule:
        clock.moment += pause
        level = min(most, level + pause * speed)
        wait = limiter.wait("ann", cost)
        if cost > most:
            assert wait == math.inf
        elif abs(level - cost) > 1e-4 * max(1.0, speed):
            assert (wait == 0) == (level >= cost)
            assert wait == pytest.approx(max(0.0, cost - level) / speed, rel=1e-3, abs=1e-3)
        if wait == 0:
            level -= cost


@given(rate=RATES, burst=BURSTS, workers=WORKERS, pauses=st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_below_the_rate_nothing_is_refused(rate: float, burst: int, workers: int, pauses: list[float]) -> None:
    clock = Clock()
    limiter = Limiter(RateLimit(per_second=rate, burst=burst), workers, clock)
    speed, _ = share(rate, burst, workers)
    for pause in pauses:
        clock.moment += 1 / speed + pause
        assert limiter.wait("ann") == 0


@given(rate=RATES, burst=BURSTS, workers=WORKERS, tries=st.integers(1, 100))
def test_who_waits_as_long_as_told_is_let_in(rate: float, burst: int, workers: int, tries: int) -> None:
    clock = Clock()
    limiter = Limiter(RateLimit(per_second=rate, burst=burst), workers, clock)
    for _ in range(tries):
        wait = limiter.wait("ann")
        if wait > 0:
            clock.moment += wait
            assert limiter.wait("ann") == 0


def test_the_burst_goes_through_at_once_and_then_the_rate_counts() -> None:
    clock = Clock()
    limiter = Limiter(RateLimit(per_second=10, burst=5), 1, clock)
    assert [limiter.wait("ann") for _ in range(5)] == [0.0] * 5
    assert limiter.wait("ann") == pytest.approx(0.1, abs=1e-5)
    assert limiter.wait("bob") == 0, "another caller has a bucket of its own"
    clock.moment += 100
    assert sum(limiter.wait("ann") == 0 for _ in range(20)) == 5


def test_a_worker_gives_out_its_share() -> None:
    clock = Clock()
    limiter = Limiter(RateLimit(per_second=10, burst=8), 4, clock)
    assert [limiter.wait("ann") == 0 for _ in range(3)] == [True, True, False]
    assert limiter.wait("ann") == pytest.approx(0.4, abs=1e-5)
    assert Limiter(RateLimit(per_second=10, burst=2), 4, clock).wait("ann") == 0, "at least one is let in"


def test_without_a_rate_there_is_no_limit() -> None:
    limiter = Limiter(RateLimit(), 1)
    assert {limiter.wait("ann", cost) for cost in [1.0] * 1000 + [1e9]} == {0.0}
    assert len(limiter) == 0


def test_what_costs_more_than_the_burst_is_never_allowed() -> None:
    limiter = Limiter(RateLimit(per_second=10, burst=5), 1)
    assert limiter.wait("ann", 5.5) == math.inf
    assert limiter.wait("ann", 5.0) == 0


def test_only_so_many_callers_are_remembered_and_those_who_hammer_are() -> None:
    clock = Clock()
    limiter = Limiter(RateLimit(per_second=0.001, burst=1), 1, clock)
    assert limiter.wait("hammering") == 0
    for number in range(2 * MOST_CALLERS):
        assert limiter.wait(f"caller {number}") == 0
        if number % 1000 == 0:
            assert limiter.wait("hammering") > 0
    assert len(limiter) == MOST_CALLERS
    assert limiter.wait("caller 0") == 0, "the one that was not seen for longest is forgotten"
