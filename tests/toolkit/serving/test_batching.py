"""Requests that wait together are answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.serving.batching import Batcher


def _asked(items: Sequence[tuple[int, int]], most_rows: int = 10) -> tuple[list[int], list[list[int]]]:
    """Return the answers to items, each a number and its rows, all asked at once; and the batches they came in."""
    batches: list[list[int]] = []

    def double(batch: Sequence[int]) -> list[int]:
        batches.append(list(batch))
        return [2 * item for item in batch]

    async def run() -> list[int]:
        batcher = Batcher(double, most_rows)
        return await asyncio.gather(*(batcher.ask(item, rows) for item, rows in items))

    return asyncio.run(run()), batches


def test_what_is_asked_at_once_is_answered_at_once() -> None:
    assert _asked([(1, 1), (2, 1), (3, 1)]) == ([2, 4, 6], [[1, 2, 3]])


def test_one_that_is_alone_does_not_wait() -> None:
    assert _asked([(7, 1)]) == ([14], [[7]])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 15)), max_size=30))
def test_each_gets_its_own_answer_and_no_batch_is_too_large(items: list[tuple[int, int]]) -> None:
    answers, batches = _asked(items)
    assert answers == [2 * item for item, _ in items]
    assert [item for batch in batches for item in batch] == [item for item, _ in items]
    rows = iter(rows for _, rows in items)
    for batch in batches:
        sizes = [next(rows) for _ in batch]
        assert sum(sizes) <= 10 or len(sizes) == 1


def test_a_failure_is_told_to_all_who_asked_and_to_nobody_later() -> None:
    calls = 0

    def fail_once(batch: Sequence[int]) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("broken")
        return list(batch)

    async def run() -> None:
        batcher = Batcher(fail_once, 10)
        first = await asyncio.gather(*(batcher.ask(item, 1) for item in range(3)), return_exceptions=True)
        assert [type(each) for each in first] == [ValueError] * 3
        assert await batcher.ask(5, 1) == 5

    asyncio.run(run())


def test_one_who_has_gone_disturbs_nobody() -> None:
    async def run() -> None:
        batcher = Batcher[int, int](list, 10)
        gone, stays = asyncio.ensure_future(batcher.ask(1, 1)), asyncio.ensure_future(batcher.ask(2, 1))
        await asyncio.sleep(0)  # both have asked by now
        gone.cancel()
        assert await stays == 2
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(run())
