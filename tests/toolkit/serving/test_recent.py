"""What was answered of late: counted by version, forgotten after ten minutes, added up among processes."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
import pytest

from roadworthy.serving.recent import MINUTES, Recent, bucket, quantile, together


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_each_quantile_is_within_two_percent(share: float) -> None:
    times = np.random.default_rng(7).lognormal(-5, 1, 20_000)
    found = quantile(Counter(map(bucket, times.tolist())), share)
    assert found == pytest.approx(np.quantile(times, share, method="lower"), rel=0.02)


def test_a_time_too_short_to_measure_has_a_bucket() -> None:
    assert quantile({bucket(0.0): 1}, 0.5) == pytest.approx(1e-6, rel=0.02)


def test_requests_are_counted_by_version_and_failures_are_requests() -> None:
    recent = Recent(Clock())
    recent.answered("a", 3, 0.01)
    recent.answered("b", 1, 0.5)
    recent.failed("a")
    one, other = recent.told()
    assert (one.version, one.requests, one.rows, one.errors) == ("a", 2, 3, 1)
    assert (other.version, other.requests, other.rows, other.errors) == ("b", 1, 1, 0)
    assert one.p50 == one.p99 == pytest.approx(0.01, rel=0.02)


def test_what_is_ten_minutes_old_is_forgotten() -> None:
    clock = Clock()
    recent = Recent(clock)
    recent.answered("a", 1, 0.01)
    clock.seconds = 60.0 * MINUTES - 1
    recent.answered("a", 1, 0.02)
    assert recent.told()[0].requests == 2
    clock.seconds += 1
    assert recent.told()[0].requests == 1
    clock.seconds += 60.0 * MINUTES
    assert recent.told() == ()


def test_processes_add_up_to_what_one_alone_would_have_seen() -> None:
    parts, whole = [Recent(Clock()) for _ in range(3)], Recent(Clock())
    for number, seconds in enumerate(np.random.default_rng(7).exponential(0.02, 600).tolist()):
        for counting in (parts[number % 3], whole):
            counting.answered("a", 2, seconds)
    assert together(told for part in parts for told in part.told()) == whole.told()


def test_threads_lose_no_request() -> None:
    recent = Recent()

    def answer() -> None:
        for _ in range(2_000):
            recent.answered("a", 1, 0.001)

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recent.told()[0].requests == 8_000
