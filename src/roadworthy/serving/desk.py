"""Where requests are answered: checked by the contract, answered by a version, and remembered."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time

import bentoml

from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import RoadworthyError, ServingError
from roadworthy.serving import capture, credentials, metrics, schema, telemetry
from roadworthy.serving.admin import Administration
from roadworthy.serving.batching import Batcher
from roadworthy.serving.champion import Follower
from roadworthy.serving.exchange import Call, Reply, refusal, reply
from roadworthy.serving.predicting import Predictor, Question
from roadworthy.serving.schema.bodies import Body
from roadworthy.serving.shadow import Shadow
from roadworthy.serving.telemetry import LOG
from roadworthy.serving.tokens import TokenBook
from roadworthy.tables import Tables

_LOOK_SECONDS = 1.0
# Collecting takes about a hundredth of the time; but what is answered is in its table within seconds all the same.
_PAUSES, _LONGEST_PAUSE_SECONDS = 100, 10.0
# Rows that a model answers by one call, of several requests where they are fewer: a thousand rows take trees twice as
# long as ten thousand take for each thousand, and from there on little is won.
_ROWS_TOGETHER = 10_000


class Desk:
    """The versions, the spools, and the threads behind them.

    Parameters
    ----------
    config, dataset
        The project, and what its requests are made of.
    requests, labels
        The models of the bodies of /predict and /feedback.
    """

    def __init__(self, config: Config, dataset: Dataset, requests: type[Body], labels: type[Body]) -> None:
        self._config = config
        self._columns = dataset.request_columns
        self._requests = requests
        self._labels = labels
        self._sticky = config.settings.service.sticky or dataset.identifier
        self._secret = credentials.secret(config)
        threshold = config.settings.use_case.value.threshold
        self._folder = config.path(config.settings.spool)
        most = config.policy.capture.most_bytes
        self._spools = {kind: capture.Spool(self._folder, kind, most_bytes=most) for kind in capture.KINDS}
        keeper = capture.Keeper(config.policy.capture, dataset, self._secret)
        self._shadow = Shadow(threshold, self._spools["shadow"], self._spools["failures"])
        self._predictor = Predictor(
            threshold, key=self._secret, keeper=keeper, spools=self._spools, shadow=self._shadow
        )
        together = max(config.settings.service.max_rows, _ROWS_TOGETHER)
        self._batcher: Batcher[Question, Reply] = Batcher(self._predictor.answer, together)
        self._collector = capture.Collector(config, dataset, Tables(config.tables_address))
        self.tokens = TokenBook()
        self._follower = Follower(config, dataset, self.tokens)
        self.administration = Administration(config, self._follower)
        self._parent = os.getppid() if bentoml.server_context.worker_index is not None else None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_collecting, name="collect", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether there is a version that answers."""
        return self._follower.lineup.champion is not None

    def open(self) -> None:
        """Load the champion and start the background threads."""
        # A request is too small to be shared among threads: waiting for each other took ten times the work itself.
        # Read when a model's library is loaded, so it must be set before; a user's own setting stands.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        telemetry.log_as_json()
        self._follower.start()
        gc.freeze()  # what is loaded by now stays: to look through it again and again held requests up
        self._shadow.start()
        self._thread.start()

    def close(self) -> None:
        """Collect what is left and sign off."""
        self._ended.set()
        self._thread.join(timeout=10)
        self._shadow.close()
        for spool in self._spools.values():
            spool.close()
        self._collect()
        self._follower.stop()

    # --- requests

    async def predict(self, call: Call) -> Reply:
        """Answer /predict; the answer is recorded before it is given."""
        request = _checked(self._requests, call.body)
        if isinstance(request, Reply):
            return request
        lineup = self._follower.lineup
        if lineup.champion is None:
            return refusal(
                503,
                f"No version answers yet. {self._follower.problem or 'No version is champion.'}",
                "Release one with `roadworthy release`, or promote one with `roadworthy promote`.",
                headers={"Retry-After": "5"},
            )
        rows = schema.columnar(self._columns, request.rows)  # type: ignore[attr-defined]  # the model is generated
        key = call.sticky or str(rows[0].get(self._sticky))
        return await self._batcher.ask(Question(call, rows, key, lineup), len(rows))

    async def feedback(self, call: Call) -> Reply:
        """Answer /feedback; labels are on the disk before they are acknowledged."""
        request = _checked(self._labels, call.body)
        if isinstance(request, Reply):
            return request
        labels: list[schema.Label] = request.labels  # type: ignore[attr-defined]  # the model is generated
        problems = {place: problem for place, label in enumerate(labels) if (problem := self._unknown(label))}
        known = [label for place, label in enumerate(labels) if place not in problems]
        try:
            await asyncio.to_thread(self._keep, known, [(labels[place], problems[place]) for place in problems])
        except ServingError as error:
            self._follower.note("labels", error.fact)
            return refusal(
                503, error.fact, "Send the labels again later; none was taken.", headers={"Retry-After": "5"}
            )
        self._follower.note("labels", None)
        call.trace.facts |= {"labels": len(known), "unknown": len(problems)}
        if problems:
            detail = [{"field": f"labels.{place}", "value": None, "rule": rule} for place, rule in problems.items()]
            fact = f"{len(problems)} of {len(labels)} labels are of no request of this service: {detail[0]['rule']}"
            step = "Name request_id and row as /predict answered them. The others were taken, these were set aside."
            return refusal(404, fact, step, detail)
        return reply({"accepted": len(known)})

    def _unknown(self, label: schema.Label) -> str:
        known = credentials.verify(self._secret, label.request_id, label.row)
        if known == "row out of range":
            return f"Request {label.request_id!r} had no row {label.row}."
        return "" if known == "known" else f"Request {label.request_id!r} is not one of this service."

    def _keep(self, known: list[schema.Label], unknown: list[tuple[schema.Label, str]]) -> None:
        if known:
            entry = capture.label_entry([(label.request_id, label.row, label.label, label.at) for label in known])
            self._spools["labels"].append(entry, durable=True)
        if unknown:
            aside = [(label.request_id, label.row, label.label, label.at, problem) for label, problem in unknown]
            self._spools["unmatched"].append(capture.unmatched_entry(aside), durable=True)

    # --- background

    def _keep_collecting(self) -> None:
        due = 0.0
        while not self._ended.wait(_LOOK_SECONDS):
            began = time.monotonic()
            if began >= due:
                self._collect()
                took = time.monotonic() - began
                due = began + min(_PAUSES * took, _LONGEST_PAUSE_SECONDS)
            self._tell()
            metrics.forget_dead_workers()
            if self._parent is not None and os.getppid() != self._parent:
                LOG.warning("The process that started this service is gone; it ends.")
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _tell(self) -> None:
        """Let metrics and state know how the memory is."""
        self._follower.note("capture", self._predictor.trouble)
        backlog = capture.backlog(self._folder)
        metrics.LAG.set(backlog.lag)
        metrics.SPOOL.set(backlog.waiting)
        served = self._predictor.recent.told()
        self._follower.tell(lost=self._predictor.lost, spooled=backlog.waiting, served=served)

    def _collect(self) -> None:
        try:
            found = self._collector.collect()
            metrics.BAD_LINES.inc(found.bad)
            self._follower.note("collect", None)
        except Exception as error:  # monitoring must never stop serving; nothing is lost, the spool is kept
            fact = error.fact if isinstance(error, RoadworthyError) else f"{type(error).__name__}: {error}."
            self._follower.note("collect", f"The spool could not be collected: {fact}")


def _checked(model: type[Body], body: bytes) -> Body | Reply:
    found = schema.checked(model, body)
    if isinstance(found, schema.Refused):
        return reply(found.refusal.model_dump(), found.status)
    return found
