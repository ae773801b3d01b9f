"""One call of a model for all requests that wait together.

A model takes nearly as long for one row as for fifty. While it works, further requests come in; they are answered by
its next call, together. Nobody waits for a batch to fill, only for those who are arriving at this very moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_MOST_TURNS = 8  # of the event loop, of which each takes some microseconds
Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass
class _Waiting(Generic[Item, Answer]):
    item: Item
    rows: int
    answer: asyncio.Future[Answer]


class Batcher(Generic[Item, Answer]):
    """Gathers what is asked while turns of the event loop bring more of it, and has it answered together.

    Parameters
    ----------
    work
        Answers items, in their order. It runs in the event loop's thread: handing a batch to another one would cost
        more than most models take, and two threads of Python that both work wait for each other.
    most_rows
        In one batch; an item of more rows than that is answered alone.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Answer]], most_rows: int) -> None:
        self._work = work
        self._most_rows = most_rows
        self._waiting: list[_Waiting[Item, Answer]] = []

    async def ask(self, item: Item, rows: int) -> Answer:
        """Return the answer to an item of so many rows; raises what ``work`` raises."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._look, loop, 0, _MOST_TURNS)
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append(_Waiting(item, rows, answer))
        return await answer

    def _look(self, loop: asyncio.AbstractEventLoop, before: int, turns: int) -> None:
        """Look once a turn whether more have come; once nobody has, or it takes too long, all are answered."""
        if len(self._waiting) > before and turns:
            loop.call_soon(self._look, loop, len(self._waiting), turns - 1)
        else:
            self._answer_all()

    def _answer_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        batch: list[_Waiting[Item, Answer]] = []
        rows = 0
        for each in waiting:
            if batch and rows + each.rows > self._most_rows:
                self._answer(batch)
                batch, rows = [], 0
            batch.append(each)
            rows += each.rows
        self._answer(batch)

    def _answer(self, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        try:
            answers = self._work([each.item for each in batch])
        except Exception as error:  # of whatever the work is made: those who asked must be told
            for each in batch:
                if not each.answer.done():
                    each.answer.set_exception(error)
            return
        for each, answer in zip(batch, answers, strict=True):
            if not each.answer.done():  # a client that has gone no longer waits
                each.answer.set_result(answer)
