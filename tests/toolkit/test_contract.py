"""The contract is an ODCS 3 document, parsed into records."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import ContractError


def test_the_reference_contract_is_valid_by_the_standards_own_schema(config: Config) -> None:
    document = yaml.safe_load(config.path(config.settings.contract).read_text())
    schema = files("open_data_contract_standard").joinpath("schema.json").read_text()
    jsonschema.validate(document, json.loads(schema))


def test_roles_order_and_dtypes(dataset: Dataset) -> None:
    assert (dataset.identifier, dataset.time, dataset.label) == ("flight_id", "scheduled_departure", "late")
    assert dataset.features[:3] == ("carrier", "origin", "dest")
    assert "late" not in [column.name for column in dataset.request_columns]
    assert dataset.dtypes["weekday"] == "int64"
    assert dataset.dtypes["scheduled_departure"] == "datetime64[us, UTC]"
    assert dataset.column("wind_speed").unit == "miles per hour"


def test_the_hash_follows_the_content(config: Config) -> None:
    text = config.path(config.settings.contract).read_text()
    assert contracts.parse(text).hash == contracts.parse(text).hash != contracts.parse(text + "\n").hash


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("logicalType: integer", "logicalType: whole", "flights.weekday"),
        ("value: label", "value: target", "flights.late"),
        ("apiVersion: v3.2.0", "apiVersion: v2.2.2", "apiVersion"),
        ("kind: DataContract", "kind: Recipe", "kind"),
        ("kind: DataContract", "kind: [", "line "),
        ("status: active", "stattus: active", "stattus"),
    ],
)
def test_a_mistake_is_named_with_its_place(config: Config, old: str, new: str, place: str) -> None:
    path = config.path(config.settings.contract)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContractError) as raised:
        contracts.read(path)
    assert "contract.yaml" in raised.value.fact
    assert place in raised.value.fact


def test_a_missing_file_dataset_column_or_role_is_named(config: Config, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        contracts.read(tmp_path / "none.yaml")
    with pytest.raises(ContractError, match="no dataset 'trains'"):
        contracts.read(config.path(config.settings.contract)).dataset("trains")
    with pytest.raises(ContractError, match="no column 'gate'"):
        dataset.column("gate")
    with pytest.raises(ContractError, match="exactly one column of role 'label'"):
        _ = dataset.model_copy(update={"columns": dataset.columns[:3]}).label
