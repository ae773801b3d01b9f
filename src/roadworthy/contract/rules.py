"""The standard's quality rules and service levels, as far as they are ours to check.

Of a rule under ``quality`` one of three things becomes:

- ``type: library`` (also when only a ``metric`` is given) is the standard's own. `rowCount` and `duplicateValues` of a
  dataset, `duplicateValues` and `nullValues` of a column are checked here; any other is refused, as nobody would check
  it, and the message names what says the same.
- ``type: custom`` with ``engine: roadworthy`` is ours: ``implementation: arrival >= departure``, one column, an
  operator, one column. It is taken apart, never evaluated.
- ``type: text``, ``type: sql`` and ``type: custom`` of another engine are for people and for other tools; they are left
  to them.

Every rule that is checked is enforced, whatever its ``severity``. Of ``slaProperties`` the latency (or freshness, as
datacontract-cli names it) is ours; the others are promises between people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, floor, inf, isfinite
from typing import Any, get_args

from open_data_contract_standard.model import DataQuality, ServiceLevelAgreementProperty
from pydantic import TypeAdapter, ValidationError

from roadworthy.contract.dataset import Dataset, Operator, Relation
from roadworthy.errors import ContractError

ENGINE = "roadworthy"
_OPERATORS: tuple[str, ...] = get_args(Operator)
_SIGN = "|".join(sorted(_OPERATORS, key=len, reverse=True))
_RELATION = re.compile(rf"\s*(.*?[^\s<>=!])\s*({_SIGN})\s*([^\s<>=!].*?)\s*", re.DOTALL)
_THRESHOLDS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
_INSTEAD = {
    "invalidValues": "Say what is valid with `enum`, or with pattern, minimum and maximum in logicalTypeOptions.",
    "missingValues": "Set required: true on the column.",
    "nullValues": "Put it under the column's own quality, or set required: true there.",
    "rowCount": "Put it under the dataset's own quality.",
}
_FRESHNESS = ("freshness", "latency")
_UNITS = {
    unit: seconds
    for units, seconds in (
        (("s", "sec", "second", "seconds"), 1),
        (("m", "min", "minute", "minutes"), 60),
        (("h", "hr", "hour", "hours"), 3600),
        (("d", "day", "days"), 86400),
        (("w", "week", "weeks"), 604800),
    )
    for unit in units
}


@dataclass(frozen=True)
class DatasetRules:
    """What a dataset's own quality rules ask for; ``unique`` are columns that must be unique by themselves."""

    relations: tuple[Relation, ...]
    minimum_rows: int | None
    maximum_rows: int | None
    unique: tuple[str, ...]
    unique_together: tuple[tuple[str, ...], ...]


def of_dataset(quality: Sequence[DataQuality], place: str) -> DatasetRules:
    """Read a dataset's quality rules; ``place`` names file and dataset in errors.

    Raises
    ------
    ContractError
        When a rule is not understood, or would be checked by nobody.
    """
    ours = list(_ours(quality, place))
    relations = [_relation(rule, at) for rule, at in ours if rule.type == "custom"]
    library = [(rule, at) for rule, at in ours if rule.type != "custom"]
    counts = [_row_count(rule, at) for rule, at in library if _metric(rule) == "rowCount"]
    keys = [_unique_columns(rule, at) for rule, at in library if _metric(rule) == "duplicateValues"]
    for rule, at in library:
        if _metric(rule) not in ("rowCount", "duplicateValues"):
            raise _unchecked(rule, at)
    least = max((low for low, _ in counts if low is not None), default=None)
    most = min((high for _, high in counts if high is not None), default=None)
    if least is not None and most is not None and least > most:
        raise ContractError(f"{place}: no batch has at least {least} and at most {most} rows.", "Correct its rowCount.")
    return DatasetRules(
        relations=tuple(dict.fromkeys(relations)),
        minimum_rows=least,
        maximum_rows=most,
        unique=tuple(columns[0] for columns in keys if len(columns) == 1),
        unique_together=tuple(dict.fromkeys(columns for columns in keys if len(columns) > 1)),
    )


def of_column(quality: Sequence[DataQuality], place: str) -> tuple[bool, bool]:
    """Return whether a column's own quality rules ask for it to be required, and to be unique.

    Raises
    ------
    ContractError
        When a rule is not understood, or would be checked by nobody.
    """
    metrics = set()
    for rule, at in _ours(quality, place):
        if rule.type == "custom":
            raise ContractError(f"{at}: a relation belongs to the dataset.", "Put it under the dataset's own quality.")
        if _metric(rule) not in ("nullValues", "duplicateValues"):
            raise _unchecked(rule, at)
        _refuse_arguments(rule, at, known=())
        _must_be_none(rule, at)
        metrics.add(_metric(rule))
    return "nullValues" in metrics, "duplicateValues" in metrics


def freshness(
    promises: Sequence[ServiceLevelAgreementProperty], default: str | None, datasets: Sequence[Dataset], place: str
) -> dict[str, float]:
    """Return by dataset the seconds that its newest time may be old, of those for which that is promised.

    Parameters
    ----------
    default
        The document's ``slaDefaultElement``. When no element is named at all, the only dataset is meant.

    Raises
    ------
    ContractError
        When the duration is not understood, or is promised of anything but a dataset's time.
    """
    found: dict[str, float] = {}
    for promise in promises:
        if promise.property not in _FRESHNESS:
            continue
        at = f"{place}: slaProperties {promise.property}"
        element = promise.element or default
        if element is None and len(datasets) > 1:
            raise ContractError(f"{at} does not say of which dataset.", "Set its element to `dataset.column`.")
        for name in (element or datasets[0].name).split(","):
            dataset = _dataset_of(name.strip(), datasets, at)
            found[dataset] = min(_seconds(promise, at), found.get(dataset, inf))
    return found


# --- quality -------------------------------------------------------------------------------------------------------


def _ours(quality: Sequence[DataQuality], place: str) -> Iterator[tuple[DataQuality, str]]:
    """Yield the rules that are ours to check, each with its place."""
    for number, rule in enumerate(quality, start=1):
        at = f"{place}, quality rule {rule.name or number}"
        kind = rule.type or "library"
        if kind not in ("library", "custom", "sql", "text"):
            raise ContractError(f"{at}: type {kind!r} is not one of the standard.", "Use library, custom, sql or text.")
        if kind == "library" or (kind == "custom" and rule.engine == ENGINE):
            yield rule, at


def _metric(rule: DataQuality) -> str | None:
    return rule.metric or rule.rule


def _unchecked(rule: DataQuality, at: str) -> ContractError:
    metric = _metric(rule)
    return ContractError(
        f"{at}: the metric {metric!r} is not checked there.",
        _INSTEAD.get(metric or "", "Use rowCount or duplicateValues; type: sql or text is left to other tools."),
    )


def _threshold(rule: DataQuality, at: str) -> tuple[str, Any]:
    given = [(name, value) for name in _THRESHOLDS if (value := getattr(rule, name)) is not None]
    if len(given) != 1:
        raise ContractError(f"{at}: {len(given)} thresholds are given.", "Give one, such as mustBeGreaterOrEqualTo.")
    if rule.unit not in (None, "rows"):
        raise ContractError(f"{at}: the unit {rule.unit!r} is not known here.", "Count in rows.")
    return given[0]


def _row_count(rule: DataQuality, at: str) -> tuple[int | None, int | None]:
    """Return the least and the largest number of rows that a rowCount rule allows."""
    _refuse_arguments(rule, at, known=())
    name, value = _threshold(rule, at)
    figures = value if isinstance(value, list) else [value]
    if name.startswith("mustNot") or not all(type(f) in (int, float) and isfinite(f) for f in figures):
        raise ContractError(
            f"{at}: {name}: {value} is not a limit that is checked here.",
            "Use mustBeGreaterOrEqualTo, mustBeLessOrEqualTo or mustBeBetween, with numbers.",
        )
    least = floor(figures[0]) + 1 if name == "mustBeGreaterThan" else ceil(figures[0])
    most = ceil(figures[-1]) - 1 if name == "mustBeLessThan" else floor(figures[-1])
    return (None if "Less" in name else least, None if "Greater" in name else most)


def _unique_columns(rule: DataQuality, at: str) -> tuple[str, ...]:
    """Return the columns that a duplicateValues rule of a dataset says to be unique together."""
    _refuse_arguments(rule, at, known=("properties",))
    _must_be_none(rule, at)
    names = (rule.arguments or {}).get("properties")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ContractError(
            f"{at}: duplicates of what is not said.", "Name the columns: arguments: {properties: [a, b]}."
        )
    return tuple(dict.fromkeys(names))


def _must_be_none(rule: DataQuality, at: str) -> None:
    if _threshold(rule, at) not in (("mustBe", 0), ("mustBeLessOrEqualTo", 0), ("mustBeLessThan", 1)):
        raise ContractError(f"{at}: {_metric(rule)} are either tolerated or not here.", "Set mustBe: 0, or remove it.")


def _refuse_arguments(rule: DataQuality, at: str, *, known: tuple[str, ...]) -> None:
    unknown = [name for name in rule.arguments or {} if name not in known]
    if unknown:
        raise ContractError(f"{at}: the argument {unknown[0]!r} is not known here.", "Remove it.")


def _relation(rule: DataQuality, at: str) -> Relation:
    text = rule.implementation
    found = _RELATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ContractError(
            f"{at}: the relation {text!r} is not `column operator column`.",
            f"Write it as in `arrival >= departure`; operators are {' '.join(_OPERATORS)}.",
        )
    return Relation.model_validate(dict(zip(("left", "operator", "right"), found.groups(), strict=True)))


# --- service levels ------------------------------------------------------------------------------------------------


def _dataset_of(element: str, datasets: Sequence[Dataset], at: str) -> str:
    """Return the dataset whose time is meant: an element is a dataset, or its time as `dataset.column`."""
    ages = {dataset.name: dataset.with_role("time") for dataset in datasets}
    for name, times in ages.items():
        if len(times) == 1 and element in (name, f"{name}.{times[0].name}"):
            return name
    known = ", ".join(f"{name}.{times[0].name}" for name, times in ages.items() if len(times) == 1)
    raise ContractError(
        f"{at} is of {element!r}, and only a dataset's one column of role time tells its age.",
        f"Set its element to {known}." if known else "Give one column the role time.",
    )


def _seconds(promise: ServiceLevelAgreementProperty, at: str) -> float:
    value, unit = promise.value, promise.unit or "d"
    try:
        seconds = float(value if value is not None else "") * _UNITS[unit.lower()]
    except KeyError:
        raise ContractError(f"{at}: the unit {unit!r} is not known here.", "Use s, m, h, d or w.") from None
    except ValueError:
        seconds = _iso_seconds(value, at)
    if not 0 < seconds < inf:
        raise ContractError(f"{at}: {value!r} is not a length of time.", "Give a number above 0.")
    return seconds


def _iso_seconds(value: object, at: str) -> float:
    try:
        return TypeAdapter(timedelta).validate_python(value).total_seconds()
    except ValidationError as error:
        raise ContractError(
            f"{at}: {value!r} is not a length of time.", "Give a number and a unit, or an ISO 8601 duration like PT36H."
        ) from error
