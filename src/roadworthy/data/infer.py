"""A first contract from data: what was seen, written down for its owner to review.

Nothing is guessed narrower than it can be read back: the very rows that a contract was inferred from break none of its
rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

import yaml

from roadworthy.contract import Role
from roadworthy.data.facts import Facts, Rows, look
from roadworthy.errors import DataError


def infer(
    chunks: Rows | Iterable[Rows],
    name: str,
    *,
    gaps: bool = False,
    identifier: str | None = None,
    time: str | None = None,
    label: str | None = None,
) -> str:
    """Write a first contract for a dataset from its rows.

    Parameters
    ----------
    chunks
        The rows, at once or in pieces that have the same columns: frames, or the cells of each column as
        `data.sources` yields them. Text is taken as a CSV file holds it: what always reads as a whole number, a
        number, a truth value or a moment becomes one.
    name
        What the dataset is to be called.
    gaps
        Whether a piece may lack columns of which it has no value, as JSON lines do.
    identifier, time, label
        Columns of these roles. The first column of unique text or whole numbers, and the first moment that is never
        missing, are taken when they are not named; a label is never guessed.

    Returns
    -------
    str
        An ODCS 3 document with comments: `roadworthy.contract.parse` reads it. Whatever a reader should look at, as it
        is only what was seen, is marked ``# review:``.

    Raises
    ------
    DataError
        When there are no rows, a column that was named is not there or not of its role's type, the chunks have
        different columns, or a column has values for which the contract has no type.
    """
    columns = look(chunks, gaps=gaps)
    roles = _roles(columns, {"identifier": identifier, "time": time, "label": label})
    head = _head(name, columns[0].rows)
    lines = [text for column in columns for text in _property(column, roles[column.name])]
    return "".join([*head, *lines])


# --- roles ---------------------------------------------------------------------------------------------------------


def _roles(columns: Sequence[Facts], named: Mapping[Role, str | None]) -> dict[str, Role]:
    """Return each column's role; one that was named is taken as given, one that was not is guessed where possible."""
    given = {role: name for role, name in named.items() if name is not None}
    known = {column.name: column for column in columns}
    for role, name in given.items():
        if name not in known:
            raise DataError(f"There is no column {name!r} for the {role}.", f"Use one of: {', '.join(known)}.")
        if role == "time" and known[name].settled != "timestamp":
            raise DataError(f"Column {name!r} is of type {known[name].settled}, not a moment.", "Name another as time.")
        if list(given.values()).count(name) > 1:
            raise DataError(f"Column {name!r} is named for two roles.", "Name another column.")
    free = [column for column in columns if column.name not in given.values()]
    identifiers = [column.name for column in free if column.unique]
    times = [column.name for column in free if column.settled == "timestamp" and not column.missing]
    guessed: dict[Role, str | None] = {
        "identifier": next(iter(identifiers), None),
        "time": next(iter(times), None),
    }
    roles: dict[str, Role] = {column.name: _usual_role(column) for column in columns}
    return roles | {name: role for role, name in (guessed | given).items() if name is not None}


def _usual_role(column: Facts) -> Role:
    useless = column.type is None or column.settled == "timestamp" or column.scattered
    return "other" if useless else "feature"


# --- writing -------------------------------------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """Writes each text on one line."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = None if value.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _yaml(value: object, *, flow: bool | None = None) -> str:
    """Return a value as YAML; by default only lists and mappings that hold no others stand on one line."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=inf, default_flow_style=flow
    )
    return text


def _head(name: str, rows: int) -> list[str]:
    comment = (
        f"# A first contract, inferred from {rows:,} rows. It says what was seen, which is not yet what must be:\n"
        "# look at each line that is marked `review:`, and describe each column. `required: true` stands where no\n"
        "# value was missing. A feature must be known before the outcome is, which no data tells; otherwise make its\n"
        "# role `other`. A unit is one more custom property of a column: {property: unit, value: miles}\n"
    )
    document = {
        "kind": "DataContract",
        "apiVersion": "v3.2.0",
        "id": name,
        "name": name,
        "version": "0.1.0",
        "status": "draft",
    }
    dataset = [{"name": name, "physicalType": "table", "logicalType": "object", "description": ""}]
    return [comment, _yaml(document, flow=False), "schema:\n", _yaml(dataset, flow=False), "  properties:\n"]


def _property(column: Facts, role: Role) -> list[str]:
    content: dict[str, Any] = {"name": column.name, "logicalType": column.settled, "description": ""}
    if not column.missing:
        content["required"] = True
    if role == "identifier" and column.unique:
        content["unique"] = True
    ranged = role not in ("identifier", "label") and _limits(column)
    if ranged:
        content["logicalTypeOptions"] = ranged
    if role != "identifier" and column.categories:
        content["enum"] = [{"value": text} for text in column.categories]
    content["customProperties"] = [{"property": "role", "value": role}]
    notes = "".join(f"  # review: {note}\n" for note in _notes(column, role, ranged=bool(ranged)))
    return [notes, "".join(f"  {line}\n" for line in _yaml([content]).splitlines())]


def _limits(column: Facts) -> dict[str, float]:
    """Return the least and the greatest number seen, where floats hold them exactly."""
    if column.settled not in ("number", "integer") or not column.exact:
        return {}
    return {"minimum": column.least, "maximum": column.most}


def _notes(column: Facts, role: Role, *, ranged: bool) -> list[str]:
    """Return what a reader should look at, as the data alone cannot tell."""
    notes = []
    if column.type is None:
        notes.append("it had no value, so its type is a guess")
    if role in ("identifier", "time"):
        notes.append(f"is it the {role}?")
    if role == "identifier" and not column.unique:
        notes.append("an identifier must be unique, and this one came twice or was missing")
    if role == "label" and column.settled != "boolean":
        notes.append("a label must be true or false to be learnt")
    if role == "other" and column.scattered and column.type is not None:
        notes.append("hardly any text came twice, so it is no feature")
    if ranged:
        notes.append("the range is that of the values seen")
    if column.categories and role != "identifier":
        notes.append("these are the texts seen")
    return notes
