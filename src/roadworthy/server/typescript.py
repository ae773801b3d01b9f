"""The records that JupyterLab's page shares with the server, as TypeScript, which ``make docs`` writes."""

from __future__ import annotations

import re
from typing import Any

from pydantic.json_schema import models_json_schema

from roadworthy.monitoring.report import Report
from roadworthy.pipeline.runs import RunDiff
from roadworthy.records import Record
from roadworthy.records.lab import (
    EVENTS,
    Acknowledging,
    ActRequest,
    JobRequest,
    LabEvent,
    LabNotebook,
    LabPipeline,
    LabProduction,
    LabReport,
    Muting,
    Refusal,
    TaskRun,
)

ANSWERS: tuple[type[Record], ...] = (
    LabNotebook,
    LabPipeline,
    LabProduction,
    LabReport,
    LabEvent,
    TaskRun,
    RunDiff,
    Report,
    Refusal,
)
REQUESTS: tuple[type[Record], ...] = (JobRequest, ActRequest, Acknowledging, Muting)
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_WORD = re.compile(r"^[A-Za-z_]\w*$")


def typescript() -> str:
    """Return the text of ``records.ts``: an interface for each record, its fields' descriptions as comments."""
    asked: list[tuple[type[Record], Any]] = [(record, "validation") for record in REQUESTS]
    told: list[tuple[type[Record], Any]] = [(record, "serialization") for record in ANSWERS]
    _, schema = models_json_schema([*told, *asked], ref_template="{model}")
    kinds = schema["$defs"]
    head = "// Written by `make docs` from src/roadworthy/records: change the records, not this file."
    events = f"/** What Jupyter's event system knows an ILabEvent by. */\nexport const EVENTS = '{EVENTS}';"
    return "\n\n".join([head, events, *(_interface(name, kinds[name]) for name in sorted(kinds))]) + "\n"


def _interface(name: str, schema: dict[str, Any]) -> str:
    asked = name in {record.__name__ for record in REQUESTS}
    required = schema.get("required", []) if asked else schema.get("properties", {})  # an answer has every field
    lines = [_comment(schema.get("description", "").partition("\n\n")[0], "")]
    lines.append(f"export interface {_name(name)} {{")
    for field, described in schema.get("properties", {}).items():
        lines.append(_comment(described.get("description", ""), "  "))
        mark = "" if field in required else "?"
        lines.append(f"  {field if _WORD.match(field) else repr(field)}{mark}: {_type(described)};")
    return "\n".join(line for line in [*lines, "}"] if line)


def _name(reference: str) -> str:
    return f"I{reference}"


def _comment(text: str, indent: str) -> str:
    return f"{indent}/** {' '.join(text.split())} */" if text else ""


def _type(schema: dict[str, Any]) -> str:
    """Return the type that a JSON Schema describes."""
    if "$ref" in schema:
        return _name(schema["$ref"])
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    choices = [_literal(value) for value in values] or [_type(one) for one in schema.get("anyOf", [])]
    if choices:
        return " | ".join(dict.fromkeys(choices))
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if kind == "object":
        # a key of a mapping may be any text, also where the record names the few that occur
        return f"{{ [key: string]: {_type(_values(schema))} }}"
    return _PLAIN.get(str(kind), "unknown")


def _values(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def _literal(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value).lower()
