"""Records of what was found in the traffic."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from roadworthy.records.base import Moment, Record, Verdict, now
from roadworthy.records.insight import AssociationChange, Explanation, Separation
from roadworthy.records.versions import Comparison, MetricReading, Served

ReferenceKind = Literal["training", "frozen", "before", "season"]
ReadingKind = Literal[
    "feature",
    "prediction",
    "missing",
    "unseen",
    "type",
    "range",
    "duplicates",
    "cardinality",
    "volume",
    "freshness",
]


class Window(Record):
    """A stretch of event time: start belongs to it, end does not."""

    start: Moment
    end: Moment

    @property
    def name(self) -> str:
        """The window's start as a sortable name that is safe in a file's name.

        Examples
        --------
        >>> from datetime import UTC, datetime
        >>> Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC)).name
        '2013-05-01'
        """
        return self.start.strftime(f"%Y-%m-%dT%H%M%S{'.%f' if self.start.microsecond else ''}Z").replace("T000000Z", "")


class Slice(Window):
    """A part of a window whose rows are profiled together: how much the slices differ shows how much chance brings."""

    rows: int


class Segment(Record):
    """The rows with one value of a column."""

    column: str
    value: str | None = Field(description="None for the rest: values too rare for a segment of their own, and none")

    @property
    def name(self) -> str:
        """The segment in words.

        Examples
        --------
        >>> Segment(column="origin", value="JFK").name, Segment(column="origin", value=None).name
        ('origin JFK', 'origin other')
        """
        return f"{self.column} {'other' if self.value is None else self.value}"


class Bar(Record):
    """One bar of a pair of histograms: shares of the reference and of the window."""

    label: str
    stands_for: Literal["rest", "empty"] | None = Field(
        default=None,
        description="rest: all categories without a bar of their own; empty: the empty text; None: what the label says",
    )
    low: float | Moment | None = Field(
        default=None, description="where its range begins; None: it is open there, or the bar is a category's"
    )
    high: float | Moment | None = Field(default=None, description="where it ends; the same as `low`: one value alone")
    reference: float
    window: float


class Reading(Record):
    """What one column of one window said, held against the reference."""

    column: str = Field(description="the column, or what else the fact is about, such as the window's rows")
    kind: ReadingKind
    measure: str = Field(description="the test's standard name")
    statistic: float
    effect: float = Field(description="size of the change, in the unit that the threshold has")
    effect_low: float | None = Field(default=None, description="lower end of the effect's 95 % interval")
    effect_high: float | None = Field(default=None, description="upper end of it")
    threshold: float = Field(description="the least effect that matters, from the policy")
    p_value: float
    adjusted_p: float = Field(description="after correction over the window's readings")
    level: float = Field(default=0.05, description="chance of a false alarm that the window may take")
    n_reference: int
    n_window: int
    effective_n_reference: float | None = Field(
        default=None, description="independent rows that the reference's are worth, sketch error included"
    )
    effective_n: float | None = Field(
        default=None, description="independent rows that the window's are worth, sketch error included"
    )
    detectable: float | None = Field(
        default=None, description="least effect that would be found in such a window four times out of five"
    )
    ranked_among: int = Field(
        default=0, description="stretches of the reference, by its rank among which it was decided; 0: by its p-value"
    )
    importance: float | None = Field(default=None, description="of the column for the model, when it is known")
    verdict: Verdict
    words: str = Field(description="the change in plain words, with figures")
    bars: tuple[Bar, ...] = ()

    @property
    def ratio(self) -> float:
        """The size of the change in units of what counts."""
        return self.effect / self.threshold if self.threshold > 0 else math.copysign(math.inf, self.effect)

    def urgency(self) -> tuple[bool, float, float, str, str]:
        """Return a sort key: drift first, then by size times how much the column matters to the model.

        A column of unknown importance, such as the prediction, counts in full: nothing speaks for passing it over.
        """
        weight = 1.0 if self.importance is None else self.importance
        return self.verdict != "drift", -weight * self.ratio if weight else 0.0, -self.ratio, self.column, self.kind


class ResidualDay(Record):
    """By how much a day's labels differed from what the probabilities foretold, summed over its labelled rows."""

    day: str = Field(description="of event time, YYYY-MM-DD in UTC")
    rows: int
    level: float = Field(description="labels less probabilities")
    level_variance: float = Field(description="of that sum, while the probabilities hold")
    level_doubt: float = Field(description="standard error of what was foretold")
    slope: float = Field(description="the same, each row times its score's distance from the mean in deviations")
    slope_variance: float
    slope_doubt: float


class ConceptDrift(Record):
    """Whether labels still follow from the probabilities as they did at release, tested day by day."""

    drifted: bool = Field(description="the evidence has passed its limit: the relation has changed")
    evidence: float = Field(description="how many times likelier labels are under a change, over all days it may begin")
    limit: float = Field(description="days until chance alone gets there, on average, at least")
    level: float = Field(description="share of positive labels less what was foretold, since the change began")
    slope: float = Field(description="by how much that grows with each deviation of the score above the mean")
    since: Moment | None = Field(default=None, description="the day from which on a change fits the labels best")
    found: Moment | None = Field(default=None, description="the day whose labels made the evidence pass its limit")
    days: int = Field(description="of labelled rows that were looked at")
    words: str


class Performance(Record):
    """Performance of one version in one window: realised, as far as labels have come, and estimated before."""

    version: str
    rows: int
    labelled: int
    judged: int = Field(default=0, description="labelled rows old enough that their label came whatever it is")
    metrics: dict[str, MetricReading] = Field(default={}, description="realised, on the judged rows")
    label_bias: bool = Field(default=False, description="the judged rows are not like all: they are weighted")
    label_words: str = Field(default="", description="what share has labels, and whether they come biased")
    reference: MetricReading | None = Field(default=None, description="the use case's metric at release")
    fall: float | None = Field(default=None, description="how much worse than at release; above 0 is worse")
    fell: bool = Field(default=False, description="worse by more than tolerated, beyond the doubt of both intervals")
    estimated: dict[str, MetricReading] = Field(
        default={}, description="what all rows' labels will show, from the probabilities; empty where withheld"
    )
    estimate_trusted: bool = Field(default=False, description="nothing speaks against the estimate")
    estimate_words: str = Field(default="", description="why the estimate can be trusted, or cannot")
    estimated_fall: float | None = Field(default=None, description="as fall, of the estimate")
    estimated_fell: bool = Field(default=False, description="as fell, of an estimate that can be trusted")
    estimate_miss: float | None = Field(
        default=None, description="the use case's metric, estimated less realised, on the judged rows"
    )
    estimate_error: float | None = Field(
        default=None, description="mean of the misses' sizes over the windows so far, this one included"
    )
    residuals: tuple[ResidualDay, ...] = Field(default=(), description="labels against probabilities, day by day")
    concept: ConceptDrift | None = Field(default=None, description="as of this window, over the windows so far")
    explanation: Explanation | None = Field(default=None, description="why it fell, where rows are kept")
    against_former: Comparison | None = Field(
        default=None, description="the former champion as challenger, on the same rows"
    )

    @property
    def labelled_share(self) -> float:
        """Share of the rows whose label has come."""
        return self.labelled / self.rows if self.rows else 0.0


class Baseline(Record):
    """What a window was held against."""

    kind: ReferenceKind
    wanted: ReferenceKind = Field(description="what the policy asks for; training stands in until that is there")
    rows: int
    slices: int = Field(default=0, description="parts in event time whose differences are known; 0: none are")
    windows: tuple[str, ...] = Field(default=(), description="names of the windows that it is made of")
    words: str = Field(description="the same in plain words")


class SegmentReport(Record):
    """What was found in one segment of a window."""

    segment: Segment
    rows: int
    labelled: int
    baseline_rows: int = Field(description="rows of the segment in what it was held against; 0: there is nothing")
    readings: tuple[Reading, ...] = ()
    performance: tuple[Performance, ...] = ()
    verdict: Verdict
    drifted: tuple[str, ...] = Field(default=(), description="columns that drifted, largest change first")


class WindowReport(Record):
    """Everything found in one window of traffic."""

    window: Window
    project: str
    rows: int
    labelled: int
    open: bool = Field(description="event time has not yet passed its end: more rows may come")
    versions: dict[str, int] = Field(description="version -> rows it answered")
    reference: str = Field(description="the version that the window is judged for; its training is a reference")
    readings: tuple[Reading, ...] = ()
    performance: tuple[Performance, ...] = ()
    verdict: Verdict
    drifted: tuple[str, ...] = Field(default=(), description="columns that drifted, largest change first")
    expected_false_alarms: float = Field(
        default=0.0, description="chance, at most, that such a window names anything where nothing changed"
    )
    baseline: Baseline | None = Field(default=None, description="what the readings compare the window with")
    served: tuple[Served, ...] = Field(
        default=(), description="how each version served; a failure belongs where the answer nearest in time does"
    )
    slices: tuple[Slice, ...] = Field(default=(), description="parts of the window that have rows, earliest first")
    segments: tuple[SegmentReport, ...] = ()
    separation: Separation | None = Field(default=None, description="what features do together, where rows are kept")
    associations: tuple[AssociationChange, ...] = Field(
        default=(), description="each pair of features, largest change first, where rows are kept"
    )
    made: Moment = Field(default_factory=now)


class ReplayAccount(Record):
    """What a replay sent and what came back."""

    requests_sent: int
    requests_answered: int
    rows_sent: int
    rows_answered: int
    labels_sent: int
    labels_accepted: int
    never_labelled: int = Field(description="rows whose outcome never came, such as cancelled flights")
    seconds: float
    versions: dict[str, int] = Field(default={}, description="version -> rows it answered")
