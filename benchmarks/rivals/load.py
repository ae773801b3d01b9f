"""A closed loop of HTTP/1.1 connections that are kept alive: each sends its next request when it has its answer.

Standard library only, so that any interpreter runs it, in a process of its own. What to send comes as JSON on standard
input, what came of it goes as JSON to standard output:

    {"port": 3000, "requests": [["POST /predict HTTP/1.1...", "0.25"], ...], "connections": 16, "warm_seconds": 1,
     "seconds": 5, "count": 0, "cores": [1]}

Requests are sent as they are, in turn; an answer counts when its status is 200 and its body holds the text beside the
request. With a `count` that many are sent, however long it takes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from time import perf_counter
from typing import Any

_PATIENCE_SECONDS = 60.0


class Loop:
    """What all connections share: the requests, and the answers' times."""

    def __init__(self, requests: list[tuple[bytes, bytes]], count: int) -> None:
        self.requests = itertools.cycle(requests)
        self.left = count or sys.maxsize
        self.ends = float("inf")
        self.times: list[float] = []
        self.answered = 0
        self.last = perf_counter()
        self.problem = ""
        self.open = 0
        self.done = asyncio.Event()

    def fail(self, problem: str) -> None:
        self.problem = self.problem or problem
        self.ends = 0.0
        self.done.set()


class Connection(asyncio.Protocol):
    """One connection; the next request leaves in the callback that took the answer."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._buffer = bytearray()
        self._whole = 0
        self._body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP has no other
        self._loop.open += 1
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._transport.is_closing() or self._buffer or error is not None:
            self._loop.fail(f"the server closed a connection: {error or 'no reason given'}")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._whole:
            self._read_head()
        if not self._whole or len(self._buffer) < self._whole:
            return
        now = perf_counter()
        if not self._buffer.startswith(b"HTTP/1.1 200") or self._expected not in self._buffer[self._body :]:
            self._loop.fail(f"not the answer {self._expected.decode()}: {bytes(self._buffer[:1000])!r}")
            return
        self._loop.answered += 1
        self._loop.times.append(now - self._sent)
        self._loop.last = now
        self._buffer.clear()
        self._whole = 0
        self._send()

    def _read_head(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        _, found, rest = head.partition(b"\r\ncontent-length:")
        if not found:
            self._loop.fail(f"an answer without Content-Length: {head!r}")
            return
        self._body = end + 4
        self._whole = self._body + int(rest.split(b"\r\n", 1)[0])

    def _send(self) -> None:
        loop = self._loop
        if loop.left <= 0 or perf_counter() >= loop.ends:
            self._transport.close()
            loop.open -= 1
            if not loop.open:
                loop.done.set()
            return
        loop.left -= 1
        request, self._expected = next(loop.requests)
        self._sent = perf_counter()
        self._transport.write(request)


async def run(order: dict[str, Any]) -> dict[str, float]:
    requests = [(request.encode(), expected.encode()) for request, expected in order["requests"]]
    loop = Loop(requests, order["count"])
    begin = perf_counter()
    events = asyncio.get_running_loop()
    for _ in range(order["connections"]):
        await events.create_connection(lambda: Connection(loop), "127.0.0.1", order["port"])
    if not order["count"]:
        await asyncio.sleep(order["warm_seconds"])
        loop.times.clear()
        begin = perf_counter()
        loop.ends = begin + order["seconds"]
    await wait(loop)
    if loop.problem:
        raise SystemExit(loop.problem)
    times = sorted(loop.times)
    return {
        "answered": loop.answered,
        "requests": len(times),
        "seconds": loop.last - begin,
        "p50": times[len(times) // 2],
        "p99": times[len(times) * 99 // 100],
        "longest": times[-1],
    }


async def wait(loop: Loop) -> None:
    """Wait for the end, as long as answers come."""
    while not loop.done.is_set():
        try:
            await asyncio.wait_for(loop.done.wait(), 1.0)
        except TimeoutError:
            if perf_counter() - loop.last > _PATIENCE_SECONDS:
                loop.fail(f"no answer for {_PATIENCE_SECONDS:.0f} s")


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    if wanted["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, wanted["cores"])
    print(json.dumps(asyncio.run(run(wanted))))
