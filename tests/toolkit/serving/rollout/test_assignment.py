"""Who belongs to a rollout's share: evenly drawn, the same everywhere, and for good."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from roadworthy.records import Rollout
from roadworthy.serving.rollout.assignment import drawn

BEGAN = datetime(2013, 5, 1, tzinfo=UTC)
KEYS = [f"N{number}" for number in range(5_000)]


def _rollout(*steps: float, step: int = 0, name: str = "r1") -> Rollout:
    return Rollout(
        id=name,
        mode="canary",
        champion="a",
        challenger="b",
        steps=steps,
        step=step,
        started=BEGAN,
        since=BEGAN,
        who="ada",
    )


def test_keys_are_drawn_evenly() -> None:
    edges = np.linspace(0.05, 1.0, 20)
    counts = [sum(drawn(_rollout(edge), key) for key in KEYS) for edge in edges]
    found = stats.chisquare(np.diff([0, *counts]))
    assert counts[-1] == len(KEYS)
    assert found.pvalue > 0.001


def test_two_rollouts_draw_apart() -> None:
    first, second = ({key for key in KEYS if drawn(_rollout(0.5, name=name), key)} for name in ("r1", "r2"))
    table = [
        [len(first & second), len(first - second)],
        [len(second - first), len(KEYS) - len(first | second)],
    ]
    assert stats.chi2_contingency(table).pvalue > 0.001


@given(st.text(), st.floats(0.001, 1), st.floats(0.001, 1))
def test_a_larger_share_holds_the_smaller_ones_keys(key: str, one: float, other: float) -> None:
    rollout = _rollout(*sorted((one, other)))
    assert not drawn(rollout, key) or drawn(rollout.model_copy(update={"step": 1}), key)


@pytest.mark.parametrize("key", ["", "é", "\ud800", "a\nb"])
def test_any_text_is_a_key(key: str) -> None:
    assert drawn(_rollout(1.0), key)


def test_another_process_draws_the_same() -> None:
    code = (
        "import sys\n"
        "from roadworthy.records import Rollout\n"
        "from roadworthy.serving.rollout.assignment import drawn\n"
        "rollout = Rollout.model_validate_json(sys.argv[1])\n"
        "print(''.join('01'[drawn(rollout, f'N{number}')] for number in range(200)))\n"
    )
    rollout = _rollout(0.3)
    command = [sys.executable, "-c", code, rollout.model_dump_json()]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "".join("01"[drawn(rollout, key)] for key in KEYS[:200])
