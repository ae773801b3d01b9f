"""How much memory a task takes: the peak of this process and its children, by sampling."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

_SECONDS_BETWEEN_SAMPLES = 0.1


class PeakMemory:
    """Samples resident memory, in bytes, of this process and all its descendants while the block runs.

    Pages that processes share count once for each of them, so the figure is an upper bound; a spike shorter than
    the tenth of a second between samples can be missed.

    Examples
    --------
    >>> with PeakMemory() as memory:
    ...     pass
    >>> memory.peak > 1_000_000
    True
    """

    def __init__(self) -> None:
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._sample(psutil.Process())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        here = psutil.Process()
        while not self._ended.wait(_SECONDS_BETWEEN_SAMPLES):
            self._sample(here)

    def _sample(self, process: psutil.Process) -> None:
        total = process.memory_info().rss
        for child in process.children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.Error:  # it ended between being listed and being asked
                continue
        self.peak = max(self.peak, total)
