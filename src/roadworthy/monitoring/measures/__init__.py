"""Drift measures: each weighs one kind of change between two sides' profiles of a column.

A measure gives the size of the change (``effect``, from 0 to 1) with its interval, and the probability of so large a
change by chance (``p_value``); `drift` decides. To add one, write a class like those here and name it in `MEASURES`:
it then takes part in every comparison, and every test of the family finds it.
"""

from roadworthy.monitoring.measures.amounts import volume
from roadworthy.monitoring.measures.base import Evidence, Measure
from roadworthy.monitoring.measures.categories import ChiSquareHomogeneity
from roadworthy.monitoring.measures.kinds import ChangedKind
from roadworthy.monitoring.measures.numbers import KolmogorovSmirnov
from roadworthy.monitoring.measures.shares import MissingValues, Share, changed_share
from roadworthy.monitoring.measures.unseen import UnseenCategories

MEASURES: tuple[Measure, ...] = (
    KolmogorovSmirnov(),
    ChiSquareHomogeneity(),
    ChangedKind(),
    MissingValues(),
    UnseenCategories(),
)

__all__ = ["MEASURES", "Evidence", "Measure", "Share", "changed_share", "volume"]
