"""On which data is trained, by the policy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roadworthy import retraining
from roadworthy.config import RetrainPolicy
from roadworthy.records import Window, WindowReport


def _report(month: int, verdict: str = "drift", reference: str = "m:1", rows: int = 9) -> WindowReport:
    window = Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))
    facts = {"rows": rows, "labelled": rows, "open": False, "versions": {}, "project": "p"}
    return WindowReport.model_validate(facts | {"window": window, "verdict": verdict, "reference": reference})


@pytest.mark.parametrize(
    ("data", "earlier", "start", "why"),
    [
        ("months", ["drift", "drift"], "2013-02-01", "the 4 months before the window"),
        ("since_drift", ["no drift", "drift"], "2013-05-01", "since drift began, in the window from 2013-05-01"),
        ("since_drift", ["drift", "drift"], "2013-04-01", "since drift began, in the window from 2013-04-01"),
        (
            "since_drift",
            ["drift", "no drift"],
            "2013-02-01",
            "the 4 months before the window, for drift began only in it",
        ),
        ("since_drift", ["drift", "other"], "2013-02-01", "the 4 months before the window, for drift began only in it"),
    ],
)
def test_the_policy_says_on_which_data(data: str, earlier: list[str], start: str, why: str) -> None:
    judged = [
        _report(month, "drift", "m:0") if verdict == "other" else _report(month, verdict)
        for month, verdict in zip((4, 5), earlier, strict=True)
    ]
    policy = RetrainPolicy.model_validate({"data": data})
    found = retraining.training_data(_report(6), [*judged, _report(6)], policy)
    assert found == (start, "2013-06-01", why)


def test_windows_without_rows_neither_begin_nor_end_a_drift() -> None:
    policy = RetrainPolicy(data="since_drift")
    judged = [_report(2, rows=0), _report(3), _report(4, "too little data", rows=0), _report(5, rows=0), _report(6)]
    start, _, why = retraining.training_data(judged[-1], judged, policy)
    assert (start, why) == ("2013-03-01", "since drift began, in the window from 2013-03-01")
