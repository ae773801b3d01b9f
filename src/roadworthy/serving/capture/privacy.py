"""What is kept of a request: a share of the requests, and of their columns what the policy allows."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from roadworthy.config.policy import CapturePolicy
from roadworthy.contract import Column, Dataset
from roadworthy.errors import ConfigError
from roadworthy.serving.schema import Columns, Rows

Treatment = Literal["keep", "hash", "drop"]
_DRAWN_FROM = 2**64


class Keeper:
    """Decides at the door what the service remembers.

    Parameters
    ----------
    policy
        The share of the requests that is kept, and what is done with classified columns.
    dataset
        Its request columns carry the contract's ``classification``.
    key
        Of the hashes: who has not got it cannot try values out.

    Raises
    ------
    ConfigError
        When identifier or event time could not be used afterwards.
    """

    def __init__(self, policy: CapturePolicy, dataset: Dataset, key: bytes) -> None:
        _check(dataset, policy)
        self._most_drawn = int(policy.sample * _DRAWN_FROM)
        self._all = policy.sample >= 1
        self._hash = hmac.new(key, digestmod=hashlib.sha256)
        treated = {column: treatment(column, policy) for column in dataset.request_columns}
        self._dropped = frozenset(column.name for column, how in treated.items() if how == "drop")
        self._hashed = tuple(column for column, how in treated.items() if how == "hash")

    def keeps(self, request_id: str) -> bool:
        """Whether a request is kept. The id decides, so that whoever asks about it is told the same."""
        if self._all:
            return True
        drawn = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
        return int.from_bytes(drawn, "big") < self._most_drawn

    def rows(self, rows: Rows) -> Rows:
        """Return rows as they may be stored: the very same when nothing in them is classified."""
        if not self._dropped and not self._hashed:
            return rows
        if isinstance(rows, Columns):
            return self._stored_columns(rows)
        return [self._stored(row) for row in rows]

    def value(self, column: Column, value: object) -> object:
        """Return one value of a column as the table has it, to look it up there."""
        return self._hex(column, value) if column in self._hashed else value

    def _stored(self, row: Mapping[str, Any]) -> dict[str, Any]:
        stored = {name: value for name, value in row.items() if name not in self._dropped}
        for column in self._hashed:
            if column.name in stored:
                stored[column.name] = self._hex(column, stored[column.name])
        return stored

    def _stored_columns(self, rows: Columns) -> Columns:
        stored = rows.only([name for name in rows.names if name not in self._dropped])
        for column in self._hashed:
            if column.name in stored.names:
                values = stored.array(column.name).to_pylist()
                stored = stored.with_texts(column.name, [self._hex(column, value) for value in values])
        return stored

    def _hex(self, column: Column, value: Any) -> str | None:  # noqa: ANN401  # whatever a column's type is
        """Return the keyed hash of a value's JSON; a missing value stays missing."""
        if value is None or value != value:  # noqa: PLR0124  # not a number
            return None
        keyed = self._hash.copy()
        keyed.update(orjson.dumps(_PLAIN[column.type](value), option=orjson.OPT_UTC_Z))
        return keyed.hexdigest()


def treatment(column: Column, policy: CapturePolicy) -> Treatment:
    """Return what is done with a column's values before they are stored."""
    return policy.classified.get(column.classification or "", "keep")


def kept_dataset(dataset: Dataset, policy: CapturePolicy) -> Dataset:
    """Return the dataset as the table of predictions has it: dropped columns are gone, hashed ones are text.

    Raises
    ------
    ConfigError
        When identifier or event time could not be used afterwards.
    """
    _check(dataset, policy)
    treated = [(column, treatment(column, policy)) for column in dataset.columns]
    columns = [_as_hash(column) if how == "hash" else column for column, how in treated if how != "drop"]
    return dataset.model_copy(update={"columns": tuple(columns)})


def unkept_features(dataset: Dataset, policy: CapturePolicy) -> tuple[str, ...]:
    """Return the features whose values no table has: nothing can be said about their drift."""
    return tuple(c.name for c in dataset.with_role("feature") if treatment(c, policy) != "keep")


def _as_hash(column: Column) -> Column:
    return Column(name=column.name, type="string", role=column.role, classification=column.classification)


def _check(dataset: Dataset, policy: CapturePolicy) -> None:
    for column in dataset.request_columns:
        how = treatment(column, policy)
        if (column.role == "identifier" and how == "drop") or (column.role == "time" and how != "keep"):
            without = "labels of a file cannot be joined" if column.role == "identifier" else "there are no windows"
            raise ConfigError(
                f"The policy does not keep {column.name!r} (capture.classified: {column.classification}: {how}), the "
                f"{column.role} of dataset {dataset.name!r}: without it {without}.",
                f"Give the column another classification in the contract, or set {column.classification} to "
                f"{'hash' if column.role == 'identifier' else 'keep'} in the policy.",
            )


def _moment(value: Any) -> datetime:  # noqa: ANN401  # a datetime, or what can be read as one
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.astimezone(UTC)


# One JSON for one value: 1 and 1.0 are the same number, and a moment is the same in any zone.
_PLAIN: dict[str, Callable[[Any], Any]] = {
    "string": str,
    "number": float,
    "integer": int,
    "boolean": bool,
    "timestamp": _moment,
}
