"""Every open project is looked at again and again, and one that is broken keeps no other from it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft7Validator

from roadworthy.records.lab import EVENTS, LabEvent
from roadworthy.server import events
from roadworthy.server.events import RESTS_AFTER, Look, Noticing
from roadworthy.server.happenings import Happenings
from roadworthy.server.opened import Projects

if TYPE_CHECKING:
    from roadworthy.server.opened import Opened


def test_an_event_is_as_its_schema_says() -> None:
    found = events.schema()
    Draft7Validator.check_schema(found)
    assert found["$id"] == EVENTS
    event = LabEvent(kind="switch", project="a", title="New champion", version_from="m:1", version_to="m:2")
    Draft7Validator(found).validate(event.model_dump(mode="json"))
    assert not Draft7Validator(found).is_valid({"kind": "weather", "project": "a", "at": "now"})


def test_what_happens_in_each_project_is_told(make: Callable[[Path], Path], tmp_path: Path) -> None:
    looked, told = [], []

    def watch(opened: Opened) -> Look:
        def look() -> Sequence[LabEvent]:
            looked.append(opened.folder)
            return [LabEvent(kind="files", project=opened.folder)]

        return look

    projects = Projects(tmp_path)
    noticing = Noticing(projects, [watch], told.append)
    noticing.look()
    assert told == []
    for name in ("a", "b"):
        projects.of(make(tmp_path / name))
    noticing.look()
    noticing.look()
    assert [event.project for event in told] == looked == ["a", "b", "a", "b"]


def test_a_project_that_cannot_be_looked_at_is_logged_once(
    make: Callable[[Path], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def watch(opened: Opened) -> Look:
        def look() -> Sequence[LabEvent]:
            if opened.folder == "a":
                raise OSError("the disk is gone")
            return [LabEvent(kind="files", project=opened.folder)]

        return look

    projects = Projects(tmp_path)
    for name in ("a", "b"):
        projects.of(make(tmp_path / name))
    told: list[LabEvent] = []
    noticing = Noticing(projects, [watch], told.append)
    with caplog.at_level(logging.WARNING):
        noticing.look()
        noticing.look()
    assert [event.project for event in told] == ["b", "b"]
    assert [record.message for record in caplog.records] == ["a cannot be looked at: OSError: the disk is gone"]


def test_a_project_at_rest_is_looked_at_less_often_until_somebody_asks(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    looked = []

    def watch(opened: Opened) -> Look:
        def look() -> Sequence[LabEvent]:
            looked.append(opened.folder)
            return []

        return look

    projects = Projects(tmp_path)
    quiet, lively = (projects.of(make(tmp_path / name)) for name in ("quiet", "lively"))
    noticing = Noticing(projects, [watch], lambda event: None)
    quiet.asked -= RESTS_AFTER + 1
    for _ in range(3):
        noticing.look()
    assert looked == ["quiet", "lively", "lively", "lively"]
    assert projects.of(quiet.root) is quiet
    noticing.look()
    assert looked[-2:] == ["quiet", "lively"]
    assert lively in projects.all


def test_a_project_whose_folder_has_gone_is_forgotten(make: Callable[[Path], Path], tmp_path: Path) -> None:
    projects = Projects(tmp_path)
    opened = [projects.of(make(tmp_path / name)) for name in ("gone", "there")]
    told: list[LabEvent] = []
    noticing = Noticing(projects, [Happenings], told.append)
    noticing.look()
    shutil.rmtree(opened[0].root)
    noticing.look()
    assert projects.all == (opened[1],)
    noticing.look()
    assert [event.project for event in told] == ["gone", "there"]


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    noticing = Noticing(Projects(tmp_path), [], lambda event: None)
    noticing.start()
    noticing.stop()
    noticing.join(30)
    assert not noticing.is_alive()
