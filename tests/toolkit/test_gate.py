"""The gate: what it asks, and that each question alone can say no."""

import pytest

from roadworthy import gate
from roadworthy.config import Config, Owner, UseCase
from roadworthy.records import Comparison, GateCheck, GateVerdict, MetricReading


def _reading(metric: str, value: float) -> MetricReading:
    return MetricReading(metric=metric, value=value, low=value - 0.01, high=value + 0.01, n=1000)


GOOD = {"roc_auc": _reading("roc_auc", 0.71), "value_per_1000": _reading("value_per_1000", 900.0)}


def _failed(verdict: GateVerdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def test_a_good_version_of_a_complete_project_passes(config: Config) -> None:
    assert gate.judge(config, GOOD).passed


def test_a_blank_problem_is_a_no(config: Config) -> None:
    use_case = config.settings.use_case.model_copy(update={"problem": "  "})
    settings = config.settings.model_copy(update={"use_case": use_case})
    assert _failed(gate.judge(config.model_copy(update={"settings": settings}), GOOD)) == ["problem stated"]


@pytest.mark.parametrize("role", ["data", "model", "infrastructure", "monitoring"])
@pytest.mark.parametrize("owner", [Owner(), Owner(name="Ada"), Owner(contact="ada@example.org")])
def test_an_owner_without_name_and_contact_is_a_no(config: Config, role: str, owner: Owner) -> None:
    policy = config.policy.model_copy(update={"owners": config.policy.owners.model_copy(update={role: owner})})
    verdict = gate.judge(config.model_copy(update={"policy": policy}), GOOD)
    assert _failed(verdict) == [f"owner of {role}"]
    assert "policy.yaml" in next(check.fact for check in verdict.checks if not check.passed)


@pytest.mark.parametrize(("value", "passed"), [(0.60, True), (0.5999, False)])
def test_the_metric_must_reach_its_threshold(config: Config, value: float, passed: bool) -> None:
    assert gate.judge(config, GOOD | {"roc_auc": _reading("roc_auc", value)}).passed is passed


@pytest.mark.parametrize(("value", "passed"), [(0.3, True), (0.31, False)])
def test_a_loss_must_stay_below_its_threshold(config: Config, value: float, passed: bool) -> None:
    settings = config.settings.model_copy(update={"use_case": UseCase(problem="p", metric="log_loss", threshold=0.3)})
    verdict = gate.judge(
        config.model_copy(update={"settings": settings}), GOOD | {"log_loss": _reading("log_loss", value)}
    )
    assert verdict.passed is passed


@pytest.mark.parametrize("missing", ["roc_auc", "value_per_1000"])
def test_what_was_not_measured_is_a_no(config: Config, missing: str) -> None:
    metrics = {name: reading for name, reading in GOOD.items() if name != missing}
    assert not gate.judge(config, metrics).passed


def test_too_little_value_is_a_no(config: Config) -> None:
    verdict = gate.judge(config, GOOD | {"value_per_1000": _reading("value_per_1000", 199.0)})
    assert _failed(verdict) == ["business value"]
    assert "USD" in verdict.checks[-1].fact


@pytest.mark.parametrize(("low", "passed"), [(0.001, True), (-0.001, False)])
def test_a_challenger_must_be_better_beyond_doubt(config: Config, low: float, passed: bool) -> None:
    comparison = Comparison(
        metric="roc_auc",
        champion="a",
        challenger="b",
        champion_value=0.7,
        challenger_value=0.71,
        gain=0.01,
        low=low,
        high=0.02,
        n=5000,
    )
    assert gate.judge(config, GOOD, comparison).passed is passed


def test_what_is_asked_elsewhere_alone_can_say_no(config: Config) -> None:
    further = [GateCheck(name="consumer desk", passed=False, fact="it reads score, and the answer has no 'score'")]
    assert _failed(gate.judge(config, GOOD, further=further)) == ["consumer desk"]
