from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from roadworthy import past
from roadworthy.errors import TableError
from roadworthy.records import Pin
from roadworthy.state import State
from roadworthy.tables import Tables


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    made = Tables(str(tmp_path / "tables"))
    for name in ("flights", "weather"):
        for number in range(3):
            made.append(name, pd.DataFrame({"x": [number]}))
    return made


def resolved(tables: Tables, state: State, words: str) -> dict[str, int]:
    return past.resolve(tables, state, ["flights", "weather", "not_there_yet"], words)


def test_a_version_a_time_or_each_table_s_own(tables: Tables, state: State) -> None:
    assert resolved(tables, state, "2") == {"flights": 2, "weather": 2}
    assert resolved(tables, state, "flights=1, weather=3") == {"flights": 1, "weather": 3}
    now = datetime.now(UTC) + timedelta(seconds=1)
    assert resolved(tables, state, now.isoformat()) == {"flights": 3, "weather": 3}
    assert resolved(tables, state, f"flights={now:%Y-%m-%dT%H:%M:%S}") == {"flights": 3}


def test_a_pin_stands_for_the_tables_that_have_it(tables: Tables, state: State) -> None:
    state.pin(Pin(dataset="flights", version=1, name="paper 2026", who="ada"))
    assert resolved(tables, state, "paper 2026") == {"flights": 1}
    assert resolved(tables, state, "flights=paper 2026,weather=2") == {"flights": 1, "weather": 2}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("4", "Table 'flights' has no version 4."),
        ("yesterday", "neither a version, nor a time, nor a pin"),
        ("nothing=1", "There is no table 'nothing'"),
        ("flights=2001-01-01", "flights"),
    ],
)
def test_what_means_nothing_is_told(tables: Tables, state: State, words: str, said: str) -> None:
    with pytest.raises(TableError) as refusal:
        resolved(tables, state, words)
    assert said in refusal.value.fact
    assert refusal.value.next_step
