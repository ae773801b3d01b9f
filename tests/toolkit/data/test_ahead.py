from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.data.ahead import ahead


@given(st.lists(st.integers() | st.none()))
def test_everything_comes_in_its_order(items: list[int | None]) -> None:
    assert list(ahead(iter(items))) == items


def test_what_is_raised_comes_in_its_place_and_the_source_is_closed() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield 1
            raise ValueError("line 2")
        finally:
            closed.set()

    taken = ahead(source())
    assert next(taken) == 1
    with pytest.raises(ValueError, match="line 2"):
        next(taken)
    assert closed.is_set()


def test_who_stops_early_ends_the_thread_and_closes_the_source() -> None:
    closed, made = threading.Event(), []

    def source() -> Iterator[int]:
        try:
            for number in range(1_000_000):
                made.append(number)
                yield number
        finally:
            closed.set()

    taken = ahead(source())
    assert next(taken) == 0
    taken.close()
    assert closed.is_set()
    assert len(made) <= 4
    assert not any(thread.name == "read-ahead" for thread in threading.enumerate())
