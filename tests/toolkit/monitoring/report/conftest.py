"""Reports to look at: two windows of a version whose traffic drifts, and whatever a test changes about them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roadworthy.monitoring.report import Report
from roadworthy.records import (
    Alert,
    Bar,
    Comparison,
    Decision,
    HistoryEntry,
    MetricReading,
    Performance,
    Reading,
    Retraining,
    Separation,
    Verdict,
    Window,
    WindowReport,
)


class Examples:
    """Builds records with the fields that a test does not care about."""

    nasty = "<img src=x onerror=alert(1)>"

    def window(self, month: int) -> Window:
        return Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))

    def reading(
        self, column: str, verdict: Verdict = "drift", effect: float = 0.3, bars: int = 12, **more: object
    ) -> Reading:
        fields: dict[str, object] = {
            "column": column,
            "kind": "feature",
            "measure": "Kolmogorov-Smirnov",
            "statistic": effect,
            "effect": effect,
            "threshold": 0.03,
            "p_value": 1e-9,
            "adjusted_p": 2e-9,
            "n_reference": 100_000,
            "n_window": 28_000,
            "verdict": verdict,
            "words": f"{column} is higher: half of the values are now at least 71.1, it was 39.9",
            "bars": [
                Bar(label=f"{i * 10} to {i * 10 + 10}", low=i * 10, high=i * 10 + 10, reference=0.083, window=i / 66)
                for i in range(bars)
            ],
        }
        return Reading.model_validate(fields | more)

    def auc(self, value: float) -> MetricReading:
        return MetricReading(metric="roc_auc", value=value, low=value - 0.01, high=value + 0.01, n=27_000)

    def performance(self, value: float, version: str = "late-flights:a", **more: object) -> Performance:
        fields: dict[str, object] = {
            "version": version,
            "rows": 28_000,
            "labelled": 27_000,
            "metrics": {"roc_auc": self.auc(value)},
            "reference": self.auc(0.75),
            "fall": 0.75 - value,
        }
        return Performance.model_validate(fields | more)

    def former(self) -> Comparison:
        """The version before, which would have answered better."""
        return Comparison(
            metric="roc_auc",
            champion="v:2",
            challenger="v:1",
            champion_value=0.7,
            challenger_value=0.72,
            gain=0.02,
            low=0.01,
            high=0.03,
            n=900,
        )

    def found(self, month: int, *readings: Reading, **more: object) -> WindowReport:
        drifted = tuple(r.column for r in readings if r.verdict == "drift")
        fields: dict[str, object] = {
            "window": self.window(month),
            "project": "late-flights",
            "rows": 28_000,
            "labelled": 27_000,
            "open": False,
            "versions": {"late-flights:a": 28_000},
            "reference": "late-flights:a",
            "readings": readings,
            "performance": (self.performance(0.76 - month / 100),),
            "verdict": "drift" if drifted else "no drift",
            "drifted": drifted,
            "expected_false_alarms": 0.05 * len(drifted),
        }
        return WindowReport.model_validate(fields | more)

    def separation(self, verdict: Verdict = "drift", **more: object) -> Separation:
        fields: dict[str, object] = {
            "auc": 0.71,
            "low": 0.68,
            "high": 0.74,
            "threshold": 0.55,
            "p_value": 1e-6,
            "level": 0.02,
            "n_reference": 9_000,
            "n_window": 8_000,
            "blocks": 30,
            "verdict": verdict,
            "words": "the features together are unlike before",
        }
        return Separation.model_validate(fields | more)

    def decision(self, month: int, action: str, reason: str = "2 columns drifted", **more: object) -> Decision:
        return Decision.model_validate(
            {"window": self.window(month), "action": action, "reason": reason, "at": datetime.now(UTC)} | more
        )

    def retraining(self, month: int, **more: object) -> Retraining:
        fields: dict[str, object] = {
            "id": "r",
            "window": self.window(month),
            "champion": "late-flights:a",
            "decision": "d",
            "reason": "2 columns drifted",
            "start": "2013-02-01",
            "end": "2013-06-01",
            "why": "the four months before",
            "products": "products/r",
        }
        return Retraining.model_validate(fields | more)

    def alert(self, cause: str = "drift:late-flights:a", **more: object) -> Alert:
        moment = datetime(2013, 7, 1, 8, tzinfo=UTC)
        fields: dict[str, object] = {
            "id": 1,
            "cause": cause,
            "role": "model",
            "owner": "model: Mo Model <mo@example.org>",
            "severity": "warning",
            "title": "2 columns drifted",
            "message": "In the window from 2013-06-01: temp is higher.",
            "since": moment,
            "updated": moment,
            "count": 4,
            "delivered": True,
        }
        return Alert.model_validate(fields | more)

    def report(self, *windows: WindowReport, **more: object) -> Report:
        return Report.model_validate({"project": "late-flights", "windows": windows} | more)


@pytest.fixture(scope="session")
def examples() -> Examples:
    """Builders of records."""
    return Examples()


@pytest.fixture
def report(examples: Examples) -> Report:
    """Two months, the later one with drift, given in the wrong order."""
    june = examples.found(6, examples.reading("temp"), examples.reading("dewp", "no drift", 0.01))
    may = examples.found(5, examples.reading("humid", "no drift", 0.02))
    return examples.report(june, may)


@pytest.fixture
def full(examples: Examples, report: Report) -> Report:
    """A report with every part."""
    return report.model_copy(
        update={
            "decisions": (examples.decision(6, "retrain", outcome="trained late-flights:b, promoted"),),
            "alerts": (examples.alert(), examples.alert("x", severity="critical", title="roc_auc fell")),
            "history": (
                HistoryEntry(who="ada", action="promote", reason="by hand", at=datetime(2013, 5, 3, tzinfo=UTC)),
            ),
        }
    )
