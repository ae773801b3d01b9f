"""Versioned tables on Delta Lake: datasets, quarantined rows, predictions and labels.

A table is a folder below one address, local or on an object store. Every append is one atomic commit and makes a
version that can be read again. This is the only package that imports deltalake.
"""

from roadworthy.tables.appending import Appending
from roadworthy.tables.compacting import Compacting, Compaction
from roadworthy.tables.differences import Difference, Differences
from roadworthy.tables.history import History, TableVersion
from roadworthy.tables.restoring import Restoring
from roadworthy.tables.rows import Rows
from roadworthy.tables.vacuuming import Vacuum, Vacuuming

__all__ = ["Compaction", "Difference", "Rows", "TableVersion", "Tables", "Vacuum"]


class Tables(Differences, Appending, History, Restoring, Compacting, Vacuuming):
    """The tables below one address; safe to use from several processes at once."""
