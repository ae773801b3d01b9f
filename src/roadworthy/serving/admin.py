"""Administration over HTTP, for those with a token of the scope admin: what is live, promote, and the way back.

The acts are the registry's own, so that history and audit log have them whoever gives them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.errors import GateRefused, RegistryError, RoadworthyError, UnknownVersion
from roadworthy.records import HistoryEntry
from roadworthy.serving import schema
from roadworthy.serving.champion import Follower
from roadworthy.serving.exchange import Call, Reply, refusal, refused, reply
from roadworthy.serving.schema.bodies import PromoteRequest, RollbackRequest, ServiceStatus
from roadworthy.state import State

_Model = TypeVar("_Model", PromoteRequest, RollbackRequest)
_STATUS: tuple[tuple[type[RoadworthyError], int], ...] = (
    (UnknownVersion, 404),
    (GateRefused, 409),
    (RegistryError, 409),
)


class Administration:
    """What a service lets its administrators do."""

    def __init__(self, config: Config, follower: Follower) -> None:
        self._config = config
        self._follower = follower

    async def status(self, call: Call) -> Reply:
        """Answer /admin/status: what this worker answers with, and what is wrong with it."""
        lineup = self._follower.lineup
        live = ServiceStatus(
            champion=lineup.champion.tag if lineup.champion else None,
            challenger=lineup.challenger.tag if lineup.challenger else None,
            rollout=lineup.rollout,
            problem=self._follower.problem,
        )
        return reply(live.model_dump(mode="json"))

    async def promote(self, call: Call) -> Reply:
        """Answer /admin/promote."""
        request = _read(PromoteRequest, call.body)
        if isinstance(request, Reply):
            return request

        def act(state: State) -> HistoryEntry:
            return registry.promote(
                self._config, state, request.version, who=call.who, reason=request.reason, origin="service"
            )

        return await asyncio.to_thread(self._act, act)

    async def rollback(self, call: Call) -> Reply:
        """Answer /admin/rollback."""
        request = _read(RollbackRequest, call.body)
        if isinstance(request, Reply):
            return request

        def act(state: State) -> HistoryEntry:
            return registry.rollback(
                self._config, state, who=call.who, reason=request.reason, to=request.to, origin="service"
            )

        return await asyncio.to_thread(self._act, act)

    def _act(self, act: Callable[[State], HistoryEntry]) -> Reply:
        try:
            with State.open(self._config.state_address) as state:
                entry = act(state)
        except RoadworthyError as error:
            return refused(next((status for kind, status in _STATUS if isinstance(error, kind)), 503), error)
        content: dict[str, Any] = entry.model_dump(mode="json")
        return reply(content)


def _read(model: type[_Model], body: bytes) -> _Model | Reply:
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        found = [problem.model_dump() for problem in schema.problems(error)]
        fact = f"The request cannot be used: {found[0]['field'] or 'body'}: {found[0]['rule']}"
        return refusal(422, fact, "Correct it; /docs.json describes it.", found)
