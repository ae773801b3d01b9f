"""The smallest change of each column and of the metric that the rule names within each horizon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roadworthy.contract import Column
from roadworthy.monitoring.correction import over
from roadworthy.monitoring.detectability import falls as fallen
from roadworthy.monitoring.detectability.categories import Bar, Favour
from roadworthy.monitoring.detectability.noise import Noise, Seen
from roadworthy.monitoring.detectability.numbers import Sampled, Shift
from roadworthy.monitoring.detectability.ranked import Own
from roadworthy.monitoring.measures.base import harmonic
from roadworthy.monitoring.measures.numbers import distance_found
from roadworthy.monitoring.precedent import Precedents
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced
from roadworthy.monitoring.wording import figure, pair, percent
from roadworthy.records import DetectableFall, DetectableShift, Horizon, Importance, MetricReading

_ENOUGH_RUNS = 30  # that have no slice in common: a chance of 0.8 is off by 0.07
POWER = 0.8  # four times in five, as is customary (Cohen, Statistical power analysis, 1988)
_PREDICTION = Column(name="the predicted probability", type="number", role="other")


@dataclass(frozen=True)
class Rule:
    """What the drift rule asks of one reading.

    Attributes
    ----------
    level
        The p-value that it must reach when no other column has changed.
    effect
        The least effect that matters.
    minimum_rows
        With fewer nothing is said.
    of_window
        The level of the whole window; 0 lets the reference's own runs hold back all that they have done themselves.
    of_runs
        The part of it at which the runs decide, where there are enough of them.
    """

    level: float
    effect: float
    minimum_rows: int
    of_window: float = 0.0
    of_runs: float = 0.0

    def asks(self, seen: Sequence[Seen]) -> list[tuple[Asked, ...]]:
        """Return the ways in which each column of a window is called drift, where it alone has changed."""
        precedents = [one.own.precedent if one.own else None for one in seen]
        known = Precedents.of(precedents, [self.effect] * len(seen))
        by_evidence, by_rank = [(self.level, known.asked(self.of_window))], self._by_rank(known.apart())
        return [
            tuple(
                Asked(one, level, self.effect, float(far[place]) * one.own.error if one.own else 0.0)
                for level, far in (by_rank if by_rank and known.among[place] else by_evidence)
            )
            for place, one in enumerate(seen)
        ]

    def _by_rank(self, ranked: Precedents) -> list[tuple[float, NDArray[np.float64]]]:
        """Return p-value and distance of each way to be found by rank, as `Corrected` has them; none with few runs."""
        granted = ranked.granted(self.of_runs)
        if not granted:
            return []
        close = self.level * over(granted, self.of_runs) / self.of_runs
        return [(1.0, ranked.asked(granted)), (close, ranked.asked(granted + ranked.least))]


@dataclass(frozen=True)
class Asked:
    """What is asked of a column of the window that is ``seen``.

    Attributes
    ----------
    level
        The p-value that it must reach; 1 where its rank alone decides.
    effect
        The least effect that matters.
    strayed
        The least distance that strays further than the reference's own runs.
    """

    seen: Seen
    level: float
    effect: float
    strayed: float

    @property
    def stand_in(self) -> Own | None:
        """The reference's own runs, where there are enough of them to stand for windows to come."""
        own = self.seen.own
        return own if own and len(own.differences) >= _ENOUGH_RUNS * own.step else None

    @property
    def distance(self) -> float:
        """The least Kolmogorov-Smirnov distance that is called drift."""
        together = harmonic(self.seen.rows, self.seen.rows_reference)
        return max(self.effect, self.strayed, distance_found(together, self.level, self.seen.design))

    @property
    def bar(self) -> Bar:
        """What a change of categories must pass to be called drift."""
        strayed = 0.0 if self.stand_in else self.strayed  # else the runs themselves are asked
        return Bar(self.seen.design.careless(self.level), self.effect, strayed)


def smallest_shifts(
    reference: Profile | Sliced,
    columns: Sequence[Column],
    prediction: str | None,
    rule: Rule,
    horizons: Sequence[Horizon],
    *,
    importance: Importance | None = None,
    power: float = POWER,
) -> tuple[DetectableShift, ...]:
    """Return the smallest shift of each column that the rule finds within each horizon.

    Parameters
    ----------
    reference
        The version's training profile; sliced, the variation between its slices is expected of windows too.
    columns, prediction
        As for `drift.compare`.
    rule
        What one reading must reach.
    horizons
        From `horizons.horizons`.
    importance
        Of the features: what matters most comes first.
    power
        Chance with which it is found by the end of the horizon, in any of its windows.

    Returns
    -------
    tuple
        A column's horizons one after another. Columns of neither numbers nor categories are left out.
    """
    known = Sliced.of(reference)
    named = [(column.name, column) for column in columns]
    if prediction is not None:
        named.append((prediction, _PREDICTION))
    asked = [one for one in named if known.whole.column(one[0]).kind in ("numeric", "categorical")]
    noises = {name: Noise.of(known.column(name)) for name, _ in asked}
    by_horizon = [rule.asks([noise.window(horizon) for noise in noises.values()]) for horizon in horizons]
    asks = {name: [each[place] for each in by_horizon] for place, name in enumerate(noises)}
    weighed = sorted(asked, key=lambda one: -importance.weight(one[0]) if importance else 0.0)
    return tuple(
        shift.model_copy(
            update={
                "column": name,
                "kind": "prediction" if column is _PREDICTION else "feature",
                "importance": importance.weight(name) if importance else 1.0,
            }
        )
        for name, column in weighed
        for shift in _of_column(
            noises[name], column, rule.minimum_rows, list(zip(horizons, asks[name], strict=True)), power
        )
    )


def smallest_falls(
    release: MetricReading,
    horizons: Sequence[Horizon],
    *,
    tolerated: float,
    minimum_labelled: int,
    power: float = POWER,
) -> tuple[DetectableFall, ...]:
    """Return the smallest fall of a metric that is found within each horizon.

    Parameters
    ----------
    release
        The metric at release.
    horizons
        With the labelled rows that have come by then.
    tolerated, minimum_labelled
        The policy's.
    power
        As for `smallest_shifts`.
    """
    return tuple(_fall(release, horizon, tolerated, minimum_labelled, power) for horizon in horizons)


def _fall(
    release: MetricReading, horizon: Horizon, tolerated: float, minimum_labelled: int, power: float
) -> DetectableFall:
    nothing = DetectableFall(metric=release.metric, horizon=horizon.name, fall=None, value=None, words="")
    if horizon.labelled < minimum_labelled:
        words = f"none: {horizon.labelled:,.0f} labels by then, {minimum_labelled:,} are needed"
        return nothing.model_copy(update={"words": words})
    each = _in_each(power, horizon.labelled_windows)
    fall = fallen.smallest(release, horizon.labelled, tolerated=tolerated, power=each, looks_from=minimum_labelled)
    if fall is None:
        return nothing.model_copy(update={"words": f"none: {horizon.labelled:,.0f} labels are too few for any"})
    value = fallen.after(release, fall)
    words = f"{release.metric} from {release.value:.3f} to {value:.3f}"
    return nothing.model_copy(update={"fall": fall, "value": value, "words": words})


def _in_each(power: float, windows: int) -> float:
    """Return the chance in one window that makes ``power`` of all: one of them is enough."""
    return 1 - float((1 - power) ** (1 / windows))


def _of_column(
    noise: Noise, column: Column, minimum_rows: int, asks: Sequence[tuple[Horizon, tuple[Asked, ...]]], power: float
) -> Iterator[DetectableShift]:
    known = noise.column.whole
    find = _number(noise, column) if known.kind == "numeric" else _category(noise)
    for horizon, ways in asks:
        rows = horizon.rows * known.values / known.n
        nothing = DetectableShift(column=known.name, kind="feature", horizon=horizon.name, effect=None, words="")
        if min(rows, known.values) < minimum_rows:
            words = f"none: {rows:,.0f} values by then, {minimum_rows:,} are needed"
            yield nothing.model_copy(update={"words": words})
        else:
            found = find(ways, _in_each(power, horizon.windows))
            yield nothing.model_copy(update=found or {"words": "none, however large"})


_Find = Callable[[Sequence[Asked], float], dict[str, object] | None]


def _from_one(odds: float) -> float:
    return abs(float(np.log(odds)))


def _number(noise: Noise, column: Column) -> _Find:
    shift = Shift.of(noise.column.whole)

    def smallest(asked: Asked, power: float) -> float | None:
        seen = asked.seen
        if asked.stand_in:
            return shift.smallest_among(asked.stand_in, noise.points, power, asked.distance)
        return shift.smallest(power, Sampled(seen.drawn, (seen.rows, seen.rows_reference)), asked.distance)

    def find(ways: Sequence[Asked], power: float) -> dict[str, object] | None:
        sizes = [size for way in ways if (size := smallest(way, power)) is not None]
        size = min(sizes, key=abs, default=None)
        if size is None or shift.deviation == 0:
            return None
        before, after = shift.means(size)
        sd = (after - before) / shift.deviation
        unit = f" {column.unit}" if column.unit and column.unit not in column.name else ""
        was, now = pair(before, after, column)
        return {
            "effect": shift.distance(size),
            "sd": sd,
            "before": before,
            "after": after,
            "words": f"mean from {was} to {now}{unit} ({sd:+.2f} sd)",
        }

    return find


def _category(noise: Noise) -> _Find:
    favour = Favour.of(noise.column.whole)

    def smallest(asked: Asked, power: float) -> float | None:
        seen = asked.seen
        sure = favour.smallest(power, rows=seen.rows, rows_reference=seen.rows_reference, bar=asked.bar)
        if sure is None or asked.stand_in is None:
            return sure
        far = favour.smallest_among(asked.stand_in, power, max(asked.effect, asked.strayed))
        return None if far is None else max(sure, far, key=_from_one)

    def find(ways: Sequence[Asked], power: float) -> dict[str, object] | None:
        found = [odds for way in ways if (odds := smallest(way, power)) is not None]
        odds = min(found, key=_from_one, default=None)
        if odds is None:
            return None
        before, after = float(favour.before[0]), float(favour.after(odds)[0])
        name = favour.name or "(empty text)"
        return {
            "effect": favour.distance(odds),
            "odds": odds,
            "before": before,
            "after": after,
            "words": f"{name} from {percent(before)} to {percent(after)} (odds x{figure(odds)})",
        }

    return find
