"""Whether a model can be built, served and watched on a dataset of the contract."""

from __future__ import annotations

from roadworthy.contract.dataset import Column, ColumnType, Contract, Dataset, Role
from roadworthy.errors import ContractError

_NEEDED: tuple[tuple[Role, tuple[ColumnType, ...]], ...] = (
    ("identifier", ("string", "integer")),
    ("time", ("timestamp",)),
    ("label", ("boolean",)),
)


def check(contract: Contract, dataset_name: str) -> tuple[str, ...]:
    """Return what stands in the way of a model on that dataset, each with the next step; nothing when it is fit.

    A contract may hold datasets that no model is built on; this is asked of the one that is.

    Examples
    --------
    >>> flights = Dataset(name="flights", columns=(Column(name="x", type="number", role="feature"),))
    >>> check(Contract(id="c", version="1.0.0", datasets=(flights,), hash=""), "flights")[0]
    'flights has no column of role identifier. Next: give one column the role identifier.'
    """
    try:
        dataset = contract.dataset(dataset_name)
    except ContractError as error:
        return (f"{error.fact} Next: {error.next_step}",)
    found = [problem for role, types in _NEEDED for problem in _role(dataset, role, types)]
    if not dataset.features:
        found.append(f"{dataset.name} has no feature. Next: give the columns that a model may learn from that role.")
    return tuple(found)


def _role(dataset: Dataset, role: Role, types: tuple[ColumnType, ...]) -> list[str]:
    columns = dataset.with_role(role)
    if not columns:
        return [f"{dataset.name} has no column of role {role}. Next: give one column the role {role}."]
    if len(columns) > 1:
        names = ", ".join(column.name for column in columns)
        return [f"{dataset.name} has {len(columns)} columns of role {role}: {names}. Next: keep it on one of them."]
    return _column(dataset, columns[0], types)


def _column(dataset: Dataset, column: Column, types: tuple[ColumnType, ...]) -> list[str]:
    place, problems = f"{dataset.name}.{column.name}", []
    if column.type not in types:
        problems.append(
            f"{place} is the {column.role}, and of type {column.type}. Next: set logicalType: {types[0]}, or give "
            "another column that role."
        )
    if not column.required:
        problems.append(f"{place} is the {column.role}, and may be missing. Next: set required: true.")
    if column.role == "identifier" and not column.unique:
        problems.append(f"{place} is the identifier, and may come twice. Next: set unique: true.")
    return problems
