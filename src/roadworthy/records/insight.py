"""Records of what a change means: what matters to a model, what changed together, why a metric fell."""

from __future__ import annotations

from typing import Literal

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


class Horizon(Record):
    """How long a change has lasted, and what there is to see of it by then."""

    name: str
    days: float
    windows: int = Field(description="whole windows by then; 1 where the first is still open")
    rows: float = Field(description="in each window")
    slices: int = Field(description="days that they come in, or hours in windows shorter than a day")
    labelled_windows: int = Field(description="the same of windows whose labels have come")
    labelled: float = Field(description="labelled rows in each of them")


class DetectableShift(Record):
    """The smallest lasting shift of one column that is found within a horizon, with the stated power."""

    column: str
    kind: Literal["feature", "prediction"]
    horizon: str
    effect: float | None = Field(description="Kolmogorov-Smirnov or total variation distance; None: none is found")
    sd: float | None = Field(default=None, description="change of a number's mean, in its standard deviations")
    odds: float | None = Field(default=None, description="factor on the odds of a column's most frequent category")
    before: float | None = Field(default=None, description="mean, or share of that category")
    after: float | None = None
    importance: float = Field(default=1.0, description="how much the column matters, 1 is the most")
    words: str


class DetectableFall(Record):
    """The smallest lasting fall of the use case's metric that is found within a horizon, with the stated power."""

    metric: str
    horizon: str
    fall: float | None = Field(description="in the metric's unit, above 0 is worse; None: none is found")
    value: float | None = Field(description="what the metric then is")
    words: str


class Detectability(Record):
    """What monitoring would find, and how soon: at the traffic there is, under the policy's own rule."""

    version: str
    rows_per_day: float
    label_delay_days: float
    labelled_share: float
    assumed: tuple[str, ...] = Field(default=(), description="what was not measured, in words")
    window: str = Field(description="what is judged together, in words")
    power: float = Field(description="chance with which what is named is found")
    level: float = Field(description="p-value that a single reading must reach")
    false_alarms_per_month: float = Field(description="that the rule allows where nothing has changed")
    horizons: tuple[Horizon, ...]
    shifts: tuple[DetectableShift, ...] = Field(description="by column, what matters most first; then by horizon")
    falls: tuple[DetectableFall, ...]
