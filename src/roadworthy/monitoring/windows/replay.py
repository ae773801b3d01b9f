"""Replays: traffic whose events are of another time than their answers."""

from __future__ import annotations

import pandas as pd

_ANOTHER_TIME = pd.Timedelta(days=7)


def is_replay(events: pd.Series[pd.Timestamp], answers: pd.Series[pd.Timestamp]) -> bool:
    """Return whether half of the rows or more were answered over a week from their events, before or after.

    Parameters
    ----------
    events, answers
        When each row's event happened, and when it was answered, of shape (rows,).

    Examples
    --------
    >>> events = pd.Series(pd.date_range("2013-05-01", periods=3, tz="UTC"))
    >>> is_replay(events, events + pd.Timedelta(hours=2)), is_replay(events, events + pd.Timedelta(days=400))
    (False, True)
    """
    return bool((answers - events).abs().median() > _ANOTHER_TIME)
