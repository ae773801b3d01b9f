"""Whether a model can be built on a dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.contract import Contract

Make = Callable[..., Contract]


def test_the_reference_contract_is_fit(config: Config) -> None:
    contract = contracts.read(config.path(config.settings.contract))
    assert contracts.check(contract, config.settings.dataset) == ()


@pytest.mark.parametrize(
    ("name", "update", "expected"),
    [
        ("trip", {"role": "other"}, ["no column of role identifier"]),
        ("trip", {"unique": False, "required": False}, ["may be missing", "may come twice"]),
        ("departure", {"role": "feature"}, ["no column of role time"]),
        ("arrival", {"role": "time"}, ["2 columns of role time: departure, arrival"]),
        ("late", {"type": "integer"}, ["trips.late is the label, and of type integer"]),
        ("late", {"role": "other"}, ["no column of role label"]),
    ],
)
def test_what_stands_in_the_way_is_told(make: Make, name: str, update: dict[str, Any], expected: list[str]) -> None:
    contract = make()
    trips = contract.dataset("trips")
    columns = tuple(c.model_copy(update=update) if c.name == name else c for c in trips.columns)
    changed = contract.model_copy(update={"datasets": (trips.model_copy(update={"columns": columns}),)})
    assert contracts.check(contract, "trips") == ()
    found = contracts.check(changed, "trips")
    assert len(found) == len(expected)
    for problem, words in zip(found, expected, strict=True):
        assert words in problem
        assert "Next: " in problem


def test_a_dataset_without_features_or_that_is_not_there(make: Make) -> None:
    assert "no dataset 'trains'" in contracts.check(make(), "trains")[0]
    assert any("stations has no feature" in problem for problem in contracts.check(make(), "stations"))
