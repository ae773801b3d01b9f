"""What all records have in common, and the words that several of them use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict


def now() -> datetime:
    """Return the present moment, timezone-aware, in UTC."""
    return datetime.now(UTC)


def _as_utc(value: object) -> object:
    """Databases without zones hand back naive times; ours are always UTC."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_utc)]
Scope = Literal["predict", "feedback", "admin"]
OwnerRole = Literal["data", "model", "infrastructure", "monitoring"]
Verdict = Literal["drift", "no drift", "too little data"]
SMALLER_IS_BETTER = frozenset({"log_loss", "brier"})
CHAMPION, CHALLENGER = "champion", "challenger"


class Record(BaseModel):
    """Base of all records: frozen, and closed to unknown fields."""

    # built when first used: a command that prints one line should not pay for forty validators
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
