"""Records of what a change means: what matters to a model, what changed together, why a metric fell."""

from __future__ import annotations

from pydantic import Field

from roadworthy.records.base import Record


class FeatureImportance(Record):
    """How much worse a metric becomes when one feature is shuffled; above 0 is worse, in the metric's own unit."""

    mean: float
    sd: float = Field(description="between the repeats")


class Importance(Record):
    """Permutation importance of a version's features, on rows it was not trained on."""

    metric: str
    rows: int
    repeats: int
    features: dict[str, FeatureImportance]

    def weight(self, column: str) -> float:
        """Return how much a column matters: from 0 to 1, the most important feature's.

        What is no feature, such as the prediction, has a weight of 1: nothing speaks for passing it over.
        """
        if column not in self.features:
            return 1.0
        most = max(feature.mean for feature in self.features.values())
        return max(self.features[column].mean, 0.0) / most if most > 0 else 1.0
