"""Production for those who look after it: what runs, how it does, what may be done about it, and what has happened.

`describe` is the whole picture, read from the state alone. `act` does what somebody has confirmed, in their name,
unless another version is champion by then. `changes` tells what happened between two looks.
"""

from roadworthy.production.acting import act
from roadworthy.production.changes import Seen, changes, seen
from roadworthy.production.picture import describe

__all__ = ["Seen", "act", "changes", "describe", "seen"]
