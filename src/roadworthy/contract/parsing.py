"""From an Open Data Contract Standard (version 3) document to small frozen records.

This and `rules` are the only places that know the standard's layout. Our roles are ``customProperties`` named ``role``
on a property; a unit is one named ``unit``, and ``unseen`` and ``outOfRange`` say whether the service accepts what
breaks the enum or the limits. Nothing that a document says about its data is dropped: what is not
understood is refused, so that nobody relies on a rule that is never checked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty
from pydantic import ValidationError

from roadworthy import documents
from roadworthy.contract import rules
from roadworthy.contract.dataset import Column, Contract, Dataset
from roadworthy.errors import ContractError

_READABLE_APIS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0")
_OPTIONS = {"string": {"pattern"}, "number": {"minimum", "maximum"}, "integer": {"minimum", "maximum"}}
# They describe how values are stored elsewhere; here they are read by logicalType alone.
_DESCRIBING = {"format", "timezone", "defaultTimezone"}
_NUMERIC = ("number", "integer")
# What a request may do to a rule of its column, as a custom property and as a field of `Column`.
_REACTIONS = {"unseen": "unseen", "outOfRange": "out_of_range"}


def read(path: Path) -> Contract:
    """Read a contract document.

    Raises
    ------
    ContractError
        When the file is missing, is not YAML, is not an ODCS 3 document, or says something that is not understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContractError(
            f"The contract {path} cannot be read: {error.strerror}.",
            "Restore the file, or set `contract` in [tool.roadworthy] to where it is.",
            file=path,
        ) from error
    except UnicodeDecodeError as error:
        fact = f"The contract {path} is not UTF-8 text: {error}."
        raise ContractError(fact, "Save it as UTF-8.", file=path) from error
    try:
        return parse(text, str(path))
    except ContractError as error:
        error.file = path
        raise


def parse(text: str, place: str = "contract") -> Contract:
    """Parse a contract document's text; ``place`` names it in errors.

    Raises
    ------
    ContractError
        As for `read`.
    """
    content = _content(text, place)
    document = _document(content, place, text)
    if document.kind != "DataContract" or document.apiVersion not in _READABLE_APIS:
        raise ContractError(
            f"{place}: kind {document.kind!r}, apiVersion {document.apiVersion!r} is not a contract of ODCS 3.",
            f"Set kind: DataContract and apiVersion: {_READABLE_APIS[-1]}.",
            line=documents.line_of(text, ["apiVersion" if document.kind == "DataContract" else "kind"]),
        )
    datasets = []
    for number, schema in enumerate(document.schema_ or []):
        with _located(text, "schema", number):
            datasets.append(_dataset(schema, place, text, number))
    if not datasets:
        raise ContractError(f"{place}: the contract has no dataset.", "Add one under `schema:`.")
    _refuse_twice([dataset.name for dataset in datasets], f"{place}: the dataset")
    with _located(text, "slaProperties"):
        seconds = rules.freshness(document.slaProperties or [], document.slaDefaultElement, datasets, place)
    return Contract(
        id=document.id or "",
        version=document.version or "",
        datasets=tuple(d.model_copy(update={"freshness": seconds.get(d.name)}) for d in datasets),
        hash=_hash(content),
    )


# --- the document --------------------------------------------------------------------------------------------------


def _content(text: str, place: str) -> dict[str, Any]:
    try:
        content = documents.parse(text)
    except documents.NotYaml as error:
        fact = f"{place}{error.line}: not YAML: {error.problem}."
        raise ContractError(fact, "Mend that line.", line=error.number) from error
    if not isinstance(content, dict):
        raise ContractError(f"{place}: the document is not a mapping.", "Start it with `kind: DataContract`.")
    return content


@contextmanager
def _located(text: str, *path: str | int) -> Iterator[None]:
    """Give a failure the line of the part of the document that it is about, unless it has one already."""
    try:
        yield
    except ContractError as error:
        error.line = error.line or documents.line_of(text, path)
        raise


def _document(content: dict[str, Any], place: str, text: str) -> OpenDataContractStandard:
    try:
        document = OpenDataContractStandard.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = _words(content, first["loc"])
        raise ContractError(
            f"{place}: {where}: {first['msg']}.",
            f"Correct {where} as ODCS 3 has it.",
            line=documents.line_of(text, first["loc"]),
        ) from error
    # Below its top level the standard's model ignores what it does not know: `requird: true` would rule nothing.
    understood = document.model_dump(by_alias=True, exclude_unset=True)
    for section in ("schema", "slaProperties"):
        unknown = _unknown(content.get(section), understood.get(section), (section,))
        if unknown:
            where = _words(content, unknown)
            raise ContractError(
                f"{place}: {where}: ODCS 3 knows no such key.",
                f"Remove {where}, or correct its name.",
                line=documents.line_of(text, unknown),
            )
    return document


def _unknown(given: object, understood: object, path: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return the path of the first key that was given and not understood."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for key, value in given.items():
            at = (*path, key)
            found = _unknown(value, understood[key], at) if key in understood else at
            if found:
                return found
    if isinstance(given, list) and isinstance(understood, list):
        for number, (value, known) in enumerate(zip(given, understood, strict=True)):
            found = _unknown(value, known, (*path, number))
            if found:
                return found
    return None


def _words(content: object, path: Sequence[Any]) -> str:
    """Return a path into the document with the names, where there are any, of what it goes through."""
    words, node = [], content
    for part in path:
        try:
            node = node[part]  # type: ignore[index]  # any shape may have been given
        except (LookupError, TypeError):
            node = None
        named = isinstance(part, int) and isinstance(node, dict) and isinstance(node.get("name"), str)
        words.append(node["name"] if named and isinstance(node, dict) else str(part))
    return ".".join(words)


def _hash(content: dict[str, Any]) -> str:
    """Return the SHA-256 of what the document says: as JSON in one canonical form."""
    # Keys become text first: YAML reads `1:` and `yes:` as other things than text, and those cannot be sorted.
    canonical = json.dumps(_plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


# --- datasets ------------------------------------------------------------------------------------------------------


def _dataset(schema: SchemaObject, place: str, text: str, number: int) -> Dataset:
    if not schema.name:
        raise ContractError(f"{place}: a dataset has no name.", "Set `name` on each entry of `schema`.")
    at = f"{place}: {schema.name}"
    properties = schema.properties or []
    if not properties:
        raise ContractError(f"{at} has no column.", "List its columns under `properties`.")
    _refuse_twice([entry.name or "" for entry in properties], f"{at}: the column")
    own = rules.of_dataset(schema.quality or [], at)
    key = _primary_key(properties)
    unique = {*own.unique, *(key if len(key) == 1 else ())}
    together = (*own.unique_together, *((key,) if len(key) > 1 else ()))
    columns = []
    for place_of, entry in enumerate(properties):
        with _located(text, "schema", number, "properties", place_of):
            columns.append(_column(entry, at, required=entry.name in key, unique=entry.name in unique))
    dataset = Dataset(
        name=schema.name,
        meaning=schema.description or "",
        columns=tuple(columns),
        relations=own.relations,
        minimum_rows=own.minimum_rows,
        maximum_rows=own.maximum_rows,
        unique_together=tuple(dict.fromkeys(together)),
    )
    _check_names(dataset, own, at)
    return dataset


def _primary_key(properties: Sequence[SchemaProperty]) -> tuple[str, ...]:
    parts = [entry for entry in properties if entry.primaryKey]
    return tuple(entry.name or "" for entry in sorted(parts, key=lambda entry: entry.primaryKeyPosition or 0))


def _check_names(dataset: Dataset, own: rules.DatasetRules, at: str) -> None:
    """Refuse rules that name a column which is not there, or relate what cannot be compared."""
    types = {column.name: column.type for column in dataset.columns}
    named = [*own.unique, *(name for names in own.unique_together for name in names)]
    named += [name for relation in own.relations for name in (relation.left, relation.right)]
    for name in named:
        if name not in types:
            raise ContractError(
                f"{at}: a quality rule names the column {name!r}, which is not there.",
                f"Use one of: {', '.join(types)}.",
            )
    for relation in own.relations:
        left, right = types[relation.left], types[relation.right]
        if relation.left == relation.right:
            raise ContractError(f"{at}: {relation.words}, which is itself.", "Name two columns.")
        if left != right and not (left in _NUMERIC and right in _NUMERIC):
            raise ContractError(
                f"{at}: {relation.words}, but {relation.left} is of type {left}, {relation.right} of type {right}.",
                "Relate columns of the same type.",
            )


def _refuse_twice(names: Sequence[str], what: str) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise ContractError(f"{what} {name!r} is there {times} times.", "Give each a name of its own.")


# --- columns -------------------------------------------------------------------------------------------------------


def _column(prop: SchemaProperty, dataset: str, *, required: bool, unique: bool) -> Column:
    at = f"{dataset}.{prop.name}"
    custom = {c.property: c.value for c in prop.customProperties or []}
    never_missing, never_twice = rules.of_column(prop.quality or [], at)
    try:
        column = Column(
            name=prop.name or "",
            type=prop.logicalType,
            role=custom.get("role", "other"),
            unit=custom.get("unit"),
            meaning=prop.description or "",
            required=bool(prop.required) or required or never_missing,
            unique=bool(prop.unique) or unique or never_twice,
            categories=tuple(dict.fromkeys(str(e.value) for e in prop.enum or [] if e.value is not None)),
            classification=prop.classification,
            **{_REACTIONS[name]: custom[name] for name in _REACTIONS if name in custom},
            **_options(prop, at),
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = {field: name for name, field in _REACTIONS.items()}.get(str(first["loc"][0]), first["loc"][0])
        raise ContractError(f"{at}: {name} {first['input']!r} is not known here.", f"{first['msg']}.") from error
    _check_values(column, at)
    _check_reactions(column, custom, at)
    return column


def _options(prop: SchemaProperty, at: str) -> dict[str, Any]:
    options = prop.logicalTypeOptions or {}
    known = _OPTIONS.get(prop.logicalType or "", set())
    unknown = [name for name in options if name not in known | _DESCRIBING]
    if unknown:
        raise ContractError(
            f"{at}: logicalTypeOptions.{unknown[0]} is not checked for a {prop.logicalType}.",
            f"Remove it; there is {', '.join(sorted(known))}." if known else "Remove it.",
        )
    if str(options.get("defaultTimezone", "UTC")) not in ("UTC", "Etc/UTC"):
        raise ContractError(f"{at}: a moment without a zone is taken as UTC here.", "Set defaultTimezone: Etc/UTC.")
    return {name: value for name, value in options.items() if name in known}


def _check_values(column: Column, at: str) -> None:
    """Refuse limits, categories and patterns that no value could meet or that cannot be read."""
    if not column.name:
        raise ContractError(f"{at}: a column has no name.", "Set `name` on each entry of `properties`.")
    limits = [limit for limit in (column.minimum, column.maximum) if limit is not None]
    if not all(map(isfinite, limits)) or limits != sorted(limits):
        raise ContractError(
            f"{at}: no number is between {column.minimum} and {column.maximum}.", "Correct minimum and maximum."
        )
    try:
        re.compile(column.pattern or "")
    except re.error as error:
        raise ContractError(
            f"{at}: the pattern {column.pattern!r} is not a regular expression: {error}.",
            "Correct logicalTypeOptions.pattern.",
        ) from error
    for value in column.categories:
        if not _is_of_type(value, column):
            raise ContractError(
                f"{at}: {value!r} in its enum is not a {column.type}.", "Correct the enum, or the logicalType."
            )


def _check_reactions(column: Column, given: Collection[str | None], at: str) -> None:
    """Refuse to say what happens to a request's value where there is no rule that it could break."""
    limited = column.minimum is not None or column.maximum is not None
    for name, has_rule, rule in (("unseen", bool(column.categories), "enum"), ("outOfRange", limited, "limit")):
        if name in given and not has_rule:
            raise ContractError(
                f"{at}: {name} says what becomes of a request that breaks its {rule}, and it has none.",
                f"Remove {name}, or add {'an enum' if rule == 'enum' else 'a minimum or maximum'}.",
            )
        if name in given and not column.requested:
            raise ContractError(
                f"{at}: {name} is about requests, and none carries a column of role {column.role!r}.",
                f"Remove {name}.",
            )


def _is_of_type(value: str, column: Column) -> bool:
    try:
        if column.type in _NUMERIC:
            return float(value).is_integer() if column.type == "integer" else isfinite(float(value))
        if column.type == "timestamp":
            datetime.fromisoformat(value)
    except ValueError:
        return False
    return column.type != "boolean" or value.lower() in ("true", "false")
