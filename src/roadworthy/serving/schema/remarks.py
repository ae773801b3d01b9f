"""What an answer says of the rows that it answers: categories never seen, numbers beyond the contract's limits.

A row that comes so far keeps to the contract, which may accept such values (`Column.unseen`, `Column.out_of_range`).
They are answered, the caller is told, and they are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal

from roadworthy.contract import Column, Dataset
from roadworthy.serving.schema.bodies import Remark, short
from roadworthy.serving.schema.columns import Columns, Rows

_Kind = Literal["unseen", "out of range"]
_TOLD = 100


@dataclass(frozen=True, slots=True)
class Inspection:
    """What there is to say of a request's rows."""

    remarks: tuple[Remark, ...] = ()
    """At most a hundred, by row, and one more for each column that has more."""
    unseen: Mapping[str, int] = field(default_factory=Counter)
    """Column to the number of rows with a category that the contract or the model does not know."""
    out_of_range: Mapping[str, int] = field(default_factory=Counter)
    """Column to the number of rows with a number beyond the contract's limits."""


class Inspector:
    """Looks at rows that keep to the contract.

    Parameters
    ----------
    dataset
        The contract's, by which the rows were checked.
    seen
        By feature, the categories that the model was trained on, where they are known.

    Examples
    --------
    >>> wind = Column(name="wind", type="number", role="feature", maximum=150, out_of_range="accept")
    >>> inspection = Inspector(Dataset(name="flights", columns=(wind,)), {}).inspect([{"wind": 200.0}])
    >>> inspection.remarks[0].message, inspection.out_of_range["wind"]
    ("200.0 is above the contract's maximum of 150.", 1)
    """

    def __init__(self, dataset: Dataset, seen: Mapping[str, Set[str]]) -> None:
        columns = dataset.request_columns
        self._columns = {column.name: column for column in columns}
        # A missing value is none that could be unseen.
        known = {column.name: _known(column, seen) for column in columns}
        self._known = {name: frozenset({*values, None}) for name, values in known.items() if values is not None}
        self._limits = {
            c.name: (-inf if c.minimum is None else c.minimum, inf if c.maximum is None else c.maximum)
            for c in columns
            if c.out_of_range == "accept"
        }

    def inspect(self, rows: Rows) -> Inspection:
        """Return what there is to say of some rows; mostly nothing, which takes a microsecond a row."""
        if isinstance(rows, Columns):
            strange = [name for name in rows.names if self._is_strange(name, rows)]
            return self._told(rows.only(strange)) if strange else _NOTHING
        for row in rows:
            get = row.get
            for name, known in self._known.items():
                if get(name) not in known:
                    return self._told(rows)
            for name, (low, high) in self._limits.items():
                value = get(name)
                if value is not None and not low <= value <= high:
                    return self._told(rows)
        return _NOTHING

    def _is_strange(self, name: str, rows: Columns) -> bool:
        """Whether some value of a column is."""
        import pyarrow.compute as pc  # here, as in `columns`

        if name in self._known and not self._known[name].issuperset(pc.unique(rows.array(name)).to_pylist()):
            return True
        if name not in self._limits:
            return False
        least, most = pc.min_max(rows.array(name)).values()
        low, high = self._limits[name]
        return bool(least.is_valid and (least.as_py() < low or most.as_py() > high))

    def _told(self, rows: Rows) -> Inspection:
        remarks: list[Remark] = []
        counts: dict[_Kind, Counter[str]] = {"unseen": Counter(), "out of range": Counter()}
        left_out = Counter[tuple[_Kind, str]]()
        for number, row in enumerate(rows):
            for kind, name in self._strange(row):
                counts[kind][name] += 1
                if len(remarks) < _TOLD:
                    message = _message(kind, self._columns[name], row[name])
                    remarks.append(Remark(row=number, field=name, kind=kind, message=message))
                else:
                    left_out[kind, name] += 1
        remarks += [
            Remark(field=name, kind=kind, message=f"So it is in {times} more rows.")
            for (kind, name), times in left_out.items()
        ]
        return Inspection(tuple(remarks), counts["unseen"], counts["out of range"])

    def _strange(self, row: Mapping[str, Any]) -> Iterator[tuple[_Kind, str]]:
        for name, known in self._known.items():
            if row.get(name) not in known:
                yield "unseen", name
        for name, (low, high) in self._limits.items():
            value = row.get(name)
            if value is not None and not low <= value <= high:
                yield "out of range", name


def _known(column: Column, seen: Mapping[str, Set[str]]) -> Set[Any] | None:
    """Return the values of which there is nothing to say; None when that are all."""
    allowed = frozenset(column.values) if column.unseen == "accept" else None
    met = seen.get(column.name)
    return allowed & met if allowed is not None and met is not None else allowed if met is None else met


def _message(kind: _Kind, column: Column, value: Any) -> str:  # noqa: ANN401  # any of the contract's types
    given = short(value)
    if kind == "unseen":
        if column.categories and value not in column.values:
            return f"{given} is not among the contract's categories."
        return f"The model has never seen {given} in training."
    if column.minimum is not None and value < column.minimum:
        return f"{given} is below the contract's minimum of {column.minimum:g}."
    return f"{given} is above the contract's maximum of {column.maximum:g}."


_NOTHING = Inspection()
