"""Profiles of tables: what each column holds, small and mergeable, without the rows. The only place that knows whylogs.

A profile is a genuine whylogs profile and its bytes are whylogs' own, but our columns are built here: a whole
column at a time, and right where whylogs' logging is not (missing strings, categories, booleans and numbers that
may be missing, times, infinities, unusual text). A time is profiled as a number, seconds since 1970. Frequent
items hold raw strings: leave identifiers and whatever must not be stored out of the rows.
"""

from roadworthy.monitoring.profiles.mends import mend
from roadworthy.monitoring.profiles.profile import Profile
from roadworthy.monitoring.profiles.sets import ProfileSet
from roadworthy.monitoring.profiles.summary import Cardinality, ColumnSummary, Count

__all__ = ["Cardinality", "ColumnSummary", "Count", "Profile", "ProfileSet"]

mend()
