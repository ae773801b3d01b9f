"""Windows: which rows of the traffic are judged together, in which parts, and against what."""

from roadworthy.monitoring.windows.profiles import ALL, SlicedProfiles
from roadworthy.monitoring.windows.references import (
    DAY,
    HOUR,
    referred,
    same_season,
    training_file,
    unit_of,
    windows_a_month,
    words,
)
from roadworthy.monitoring.windows.replay import is_replay
from roadworthy.monitoring.windows.segments import divide, segments_of
from roadworthy.monitoring.windows.silence import silent
from roadworthy.monitoring.windows.stretches import Length, is_open, slices, split, window_of

__all__ = [
    "ALL",
    "DAY",
    "HOUR",
    "Length",
    "SlicedProfiles",
    "divide",
    "is_open",
    "is_replay",
    "referred",
    "same_season",
    "segments_of",
    "silent",
    "slices",
    "split",
    "training_file",
    "unit_of",
    "window_of",
    "windows_a_month",
    "words",
]
