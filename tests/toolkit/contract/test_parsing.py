"""The contract is an ODCS 3 document, parsed into records; nothing in it is dropped without a word."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.contract import Contract, Relation
from roadworthy.errors import ContractError

Make = Callable[..., Contract]


def test_the_reference_contract_is_valid_by_the_standards_own_schema(config: Config) -> None:
    document = yaml.safe_load(config.path(config.settings.contract).read_text())
    schema = files("open_data_contract_standard").joinpath("schema.json").read_text()
    jsonschema.validate(document, json.loads(schema))


@pytest.mark.slow
def test_the_standards_own_tool_accepts_the_reference_contract(
    config: Config, lint: Callable[[Path], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    accepted = lint(config.path(config.settings.contract))
    assert accepted.returncode == 0, accepted.stdout
    broken = tmp_path / "broken.yaml"
    text = config.path(config.settings.contract).read_text()
    broken.write_text(text.replace("logicalType: integer", "logicalType: whole"))
    assert lint(broken).returncode == 1


def test_the_reference_contract_says_what_holds_between_columns(config: Config) -> None:
    dataset = contracts.read(config.path(config.settings.contract)).dataset("flights")
    assert dataset.relations == (Relation(left="dewp", operator="<=", right="temp"),)
    assert (dataset.minimum_rows, dataset.maximum_rows) == (1, 1_000_000)


def test_the_hash_is_of_what_is_said_not_of_how(config: Config) -> None:
    text = config.path(config.settings.contract).read_text()
    same = yaml.safe_dump(yaml.safe_load(text), sort_keys=True, default_flow_style=True)
    first = contracts.parse(text).hash
    assert first == contracts.parse(same).hash == contracts.parse(f"# for the record\n{text}\n\n").hash
    assert first != contracts.parse(text.replace("minimum: 10,", "minimum: 11,")).hash
    assert first != contracts.parse(text.replace("The airline's IATA code", "The airline")).hash
    assert first != contracts.parse(text.replace("channel: flight-data", "channel: flights")).hash


@given(st.dictionaries(st.sampled_from(["no", "on", "1", "2.5", "x", "2013-01-01"]), st.integers(), min_size=1))
def test_any_keys_below_have_a_hash(extra: dict[str, int]) -> None:
    lines = "".join(f"    {key}: {value}\n" for key, value in extra.items())
    text = (
        "kind: DataContract\napiVersion: v3.2.0\ncustomProperties:\n- property: x\n  value:\n"
        f"{lines}schema:\n- name: a\n  properties:\n  - {{name: b, logicalType: string}}\n"
    )
    assert len(contracts.parse(text).hash) == 64


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("logicalType: integer", "logicalType: whole", "flights.weekday"),
        ("value: label", "value: target", "flights.late"),
        ("apiVersion: v3.2.0", "apiVersion: v2.2.2", "apiVersion"),
        ("kind: DataContract", "kind: Recipe", "kind"),
        ("kind: DataContract", "kind: [", "line "),
        ("status: active", "stattus: active", "stattus"),
        ("status: active", "status: active\nstatus: draft", "line 11: not YAML: the key 'status' is there twice"),
        ("status: active", "[a, b]: c", "not YAML"),
        ("    required: true", "    requird: true", "schema.flights.properties.flight_id.requird"),
        ("    required: true", "    required: perhaps", "schema.flights.properties.flight_id.required"),
        ("metric: rowCount", "metrik: rowCount", "rows of a batch.metrik"),
        ("pattern: \"^[A-Z]{3}$\"", "pattern: \"^[A-Z\"", "flights.dest"),
        ("pattern: \"^[A-Z]{3}$\"", "maxLength: 3", "flights.dest: logicalTypeOptions.maxLength"),
        ("minimum: 10, maximum: 6000", "exclusiveMinimum: 10", "flights.distance: logicalTypeOptions.exclusiveMinimum"),
        ("minimum: 10, maximum: 6000", "minimum: 10, maximum: 6", "flights.distance"),
        ("minimum: 10, maximum: 6000", "minimum: .nan", "flights.distance"),
        ("minimum: 10, maximum: 6000", "minimum: many", "flights.distance"),
        ("unseen, value: accept", "unseen, value: perhaps", "flights.carrier: unseen 'perhaps' is not known"),
        ("outOfRange, value: accept", "outOfRange, value: 1", "flights.temp: outOfRange 1 is not known"),
        ("outOfRange, value: accept", "unseen, value: accept", "flights.temp: unseen says what becomes of a request"),
        ("unseen, value: accept", "outOfRange, value: refuse", "flights.carrier: outOfRange says what becomes of a"),
        ("    - value: arrived\n    customProperties:\n",
         "    - value: arrived\n    customProperties:\n    - {property: unseen, value: accept}\n",
         "flights.outcome: unseen is about requests"),
        ("name: seats", "name: temp", "the column 'temp' is there 2 times"),
        ("name: seats", "name: ''", "a column has no name"),
        ("slaProperties:", "- {name: flights, properties: [{name: a, logicalType: string}]}\nslaProperties:",
         "the dataset 'flights' is there 2 times"),
        ("slaProperties:", "- {name: empty}\nslaProperties:", "empty has no column"),
        ("slaProperties:", "- {properties: [{name: a, logicalType: string}]}\nslaProperties:", "no name"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(config: Config, old: str, new: str, place: str) -> None:
    path = config.path(config.settings.contract)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContractError) as raised:
        contracts.read(path)
    assert "contract.yaml" in raised.value.fact
    assert place in raised.value.fact
    assert raised.value.next_step


def test_requests_may_be_allowed_what_data_are_not(config: Config) -> None:
    dataset = contracts.read(config.path(config.settings.contract)).dataset("flights")
    assert {c.name for c in dataset.columns if c.unseen == "accept"} == {"carrier"}
    assert {c.name for c in dataset.columns if c.out_of_range == "accept"} == {"temp", "wind_speed", "precip"}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContractError, match=r"c\.yaml is not UTF-8"):
        contracts.read(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("kind", "values", "fits"),
    [
        ("integer", [1, "2", 3.0], True),
        ("integer", [1, 2.5], False),
        ("number", [1, 2.5], True),
        ("number", ["calm"], False),
        ("boolean", [True, "false"], True),
        ("boolean", ["maybe"], False),
        ("timestamp", ["2013-01-31T09:15:00Z"], True),
        ("timestamp", ["soon"], False),
        ("string", [1, True, "x"], True),
    ],
)
def test_an_enum_is_of_its_columns_type(make: Make, kind: str, values: list[Any], fits: bool) -> None:
    column = {"name": "x", "logicalType": kind, "enum": [{"value": value} for value in values]}
    if fits:
        found = make(trips={"properties": [column]}).dataset("trips").column("x")
        assert found.categories == tuple(map(str, values))
    else:
        with pytest.raises(ContractError, match=r"trips\.x.*in its enum is not"):
            make(trips={"properties": [column]})


def test_a_missing_value_in_an_enum_is_no_category(make: Make) -> None:
    column = {"name": "x", "logicalType": "string", "enum": [{"value": "a"}, {"value": None}]}
    assert make(trips={"properties": [column]}).dataset("trips").column("x").categories == ("a",)


def test_how_a_value_is_stored_elsewhere_is_no_rule(make: Make) -> None:
    options = {"format": "yyyy-MM-dd HH:mm:ss", "timezone": False, "defaultTimezone": "Etc/UTC"}
    column = {"name": "x", "logicalType": "timestamp", "logicalTypeOptions": options}
    assert make(trips={"properties": [column]}).dataset("trips").column("x").type == "timestamp"
    column["logicalTypeOptions"] = options | {"defaultTimezone": "Europe/Berlin"}
    with pytest.raises(ContractError, match=r"trips\.x: a moment without a zone is taken as UTC"):
        make(trips={"properties": [column]})


def test_a_primary_key_is_required_and_unique(make: Make) -> None:
    one = [{"name": "a", "logicalType": "string", "primaryKey": True}, {"name": "b", "logicalType": "string"}]
    dataset = make(trips={"properties": one}).dataset("trips")
    assert [(c.required, c.unique) for c in dataset.columns] == [(True, True), (False, False)]
    assert dataset.unique_together == ()
    two = [
        {"name": "a", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 2},
        {"name": "b", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 1},
    ]
    dataset = make(trips={"properties": two}).dataset("trips")
    assert [(c.required, c.unique) for c in dataset.columns] == [(True, False), (True, False)]
    assert dataset.unique_together == (("b", "a"),)


def test_several_datasets_stand_in_one_document(make: Make) -> None:
    contract = make()
    assert [dataset.name for dataset in contract.datasets] == ["trips", "stations"]
    assert contract.dataset("stations").identifier == "code"
