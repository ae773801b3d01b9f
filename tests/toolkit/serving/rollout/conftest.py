"""Tables as services of a rollout fill them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from roadworthy.records import Rollout
from roadworthy.tables import Tables

BEGAN = datetime(2013, 5, 1, tzinfo=UTC)


@dataclass
class Traffic:
    """Writes rows into the tables, one call a kind; times are seconds since the step began."""

    tables: Tables

    def predicted(self, rows: Sequence[tuple[str, int, float, str, float]], seconds: float = 0.01) -> None:
        """Add rows of ``predictions``: request, row, second, role, probability."""
        frame = pd.DataFrame(rows, columns=["request_id", "row", "second", "role", "probability"])
        roles = frame["role"]
        self._add(
            "predictions",
            frame.assign(
                version=roles.map({"champion": "v:a", "canary": "v:b"}),
                rollout=roles.map({"champion": "", "canary": "r1"}),
                prediction=frame["probability"] >= 0.5,
                seconds=seconds,
            ),
        )

    def shadowed(
        self, rows: Sequence[tuple[str, int, float, float]], seconds: float = 0.01, rollout: str = "r1"
    ) -> None:
        """Add rows of ``shadow``: request, row, second, probability."""
        frame = pd.DataFrame(rows, columns=["request_id", "row", "second", "probability"])
        more = {"version": "v:b", "rollout": rollout, "prediction": frame["probability"] >= 0.5, "seconds": seconds}
        self._add("shadow", frame.assign(**more))

    def failed(self, requests: Sequence[tuple[str, float, str]], seconds: float = 0.01) -> None:
        """Add rows of ``failures``: request, second, role."""
        frame = pd.DataFrame(requests, columns=["request_id", "second", "role"])
        more: dict[str, Any] = {"version": "v:b", "rollout": "r1", "rows": 1, "error": "ValueError", "seconds": seconds}
        self._add("failures", frame.assign(**more))

    def labelled(self, rows: Sequence[tuple[str, int, bool, float]], known: float | None = None) -> None:
        """Add rows of ``labels``: request, row, label, second; known at another moment than received when given."""
        frame = pd.DataFrame(rows, columns=["request_id", "row", "label", "second"])
        at = frame["second"] if known is None else known
        self._add("labels", frame.assign(at=_moments(pd.Series(at, index=frame.index))))

    def _add(self, name: str, frame: pd.DataFrame) -> None:
        self.tables.append(name, frame.assign(received=_moments(frame["second"])).drop(columns="second"))


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    """Empty tables."""
    return Traffic(Tables(str(tmp_path / "tables")))


@pytest.fixture
def canary() -> Rollout:
    """A canary in its first step."""
    moments = {"started": BEGAN, "since": BEGAN}
    return Rollout(id="r1", mode="canary", champion="v:a", challenger="v:b", steps=(0.1, 0.5), who="ada", **moments)


@pytest.fixture
def shadow(canary: Rollout) -> Rollout:
    """A shadow."""
    return canary.model_copy(update={"mode": "shadow", "steps": (1.0,)})


def _moments(seconds: pd.Series[Any]) -> pd.Series[Any]:
    return (pd.Timestamp(BEGAN) + seconds.map(lambda value: timedelta(seconds=float(value)))).astype(
        "datetime64[us, UTC]"
    )
