"""The log is the truth of serving: one line a request in a local spool, collected into tables exactly once.

The service appends to spool files of its own and waits for nothing else. A collector, in any process, reads whole
lines and appends their rows to the tables of the same names: ``predictions``, ``shadow``, ``failures``, ``labels``
and ``unmatched``. In the same commit the table notes how far the collector had read, so that whatever is killed, and
when, every line arrives once. Why it is done so: docs/decisions/0002-tables-and-capture.md; what is kept of a request,
and what happens when disk or store are away: docs/decisions/0008-memory.md.
"""

from roadworthy.serving.capture.collecting import Collected, Collector, collect
from roadworthy.serving.capture.files import BAD
from roadworthy.serving.capture.lines import (
    PREDICTION_COLUMNS,
    Role,
    failure_entry,
    label_entry,
    prediction_entry,
    shadow_entry,
    unmatched_entry,
)
from roadworthy.serving.capture.privacy import Keeper, kept_dataset, treatment, unkept_features
from roadworthy.serving.capture.room import Backlog, backlog
from roadworthy.serving.capture.spool import KINDS, Kind, Spool

__all__ = [
    "BAD",
    "KINDS",
    "PREDICTION_COLUMNS",
    "Backlog",
    "Collected",
    "Collector",
    "Keeper",
    "Kind",
    "Role",
    "Spool",
    "backlog",
    "collect",
    "failure_entry",
    "kept_dataset",
    "label_entry",
    "prediction_entry",
    "shadow_entry",
    "treatment",
    "unkept_features",
    "unmatched_entry",
]
