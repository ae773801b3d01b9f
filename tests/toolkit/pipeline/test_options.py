from __future__ import annotations

import pytest

from roadworthy.errors import PipelineError
from roadworthy.pipeline.options import VARIABLE, BuildOptions, Limits, execution


def test_limits_are_read_in_the_units_that_people_write() -> None:
    given = {"jobs": 3, "kernels": None, "tasks": {"train": {"retries": 2, "timeout": 90, "memory": "2 GB"}}}
    found = execution(given, {"train", "evaluate"})
    assert found.jobs == 3
    assert found.limits("train") == Limits(retries=2, timeout=90, memory=2_000_000_000)
    assert found.limits("evaluate") == Limits()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tasks": {"train": {"memory": "much"}}}, "executor.tasks.train.memory"),
        ({"tasks": {"train": {"retry": 1}}}, "executor.tasks.train.retry"),
        ({"tasks": {"train": {"timeout": 0}}}, "executor.tasks.train.timeout"),
        ({"jobs": -1}, "executor.jobs"),
        ({"kernels": "hot"}, "executor.kernels"),
        ({"tasks": {"trane": {}}}, "names 'trane', which is no task"),
    ],
)
def test_what_is_not_understood_is_named(given: dict[str, object], said: str) -> None:
    with pytest.raises(PipelineError) as refusal:
        execution(given, {"train"})
    assert said in refusal.value.fact
    assert refusal.value.next_step


def test_what_a_build_is_asked_travels_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = BuildOptions(only=("train",), as_of={"flights": 3}, jobs=2, progress=True)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert BuildOptions.given() == BuildOptions()
    monkeypatch.setenv(VARIABLE, asked.as_environment()[VARIABLE])
    assert BuildOptions.given() == asked
