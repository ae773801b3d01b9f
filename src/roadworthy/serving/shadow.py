"""The shadow: a challenger answers requests that the champion has answered already, and nobody hears it.

It works in a thread of its own behind a short queue. When it falls behind, requests pass it by: the traffic never waits
for it, and its memory is bounded.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from queue import Full, Queue

import numpy as np

from roadworthy.errors import ServingError
from roadworthy.serving import capture, metrics
from roadworthy.serving.asking import ask
from roadworthy.serving.lineup import Ready
from roadworthy.serving.schema import Rows
from roadworthy.serving.telemetry import LOG

_WAITING = 256


@dataclass(frozen=True)
class Shadowed:
    """A request that the champion has answered."""

    ready: Ready
    rollout: str
    request_id: str
    rows: Rows


class Shadow:
    """The challenger behind the scene.

    Parameters
    ----------
    threshold
        Probability from which acting pays.
    spool, failures
        Where its answers, and its failures to answer, are written down.
    """

    def __init__(self, threshold: float, spool: capture.Spool, failures: capture.Spool) -> None:
        self._threshold = threshold
        self._spool = spool
        self._failures = failures
        self._waiting: Queue[Shadowed | None] = Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def show(self, request: Shadowed) -> None:
        """Let the challenger answer a request too, unless it has fallen behind."""
        try:
            self._waiting.put_nowait(request)
        except Full:
            metrics.REFUSED.labels("shadow behind").inc()

    def close(self) -> None:
        """Finish what waits, and end."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while (request := self._waiting.get()) is not None:
            try:
                self._answer(request)
            except ServingError as error:  # it is not recorded, as a prediction would not be
                LOG.warning("%s", error.fact)
            except Exception as error:  # a thread that ends here would leave the rollout without its shadow
                LOG.error("The shadow failed: %s.", type(error).__name__)

    def _answer(self, request: Shadowed) -> None:
        began = time.perf_counter()
        tag = request.ready.tag
        (answered,) = ask(request.ready.model, [request.rows])
        seconds = time.perf_counter() - began
        if answered.probabilities is None:
            metrics.MODEL_ERRORS.labels(tag, "shadow").inc()
            self._failures.append(
                capture.failure_entry(
                    request.request_id,
                    tag,
                    len(request.rows),
                    error=answered.error,
                    seconds=seconds,
                    role="shadow",
                    rollout=request.rollout,
                )
            )
            return
        predictions = (np.asarray(answered.probabilities) >= self._threshold).tolist()
        metrics.SHADOW.labels(tag).inc()
        self._spool.append(
            capture.shadow_entry(
                request.request_id, tag, answered.probabilities, predictions, seconds=seconds, rollout=request.rollout
            )
        )
