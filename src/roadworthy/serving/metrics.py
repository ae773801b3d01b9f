"""What a service counts, for Prometheus, at /metrics: every worker's figures added up by BentoML.

The dashboard in monitoring/grafana.json shows each of them, and a test holds that it does.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.multiprocess import mark_process_dead

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Counter("roadworthy_requests", "Requests answered", ["path", "status", "version"])
SECONDS = Histogram("roadworthy_request_seconds", "Time that a prediction request took", ["version"], buckets=_BUCKETS)
ROWS = Counter("roadworthy_rows", "Rows answered", ["version"])
MODEL_ERRORS = Counter("roadworthy_model_errors", "Requests that a version could not answer", ["version", "role"])
UNSEEN = Counter("roadworthy_unseen", "Values answered that the model never saw in training", ["column"])
OUT_OF_RANGE = Counter("roadworthy_out_of_range", "Values answered that are outside the contract's range", ["column"])
LOST = Counter("roadworthy_capture_lost", "Answered rows that could not be recorded")
BAD_LINES = Counter("roadworthy_capture_bad_lines", "Recorded lines that could not be read and were set aside")
LAG = Gauge(
    "roadworthy_capture_lag_seconds", "Age of the oldest answer not yet in the table", multiprocess_mode="livemax"
)
SPOOL = Gauge("roadworthy_spool_bytes", "Bytes that wait to be collected", multiprocess_mode="livemax")
LIVE = Gauge("roadworthy_version_live", "Workers that answer with a version", ["version"], multiprocess_mode="livesum")
SHADOW = Counter("roadworthy_shadow", "Requests that a challenger answered in the shadow", ["version"])
ALERTS = Gauge("roadworthy_alerts_open", "Alerts that are not resolved", ["severity"], multiprocess_mode="livemax")
UNDELIVERED = Gauge(
    "roadworthy_alerts_undelivered", "Open alerts whose last delivery failed", multiprocess_mode="livemax"
)
OBSERVERS = Gauge("roadworthy_observers", "Processes of `roadworthy watch` that live", multiprocess_mode="livemax")
REFUSED = Counter("roadworthy_refused", "Requests turned away before they were read", ["reason"])

ALL = (
    REQUESTS,
    SECONDS,
    ROWS,
    MODEL_ERRORS,
    UNSEEN,
    OUT_OF_RANGE,
    LOST,
    BAD_LINES,
    LAG,
    SPOOL,
    LIVE,
    SHADOW,
    ALERTS,
    UNDELIVERED,
    OBSERVERS,
    REFUSED,
)


def forget_dead_workers() -> None:
    """Drop the gauges of workers that were killed: they would be counted as live for ever."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")  # BentoML sets it for its workers
    for file in Path(folder).glob("gauge_live*_*.db") if folder else ():
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]  # prometheus_client's
