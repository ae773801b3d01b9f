"""The service's OpenAPI document, as BentoML generates it from a real service and as it is completed."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest
from _bentoml_sdk.service.openapi import generate_spec
from openapi_spec_validator import OpenAPIV31SpecValidator

from roadworthy.config import Config, Settings
from roadworthy.contract import Dataset
from roadworthy.serving import openapi
from roadworthy.serving.service import build_service

ERRORS = ("400", "401", "403", "413", "415", "422", "429", "503")

# BentoML imports pathspec's old pattern class when it is first used.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


@pytest.fixture
def generated(config: Config) -> dict[str, Any]:
    """BentoML's own document."""
    found: dict[str, Any] = generate_spec(build_service(config.root)).asdict()
    return found


@pytest.fixture
def document(generated: dict[str, Any], config: Config) -> dict[str, Any]:
    return openapi.documented(generated, config.settings)


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())


def test_bentomls_own_stays_as_it_is(generated: dict[str, Any], config: Config) -> None:
    before = copy.deepcopy(generated)
    openapi.documented(generated, config.settings)
    assert generated == before


def test_what_is_complete_stays_so(document: dict[str, Any], config: Config) -> None:
    assert openapi.documented(document, config.settings) == document


def test_it_says_whose_service_it_is(document: dict[str, Any], config: Config) -> None:
    assert document["info"]["title"] == "late-flights"
    assert document["info"]["description"] == config.settings.use_case.problem
    assert "BentoML Team" not in str(document)


def test_every_refusal_is_documented_with_its_model(document: dict[str, Any]) -> None:
    for path, more in (("/predict", "500"), ("/feedback", "404")):
        responses = document["paths"][path]["post"]["responses"]
        assert set(responses) == {"200", *ERRORS, more}
        for status in (*ERRORS, more):
            schema = responses[status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Refusal"}
            assert responses[status]["description"]
    schemas = document["components"]["schemas"]
    assert set(schemas["Refusal"]["properties"]) == {"error", "next_step", "detail"}
    assert set(schemas["Problem"]["properties"]) == {"field", "value", "rule"}
    assert "InvalidArgument" not in schemas


def _secured(generated: dict[str, Any], settings: Settings, predict: str) -> dict[str, Any]:
    service = settings.service.model_copy(update={"predict": predict})
    return openapi.documented(generated, settings.model_copy(update={"service": service}))


def test_who_may_ask_is_documented(generated: dict[str, Any], config: Config) -> None:
    for predict, expected in (("open", [{}, {"token": []}]), ("token", [{"token": []}])):
        found = _secured(generated, config.settings, predict)
        assert found["paths"]["/predict"]["post"]["security"] == expected
        assert found["paths"]["/feedback"]["post"]["security"] == [{"token": []}]
        assert "security" not in found["paths"]["/livez"]["get"]
        scheme = found["components"]["securitySchemes"]["token"]
        assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_each_column_says_what_it_is_and_what_is_accepted(document: dict[str, Any], dataset: Dataset) -> None:
    row = document["components"]["schemas"]["Row"]["properties"]
    for column in dataset.request_columns:
        assert row[column.name]["description"] == column.meaning
        assert row[column.name].get("unit") == column.unit
    assert row["origin"]["enum"] == ["EWR", "JFK", "LGA"]
    assert row["origin"]["x-unseen"] == "refuse"
    assert row["carrier"]["x-unseen"] == "accept"
    assert "enum" not in row["carrier"]
    assert "UA" in row["carrier"]["x-categories"]
    assert (row["distance"]["maximum"], row["distance"]["x-out-of-range"]) == (6000, "refuse")
    assert (row["temp"]["x-maximum"], row["temp"]["x-out-of-range"]) == (130, "accept")


def test_its_schema_of_a_row_accepts_what_the_service_accepts(document: dict[str, Any]) -> None:
    root = {"$ref": "#/components/schemas/Row", "components": document["components"]}
    row = {
        "flight_id": "1",
        "scheduled_departure": "2013-01-01T10:15:00Z",
        "carrier": "ZZ",
        "origin": "EWR",
        "dest": "IAH",
        "distance": 1400,
        "departure_hour": 5.25,
        "weekday": 2,
        "temp": 140,
        "pressure": None,
    }
    jsonschema.Draft202012Validator(root).validate(row)
    for wrong in ({"origin": "CDG"}, {"distance": 9}, {"weekday": 1.5}, {"dest": "iah"}, {"wind": 1}):
        assert not jsonschema.Draft202012Validator(root).is_valid(row | wrong)
