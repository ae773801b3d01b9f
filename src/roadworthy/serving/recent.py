"""What each version has answered of late, counted in the process that answers, for the state's list of services.

How long requests took is kept in a sketch that can be added to those of other processes, and from which each quantile
comes back within two percent of the true one: Masson, Rim and Lee, DDSketch: a fast and fully-mergeable quantile sketch
with relative-error guarantees (PVLDB 12, 2019).
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from roadworthy.records import Served

MINUTES = 10
_ACCURACY = 0.02
_GAMMA = (1 + _ACCURACY) / (1 - _ACCURACY)
_SHORTEST = 1e-6  # seconds; what takes less has no bucket of its own


def bucket(seconds: float) -> int:
    """Return the bucket of a time: bucket i holds what is above gamma to the power of i - 1, up to that of i."""
    return math.ceil(math.log(max(seconds, _SHORTEST), _GAMMA))


def quantile(latencies: Mapping[int, int], share: float) -> float | None:
    """Return the seconds that a share of the requests took at most; None of no requests.

    Examples
    --------
    >>> ten = Counter(bucket(seconds / 1000) for seconds in range(1, 11))
    >>> round(quantile(ten, 0.5), 4), quantile({}, 0.5)
    (0.005, None)
    """
    beyond = share * (sum(latencies.values()) - 1)
    for place in sorted(latencies):
        beyond -= latencies[place]
        if beyond < 0:
            return 2 * _GAMMA**place / (_GAMMA + 1)
    return None


def together(parts: Iterable[Served]) -> tuple[Served, ...]:
    """Add up what several processes, or stretches of time, say of each version; versions in order of their tags."""
    sums: dict[str, _Sum] = {}
    for part in parts:
        one = sums.setdefault(part.version, _Sum())
        one.requests += part.requests
        one.rows += part.rows
        one.errors += part.errors
        one.latencies.update(part.latencies)
    return tuple(one.told(version) for version, one in sorted(sums.items()))


@dataclass
class _Sum:
    """Of one version."""

    requests: int = 0
    rows: int = 0
    errors: int = 0
    latencies: Counter[int] = field(default_factory=Counter)

    def told(self, version: str) -> Served:
        return Served(
            version=version,
            requests=self.requests,
            rows=self.rows,
            errors=self.errors,
            p50=quantile(self.latencies, 0.5),
            p99=quantile(self.latencies, 0.99),
            latencies=dict(self.latencies),
        )


class Recent:
    """Counts the requests of the last ten minutes, by version; safe among threads.

    Parameters
    ----------
    clock
        Tells seconds that only ever rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minutes: deque[tuple[int, dict[str, _Sum]]] = deque()
        self._lock = threading.Lock()

    def answered(self, version: str, rows: int, seconds: float) -> None:
        """Count a request that was answered."""
        with self._lock:
            one = self._sum(version)
            one.requests += 1
            one.rows += rows
            one.latencies[bucket(seconds)] += 1

    def failed(self, version: str) -> None:
        """Count a request that a version could not answer."""
        with self._lock:
            one = self._sum(version)
            one.requests += 1
            one.errors += 1

    def told(self) -> tuple[Served, ...]:
        """Return what each version has served."""
        with self._lock:
            self._forget()
            return together(one.told(version) for _, sums in self._minutes for version, one in sums.items())

    def _sum(self, version: str) -> _Sum:
        minute = int(self._clock() // 60)
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, {}))
            self._forget()
        return self._minutes[-1][1].setdefault(version, _Sum())

    def _forget(self) -> None:
        oldest = int(self._clock() // 60) - MINUTES
        while self._minutes and self._minutes[0][0] <= oldest:
            self._minutes.popleft()
