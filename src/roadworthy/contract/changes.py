"""What changed between two versions of a contract, and whom each change breaks.

A change that tightens breaks those who deliver: what was good enough yesterday is refused today. A change that loosens
breaks those who read: they may meet what they were promised never to see. What is only said differently, a meaning for
instance, breaks nobody.

- ``producer`` delivers the data: a batch as it was good before may be refused, in part or whole.
- ``caller`` sends requests to the service: a request as it was answered before may be refused.
- ``consumer`` reads the data: it may meet values, gaps or types that it was promised not to.
- ``model`` was trained under the former contract: its features are gone, or may have values it has never seen; train it
  again before the new contract is in force.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Literal, get_args

from pydantic import Field

from roadworthy.contract.dataset import Column, Contract, Dataset, Operator, Reaction, Relation
from roadworthy.records import Record

Party = Literal["producer", "caller", "consumer", "model"]
_SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?")
# The signs that `left - right` may have.
_SIGNS: dict[Operator, frozenset[int]] = {
    "<": frozenset({-1}),
    "<=": frozenset({-1, 0}),
    "==": frozenset({0}),
    "!=": frozenset({-1, 1}),
    ">=": frozenset({0, 1}),
    ">": frozenset({1}),
}
_ANY_SIGN = frozenset({-1, 0, 1})


class Change(Record):
    """One difference between two versions of a contract."""

    dataset: str
    column: str | None = Field(default=None, description="None when it is the dataset as a whole")
    kind: Literal["added", "removed", "changed", "reworded"]
    what: str = Field(description="the change in words, with the value before and after")
    breaks: tuple[Party, ...] = Field(default=(), description="whom it breaks; empty when nobody")

    @property
    def words(self) -> str:
        """The change as one line."""
        place = self.dataset if self.column is None else f"{self.dataset}.{self.column}"
        return f"{place}: {self.what}; breaks {', '.join(self.breaks) or 'nobody'}"


def compare(before: Contract, after: Contract) -> tuple[Change, ...]:
    """Return what changed, in the new contract's order; what was removed comes last."""
    return tuple(
        chain.from_iterable(
            _datasets_compared(old, new)
            for old, new in _pairs({d.name: d for d in before.datasets}, {d.name: d for d in after.datasets})
        )
    )


def suggested_version(before: Contract, after: Contract) -> str | None:
    """Return the version that semantic versioning gives the new contract; None when the former has another scheme.

    It is the next major one when the changes break anybody, the next minor one when something was added, the next
    patch when the documents differ otherwise, and the former itself when they do not.

    Examples
    --------
    >>> dataset = Dataset(name="flights", columns=(Column(name="x", type="number", role="other"),))
    >>> before = Contract(id="c", version="1.2.3", datasets=(dataset,), hash="a")
    >>> more = (*dataset.columns, Column(name="y", type="number", role="other"))
    >>> after = Contract(id="c", version="", datasets=(dataset.model_copy(update={"columns": more}),), hash="b")
    >>> suggested_version(before, after)
    '1.3.0'
    """
    found = _SEMVER.fullmatch(before.version)
    if found is None:
        return None
    major, minor, patch = map(int, found.groups())
    changes = compare(before, after)
    if any(change.breaks for change in changes):
        return f"{major + 1}.0.0"
    if any(change.kind == "added" for change in changes):
        return f"{major}.{minor + 1}.0"
    if changes or before.hash != after.hash:
        return f"{major}.{minor}.{patch + 1}"
    return before.version


# --- datasets ------------------------------------------------------------------------------------------------------


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Pair what goes by the same name; None stands for what is not there."""
    return [(before.get(name), new) for name, new in after.items()] + [
        (old, None) for name, old in before.items() if name not in after
    ]


def _datasets_compared(before: Dataset | None, after: Dataset | None) -> Iterator[Change]:
    if before is None and after is not None:
        yield Change(dataset=after.name, kind="added", what="a new dataset")
    if after is None and before is not None:
        served: tuple[Party, ...] = ("caller",) if before.request_columns else ()
        learnt: tuple[Party, ...] = ("model",) if before.features else ()
        everybody = _parties("producer", "consumer", *served, *learnt)
        yield Change(dataset=before.name, kind="removed", what="the dataset is gone", breaks=everybody)
    if before is not None and after is not None:
        columns = _pairs({c.name: c for c in before.columns}, {c.name: c for c in after.columns})
        for old, new in columns:
            yield from _columns_compared(after.name, old, new)
        yield from _wholes_compared(before, after)


def _wholes_compared(before: Dataset, after: Dataset) -> Iterator[Change]:
    """Compare what is said of the datasets' rows together."""
    yield from _order(before, after)
    yield from _relations(before, after)
    for what, name, tightened in (
        ("least rows of a batch", "minimum_rows", _higher),
        ("most rows of a batch", "maximum_rows", _lower),
        ("greatest age of a batch in seconds", "freshness", _lower),
    ):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            breaks: Party = "producer" if tightened(old, new) else "consumer"
            yield Change(
                dataset=after.name, kind="changed", what=f"{what}: {_value(old)} -> {_value(new)}", breaks=(breaks,)
            )
    yield from _unique_together(before, after)
    if before.meaning != after.meaning:
        yield _reworded(after.name, None, "meaning", before.meaning, after.meaning)


def _order(before: Dataset, after: Dataset) -> Iterator[Change]:
    kept = [name for name in before.features if name in after.features]
    now = [name for name in after.features if name in before.features]
    if kept != now:
        what = f"order of the features: {', '.join(kept)} -> {', '.join(now)}"
        yield Change(dataset=after.name, kind="changed", what=what, breaks=("model",))


def _relations(before: Dataset, after: Dataset) -> Iterator[Change]:
    """Compare what two columns may be to each other, in whatever words it is said."""
    old, new = _allowed_signs(before.relations), _allowed_signs(after.relations)
    for pair in dict.fromkeys([*new, *old]):
        was, now = old.get(pair, _ANY_SIGN), new.get(pair, _ANY_SIGN)
        if was != now:
            words = [", ".join(r.words for r in d.relations if {r.left, r.right} == set(pair)) for d in (before, after)]
            what = f"relation of {' and '.join(pair)}: {words[0] or 'none'} -> {words[1] or 'none'}"
            breaks = _tightened_or_loosened(narrower=not was <= now, wider=not now <= was)
            yield Change(dataset=after.name, kind="changed", what=what, breaks=breaks)


def _allowed_signs(relations: Iterable[Relation]) -> dict[tuple[str, str], frozenset[int]]:
    """Return for each pair of columns, by name, the signs that their difference may have."""
    allowed: dict[tuple[str, str], frozenset[int]] = {}
    for relation in relations:
        signs, pair = _SIGNS[relation.operator], (relation.left, relation.right)
        if relation.left > relation.right:
            signs, pair = frozenset(-sign for sign in signs), (relation.right, relation.left)
        allowed[pair] = allowed.get(pair, _ANY_SIGN) & signs
    return allowed


def _unique_together(before: Dataset, after: Dataset) -> Iterator[Change]:
    old, new = ({frozenset(names): names for names in d.unique_together} for d in (before, after))
    for names in (new[key] for key in new if key not in old):
        what = f"{', '.join(names)} together: may repeat -> must be unique"
        yield Change(dataset=after.name, kind="changed", what=what, breaks=("producer",))
    for names in (old[key] for key in old if key not in new):
        what = f"{', '.join(names)} together: must be unique -> may repeat"
        yield Change(dataset=after.name, kind="changed", what=what, breaks=("consumer",))


# --- columns -------------------------------------------------------------------------------------------------------


def _columns_compared(dataset: str, before: Column | None, after: Column | None) -> Iterator[Change]:
    if before is None and after is not None:
        yield _added(dataset, after)
    if after is None and before is not None:
        yield _removed(dataset, before)
    if before is not None and after is not None:
        for rule in _RULES:
            yield from rule(dataset, before, after)


def _added(dataset: str, column: Column) -> Change:
    what = f"a new {'required' if column.required else 'nullable'} column of type {column.type}, role {column.role}"
    breaks = _deliverers(column) if column.required else ()
    return Change(dataset=dataset, column=column.name, kind="added", what=what, breaks=breaks)


def _removed(dataset: str, column: Column) -> Change:
    """Judge a column that is gone: a batch or a request that still has it is refused, too."""
    breaks = _parties(*_deliverers(column), *_readers(column))
    return Change(
        dataset=dataset, column=column.name, kind="removed", what=f"the {column.role} column is gone", breaks=breaks
    )


def _type(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    if before.type != after.type:
        # Every whole number is a number: those who deliver may go on as they did.
        delivering = () if (before.type, after.type) == ("integer", "number") else _deliverers(after)
        yield _changed(dataset, after, "type", before.type, after.type, delivering, _readers(before))


def _unit(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    if before.unit == after.unit:
        return
    if before.unit is None:  # it was in some unit before, and no check knows which
        yield _reworded(dataset, after.name, "unit", before.unit, after.unit)
    else:
        delivering = () if after.unit is None else _deliverers(after)
        yield _changed(dataset, after, "unit", before.unit, after.unit, delivering, _readers(before))


def _role(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    if before.role == after.role:
        return
    breaks: set[Party] = set()
    if {before.role, after.role} & {"feature", "label", "time"}:  # what it learns from, aims at, and is cut by
        breaks.add("model")
    if after.role == "identifier":  # a row whose identifier had come before is now refused
        breaks.add("producer")
    if before.role == "identifier":
        breaks.add("consumer")
    if before.requested != after.requested and (before.requested or after.required):
        breaks.add("caller")
    yield _changed(dataset, after, "role", before.role, after.role, breaks)


def _required(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    if before.required == after.required:
        return
    spelt = {True: "required", False: "may be missing"}
    breaks = set(_deliverers(after) if after.required else _readers(after))
    if after.type == before.type == "integer":  # with gaps whole numbers are kept as float64, without as int64
        breaks.add("consumer")
    yield _changed(dataset, after, "presence", spelt[before.required], spelt[after.required], breaks)


def _unique(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    if before.unique != after.unique:
        spelt = {True: "must be unique", False: "may repeat"}
        breaks: Party = "producer" if after.unique else "consumer"
        yield _changed(dataset, after, "values", spelt[before.unique], spelt[after.unique], (breaks,))


def _limits(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    for name, tightened in (("minimum", _higher), ("maximum", _lower)):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            breaks = _deliverers(after, after.out_of_range) if tightened(old, new) else _readers(after)
            yield _changed(dataset, after, name, old, new, breaks)


def _categories(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    old, new = set(before.categories), set(after.categories)
    if old == new:
        return
    gone = [c for c in before.categories if c not in new] if new else []
    come = [c for c in after.categories if c not in old] if old else []
    narrower, wider = bool(gone or not old), bool(come or not new)
    parts = [f"no longer {', '.join(gone)}"] * bool(gone) + [f"also {', '.join(come)}"] * bool(come)
    what = "; ".join(parts) or f"{_value(', '.join(before.categories))} -> {_value(', '.join(after.categories))}"
    breaks = (*(_deliverers(after, after.unseen) if narrower else ()), *(_readers(after) if wider else ()))
    yield Change(
        dataset=dataset, column=after.name, kind="changed", what=f"categories: {what}", breaks=_parties(*breaks)
    )


def _reactions(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    """Compare what becomes of a request's value that breaks a rule.

    To accept it breaks nobody: the data stay what they were, and training again would show a model no such value.
    """
    for name, field, ruled in (
        ("unseen categories in requests", "unseen", bool(after.categories)),
        ("requests out of range", "out_of_range", after.minimum is not None or after.maximum is not None),
    ):
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            breaks = _callers(after) if new == "refuse" and ruled else ()
            yield _changed(dataset, after, name, old, new, breaks)


def _pattern(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    """Judge a new pattern: of two patterns nobody can say which allows more, so both sides are told."""
    if before.pattern != after.pattern:
        delivering = _deliverers(after) if after.pattern is not None else ()
        reading = _readers(after) if before.pattern is not None else ()
        yield _changed(dataset, after, "pattern", before.pattern, after.pattern, delivering, reading)


def _wording(dataset: str, before: Column, after: Column) -> Iterator[Change]:
    for name in ("meaning", "classification"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield _reworded(dataset, after.name, name, old, new)


_RULES: tuple[Callable[[str, Column, Column], Iterator[Change]], ...] = (
    _type,
    _unit,
    _role,
    _required,
    _unique,
    _limits,
    _categories,
    _reactions,
    _pattern,
    _wording,
)


# --- whom and how --------------------------------------------------------------------------------------------------


def _deliverers(column: Column, reaction: Reaction = "refuse") -> tuple[Party, ...]:
    """Return whom a tightened rule breaks; no caller, where requests that break it are accepted."""
    return ("producer", *(_callers(column) if reaction == "refuse" else ()))


def _callers(column: Column) -> tuple[Party, ...]:
    return ("caller",) if column.requested else ()


def _readers(column: Column) -> tuple[Party, ...]:
    return ("consumer", "model") if column.role in ("feature", "label") else ("consumer",)


def _parties(*parties: Party) -> tuple[Party, ...]:
    """Return each party once, always in the same order."""
    named: tuple[Party, ...] = get_args(Party)
    return tuple(party for party in named if party in parties)


def _tightened_or_loosened(*, narrower: bool, wider: bool) -> tuple[Party, ...]:
    return (*(("producer",) if narrower else ()), *(("consumer",) if wider else ()))


def _changed(dataset: str, column: Column, name: str, old: object, new: object, *breaks: Collection[Party]) -> Change:
    what = f"{name}: {_value(old)} -> {_value(new)}"
    whom = _parties(*chain.from_iterable(breaks))
    return Change(dataset=dataset, column=column.name, kind="changed", what=what, breaks=whom)


def _reworded(dataset: str, column: str | None, name: str, old: object, new: object) -> Change:
    what = f"{name}: {_value(old)} -> {_value(new)}"
    return Change(dataset=dataset, column=column, kind="reworded", what=what)


def _higher(old: float | None, new: float | None) -> bool:
    """Whether a lower limit was raised, or is new."""
    return new is not None and (old is None or new > old)


def _lower(old: float | None, new: float | None) -> bool:
    """Whether an upper limit was lowered, or is new."""
    return new is not None and (old is None or new < old)


def _value(value: object) -> str:
    if value is None or value == "":
        return "none"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
