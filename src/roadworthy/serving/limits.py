"""Rate limits: how often a caller may ask, in the long run and at once."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from roadworthy.config import RateLimit

MOST_CALLERS = 10_000
_CLOCK_SECONDS = 1e-6  # sums of moments are exact to less than this; without it the last of them could be refused


class Limiter:
    """A token bucket for each caller, in the form of the generic cell rate algorithm (ITU-T I.371, annex A).

    A bucket holds ``burst`` tokens and gains ``per_second`` of them each second; a request takes its cost. Instead of
    the level, the moment is kept at which the bucket will be full again: one number a caller, and nothing to do while
    time passes.

    Worker processes share nothing: each gives out its share, ``per_second / workers`` and ``burst / workers`` (at
    least 1). The system deals connections out to workers, so a caller with a single connection may get no more than
    one worker's share, and with more workers than ``burst`` all of them together may let ``workers`` through at once.

    At most 10,000 callers are remembered; the one that was not seen for longest is forgotten first. A bucket that was
    idle is full again, so that nothing is lost by forgetting it. It is asked from one thread: the event loop.

    Parameters
    ----------
    rate
        The limit of one caller over all workers; ``per_second`` 0 is no limit.
    workers
        Processes that answer.
    clock
        Seconds, never going back.

    Examples
    --------
    >>> moment = 0.0
    >>> limiter = Limiter(RateLimit(per_second=2, burst=2), workers=1, clock=lambda: moment)
    >>> limiter.wait("ann"), limiter.wait("ann"), limiter.wait("ann"), limiter.wait("bob")
    (0.0, 0.0, 0.5, 0.0)
    >>> moment = 0.5
    >>> limiter.wait("ann")
    0.0
    """

    def __init__(self, rate: RateLimit, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._burst = max(1.0, rate.burst / workers)
        self._token_seconds = workers / rate.per_second if rate.per_second else 0.0
        self._burst_seconds = self._burst * self._token_seconds
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._full_at)

    def wait(self, caller: str, cost: float = 1.0) -> float:
        """Return 0.0 and take the cost when the request is allowed; otherwise the seconds until it would be.

        Parameters
        ----------
        caller
            A token's id, or an address.
        cost
            In tokens. What costs more than the burst is never allowed: infinity is returned.
        """
        if not self._token_seconds:
            return 0.0
        if cost > self._burst:
            return math.inf
        moment = self._clock()
        full_at = max(self._full_at.get(caller, moment), moment)
        then = full_at + cost * self._token_seconds
        wait = then - moment - self._burst_seconds
        allowed = wait <= _CLOCK_SECONDS
        self._full_at[caller] = then if allowed else full_at
        self._full_at.move_to_end(caller)  # a refused one too: whoever hammers at the door is not forgotten
        if len(self._full_at) > MOST_CALLERS:
            self._full_at.popitem(last=False)
        return 0.0 if allowed else wait
