"""The tables as a whole: against a plain model of them, and against death at any moment."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.tables import Tables

WORKER = """
import sys
from datetime import timedelta
import pandas as pd
from roadworthy.errors import TableError
from roadworthy.tables import Tables

tables, first, keep = Tables(sys.argv[1]), int(sys.argv[2]), [int(number) for number in sys.argv[3].split(",")]
print("ready", flush=True)
for value in range(first, first + 1000):
    for _ in range(2):
        tables.append("numbers", pd.DataFrame({"n": [value]}), writer=f"w{value}", position=0)
    if value % 3 == 0:
        tables.compact("numbers")
    if value % 4 == 0:
        tables.restore("numbers", keep[value % len(keep)] if value % 8 else tables.newest("numbers") - 1)
    tables.vacuum("numbers", keep=[*keep, tables.newest("numbers") - 1], older_than=timedelta(0), dry_run=False)
"""

ACTS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 3)),
    st.tuples(st.just("batch"), st.integers(0, 3)),
    st.tuples(st.just("compact"), st.none()),
    st.tuples(st.just("restore"), st.integers(0, 30)),
    st.tuples(st.just("pin"), st.none()),
    st.tuples(st.just("vacuum"), st.none()),
)


class Model:
    """A table as a dictionary: version to its rows and the batches that are in."""

    def __init__(self) -> None:
        self.versions: dict[int, tuple[Counter[int], frozenset[int]]] = {}
        self.readable: set[int] = set()
        self.pinned: set[int] = set()
        self.next = 100

    @property
    def newest(self) -> int:
        return max(self.versions)

    def made(self, version: int, rows: Counter[int], batches: frozenset[int]) -> None:
        self.versions[version] = (rows, batches)
        self.readable.add(version)


def frame(values: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"n": pd.Series(values, dtype="int64")})


def step(tables: Tables, model: Model, act: str, value: int) -> None:
    rows, batches = model.versions[model.newest]
    if act == "append":
        values = list(range(model.next, model.next + value))
        model.next += value
        model.made(tables.append("t", frame(values)), rows + Counter(values), batches)
    elif act == "batch":
        version = tables.append("t", frame([value]), writer=f"batch {value}", position=0)
        model.made(version, rows + Counter([value] if value not in batches else []), batches | {value})
    elif act == "compact":
        model.made(tables.compact("t").version, rows, batches)
    elif act == "restore":
        target = sorted(model.readable)[value % len(model.readable)]
        model.made(tables.restore("t", target), *model.versions[target])
    elif act == "pin":
        model.pinned.add(model.newest)
    else:
        tables.vacuum("t", keep=model.pinned, older_than=timedelta(0), dry_run=False)
        model.readable = set(tables.readable("t", model.versions))
        assert model.pinned | {model.newest} <= model.readable


@settings(max_examples=30, deadline=None)
@given(acts=st.lists(ACTS, min_size=3, max_size=14))
def test_every_version_that_can_be_read_reads_as_the_model_says(acts: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tables, model = Tables(folder), Model()
        model.made(tables.append("t", frame([])), Counter(), frozenset())
        for act, value in acts:
            step(tables, model, act, value)
        assert tables.newest("t") == model.newest
        for version in model.readable:
            rows, _ = model.versions[version]
            assert Counter(tables.read("t", version=version)["n"].tolist()) == rows
            assert tables.count("t", version=version) == rows.total()
            found = tables.diff("t", version, model.newest)
            assert found.added == (model.versions[model.newest][0] - rows).total()
            assert found.removed == (rows - model.versions[model.newest][0]).total()
        for batch in range(4):
            assert (tables.position("t", f"batch {batch}") == 0) == (batch in model.versions[model.newest][1])


@pytest.mark.slow
def test_a_killed_worker_loses_doubles_and_spoils_nothing(tables: Tables, numbers: Callable[..., int]) -> None:
    keep = [numbers(value, writer=f"w{value}") for value in range(4)]
    kept = {version: tables.read("numbers", version=version) for version in keep}
    for turn in range(6):
        first = 1_000 * (turn + 1)
        command = [sys.executable, "-c", WORKER, tables.address, str(first), ",".join(map(str, keep))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0.05, 0.6))
            worker.kill()
        assert worker.returncode == -9
        rows = tables.read("numbers")["n"].tolist()
        assert len(rows) == len(set(rows))
        tried = [*range(4), *range(first, first + 100)]
        assert {value for value in tried if tables.position("numbers", f"w{value}") == 0} == set(rows) & set(tried)
        for version, frame_then in kept.items():
            pd.testing.assert_frame_equal(tables.read("numbers", version=version), frame_then)
