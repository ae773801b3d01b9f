"""The gate: what is asked of a version before it may go to production.

A pure function of the configuration and of what was measured. A blank use case or owner is a no, like a metric that
misses its threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from roadworthy.config import Config, UseCase
from roadworthy.records import SMALLER_IS_BETTER, Comparison, GateCheck, GateVerdict, MetricReading, OwnerRole


def judge(
    config: Config,
    metrics: Mapping[str, MetricReading],
    comparison: Comparison | None = None,
    further: Sequence[GateCheck] = (),
) -> GateVerdict:
    """Return the gate's verdict on a version.

    Parameters
    ----------
    config
        Use case (problem, metric, threshold, business value) and owners.
    metrics
        What was measured on held-out rows, by metric name; ``value_per_1000`` is the business value.
    comparison
        The version as challenger against the champion, on rows neither was trained on. None when there is no
        champion to beat.
    further
        What was asked elsewhere, as of each of the service's consumers.
    """
    use_case = config.settings.use_case
    checks = [_problem(use_case), *_owners(config), _metric(use_case, metrics), _value(use_case, metrics)]
    if comparison is not None:
        checks.append(better(comparison))
    return GateVerdict(checks=(*checks, *further))


def better(comparison: Comparison) -> GateCheck:
    """Return whether a challenger beats the champion beyond doubt, with the figures."""
    fact = (
        f"{comparison.metric} {comparison.challenger_value:.4f} against the champion's "
        f"{comparison.champion_value:.4f} on the same {comparison.n:,} rows: gain {comparison.gain:+.4f} "
        f"({comparison.low:+.4f} to {comparison.high:+.4f})"
    )
    return GateCheck(name="better than the champion", passed=comparison.better, fact=fact)


def _problem(use_case: UseCase) -> GateCheck:
    stated = bool(use_case.problem.strip())
    fact = use_case.problem if stated else "blank: fill in `problem` in [tool.roadworthy.use_case] of pyproject.toml"
    return GateCheck(name="problem stated", passed=stated, fact=fact)


def _owners(config: Config) -> list[GateCheck]:
    checks = []
    for role in get_args(OwnerRole):
        owner = config.policy.owners.of(role)
        named = bool(owner.name.strip() and owner.contact.strip())
        blank = f"blank: fill in name and contact of owners.{role} in {config.settings.policy}"
        fact = f"{owner.name} <{owner.contact}>" if named else blank
        checks.append(GateCheck(name=f"owner of {role}", passed=named, fact=fact))
    return checks


def _metric(use_case: UseCase, metrics: Mapping[str, MetricReading]) -> GateCheck:
    name = use_case.metric
    reading = metrics.get(name)
    if reading is None:
        return GateCheck(name=name, passed=False, fact=f"{name} was not measured: the evaluate task must write it")
    greater = name not in SMALLER_IS_BETTER
    passed = reading.value >= use_case.threshold if greater else reading.value <= use_case.threshold
    bound = "at least" if greater else "at most"
    fact = f"{_interval(reading)} on {reading.n:,} rows, asked: {bound} {use_case.threshold:g}"
    return GateCheck(name=name, passed=passed, fact=fact)


def _value(use_case: UseCase, metrics: Mapping[str, MetricReading]) -> GateCheck:
    value, reading = use_case.value, metrics.get("value_per_1000")
    if reading is None:
        return GateCheck(name="business value", passed=False, fact="it was not measured: no metric value_per_1000")
    fact = (
        f"{reading.value:,.0f} {value.unit} per 1,000 cases ({reading.low:,.0f} to {reading.high:,.0f}), "
        f"asked: at least {value.minimum_per_1000:,.0f}"
    )
    return GateCheck(name="business value", passed=reading.value >= value.minimum_per_1000, fact=fact)


def _interval(reading: MetricReading) -> str:
    return f"{reading.value:.3f} ({reading.low:.3f} to {reading.high:.3f})"
