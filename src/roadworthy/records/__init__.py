"""The vocabulary: frozen records that cross modules. No input or output happens here.

Times are timezone-aware UTC; durations are seconds; sizes are bytes; shares are between 0 and 1.
"""

from roadworthy.records.base import (
    CHALLENGER,
    CHAMPION,
    SMALLER_IS_BETTER,
    Moment,
    OwnerRole,
    Record,
    Scope,
    Verdict,
    now,
)
from roadworthy.records.data import Artifact, Ingestion, Pin, RunRecord, TaskRecord
from roadworthy.records.monitoring import (
    Alert,
    Bar,
    Decision,
    Finding,
    Performance,
    Reading,
    ReplayAccount,
    Window,
    WindowReport,
)
from roadworthy.records.serving import AccessToken, AuditEntry, Evidence, Rollout
from roadworthy.records.versions import (
    Alias,
    Comparison,
    Deployment,
    GateCheck,
    GateVerdict,
    HistoryEntry,
    MetricReading,
    ModelVersion,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "SMALLER_IS_BETTER",
    "AccessToken",
    "Alert",
    "Alias",
    "Artifact",
    "AuditEntry",
    "Bar",
    "Comparison",
    "Decision",
    "Deployment",
    "Evidence",
    "Finding",
    "GateCheck",
    "GateVerdict",
    "HistoryEntry",
    "Ingestion",
    "MetricReading",
    "ModelVersion",
    "Moment",
    "OwnerRole",
    "Performance",
    "Pin",
    "Reading",
    "Record",
    "ReplayAccount",
    "Rollout",
    "RunRecord",
    "Scope",
    "TaskRecord",
    "Verdict",
    "Window",
    "WindowReport",
    "now",
]
