"""The state database: what happened, when, by whom, and where production points.

SQLite by default, PostgreSQL by its address. Every method is one transaction, safe among several processes and
against the death of any of them. Times are UTC.
"""

from roadworthy.state.actions import Actions
from roadworthy.state.alerts import Alerts
from roadworthy.state.monitoring import Monitoring
from roadworthy.state.production import Production
from roadworthy.state.runs import DataAndRuns
from roadworthy.state.serving import Serving
from roadworthy.state.signs import Signs


class State(DataAndRuns, Production, Serving, Monitoring, Alerts, Actions, Signs):
    """The state database, opened. A context manager; `close` it otherwise.

    Every method raises StateError when the database cannot be reached.
    """
