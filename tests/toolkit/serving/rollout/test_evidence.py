"""From rows in tables to a value a request: whose they are, since when, which label counts, in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from roadworthy.records import Rollout
from roadworthy.serving.rollout.evidence import measure
from roadworthy.serving.rollout.rule import Measured
from roadworthy.tables import Tables

if TYPE_CHECKING:  # the fixtures' own module, which pytest loads by its path
    from conftest import Traffic

BEGAN = datetime(2013, 5, 1, tzinfo=UTC)
UNTIL = BEGAN + timedelta(hours=1)


def test_without_tables_nothing_is_known(tmp_path: Path, canary: Rollout, shadow: Rollout) -> None:
    for rollout in (canary, shadow):
        found = measure(Tables(str(tmp_path)), rollout, UNTIL)
        assert found.requests == 0
        assert [len(values) for values in vars(found).values()] == [0] * 5


def test_a_canarys_requests_are_those_it_answered_and_those_it_failed_at(traffic: Traffic, canary: Rollout) -> None:
    traffic.predicted([("a", 0, 1, "canary", 0.2), ("a", 1, 1, "canary", 0.3), ("b", 0, 2, "canary", 0.2)], seconds=0.7)
    traffic.predicted([("c", 0, 3, "champion", 0.2), ("early", 0, -1, "canary", 0.2), ("late", 0, 3600, "canary", 0.2)])
    traffic.failed([("d", 4, "canary"), ("e", 4, "champion"), ("f", 4, "shadow")], seconds=2.0)
    found = measure(traffic.tables, canary, UNTIL)
    assert found.requests == 3
    assert sorted(zip(found.failed.tolist(), found.seconds.tolist(), strict=True)) == [
        (False, 0.7),
        (False, 0.7),
        (True, 2.0),
    ]
    assert len(found.differences) == len(found.squares) == 0


def test_failures_count_as_far_as_answers_are_kept(traffic: Traffic, canary: Rollout) -> None:
    traffic.predicted([("a1", 0, 1, "canary", 0.2)])
    traffic.failed([("a2", 2, "canary"), ("b1", 3, "canary"), ("b2", 4, "canary")])
    found = measure(traffic.tables, canary, UNTIL, keeps=lambda name: name.startswith("a"))
    assert (found.requests, found.failed.sum()) == (2, 1)
    assert measure(traffic.tables, canary, UNTIL).requests == 4


def test_a_canarys_squares_are_held_against_the_champions_own_requests(traffic: Traffic, canary: Rollout) -> None:
    traffic.predicted(
        [("a", 0, 1, "canary", 0.2), ("a", 1, 1, "canary", 0.4), ("b", 0, 2, "canary", 0.9), ("x", 0, 2, "canary", 0.9)]
    )
    traffic.predicted([("c", 0, 3, "champion", 0.5), ("d", 0, 3, "champion", 0.1)])
    traffic.labelled([("b", 0, True, 10), ("c", 0, True, 11), ("a", 0, False, 12), ("a", 1, False, 20)])
    found = measure(traffic.tables, canary, UNTIL)
    # b's label came before a's, whatever the order of the requests
    assert found.squares == pytest.approx([0.1**2, (0.2**2 + 0.4**2) / 2])
    assert found.champion_squares == pytest.approx([0.25])


def test_the_label_counts_that_was_known_last(traffic: Traffic, canary: Rollout) -> None:
    traffic.predicted([("a", 0, 1, "canary", 0.2), ("b", 0, 1, "canary", 0.2)])
    traffic.labelled([("a", 0, True, 30)], known=20)  # came later and is older
    traffic.labelled([("a", 0, False, 25)])
    traffic.labelled([("b", 0, False, 26)], known=15)
    traffic.labelled([("b", 0, True, 27)], known=15)  # known at the same moment: the one that came last
    found = measure(traffic.tables, canary, UNTIL)
    assert found.squares == pytest.approx([0.2**2, 0.8**2])


def test_a_shadow_is_compared_row_by_row(traffic: Traffic, shadow: Rollout) -> None:
    traffic.predicted([("a", 0, 1, "champion", 0.2), ("a", 1, 1, "champion", 0.8), ("b", 0, 2, "champion", 0.6)])
    traffic.predicted([("lonely", 0, 2, "champion", 0.6)])
    traffic.shadowed([("b", 0, 2, 0.7), ("a", 0, 3, 0.6), ("a", 1, 3, 0.9), ("unknown", 0, 3, 0.9)], seconds=0.3)
    traffic.shadowed([("lonely", 0, 2, 0.1)], rollout="another")
    traffic.failed([("c", 4, "shadow"), ("d", 4, "canary")])
    traffic.labelled([("a", 0, False, 10), ("b", 0, True, 11), ("lonely", 0, True, 12)])
    found = measure(traffic.tables, shadow, UNTIL)
    assert found.requests == 4
    assert found.failed.sum() == 1
    assert sorted(found.seconds) == [0.01, 0.3, 0.3, 0.3]
    assert found.differences == pytest.approx([0.0, 0.5])  # b, then a
    assert found.squares == pytest.approx([0.6**2 - 0.2**2, 0.3**2 - 0.4**2])
    assert len(found.champion_squares) == 0


def test_tables_of_older_services_can_be_read(traffic: Traffic, canary: Rollout) -> None:
    moment = pd.to_datetime(["2013-05-01T00:00:05Z"]).as_unit("us")
    old = {
        "request_id": ["o"],
        "row": [0],
        "received": moment,
        "version": "v:a",
        "probability": 0.5,
        "prediction": True,
    }
    traffic.tables.append("predictions", pd.DataFrame(old))
    labels = pd.DataFrame({"request_id": ["o", "a"], "row": [0, 0], "label": [True, True], "received": [moment[0]] * 2})
    traffic.tables.append("labels", labels)
    found = measure(traffic.tables, canary, UNTIL)
    assert (found.requests, list(found.champion_squares)) == (0, [0.25])
    traffic.predicted([("a", 0, 6, "canary", 0.5)])  # the table grows by the newer columns
    found = measure(traffic.tables, canary, UNTIL)
    assert (found.requests, list(found.squares), list(found.champion_squares)) == (1, [0.25], [0.25])


def test_many_rows_are_measured_as_pandas_would(traffic: Traffic, shadow: Rollout) -> None:
    rng, n = np.random.default_rng(8), 20_000
    requests = [f"q{number // 2}" for number in range(n)]
    keys = list(zip(requests, [number % 2 for number in range(n)], np.arange(n) // 2 / 10, strict=True))
    old, new, labels = rng.random(n), rng.random(n), rng.random(n) < 0.3
    traffic.predicted([(*key, "champion", float(p)) for key, p in zip(keys, old, strict=True)])
    traffic.shadowed([(*key, float(p)) for key, p in zip(keys, new, strict=True)])
    traffic.labelled([(q, r, bool(label), s) for (q, r, s), label in zip(keys, labels, strict=True)])
    found: Measured = measure(traffic.tables, shadow, UNTIL)
    frame = pd.DataFrame({"q": requests, "difference": (old >= 0.5) != (new >= 0.5)})
    frame["square"] = (new - labels) ** 2 - (old - labels) ** 2
    means = frame.groupby("q", sort=False).mean()
    assert found.differences == pytest.approx(means["difference"])
    assert found.squares == pytest.approx(means["square"])
