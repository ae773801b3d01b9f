"""Where requests are answered: checked by the contract, answered by the champion, and remembered."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any

import bentoml
import numpy as np
import orjson
from prometheus_client import Counter
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import RoadworthyError, ServingError
from roadworthy.registry import LoadedModel
from roadworthy.serving import capture, credentials, schema, tokens
from roadworthy.serving.champion import Follower
from roadworthy.serving.tokens import Refusal, TokenBook
from roadworthy.state import State
from roadworthy.tables import Tables

_LOG = logging.getLogger("bentoml.serve")  # the logger that `bentoml serve` shows
_COLLECT_SECONDS = 1.0
_ROWS = Counter("roadworthy_rows", "Rows answered", ["version"])
_LOST = Counter("roadworthy_capture_lost", "Answered rows that could not be recorded")
_BAD_LINES = Counter("roadworthy_capture_bad_lines", "Recorded lines that could not be read and were set aside")


class Desk:
    """The champion, the spools, and two threads behind them."""

    def __init__(self, config: Config, dataset: Dataset, requests: type[BaseModel], labels: type[BaseModel]) -> None:
        self._dataset = dataset
        self._requests = requests
        self._labels = labels
        self._threshold = config.settings.use_case.value.threshold
        self._config = config
        self._book = TokenBook()
        self._secret = credentials.secret(config)
        folder = config.path(config.settings.spool)
        most = config.policy.capture.most_bytes
        self._spools = {kind: capture.Spool(folder, kind, most_bytes=most) for kind in capture.KINDS}
        self._keeper = capture.Keeper(config.policy.capture, dataset, self._secret)
        self._collector = capture.Collector(config, dataset, Tables(config.tables_address))
        self._follower = Follower(config, dataset)
        self._parent = os.getppid() if bentoml.server_context.worker_index is not None else None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_collecting, name="collect", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether there is a version that answers."""
        return self._follower.model is not None

    def open(self) -> None:
        """Load the champion and start the background threads."""
        # A request is too small to be shared among threads: waiting for each other took ten times the work itself.
        # Read when a model's library is loaded, so it must be set before; a user's own setting stands.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._read_tokens()
        self._follower.start()
        self._thread.start()

    def close(self) -> None:
        """Collect what is left and sign off."""
        self._ended.set()
        self._thread.join(timeout=10)
        for spool in self._spools.values():
            spool.close()
        self._collect()
        self._follower.stop()

    # --- requests

    def predict(self, incoming: schema.Incoming) -> Response:
        """Answer /predict; the answer is recorded before it is given."""
        request = _checked(self._requests, incoming)
        if isinstance(request, Response):
            return request
        rows: list[dict[str, Any]] = request.rows  # type: ignore[attr-defined]  # the model is generated
        model = self._follower.model
        if model is None:
            return _refusal(
                503,
                f"No version answers yet. {self._follower.problem or 'No version is champion.'}",
                "Release one with `roadworthy release`, or promote one with `roadworthy promote`.",
            )
        begin = time.perf_counter()
        probabilities = self._ask(model, rows)
        if probabilities is None:
            return _refusal(
                500,
                f"Version {model.tag} could not answer this request.",
                "Look for the cause in the service's log, and go back with `roadworthy rollback`.",
            )
        return self._answer(model.tag, rows, probabilities, time.perf_counter() - begin)

    async def feedback(self, incoming: schema.Incoming) -> Response:
        """Answer /feedback; labels are on the disk before they are acknowledged."""
        access = self._book.check(incoming.authorization, "feedback")
        if isinstance(access, Refusal):
            refusal = _refusal(access.status, access.fact, access.next_step)
            if access.status == 401:
                refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        request = _checked(self._labels, incoming)
        if isinstance(request, Response):
            return request
        labels: list[schema.Label] = request.labels  # type: ignore[attr-defined]  # the model is generated
        for label in labels:
            known = credentials.verify(self._secret, label.request_id, label.row)
            if known != "known":
                return _unknown(label, known)
        entry = capture.label_entry([(label.request_id, label.row, label.label, None) for label in labels])
        try:
            await asyncio.to_thread(self._spools["labels"].append, entry, durable=True)
        except ServingError as error:
            self._follower.note("capture", error.fact)
            return _refusal(503, error.fact, "Send the labels again later; none was taken.")
        return _json(200, {"accepted": len(labels)})

    def _ask(self, model: LoadedModel, rows: list[dict[str, Any]]) -> list[float] | None:
        try:
            probabilities = np.asarray(model.predict(schema.frame(self._dataset, rows)), dtype="float64")
        except Exception as error:  # a model may raise anything; its text may hold the request's values, so no text
            _LOG.error("Version %s raised %s on a request of %d rows.", model.tag, type(error).__name__, len(rows))
            return None
        if probabilities.shape != (len(rows),) or not np.isfinite(probabilities).all():
            _LOG.error("Version %s did not answer each of %d rows with a number.", model.tag, len(rows))
            return None
        return probabilities.tolist()  # type: ignore[no-any-return]

    def _answer(self, version: str, rows: list[dict[str, Any]], probabilities: list[float], seconds: float) -> Response:
        request_id = credentials.new_request_id(self._secret, len(rows))
        predictions = [probability >= self._threshold for probability in probabilities]
        warnings = []
        try:
            if self._keeper.keeps(request_id):
                kept = self._keeper.rows(rows)
                entry = capture.prediction_entry(request_id, version, kept, probabilities, predictions, seconds=seconds)
                self._spools["predictions"].append(entry)
        except ServingError as error:
            _LOST.inc(len(rows))
            self._follower.note("capture", error.fact)
            warnings.append("This request could not be recorded; feedback on it will not be used.")
        _ROWS.labels(version).inc(len(rows))
        answers = [
            {"row": row, "probability": probability, "prediction": prediction}
            for row, (probability, prediction) in enumerate(zip(probabilities, predictions, strict=True))
        ]
        return _json(
            200,
            {"request_id": request_id, "model_version": version, "predictions": answers, "warnings": warnings},
        )

    # --- background

    def _read_tokens(self) -> None:
        try:
            with State.open(self._config.state_address) as state:
                tokens.local(self._config, state)  # so that it is there for whoever wants to try the service
                self._book.replace(state.tokens())
        except RoadworthyError as error:
            _LOG.warning("%s", error.fact)

    def _keep_collecting(self) -> None:
        while not self._ended.wait(_COLLECT_SECONDS):
            self._collect()
            if self._parent is not None and os.getppid() != self._parent:
                _LOG.warning("The process that started this service is gone; it ends.")
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _collect(self) -> None:
        try:
            found = self._collector.collect()
            _BAD_LINES.inc(found.bad)
            self._follower.note("collect", None)
        except Exception as error:  # monitoring must never stop serving; nothing is lost, the spool is kept
            fact = error.fact if isinstance(error, RoadworthyError) else f"{type(error).__name__}: {error}."
            self._follower.note("collect", f"The spool could not be collected: {fact}")


# --- requests and answers ------------------------------------------------------------------------------------------


def _checked(model: type[BaseModel], incoming: schema.Incoming) -> BaseModel | Response:
    if incoming.too_large:
        return _refusal(413, "The body is too large.", "Send fewer rows in one request.")
    try:
        return model.model_validate_json(incoming.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            return _refusal(400, f"The body is not JSON. {first['msg']}.", "Correct the body.")
        if not first["loc"]:
            return _refusal(400, "The body is not a JSON object.", "Send an object as /docs.json describes it.")
        found = [problem.model_dump() for problem in schema.problems(error)]
        fact = f"{error.error_count()} fields break the contract, the first: {found[0]['field']}: {found[0]['rule']}"
        return _refusal(422, fact, "Correct the fields; /docs.json describes them.", found)


def _unknown(label: schema.Label, known: credentials.Known) -> Response:
    if known == "row out of range":
        fact = f"Request {label.request_id!r} had no row {label.row}."
    else:
        fact = f"Request {label.request_id!r} is not one of this service."
    return _refusal(404, fact, "Name request_id and row as /predict answered them; no label was taken.")


def _refusal(status: int, fact: str, next_step: str, detail: list[dict[str, Any]] | None = None) -> Response:
    content: dict[str, Any] = {"error": fact, "next_step": next_step}
    return _json(status, content if detail is None else content | {"detail": detail})


def _json(status: int, content: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
