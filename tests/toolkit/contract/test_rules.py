"""The standard's quality rules and service levels: read, refused, or left to others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from roadworthy.contract import Contract, Dataset, Operator, Relation
from roadworthy.errors import ContractError

Make = Callable[..., Contract]


def trips(make: Make, *rules: dict[str, Any]) -> Dataset:
    return make(trips={"quality": list(rules)}).dataset("trips")


@pytest.mark.parametrize(
    ("threshold", "limits"),
    [
        ({"mustBeGreaterOrEqualTo": 10}, (10, None)),
        ({"mustBeGreaterThan": 10}, (11, None)),
        ({"mustBeGreaterThan": 10.5}, (11, None)),
        ({"mustBeLessOrEqualTo": 10}, (None, 10)),
        ({"mustBeLessThan": 10}, (None, 9)),
        ({"mustBeLessThan": 10.5}, (None, 10)),
        ({"mustBeBetween": [10, 20]}, (10, 20)),
        ({"mustBe": 10}, (10, 10)),
    ],
)
def test_row_counts(make: Make, threshold: dict[str, Any], limits: tuple[int | None, int | None]) -> None:
    for spelt in ({"type": "library", "metric": "rowCount"}, {"metric": "rowCount"}, {"rule": "rowCount"}):
        dataset = trips(make, spelt | threshold)
        assert (dataset.minimum_rows, dataset.maximum_rows) == limits


def test_of_several_row_counts_the_strictest_holds(make: Make) -> None:
    counts = [{"mustBeGreaterThan": 4}, {"mustBeGreaterOrEqualTo": 7}, {"mustBeLessThan": 99}]
    dataset = trips(make, *({"metric": "rowCount"} | count for count in counts))
    assert (dataset.minimum_rows, dataset.maximum_rows) == (7, 98)


def test_duplicates(make: Make) -> None:
    dataset = trips(
        make,
        {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["departure", "seats"]}},
        {"metric": "duplicateValues", "mustBeLessThan": 1, "arguments": {"properties": ["seats"]}},
    )
    assert dataset.unique_together == (("departure", "seats"),)
    assert dataset.column("seats").unique
    assert not dataset.column("weight").unique


def test_a_columns_own_rules(make: Make) -> None:
    column = {"name": "x", "logicalType": "string"}
    rules = [{"metric": "nullValues", "mustBe": 0}, {"metric": "duplicateValues", "mustBe": 0}]
    for kept, expected in ((rules, (True, True)), (rules[:1], (True, False)), (rules[1:], (False, True))):
        found = make(trips={"properties": [column | {"quality": kept}]}).dataset("trips").column("x")
        assert (found.required, found.unique) == expected


@pytest.mark.parametrize("operator", ["<", "<=", "==", "!=", ">=", ">"])
@pytest.mark.parametrize("space", ["", " ", "   "])
def test_relations(make: Make, operator: Operator, space: str) -> None:
    rule = {"type": "custom", "engine": "roadworthy", "implementation": f"arrival{space}{operator}{space}departure"}
    relation = Relation(left="arrival", operator=operator, right="departure")
    assert trips(make, rule, rule).relations == (relation,)
    assert relation.words == f"arrival must be {operator} departure"


def test_whole_numbers_and_numbers_may_be_related(make: Make) -> None:
    rule = {"type": "custom", "engine": "roadworthy", "implementation": "seats <= weight"}
    assert trips(make, rule).relations[0].right == "weight"


def test_rules_of_people_and_of_other_tools_are_left_to_them(make: Make) -> None:
    dataset = trips(
        make,
        {"type": "text", "description": "Trips are entered within a day"},
        {"type": "sql", "query": "SELECT COUNT(*) FROM trips WHERE seats < 0", "mustBe": 0},
        {"type": "custom", "engine": "soda", "implementation": "checks for trips: []"},
    )
    assert dataset == make().dataset("trips")


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"metric": "rowCount"}, "0 thresholds"),
        ({"metric": "rowCount", "mustBe": 1, "mustBeLessThan": 2}, "2 thresholds"),
        ({"metric": "rowCount", "mustNotBe": 1}, "not a limit"),
        ({"metric": "rowCount", "mustBe": "many"}, "not a limit"),
        ({"metric": "rowCount", "mustBe": True}, "not a limit"),
        ({"metric": "rowCount", "mustBe": float("inf")}, "not a limit"),
        ({"metric": "rowCount", "mustBe": 5, "unit": "percent"}, "percent"),
        ({"metric": "rowCount", "mustBe": 5, "arguments": {"filter": "x"}}, "filter"),
        ({"metric": "rowCount", "mustBeBetween": [20, 10]}, "at least 20 and at most 10"),
        ({"metric": "duplicateValues", "mustBe": 0}, "duplicates of what"),
        ({"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": "seats"}}, "duplicates of what"),
        ({"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["gate"]}}, "'gate'"),
        ({"metric": "duplicateValues", "mustBeLessThan": 5, "arguments": {"properties": ["seats"]}}, "tolerated"),
        ({"metric": "freshness", "mustBe": 5}, "'freshness'"),
        ({"metric": "nullValues", "mustBe": 0}, "'nullValues'"),
        ({"description": "nice data"}, "None"),
        ({"type": "magic"}, "'magic'"),
        ({"type": "custom", "engine": "roadworthy"}, "None is not `column operator column`"),
        ({"type": "custom", "engine": "roadworthy", "implementation": "arrival = departure"}, "operator"),
        ({"type": "custom", "engine": "roadworthy", "implementation": "arrival >="}, "operator"),
        ({"type": "custom", "engine": "roadworthy", "implementation": "arrival >= gate"}, "'gate'"),
        ({"type": "custom", "engine": "roadworthy", "implementation": "arrival >= departure + 1"}, "'departure + 1'"),
        ({"type": "custom", "engine": "roadworthy", "implementation": "seats < arrival"}, "type integer"),
        ({"type": "custom", "engine": "roadworthy", "implementation": "seats < seats"}, "itself"),
        ({"type": "custom", "engine": "roadworthy", "implementation": {"python": "exit()"}}, "operator"),
    ],
)
def test_what_is_not_understood_is_refused(make: Make, rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError) as raised:
        trips(make, rule)
    assert "trips.yaml: trips" in raised.value.fact
    assert problem in raised.value.fact


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"metric": "invalidValues", "mustBe": 0, "arguments": {"pattern": "x"}}, "'invalidValues'"),
        ({"metric": "rowCount", "mustBe": 3}, "'rowCount'"),
        ({"metric": "nullValues", "mustBeLessThan": 5, "unit": "percent"}, "percent"),
        ({"metric": "nullValues", "mustBeLessThan": 5}, "tolerated"),
        ({"type": "custom", "engine": "roadworthy", "implementation": "a < b"}, "belongs to the dataset"),
    ],
)
def test_what_is_not_understood_of_a_column_is_refused(make: Make, rule: dict[str, Any], problem: str) -> None:
    column = {"name": "x", "logicalType": "string", "quality": [rule]}
    with pytest.raises(ContractError) as raised:
        make(trips={"properties": [column]})
    assert "trips.yaml: trips.x" in raised.value.fact
    assert problem in raised.value.fact


@pytest.mark.parametrize(
    ("promise", "seconds"),
    [
        ({"value": 2, "unit": "d"}, 172800),
        ({"value": 2}, 172800),
        ({"value": "36", "unit": "h"}, 129600),
        ({"value": 1.5, "unit": "hours"}, 5400),
        ({"value": 90, "unit": "Min"}, 5400),
        ({"value": 1, "unit": "week"}, 604800),
        ({"value": "PT36H"}, 129600),
        ({"value": "P1DT12H"}, 129600),
    ],
)
@pytest.mark.parametrize("name", ["latency", "freshness"])
@pytest.mark.parametrize("element", ["trips.departure", "trips"])
def test_freshness(make: Make, name: str, element: str, promise: dict[str, Any], seconds: float) -> None:
    contract = make(slaProperties=[{"property": name, "element": element} | promise])
    assert contract.dataset("trips").freshness == seconds
    assert contract.dataset("stations").freshness is None


def test_of_several_promises_the_strictest_holds(make: Make) -> None:
    of_trips = {"property": "latency", "element": "trips.departure"}
    promises = [of_trips | {"value": 3}, of_trips | {"value": 1}, {"property": "retention", "value": 9}]
    assert make(slaProperties=promises).dataset("trips").freshness == 86400
    by_default = make(slaProperties=[{"property": "latency", "value": 1}], slaDefaultElement="trips.departure")
    assert by_default.dataset("trips").freshness == 86400


@pytest.mark.parametrize(
    ("promise", "problem"),
    [
        ({"value": 1}, "does not say of which dataset"),
        ({"value": 1, "element": "trips.arrival"}, "'trips.arrival'"),
        ({"value": 1, "element": "tripps.departure"}, "'tripps.departure'"),
        ({"value": 1, "element": "stations"}, "'stations'"),
        ({"value": 1, "element": "trips", "unit": "fortnight"}, "'fortnight'"),
        ({"value": "soon", "element": "trips"}, "'soon'"),
        ({"value": 0, "element": "trips"}, "not a length of time"),
        ({"value": -3, "element": "trips"}, "not a length of time"),
    ],
)
def test_a_promise_that_cannot_be_checked_is_refused(make: Make, promise: dict[str, Any], problem: str) -> None:
    with pytest.raises(ContractError) as raised:
        make(slaProperties=[{"property": "latency"} | promise])
    assert "trips.yaml: slaProperties latency" in raised.value.fact
    assert problem in raised.value.fact
