"""Which version answers a request: the champion, or in a rollout the challenger for its share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roadworthy.records import Rollout
from roadworthy.registry import LoadedModel
from roadworthy.serving.rollout.assignment import drawn
from roadworthy.serving.schema import Inspector

Role = Literal["champion", "canary", "shadow"]


@dataclass(frozen=True, eq=False)
class Ready:
    """A version in memory that has answered its smoke request, and what it has seen in training."""

    model: LoadedModel
    inspector: Inspector

    @property
    def tag(self) -> str:
        """The version's tag."""
        return self.model.tag


@dataclass(frozen=True)
class LineUp:
    """The versions that are ready, as one request sees them throughout."""

    champion: Ready | None = None
    challenger: Ready | None = None
    rollout: Rollout | None = None

    def answering(self, key: str) -> tuple[Ready | None, Role]:
        """Return who answers the request of a sticky key."""
        if self._draws(key, "canary"):
            return self.challenger, "canary"
        return self.champion, "champion"

    def shadow(self, key: str) -> Ready | None:
        """Return who answers it too, without being heard."""
        return self.challenger if self._draws(key, "shadow") else None

    def _draws(self, key: str, mode: str) -> bool:
        rollout = self.rollout
        return rollout is not None and self.challenger is not None and rollout.mode == mode and drawn(rollout, key)
