"""What would be found, and how soon: the smallest lasting change that the policy's own rule names, four times in five.

Every monitor is blind to something. How blind it is follows from the traffic, the delay of labels, the false alarms
that are allowed, and how the data is distributed; so it can be said before anything goes wrong. The figures are
computed on the version's own reference and hold for a change that begins with a window and then stays.
"""

from roadworthy.monitoring.detectability.horizons import HORIZONS, Traffic, horizons, window_days, window_words
from roadworthy.monitoring.detectability.shifts import POWER, Rule, smallest_falls, smallest_shifts

__all__ = [
    "HORIZONS",
    "POWER",
    "Rule",
    "Traffic",
    "horizons",
    "smallest_falls",
    "smallest_shifts",
    "window_days",
    "window_words",
]
