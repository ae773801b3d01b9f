"""The service's OpenAPI document: BentoML's own, completed by what BentoML cannot know of the service.

BentoML writes it from the models of requests and answers. How requests are refused, who may ask, and what the project
is come from here.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from roadworthy.config import Settings
from roadworthy.records import HistoryEntry
from roadworthy.serving.schema import Refusal
from roadworthy.serving.schema.bodies import PromoteRequest, RollbackRequest, ServiceStatus

# Schemas are JSON Schema as pydantic writes it, with keywords of our own beside it: 3.0 knows another one.
_VERSION = "3.1.0"
_SERVICE_TAG = "Service APIs"
_SCHEME = "token"
_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    "400": "The body is not a JSON object.",
    "401": "The token is missing or unknown, or was revoked.",
    "403": "The token is not for this.",
    "404": "Labels are of no request of this service: they are set aside, and the others are taken.",
    "413": "The body is too large.",
    "415": "The body's content type is not application/json.",
    "422": "Fields break the contract; they are listed with value and rule.",
    "429": "Too many requests came; wait, and send fewer.",
    "500": "The version that answers failed on this request.",
    "503": "The service cannot do this at present; try again later.",
}
_ERRORS_OF = {"/predict": _ERRORS.keys() - {"404"}, "/feedback": _ERRORS.keys() - {"500"}}
# BentoML does not know of these: path, method, what it does, body and answer.
_ADMIN: tuple[tuple[str, str, str, type[BaseModel] | None, type[BaseModel]], ...] = (
    ("/admin/status", "get", "What this worker answers with", None, ServiceStatus),
    ("/admin/promote", "post", "Make a version champion", PromoteRequest, HistoryEntry),
    ("/admin/rollback", "post", "Go back to a former champion", RollbackRequest, HistoryEntry),
)
_ADMIN_ERRORS = {
    "404": "No version goes by that name.",
    "409": "The gate, or the version itself, says no.",
    "422": "The body is not what it should be.",
    "503": "The state cannot be reached; try again later.",
}


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
    paths |= {path: {method: _act(*about)} for path, method, *about in _ADMIN}  # type: ignore[arg-type]  # as typed there
    given = document["components"].get("schemas", {})
    schemas = {name: _cleaned(schema) for name, schema in given.items()} | _own_schemas()
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


def _own_schemas() -> dict[str, Any]:
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Refusal, "serialization")]
    for _, _, _, body, answer in _ADMIN:
        models += [(body, "validation")] if body else []
        models += [(answer, "serialization")]
    found: dict[str, Any] = models_json_schema(models, ref_template=_REFERENCE)[1]["$defs"]
    return found


def _act(words: str, body: type[BaseModel] | None, answer: type[BaseModel]) -> dict[str, Any]:
    """Return the description of an administrative act."""
    refused = {status: _ERRORS[status] for status in ("401", "403", "413", "415", "429")} | _ADMIN_ERRORS
    if body is None:
        refused = {status: refused[status] for status in ("401", "403", "429")}
    operation: dict[str, Any] = {
        "tags": ["Administration"],
        "summary": words,
        "operationId": words.lower().replace(" ", "_"),
        "responses": {"200": {"description": "Done.", "content": _content(answer)}}
        | {status: _refusal(status, fact) for status, fact in sorted(refused.items())},
        "security": [{_SCHEME: []}],
    }
    return operation if body is None else operation | {"requestBody": {"required": True, "content": _content(body)}}


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}}}


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
    operation["responses"] = answers | {status: _refusal(status, _ERRORS[status]) for status in sorted(errors)}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    anybody = path == "/predict" and settings.service.predict == "open"
    operation["security"] = [*([{}] if anybody else []), {_SCHEME: []}]


def _refusal(status: str, fact: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": fact, "content": _content(Refusal)}
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
