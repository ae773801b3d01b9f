"""The data contract: an Open Data Contract Standard (version 3) document, parsed into small frozen records.

This is the only place that knows the standard's layout. Our roles (identifier, time, feature, label) are
``customProperties`` named ``role`` on a property; a unit is one named ``unit``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import yaml
from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty
from pydantic import ValidationError

from roadworthy.errors import ContractError
from roadworthy.records import Record

ColumnType = Literal["string", "number", "integer", "boolean", "timestamp"]
Role = Literal["identifier", "time", "feature", "label", "other"]

_DTYPES: dict[ColumnType, str] = {
    "string": "str",
    "number": "float64",
    "integer": "int64",
    "boolean": "bool",
    "timestamp": "datetime64[us, UTC]",
}
_NULLABLE_DTYPES = _DTYPES | {"integer": "float64", "boolean": "boolean"}
_READABLE_APIS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0")


class Column(Record):
    """One column: what it means and what its values must be."""

    name: str
    type: ColumnType
    role: Role
    meaning: str = ""
    unit: str | None = None
    required: bool = False
    unique: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    pattern: str | None = None
    classification: str | None = None

    @property
    def dtype(self) -> str:
        """The pandas dtype, the same in training, in the service and in monitoring.

        Examples
        --------
        >>> Column(name="seats", type="integer", role="feature").dtype
        'float64'
        """
        return _DTYPES[self.type] if self.required else _NULLABLE_DTYPES[self.type]


class Dataset(Record):
    """One dataset of the contract."""

    name: str
    meaning: str = ""
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column of that name; raise ContractError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise ContractError(
            f"Dataset {self.name!r} of the contract has no column {name!r}.",
            f"Use one of: {', '.join(c.name for c in self.columns)}.",
        )

    def with_role(self, role: Role) -> tuple[Column, ...]:
        """Return the columns of a role, in the contract's order."""
        return tuple(column for column in self.columns if column.role == role)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, in the order in which the model receives them."""
        return tuple(column.name for column in self.with_role("feature"))

    @property
    def request_columns(self) -> tuple[Column, ...]:
        """What a request carries: all that is known before the outcome (identifier, time, features)."""
        return tuple(c for c in self.columns if c.role in ("identifier", "time", "feature"))

    @property
    def dtypes(self) -> dict[str, str]:
        """Column name to pandas dtype, in the contract's order."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def time(self) -> str:
        """Name of the event-time column."""
        return self._only("time").name

    @property
    def identifier(self) -> str:
        """Name of the identifier column."""
        return self._only("identifier").name

    @property
    def label(self) -> str:
        """Name of the label column."""
        return self._only("label").name

    def _only(self, role: Role) -> Column:
        found = self.with_role(role)
        if len(found) != 1:
            raise ContractError(
                f"Dataset {self.name!r} needs exactly one column of role {role!r}, it has {len(found)}.",
                f"Set customProperties: [{{property: role, value: {role}}}] on one column of the contract.",
            )
        return found[0]


class Contract(Record):
    """The whole document."""

    id: str
    version: str
    datasets: tuple[Dataset, ...]
    hash: str

    def dataset(self, name: str) -> Dataset:
        """Return the dataset of that name; raise ContractError when there is none."""
        for dataset in self.datasets:
            if dataset.name == name:
                return dataset
        raise ContractError(
            f"The contract {self.id!r} has no dataset {name!r}.",
            f"Use one of: {', '.join(d.name for d in self.datasets)}.",
        )


def read(path: Path) -> Contract:
    """Read a contract document.

    Raises
    ------
    ContractError
        When the file is missing, is not YAML, is not an ODCS 3 document, or uses a type or role unknown here.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContractError(
            f"The contract {path} cannot be read: {error.strerror}.",
            "Restore the file, or set `contract` in [tool.roadworthy] to where it is.",
        ) from error
    return parse(text, str(path))


def parse(text: str, place: str = "contract") -> Contract:
    """Parse a contract document's text; ``place`` names it in errors.

    Raises
    ------
    ContractError
        As for `read`.
    """
    document = _document(text, place)
    if document.kind != "DataContract" or document.apiVersion not in _READABLE_APIS:
        raise ContractError(
            f"{place}: kind {document.kind!r}, apiVersion {document.apiVersion!r} is not a contract of ODCS 3.",
            f"Set kind: DataContract and apiVersion: {_READABLE_APIS[-1]}.",
        )
    datasets = tuple(_dataset(schema, place) for schema in document.schema_ or [])
    if not datasets:
        raise ContractError(f"{place}: the contract has no dataset.", "Add one under `schema:`.")
    return Contract(
        id=document.id or "",
        version=document.version or "",
        datasets=datasets,
        hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def _document(text: str, place: str) -> OpenDataContractStandard:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", error)
        raise ContractError(f"{place}{line}: not YAML: {problem}.", "Mend that line.") from error
    if not isinstance(content, dict):
        raise ContractError(f"{place}: the document is not a mapping.", "Start it with `kind: DataContract`.")
    try:
        return OpenDataContractStandard.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"{place}: {where}: {first['msg']}.", f"Correct {where} as ODCS 3 has it.") from error


def _dataset(schema: SchemaObject, place: str) -> Dataset:
    return Dataset(
        name=schema.name or "",
        meaning=schema.description or "",
        columns=tuple(_column(p, f"{place}: {schema.name}.{p.name}") for p in schema.properties or []),
    )


def _column(prop: SchemaProperty, place: str) -> Column:
    custom = {c.property: c.value for c in prop.customProperties or []}
    options: dict[str, Any] = prop.logicalTypeOptions or {}
    try:
        return Column(
            name=prop.name or "",
            type=prop.logicalType,
            role=custom.get("role", "other"),
            unit=custom.get("unit"),
            meaning=prop.description or "",
            required=bool(prop.required),
            unique=bool(prop.unique),
            minimum=options.get("minimum"),
            maximum=options.get("maximum"),
            pattern=options.get("pattern"),
            categories=tuple(str(entry.value) for entry in prop.enum or []),
            classification=prop.classification,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ContractError(
            f"{place}: {first['loc'][0]} {first['input']!r} is not known here.", f"{first['msg']}."
        ) from error
