"""Records of what a change means: what matters to a model, what changed together, why a metric fell."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from roadworthy.records.base import Record, Verdict


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


class Separation(Record):
    """How well a classifier tells a window's rows from the reference's: all features, and what they do together."""

    auc: float = Field(description="of the classifier on rows and times it has not seen; 0.5 where nothing changed")
    low: float = Field(description="lower end of its 95 % interval")
    high: float
    threshold: float = Field(description="the least area that matters")
    p_value: float
    level: float = Field(description="p-value that it must reach")
    n_reference: int
    n_window: int
    blocks: int = Field(description="stretches of time that the window's rows come in; they are what is counted")
    drivers: dict[str, float] = Field(
        default={}, description="feature -> by how much the area falls when it is shuffled, the largest first"
    )
    verdict: Verdict
    words: str


class AssociationChange(Record):
    """How two features go together, before and now."""

    first: str
    second: str
    measure: Literal["rank correlation", "correlation ratio", "Cramer's V"]
    reference: float
    window: float
    effect: float = Field(description="largest change of a correlation between their ranks or categories, 0 to 2")
    threshold: float
    adjusted_p: float = Field(description="corrected over all pairs")
    level: float
    verdict: Verdict
    words: str


class Explanation(Record):
    """Why a metric differs from its value at release: other inputs, or another relation of inputs and label."""

    metric: str
    reference: float = Field(description="on the labelled rows held out at release")
    expected: float = Field(description="in the window, had labels followed from inputs as at release")
    window: float = Field(description="realised")
    inputs: float | None = Field(description="part of the fall that the inputs explain, above 0 is worse")
    inputs_low: float | None = None
    inputs_high: float | None = None
    relation: float | None = Field(description="part that is left: the relation has changed, or something unseen has")
    relation_low: float | None = None
    relation_high: float | None = None
    effective_rows: float = Field(description="independent rows that the weighted ones are worth")
    rows: int = Field(description="held-out rows")
    labelled: int = Field(description="rows of the window")
    trusted: bool = Field(description="the inputs overlap enough for the parts to be told apart")
    words: str
