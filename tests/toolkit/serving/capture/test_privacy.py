"""What the policy does not let be stored never reaches the spool."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.config import CapturePolicy
from roadworthy.contract import Column, ColumnType, Dataset, Role
from roadworthy.errors import ConfigError
from roadworthy.serving.capture import Keeper, kept_dataset, treatment, unkept_features
from roadworthy.serving.schema import columnar
from roadworthy.serving.schema.columns import MANY

MOMENT = datetime(2013, 5, 1, 10, tzinfo=UTC)


def _column(
    name: str, kind: ColumnType = "string", role: Role = "feature", classification: str | None = None
) -> Column:
    return Column(name=name, type=kind, role=role, classification=classification, required=True)


def _dataset(*columns: Column) -> Dataset:
    own = (_column("id", role="identifier"), _column("at", "timestamp", "time"))
    names = {column.name for column in columns}
    return Dataset(
        name="d", columns=(*(c for c in own if c.name not in names), *columns, _column("y", "boolean", "label"))
    )


def _keeper(*columns: Column, policy: CapturePolicy | None = None, key: bytes = b"key") -> Keeper:
    return Keeper(policy or CapturePolicy(), _dataset(*columns), key)


def test_rows_without_anything_classified_are_the_very_same() -> None:
    rows = [{"id": "a", "at": MOMENT, "x": 1.0}]
    assert _keeper(_column("x", "number"), _column("z", classification="public")).rows(rows) is rows


def test_restricted_values_are_left_out_and_confidential_ones_are_hashed() -> None:
    keeper = _keeper(_column("secret", classification="restricted"), _column("name", classification="confidential"))
    (found,) = keeper.rows([{"id": "a", "at": MOMENT, "secret": "s", "name": "ada"}])
    expected = hmac.new(b"key", b'"ada"', hashlib.sha256).hexdigest()
    assert found == {"id": "a", "at": MOMENT, "name": expected}


def test_of_many_rows_the_same_is_stored() -> None:
    kinds: tuple[ColumnType, ...] = ("string", "number", "integer", "boolean", "timestamp")
    hashed = [_column(kind, kind, classification="confidential") for kind in kinds]
    columns = [*_dataset(*hashed, _column("secret", classification="restricted")).request_columns]
    row = {"id": "a", "at": MOMENT, "secret": "s"}
    values = {"string": "ada", "number": 1.5, "integer": 3, "boolean": True, "timestamp": MOMENT}
    rows = [row | values, row | dict.fromkeys(kinds)] * MANY
    keeper = _keeper(*hashed, _column("secret", classification="restricted"))
    assert list(keeper.rows(columnar(columns, rows))) == keeper.rows(rows)


def test_the_policy_says_what_becomes_of_a_classification() -> None:
    policy = CapturePolicy(classified={"confidential": "keep", "internal": "drop"})
    keeper = _keeper(
        _column("a", classification="confidential"), _column("b", classification="internal"), policy=policy
    )
    assert keeper.rows([{"a": "1", "b": "2"}]) == [{"a": "1"}]


@given(st.text(), st.text())
def test_hashes_are_equal_where_values_are(first: str, second: str) -> None:
    column = _column("name", classification="confidential")
    keeper = _keeper(column)
    assert (keeper.value(column, first) == keeper.value(column, second)) == (first == second)
    assert keeper.value(column, first) != _keeper(column, key=b"other").value(column, first)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("number", 1, 1.0),
        ("timestamp", MOMENT, MOMENT.astimezone(timezone(timedelta(hours=5)))),
        ("timestamp", MOMENT, "2013-05-01T10:00:00Z"),
        ("integer", 3, True + 2),
    ],
)
def test_a_value_has_one_hash_however_it_is_written(kind: ColumnType, one: object, other: object) -> None:
    column = _column("x", kind, classification="confidential")
    assert _keeper(column).value(column, one) == _keeper(column).value(column, other)


def test_a_missing_value_stays_missing() -> None:
    keeper = _keeper(_column("x", "number", classification="confidential"))
    assert keeper.rows([{"x": None}, {"x": float("nan")}, {}]) == [{"x": None}, {"x": None}, {}]


def test_the_table_has_hashes_as_text_and_no_dropped_columns() -> None:
    secret, salary = _column("s", classification="restricted"), _column("n", "number", classification="confidential")
    dataset, policy = _dataset(secret, salary, _column("x", "number")), CapturePolicy()
    kept = kept_dataset(dataset, policy)
    assert {c.name: c.dtype for c in kept.request_columns} == {
        "id": "str",
        "at": "datetime64[us, UTC]",
        "n": "str",
        "x": "float64",
    }
    assert unkept_features(dataset, policy) == ("s", "n")
    assert [treatment(column, policy) for column in (secret, salary)] == ["drop", "hash"]


@pytest.mark.parametrize(
    ("name", "role", "kind", "classification", "fine"),
    [
        ("id", "identifier", "string", "restricted", False),
        ("id", "identifier", "string", "confidential", True),
        ("at", "time", "timestamp", "restricted", False),
        ("at", "time", "timestamp", "confidential", False),
        ("at", "time", "timestamp", "public", True),
    ],
)
def test_what_rows_are_joined_and_windowed_by_must_be_kept(
    name: str, role: Role, kind: ColumnType, classification: str, fine: bool
) -> None:
    column = _column(name, kind, role, classification)
    if fine:
        assert _keeper(column).rows([{}]) == [{}]
        return
    for made in (lambda: _keeper(column), lambda: kept_dataset(_dataset(column), CapturePolicy())):
        with pytest.raises(ConfigError, match=f"does not keep {name!r}") as told:
            made()
        assert f"set {classification} to" in told.value.next_step


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_so_many_requests_are_kept_as_the_policy_says(share: float) -> None:
    keeper, other = (_keeper(policy=CapturePolicy(sample=share), key=key) for key in (b"a", b"b"))
    names = [f"request-{number}" for number in range(4000)]
    kept = [keeper.keeps(name) for name in names]
    assert kept == [other.keeps(name) for name in names]  # every process decides alike
    assert sum(kept) / len(names) == pytest.approx(share, abs=0.03 if 0 < share < 1 else 0)
