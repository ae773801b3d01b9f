"""The records that a contract is read into."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.contract import Column, ColumnType, Dataset
from roadworthy.errors import ContractError


def at(hour: int) -> datetime:
    return datetime(2013, 1, 31, hour, tzinfo=UTC)


def test_roles_order_and_dtypes(dataset: Dataset) -> None:
    assert (dataset.identifier, dataset.time, dataset.label) == ("flight_id", "scheduled_departure", "late")
    assert dataset.features[:3] == ("carrier", "origin", "dest")
    assert dataset.dtypes["weekday"] == "int64"
    assert dataset.dtypes["scheduled_departure"] == "datetime64[us, UTC]"
    assert dataset.column("wind_speed").unit == "miles per hour"


def test_a_request_has_what_is_known_before_the_outcome(dataset: Dataset) -> None:
    asked = [column.name for column in dataset.request_columns]
    assert asked == ["flight_id", "scheduled_departure", *dataset.features]
    answered = Column(name="probability", type="number", role="prediction")
    widened = dataset.model_copy(update={"columns": (*dataset.columns, answered)})
    assert widened.request_columns == dataset.request_columns
    assert widened.with_role("prediction") == (answered,)


def test_a_missing_file_dataset_column_or_role_is_named(config: Config, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        contracts.read(tmp_path / "none.yaml")
    with pytest.raises(ContractError, match="no dataset 'trains'"):
        contracts.read(config.path(config.settings.contract)).dataset("trains")
    with pytest.raises(ContractError, match="no column 'gate'"):
        dataset.column("gate")
    with pytest.raises(ContractError, match="exactly one column of role 'label'"):
        _ = dataset.model_copy(update={"columns": dataset.columns[:3]}).label


@pytest.mark.parametrize(
    ("kind", "categories", "values"),
    [
        ("string", ("AA", "9E"), ("AA", "9E")),
        ("number", ("1", "2.5"), (1.0, 2.5)),
        ("integer", ("1", "2.0"), (1, 2)),
        ("boolean", ("True", "false"), (True, False)),
        ("timestamp", ("2013-01-31T09:00:00+01:00", "2013-01-31"), (at(8), at(0))),
    ],
)
def test_categories_are_of_their_columns_type(
    kind: ColumnType, categories: tuple[str, ...], values: tuple[object, ...]
) -> None:
    found = Column(name="x", type=kind, role="feature", categories=categories).values
    assert found == values
    assert list(map(type, found)) == list(map(type, values))
