"""From checked requests to their replies: asked of a version, remembered, and only then answered.

All requests that wait at a moment go through here together (see `roadworthy.serving.batching`): one call of each
version that is asked, one write to the spool.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roadworthy.errors import ServingError
from roadworthy.serving import capture, credentials, metrics
from roadworthy.serving.asking import Answered, ask
from roadworthy.serving.exchange import Call, Reply, refusal, reply
from roadworthy.serving.lineup import LineUp, Ready, Role
from roadworthy.serving.recent import Recent
from roadworthy.serving.schema import Inspection, Remark, Rows
from roadworthy.serving.shadow import Shadow, Shadowed


@dataclass(frozen=True)
class Question:
    """A request that obeys the contract."""

    call: Call
    rows: Rows
    key: str
    lineup: LineUp


@dataclass
class _Case:
    """A question, whom it was put to, and what came of it."""

    question: Question
    ready: Ready
    role: Role
    answered: Answered
    request_id: str
    seconds: float = 0.0
    recorded: bool = True

    @property
    def rollout(self) -> str:
        return self.question.lineup.rollout.id if self.question.lineup.rollout else ""


class Predictor:
    """Answers questions, in batches.

    Parameters
    ----------
    threshold
        Probability from which acting pays.
    key
        With which request ids are signed.
    keeper
        Which requests are remembered, and what of their rows.
    spools
        By kind: where predictions and failures are written down.
    shadow
        Who answers too where a rollout wants it.
    """

    def __init__(
        self,
        threshold: float,
        *,
        key: bytes,
        keeper: capture.Keeper,
        spools: Mapping[capture.Kind, capture.Spool],
        shadow: Shadow,
    ) -> None:
        self._threshold = threshold
        self._key = key
        self._keeper = keeper
        self._spools = spools
        self._shadow = shadow
        self.lost = 0
        """Rows that were answered and could not be recorded, so far."""
        self.trouble: str | None = None
        """Why the newest answers could not be recorded; None when they were."""
        self.recent = Recent()
        """What each version has answered of late."""

    def answer(self, questions: Sequence[Question]) -> list[Reply]:
        """Return the replies to questions, in their order; each is recorded before it is given."""
        cases = [self._case(question) for question in questions]
        self._ask(cases)
        self._ask_champion_instead(cases)
        now = time.perf_counter()
        for case in cases:
            case.seconds = now - case.question.call.started
        self._record([case for case in cases if case.answered.probabilities is not None])
        return [self._reply(case) for case in cases]

    def _case(self, question: Question) -> _Case:
        ready, role = question.lineup.answering(question.key)
        assert ready is not None, "a question is only put where there is a champion"  # noqa: S101  # for mypy
        request_id = credentials.new_request_id(self._key, len(question.rows))
        return _Case(question, ready, role, Answered(None), request_id)

    def _ask(self, cases: Sequence[_Case]) -> None:
        by_version: dict[str, list[_Case]] = {}
        for case in cases:
            by_version.setdefault(case.ready.tag, []).append(case)
        for asked in by_version.values():
            answers = ask(asked[0].ready.model, [case.question.rows for case in asked])
            for case, answered in zip(asked, answers, strict=True):
                case.answered = answered
                if answered.probabilities is None:
                    self._failed(case)

    def _ask_champion_instead(self, cases: Sequence[_Case]) -> None:
        """A challenger on trial that cannot answer must cost nobody an answer."""
        fallen = [case for case in cases if case.role == "canary" and case.answered.probabilities is None]
        for case in fallen:
            champion = case.question.lineup.champion
            if champion is not None:
                case.ready, case.role = champion, "champion"
        if fallen:
            self._ask(fallen)

    def _failed(self, case: _Case) -> None:
        metrics.MODEL_ERRORS.labels(case.ready.tag, case.role).inc()
        self.recent.failed(case.ready.tag)
        entry = capture.failure_entry(
            case.request_id,
            case.ready.tag,
            len(case.question.rows),
            error=case.answered.error,
            seconds=time.perf_counter() - case.question.call.started,
            role=case.role,
            rollout=case.rollout,
        )
        try:
            self._spools["failures"].append(entry)
        except ServingError as error:
            self.trouble = error.fact

    # --- memory

    def _record(self, cases: Sequence[_Case]) -> None:
        kept = [case for case in cases if self._keeper.keeps(case.request_id)]
        if not kept:
            return
        try:
            self._spools["predictions"].append_all([self._entry(case) for case in kept])
            self.trouble = None
        except ServingError as error:
            self.trouble = error.fact
            rows = sum(len(case.question.rows) for case in kept)
            self.lost += rows
            metrics.LOST.inc(rows)
            for case in kept:
                case.recorded = False
            return
        for case in kept:
            self._show(case)

    def _entry(self, case: _Case) -> dict[str, Any]:
        probabilities = case.answered.probabilities or []
        return capture.prediction_entry(
            case.request_id,
            case.ready.tag,
            self._keeper.rows(case.question.rows),
            probabilities,
            [probability >= self._threshold for probability in probabilities],
            seconds=case.seconds,
            role=case.role,
            rollout=case.rollout,
        )

    def _show(self, case: _Case) -> None:
        ready = case.question.lineup.shadow(case.question.key)
        if ready is not None:
            self._shadow.show(Shadowed(ready, case.rollout, case.request_id, case.question.rows))

    # --- replies

    def _reply(self, case: _Case) -> Reply:
        call, tag = case.question.call, case.ready.tag
        call.trace.facts |= {"request_id": case.request_id, "version": tag, "rows": len(case.question.rows)}
        if case.answered.probabilities is None:
            return refusal(
                500,
                f"Version {tag} could not answer this request.",
                "Look for the cause in the service's log, and go back with `roadworthy rollback`.",
            )
        inspection = case.ready.inspector.inspect(case.question.rows)
        _count(tag, case.seconds, len(case.question.rows), inspection)
        self.recent.answered(tag, len(case.question.rows), case.seconds)
        return reply(
            {
                "request_id": case.request_id,
                "model_version": tag,
                "predictions": _predictions(case.answered.probabilities, self._threshold),
                "warnings": _warnings(inspection, case.recorded),
            },
            headers={"X-Request-ID": case.request_id},
        )


def _predictions(probabilities: Sequence[float], threshold: float) -> list[dict[str, Any]]:
    return [
        {"row": row, "probability": probability, "prediction": probability >= threshold}
        for row, probability in enumerate(probabilities)
    ]


def _warnings(inspection: Inspection, recorded: bool) -> list[dict[str, Any]]:
    warnings = [remark.model_dump() for remark in inspection.remarks]
    if not recorded:
        message = "This request could not be recorded; feedback on it will not be used."
        warnings.append(Remark(row=None, field=None, kind="not recorded", message=message).model_dump())
    return warnings


def _count(tag: str, seconds: float, rows: int, inspection: Inspection) -> None:
    metrics.SECONDS.labels(tag).observe(seconds)
    metrics.ROWS.labels(tag).inc(rows)
    for column, times in inspection.unseen.items():
        metrics.UNSEEN.labels(column).inc(times)
    for column, times in inspection.out_of_range.items():
        metrics.OUT_OF_RANGE.labels(column).inc(times)
