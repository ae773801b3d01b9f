"""What was answered, and which of its labels counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from roadworthy import project as projects
from roadworthy.errors import MonitoringError
from roadworthy.observation import compare_on, read_traffic
from roadworthy.project import Project

IDS = ["a", "a", "b"]
ROWS = [0, 1, 0]
MOMENTS = pd.to_datetime(["2013-05-01T10:00Z", "2013-05-02T10:00Z", "2013-06-01T10:00Z"]).as_unit("us")


@pytest.fixture
def project(root: Path) -> Iterator[Project]:
    """A project whose service has answered three rows."""
    with projects.load(root) as project:
        answered = pd.DataFrame({"request_id": IDS, "row": ROWS, "version": "v", "scheduled_departure": MOMENTS})
        project.tables.append("predictions", answered)
        yield project


def _label(project: Project, request: str, row: int, label: bool, received: str) -> None:
    moment = pd.to_datetime([received], utc=True).as_unit("us")
    project.tables.append(
        "labels", pd.DataFrame({"request_id": [request], "row": [row], "label": [label], "received": moment})
    )


def _labels(project: Project) -> dict[tuple[str, int], object]:
    frame = read_traffic(project).answered
    return {(i, r): label for i, r, label in zip(frame["request_id"], frame["row"], frame["label"], strict=True)}


def test_without_labels_none_is_known(project: Project) -> None:
    traffic = read_traffic(project)
    assert len(traffic.answered) == 3
    assert traffic.answered["label"].isna().all()
    assert traffic.latest == datetime(2013, 6, 1, 10, tzinfo=UTC)


def test_the_newest_label_counts_whatever_the_order_they_came_in(project: Project) -> None:
    _label(project, "a", 1, label=True, received="2013-06-03T00:00Z")
    _label(project, "a", 1, label=False, received="2013-06-02T00:00Z")
    _label(project, "a", 1, label=True, received="2013-06-03T00:00Z")
    found = _labels(project)
    assert bool(found[("a", 1)])
    assert pd.isna(found[("a", 0)])  # type: ignore[call-overload]  # a scalar
    assert len(found) == 3


def test_the_label_that_was_known_last_counts_whenever_it_came(project: Project) -> None:
    _label(project, "a", 0, label=False, received="2013-06-01T00:00Z")  # before labels said from when they were known
    moments = pd.to_datetime(["2013-06-03T00:00Z", "2013-06-04T00:00Z"]).as_unit("us")
    known = pd.to_datetime(["2013-05-03T00:00Z", "2013-05-02T00:00Z"]).as_unit("us")
    told = {"request_id": ["a", "b"], "row": [0, 0], "label": [True, False], "received": moments, "at": known}
    project.tables.append("labels", pd.DataFrame(told))
    _label(project, "b", 0, label=True, received="2013-05-02T12:00Z")
    found = _labels(project)
    assert not bool(found[("a", 0)])  # received later, but known before
    assert bool(found[("b", 0)])


def test_a_label_of_nobody_adds_no_row(project: Project) -> None:
    _label(project, "nobody", 0, label=True, received="2013-06-03T00:00Z")
    assert len(_labels(project)) == 3


def test_labelled_rows_are_counted_by_position(project: Project) -> None:
    _label(project, "b", 0, label=False, received="2013-06-03T00:00Z")
    traffic = read_traffic(project)
    positions = {request: index for index, request in enumerate(traffic.answered["request_id"])}
    assert traffic.labelled(pd.Index([positions["b"]]).to_numpy()) == 1
    assert traffic.labelled(pd.Index([positions["a"]]).to_numpy()) == 0


def test_nothing_can_be_compared_without_labels(project: Project) -> None:
    with pytest.raises(MonitoringError, match="No row of the window has a label"):
        compare_on(project, [(pd.DataFrame({"label": []}), [])], "a", "b")


def test_versions_cannot_be_compared_on_what_is_not_kept(root: Path) -> None:
    contract = root / "monitoring" / "contract.yaml"
    for name in ("carrier", "distance"):
        named = f"- name: {name}\n"
        contract.write_text(contract.read_text().replace(named, f"{named}    classification: restricted\n", 1))
    with projects.load(root) as project, pytest.raises(MonitoringError, match="cannot be compared: carrier, distance"):
        compare_on(project, [(pd.DataFrame({"label": [True]}), [])], "a", "b")
