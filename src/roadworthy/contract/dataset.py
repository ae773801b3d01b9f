"""What a contract says, as small frozen records: columns, relations, datasets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from roadworthy.errors import ContractError
from roadworthy.records import Record

ColumnType = Literal["string", "number", "integer", "boolean", "timestamp"]
Role = Literal["identifier", "time", "feature", "label", "prediction", "other"]
Operator = Literal["<", "<=", "==", "!=", ">=", ">"]
Reaction = Literal["accept", "refuse"]
Value = str | int | float | bool | datetime

_DTYPES: dict[ColumnType, str] = {
    "string": "str",
    "number": "float64",
    "integer": "int64",
    "boolean": "bool",
    "timestamp": "datetime64[us, UTC]",
}
_NULLABLE_DTYPES = _DTYPES | {"integer": "float64", "boolean": "boolean"}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_VALUES: dict[ColumnType, Callable[[str], Value]] = {
    "string": str,
    "number": float,
    "integer": lambda text: int(float(text)),
    "boolean": lambda text: text.lower() == "true",
    "timestamp": _moment,
}


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
    unseen: Reaction = Field(default="refuse", description="of a request whose category is not among these")
    out_of_range: Reaction = Field(default="refuse", description="of a request whose number is beyond these limits")

    @property
    def values(self) -> tuple[Value, ...]:
        """The categories as values of the column's type.

        Examples
        --------
        >>> Column(name="stops", type="integer", role="feature", categories=("0", "1")).values
        (0, 1)
        """
        return tuple(_VALUES[self.type](text) for text in self.categories)

    @property
    def dtype(self) -> str:
        """The pandas dtype, the same in training, in the service and in monitoring.

        Examples
        --------
        >>> Column(name="seats", type="integer", role="feature").dtype
        'float64'
        """
        return _DTYPES[self.type] if self.required else _NULLABLE_DTYPES[self.type]

    @property
    def requested(self) -> bool:
        """Whether a request to the service carries it: all that is known before the outcome."""
        return self.role in ("identifier", "time", "feature")


class Relation(Record):
    """What must hold between two columns of each row in which both are present."""

    left: str
    operator: Operator
    right: str

    @property
    def words(self) -> str:
        """The relation as a rule.

        Examples
        --------
        >>> Relation(left="arrival", operator=">=", right="departure").words
        'arrival must be >= departure'
        """
        return f"{self.left} must be {self.operator} {self.right}"


class Dataset(Record):
    """One dataset of the contract."""

    name: str
    meaning: str = ""
    columns: tuple[Column, ...]
    relations: tuple[Relation, ...] = ()
    minimum_rows: int | None = Field(default=None, description="of one batch")
    maximum_rows: int | None = Field(default=None, description="of one batch")
    freshness: float | None = Field(
        default=None, description="seconds: how old a batch's newest time may be when it is ingested"
    )
    unique_together: tuple[tuple[str, ...], ...] = ()

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
        return tuple(column for column in self.columns if column.requested)

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
    hash: str = Field(description="SHA-256 of what the document says; comments and layout do not change it")

    def dataset(self, name: str) -> Dataset:
        """Return the dataset of that name; raise ContractError when there is none."""
        for dataset in self.datasets:
            if dataset.name == name:
                return dataset
        raise ContractError(
            f"The contract {self.id!r} has no dataset {name!r}.",
            f"Use one of: {', '.join(d.name for d in self.datasets)}.",
        )
