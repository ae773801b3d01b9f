"""Which change of a contract breaks whom: a table of cases, and the law behind it on random rules and values."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, Contract, Dataset, Relation
from roadworthy.contract.changes import Change, compare, suggested_version
from roadworthy.data import quality

NOBODY: tuple[str, ...] = ()
COLUMNS = {
    "id": Column(name="id", type="string", role="identifier", required=True, unique=True),
    "at": Column(name="at", type="timestamp", role="time", required=True),
    "wind": Column(
        name="wind", type="number", role="feature", meaning="at the origin", unit="knots", minimum=0, maximum=150
    ),
    "seats": Column(name="seats", type="integer", role="feature"),
    "carrier": Column(name="carrier", type="string", role="feature", categories=("AA", "9E")),
    "dest": Column(name="dest", type="string", role="feature", pattern="^[A-Z]{3}$"),
    "gate": Column(name="gate", type="string", role="other", required=True),
    "late": Column(name="late", type="boolean", role="label", required=True),
}


def contract(*columns: Column, version: str = "1.2.3", digest: str = "", **rules: Any) -> Contract:  # noqa: ANN401
    dataset = Dataset(name="flights", columns=columns or tuple(COLUMNS.values()), **rules)
    return Contract(id="c", version=version, datasets=(dataset,), hash=digest)


def changed(name: str, **fields: object) -> Contract:
    """The contract with one column changed, or gone when no field is named."""
    columns = COLUMNS | ({name: COLUMNS[name].model_copy(update=fields)} if fields else {})
    return contract(*(c for c in columns.values() if fields or c.name != name))


def only(changes: tuple[Change, ...]) -> Change:
    assert len(changes) == 1, changes
    return changes[0]


@pytest.mark.parametrize(
    ("name", "fields", "words", "breaks"),
    [
        ("wind", {"maximum": 100}, "maximum: 150 -> 100", ("producer", "caller")),
        ("wind", {"maximum": 200}, "maximum: 150 -> 200", ("consumer", "model")),
        ("wind", {"maximum": None}, "maximum: 150 -> none", ("consumer", "model")),
        ("wind", {"minimum": 5}, "minimum: 0 -> 5", ("producer", "caller")),
        ("wind", {"minimum": -1.5}, "minimum: 0 -> -1.5", ("consumer", "model")),
        ("seats", {"minimum": 1}, "minimum: none -> 1", ("producer", "caller")),
        ("carrier", {"categories": ("AA",)}, "categories: no longer 9E", ("producer", "caller")),
        ("carrier", {"categories": ("AA", "9E", "UA")}, "categories: also UA", ("consumer", "model")),
        ("carrier", {"categories": ("AA", "UA")}, "no longer 9E; also UA", ("producer", "caller", "consumer", "model")),
        ("carrier", {"categories": ()}, "categories: AA, 9E -> none", ("consumer", "model")),
        ("gate", {"categories": ("A", "B")}, "categories: none -> A, B", ("producer",)),
        ("gate", {"pattern": "^[A-Z]"}, "pattern: none -> ^[A-Z]", ("producer",)),
        ("dest", {"pattern": None}, "pattern: ^[A-Z]{3}$ -> none", ("consumer", "model")),
        ("dest", {"pattern": "^[A-Z]+$"}, "pattern: ", ("producer", "caller", "consumer", "model")),
        ("wind", {"out_of_range": "accept"}, "requests out of range: refuse -> accept", NOBODY),
        ("carrier", {"unseen": "accept"}, "unseen categories in requests: refuse -> accept", NOBODY),
        ("wind", {"required": True}, "presence: may be missing -> required", ("producer", "caller")),
        ("gate", {"required": False}, "presence: required -> may be missing", ("consumer",)),
        ("late", {"required": False}, "presence: required -> may be missing", ("consumer", "model")),
        # with gaps, whole numbers are kept as floats: the column's stored type changes too
        ("seats", {"required": True}, "presence: ", ("producer", "caller", "consumer")),
        ("gate", {"unique": True}, "values: may repeat -> must be unique", ("producer",)),
        ("id", {"unique": False}, "values: must be unique -> may repeat", ("consumer",)),
        ("seats", {"type": "number"}, "type: integer -> number", ("consumer", "model")),
        ("wind", {"type": "integer"}, "type: number -> integer", ("producer", "caller", "consumer", "model")),
        ("gate", {"type": "integer"}, "type: string -> integer", ("producer", "consumer")),
        ("wind", {"unit": "miles per hour"}, "unit: knots -> miles per hour",
         ("producer", "caller", "consumer", "model")),
        ("wind", {"unit": None}, "unit: knots -> none", ("consumer", "model")),
        ("seats", {"unit": "seats"}, "unit: none -> seats", NOBODY),
        ("seats", {"role": "other"}, "role: feature -> other", ("caller", "model")),
        ("gate", {"role": "feature"}, "role: other -> feature", ("caller", "model")),
        ("late", {"role": "other"}, "role: label -> other", ("model",)),
        ("gate", {"role": "prediction"}, "role: other -> prediction", NOBODY),
        ("id", {"role": "other"}, "role: identifier -> other", ("caller", "consumer")),
        ("gate", {"role": "identifier"}, "role: other -> identifier", ("producer", "caller")),
        ("at", {"role": "other"}, "role: time -> other", ("caller", "model")),
        ("wind", {"meaning": "wherever"}, "meaning: at the origin -> wherever", NOBODY),
        ("gate", {"classification": "restricted"}, "classification: none -> restricted", NOBODY),
        ("gate", {}, "the other column is gone", ("producer", "consumer")),
        ("wind", {}, "the feature column is gone", ("producer", "caller", "consumer", "model")),
    ],
)  # fmt: skip
def test_a_column(name: str, fields: dict[str, object], words: str, breaks: tuple[str, ...]) -> None:
    change = only(compare(contract(), changed(name, **fields)))
    assert (change.dataset, change.column) == ("flights", name)
    assert words in change.what
    assert change.breaks == breaks
    assert change.words.startswith(f"flights.{name}: ")
    assert change.words.endswith(f"breaks {', '.join(breaks) or 'nobody'}")


def test_to_refuse_what_was_accepted_breaks_callers() -> None:
    for name, field in (("wind", "out_of_range"), ("carrier", "unseen")):
        change = only(compare(changed(name, **{field: "accept"}), contract()))
        assert change.breaks == ("caller",)


@pytest.mark.parametrize(
    ("name", "field", "narrower"),
    [("wind", "out_of_range", {"maximum": 100}), ("carrier", "unseen", {"categories": ("AA",)})],
)
def test_a_tighter_rule_breaks_no_caller_whom_it_does_not_refuse(
    name: str, field: str, narrower: dict[str, object]
) -> None:
    change = only(compare(changed(name, **{field: "accept"}), changed(name, **{field: "accept"}, **narrower)))
    assert change.breaks == ("producer",)
    both = compare(changed(name, **{field: "accept"}), changed(name, **narrower))
    assert _broken(both) == {"producer", "caller"}


def test_without_a_rule_there_is_nothing_to_refuse() -> None:
    changes = compare(changed("wind", out_of_range="accept"), changed("wind", minimum=None, maximum=None))
    assert "caller" not in _broken(changes)


@pytest.mark.parametrize("role", ["identifier", "time", "feature", "label", "prediction", "other"])
def test_an_added_column(role: str) -> None:
    def added(*, required: bool) -> Change:
        column = Column.model_validate({"name": "new", "type": "string", "role": role, "required": required})
        return only(compare(contract(), contract(*COLUMNS.values(), column)))

    assert added(required=False).breaks == NOBODY
    sent = role in ("identifier", "time", "feature")
    assert added(required=True).breaks == (("producer", "caller") if sent else ("producer",))


def test_the_order_of_features_is_the_models() -> None:
    names = ["id", "at", "seats", "wind", "carrier", "dest", "gate", "late"]
    change = only(compare(contract(), contract(*(COLUMNS[name] for name in names))))
    assert change.breaks == ("model",)
    assert "order of the features: wind, seats, carrier, dest -> seats, wind, carrier, dest" in change.what
    names = ["late", "gate", "id", "wind", "seats", "carrier", "dest", "at"]
    assert compare(contract(), contract(*(COLUMNS[name] for name in names))) == ()


@pytest.mark.parametrize(
    ("rule", "before", "after", "breaks"),
    [
        ("minimum_rows", None, 10, "producer"),
        ("minimum_rows", 10, 20, "producer"),
        ("minimum_rows", 20, 10, "consumer"),
        ("minimum_rows", 10, None, "consumer"),
        ("maximum_rows", None, 10, "producer"),
        ("maximum_rows", 20, 10, "producer"),
        ("maximum_rows", 10, None, "consumer"),
        ("freshness", None, 3600.0, "producer"),
        ("freshness", 7200.0, 3600.0, "producer"),
        ("freshness", 3600.0, 7200.0, "consumer"),
        ("unique_together", (), (("id", "at"),), "producer"),
        ("unique_together", (("id", "at"),), (), "consumer"),
    ],
)
def test_a_dataset_as_a_whole(rule: str, before: object, after: object, breaks: str) -> None:
    change = only(compare(contract(**{rule: before}), contract(**{rule: after})))
    assert (change.column, change.breaks) == (None, (breaks,))


def test_the_order_within_a_key_means_nothing() -> None:
    one, other = contract(unique_together=(("id", "at"),)), contract(unique_together=(("at", "id"),))
    assert compare(one, other) == ()


def test_what_a_dataset_means_breaks_nobody() -> None:
    assert only(compare(contract(), contract(meaning="All of them"))).breaks == NOBODY


def test_a_whole_dataset_comes_and_goes() -> None:
    weather = Dataset(name="weather", columns=(Column(name="temp", type="number", role="other"),))
    more = contract().model_copy(update={"datasets": (*contract().datasets, weather)})
    added, removed = only(compare(contract(), more)), only(compare(more, contract()))
    assert (added.dataset, added.kind, added.breaks) == ("weather", "added", NOBODY)
    assert (removed.dataset, removed.kind, removed.breaks) == ("weather", "removed", ("producer", "consumer"))
    nothing = contract().model_copy(update={"datasets": (weather,)})
    gone = [change for change in compare(contract(), nothing) if change.kind == "removed"]
    assert gone[0].breaks == ("producer", "caller", "consumer", "model")


# --- the law: tightened for those who deliver, loosened for those who read -----------------------------------------

OPERATORS = ("<", "<=", "==", "!=", ">=", ">")
relations = st.builds(
    lambda sides, operator: Relation(left=sides[0], operator=operator, right=sides[1]),
    st.permutations(["a", "b"]),
    st.sampled_from(OPERATORS),
)
PAIRS = pd.DataFrame({"a": [1, 2, 2], "b": [2, 2, 1]})


def accepted_pairs(found: tuple[Relation, ...]) -> set[int]:
    columns = tuple(Column(name=name, type="integer", role="other", required=True) for name in "ab")
    broken = quality.check(PAIRS, Dataset(name="pairs", columns=columns, relations=found))["row"]
    return set(PAIRS.index) - set(broken)


@settings(max_examples=60, deadline=None)
@given(st.lists(relations, max_size=2).map(tuple), st.lists(relations, max_size=2).map(tuple))
def test_relations_break_by_what_they_allow(old: tuple[Relation, ...], new: tuple[Relation, ...]) -> None:
    columns = tuple(Column(name=name, type="integer", role="other", required=True) for name in "ab")
    changes = compare(contract(*columns, relations=old), contract(*columns, relations=new))
    before, after = accepted_pairs(old), accepted_pairs(new)
    assert bool(changes) == (before != after)
    assert ("producer" in _broken(changes)) == bool(before - after)
    assert ("consumer" in _broken(changes)) == bool(after - before)


VALUES = pd.DataFrame({"x": pd.Series([None, -1, 0, 1, 2, 3], dtype="float64")})
limits = st.none() | st.sampled_from([-1.0, 0.0, 1.0, 2.0])
numbers = st.builds(
    lambda required, low, high, some: Column(
        name="x", type="number", role="feature", required=required, minimum=low, maximum=high, categories=some
    ),
    st.booleans(),
    limits,
    limits,
    st.sets(st.sampled_from(["-1", "0", "1", "2", "3"])).map(lambda some: tuple(sorted(some))),
)


def accepted(column: Column) -> set[int]:
    broken = quality.check(VALUES, Dataset(name="values", columns=(column,)))["row"]
    return set(VALUES.index) - set(broken)


@settings(max_examples=80, deadline=None)
@given(numbers, numbers)
@example(
    Column(name="x", type="number", role="feature", categories=("1", "2")),
    Column(name="x", type="number", role="feature", categories=("2", "3")),
)
def test_whoever_can_meet_a_difference_is_told(old: Column, new: Column) -> None:
    changes = compare(contract(old), contract(new))
    before, after = accepted(old), accepted(new)
    broken = _broken(changes)
    assert not before - after or {"producer", "caller"} <= broken
    assert not after - before or {"consumer", "model"} <= broken
    assert bool(changes) == (old != new)


@settings(max_examples=50, deadline=None)
@given(numbers, numbers)
def test_back_again_breaks_the_other_side(old: Column, new: Column) -> None:
    assert compare(contract(old), contract(old)) == ()
    there, back = _broken(compare(contract(old), contract(new))), _broken(compare(contract(new), contract(old)))
    assert ("producer" in there) == ("consumer" in back)
    assert ("consumer" in there) == ("producer" in back)


def _broken(changes: tuple[Change, ...]) -> set[str]:
    return {party for change in changes for party in change.breaks}


# --- versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (contract(), "1.2.3"),
        (contract(digest="other owner"), "1.2.4"),
        (changed("wind", meaning="wherever"), "1.2.4"),
        (contract(*COLUMNS.values(), Column(name="new", type="string", role="other")), "1.3.0"),
        (contract(*COLUMNS.values(), Column(name="new", type="string", role="other", required=True)), "2.0.0"),
        (changed("wind", maximum=100), "2.0.0"),
        (changed("wind", maximum=200), "2.0.0"),
    ],
)
def test_the_suggested_version(after: Contract, expected: str) -> None:
    assert suggested_version(contract(), after) == expected


@pytest.mark.parametrize(
    ("version", "expected"), [("v1.2.3", "2.0.0"), ("1.2.3-rc.1", "2.0.0"), ("2013-01", None), ("", None)]
)
def test_versions_of_other_schemes(version: str, expected: str | None) -> None:
    assert suggested_version(contract(version=version), changed("wind", maximum=1)) == expected
