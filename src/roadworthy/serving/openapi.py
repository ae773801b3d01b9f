"""The service's OpenAPI document: BentoML's own, completed by what BentoML cannot know of the service.

BentoML writes it from the models of requests and answers. How requests are refused, who may ask, and what the project
is come from here.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from roadworthy.config import Settings
from roadworthy.serving.schema import Refusal

# Schemas are JSON Schema as pydantic writes it, with keywords of our own beside it: 3.0 knows another one.
_VERSION = "3.1.0"
_SERVICE_TAG = "Service APIs"
_SCHEME = "token"
_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    "400": "The body is not a JSON object.",
    "401": "The token is missing or unknown, or was revoked.",
    "403": "The token is not for this.",
    "404": "A request id was not given out by this service, or that request had no such row; nothing was taken.",
    "413": "The body is too large.",
    "415": "The body's content type is not application/json.",
    "422": "Fields break the contract; they are listed with value and rule.",
    "429": "Too many requests came; wait, and send fewer.",
    "500": "The version that answers failed on this request.",
    "503": "The service cannot do this at present; try again later.",
}
_ERRORS_OF = {"/predict": _ERRORS.keys() - {"404"}, "/feedback": _ERRORS.keys() - {"500"}}


def documented(document: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Complete BentoML's document of the service; the one given stays as it is.

    Parameters
    ----------
    document
        As BentoML generates it.
    settings
        The project's: its name and problem, and who may ask for predictions.

    Returns
    -------
    dict
        OpenAPI 3.1, with every way in which a request may be refused, and what the header `Authorization` is for.
    """
    paths = {path: _path(path, methods, settings) for path, methods in document["paths"].items()}
    given = document["components"].get("schemas", {})
    _, own = models_json_schema([(Refusal, "serialization")], ref_template=_REFERENCE)
    schemas = {name: _cleaned(schema) for name, schema in given.items()} | own["$defs"]
    version = document["info"].get("version")
    return document | {
        "openapi": _VERSION,
        "info": {
            "title": settings.name,
            "description": settings.use_case.problem,
            "version": "dev" if version in (None, "None") else version,
        },
        "paths": paths,
        "components": document["components"] | {"schemas": _needed(paths, schemas), "securitySchemes": _schemes()},
    }


def _path(path: str, methods: dict[str, Any], settings: Settings) -> dict[str, Any]:
    found = {method: _cleaned(operation) for method, operation in methods.items()}
    for operation in found.values():
        if _SERVICE_TAG in operation.get("tags", ()):
            _complete(path, operation, settings)
        elif path == "/readyz":
            operation["responses"]["503"] = {"description": "No version answers yet."}
    return found


def _complete(path: str, operation: dict[str, Any], settings: Settings) -> None:
    errors = _ERRORS_OF.get(path, _ERRORS.keys())
    answers = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    operation["responses"] = answers | {status: _refusal(status) for status in sorted(errors)}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    anybody = path == "/predict" and settings.service.predict == "open"
    operation["security"] = [*([{}] if anybody else []), {_SCHEME: []}]


def _refusal(status: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=Refusal.__name__)}
    answer: dict[str, Any] = {"description": _ERRORS[status], "content": {"application/json": {"schema": schema}}}
    if status == "401":
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}}
    return answer


def _schemes() -> dict[str, Any]:
    words = "A token of the project, made by `roadworthy token`, that is for what is asked."
    return {_SCHEME: {"type": "http", "scheme": "bearer", "description": words}}


def _cleaned(content: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return a copy without BentoML's mark for a body that is one argument; every key is text, as in JSON."""
    if isinstance(content, dict):
        return {str(key): _cleaned(value) for key, value in content.items() if key != "root_input"}
    return [_cleaned(value) for value in content] if isinstance(content, list) else content


def _needed(paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas that some path refers to, by way of others or not."""
    needed: dict[str, Any] = {}
    left = _references(paths)
    while left:
        name = left.pop()
        if name not in needed:
            needed[name] = schemas[name]
            left |= _references(schemas[name])
    return {name: needed[name] for name in sorted(needed)}


def _references(content: Any) -> set[str]:  # noqa: ANN401  # any JSON
    if isinstance(content, list):
        return set().union(*map(_references, content))
    if not isinstance(content, dict):
        return set()
    own = content.get("$ref")
    found = {own.rpartition("/")[2]} if isinstance(own, str) else set()
    return found.union(*map(_references, content.values()))
