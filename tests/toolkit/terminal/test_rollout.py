"""What a person is shown of a rollout."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from rich.console import Console

from roadworthy.records import Evidence, Rollout
from roadworthy.rollouts import Standing
from roadworthy.terminal.rollout import show_rollout

BEGAN = datetime(2013, 5, 1, 10, tzinfo=UTC)


def _shown(found: Standing) -> list[str]:
    console = Console(file=io.StringIO(), width=140, soft_wrap=True)
    show_rollout(console, found)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def _evidence(bound: str, found: tuple[float, float, float], n: int, limit: float, verdict: str) -> Evidence:
    ends = dict(zip(("value", "low", "high"), found, strict=True)) | {"n": n, "limit": limit, "verdict": verdict}
    return Evidence.model_validate({"step": 0, "bound": bound, "words": bound, "at": BEGAN} | ends)


def _rollout(**changes: object) -> Rollout:
    evidence = (
        _evidence("error rate", (0.001, 0.0001, 0.0073), 2000, 0.01, "kept"),
        _evidence("slow share", (0.3, 0.2, 0.4), 2000, 0.05, "broken"),
        _evidence("quality", (0.0, -1.0, 1.0), 0, 0.02, "too little data"),
    )
    made = Rollout(
        id="r1",
        mode="canary",
        champion="m:1",
        challenger="m:2",
        steps=(0.01, 0.5),
        started=BEGAN,
        since=BEGAN,
        who="ada",
        evidence=evidence,
    )
    return made.model_copy(update=changes)


def test_a_running_rollout_has_a_line_a_bound_and_says_what_comes() -> None:
    lines = _shown(Standing(rollout=_rollout(), act="roll back", reason="slow share: too slow [really]"))
    assert lines == [
        "canary r1: 2 against champion 1, since 2013-05-01 10:00 UTC by ada",
        "step 1 of 2 (1 % of the traffic), since 2013-05-01 10:00 UTC. The next look will roll back: slow share: "
        "too slow [really]",
        "step  bound       value  interval          at most  requests  verdict",
        "   1  error rate  0.1 %  0.01 % to 0.73 %  1 %         2,000  ● kept",
        "   1  slow share  30 %   20 % to 40 %      5 %         2,000  ▲ broken",
        "   1  quality     -      -                 +0.0200         0  ○ too little",
    ]


def test_a_waiting_one_says_what_for_and_one_that_ended_how() -> None:
    waiting = _shown(Standing(rollout=_rollout(evidence=()), act="wait", reason="waiting: 6 of at least 500 requests"))
    assert waiting[1].endswith("10:00 UTC. waiting: 6 of at least 500 requests")
    ended = _rollout(state="promoted", ended=BEGAN, step=1, evidence=())
    assert _shown(Standing(rollout=ended, reason="all bounds are kept"))[1] == (
        "promoted 2013-05-01 10:00 UTC in step 2 of 2 (50 % of the traffic). all bounds are kept"
    )
    assert _shown(Standing(reason="No rollout was started yet.")) == ["No rollout was started yet."]
