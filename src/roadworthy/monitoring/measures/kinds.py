"""Values that have become of another kind."""

from __future__ import annotations

from roadworthy.contract import Column
from roadworthy.monitoring.measures.base import Evidence, Measure
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.slices import SlicedColumn


class ChangedKind(Measure):
    """Numbers have become text, or the other way round: no test is needed."""

    name = "kind of values"
    kind = "type"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether both hold values, of different kinds."""
        return reference.kind != window.kind and "empty" not in (reference.kind, window.kind)

    def weigh(self, reference: SlicedColumn, window: SlicedColumn, column: Column) -> Evidence:
        """State the change."""
        before, after = reference.whole, window.whole
        return Evidence(
            statistic=1.0,
            effect=1.0,
            effect_low=1.0,
            effect_high=1.0,
            p_value=0.0,
            n_reference=before.values,
            n_window=after.values,
            effective_n_reference=before.values,
            effective_n=after.values,
            subject=column.name,
            headline=f"{column.name} holds another kind of values",
            fact=f"its values are now {after.kind}, they were {before.kind}",
        )
