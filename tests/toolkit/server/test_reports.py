"""Reports over HTTP, on a real server: windows, profiles, and a page to take away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from roadworthy.monitoring.profiles import Profile
from roadworthy.records import Window, WindowReport

if TYPE_CHECKING:
    from conftest import Server

pytestmark = pytest.mark.slow

COLUMN = "<img src=x onerror=alert(1)>"
MAY = Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC))
APRIL = Window(start=datetime(2013, 4, 1, tzinfo=UTC), end=MAY.start)


@pytest.fixture
def reports(project: Path) -> Path:
    """The folder of a project's reports, with two windows and a profile."""
    folder = project / "reports"
    folder.mkdir()
    for window in (APRIL, MAY):
        report = WindowReport(
            window=window,
            project="late-flights",
            rows=10,
            labelled=0,
            open=False,
            versions={},
            reference="v",
            verdict="drift",
            drifted=(COLUMN,),
        )
        (folder / f"{window.name}.drift.json").write_text(report.model_dump_json())
    frame = pd.DataFrame(
        {COLUMN: ["a", "b"], "scheduled_departure": pd.to_datetime(["2013-05-01", "2013-05-02"], utc=True)}
    )
    Profile.of(frame).write(folder / f"{MAY.name}.profile.bin")
    return folder


def test_a_window_is_told_with_the_one_before(server: Server, reports: Path) -> None:
    path = f"{reports.parent.name}/reports/2013-05-01.drift.json"
    found = server.get("report", path=path)
    assert (found["path"], found["kind"]) == (path, "window")
    assert found["report"]["drifted"] == [COLUMN]
    assert [one["window"]["start"] for one in found["former"]] == ["2013-04-01T00:00:00Z"]


def test_a_profile_is_told_and_the_contract_says_what_is_a_moment(server: Server, reports: Path) -> None:
    found = server.get("report", path=f"{reports.parent.name}/reports/2013-05-01.profile.bin")
    kinds = {column["name"]: column["kind"] for column in found["profile"]}
    assert kinds == {COLUMN: "text", "scheduled_departure": "time"}


def test_a_profile_in_no_project_is_told_too(server: Server, reports: Path) -> None:
    (server.folder / "alone.profile.bin").write_bytes((reports / "2013-05-01.profile.bin").read_bytes())
    found = server.get("report", path="alone.profile.bin")
    assert {column["name"]: column["kind"] for column in found["profile"]}["scheduled_departure"] == "number"


def test_a_page_is_given_away_in_which_nothing_runs(server: Server, reports: Path) -> None:
    answer = server.call("GET", "report.html", path=f"{reports.parent.name}/reports/2013-05-01.drift.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''2013-05-01.html"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert COLUMN not in answer.text
    assert "&lt;img src=x" in answer.text


@pytest.mark.parametrize("door", ["report", "report.html"])
def test_what_is_no_report_is_refused(server: Server, reports: Path, door: str) -> None:
    name = reports.parent.name
    (reports / "broken.drift.json").write_text("{")
    for path, status in (
        (f"{name}/reports/broken.drift.json", 400),
        (f"{name}/pyproject.toml", 400),
        (f"{name}/reports", 400),
        (f"{name}/reports/gone.drift.json", 404),
        ("../../etc/passwd", 404),
    ):
        answer = server.call("GET", door, path=path)
        assert answer.status_code == status, path
        assert answer.json()["message"]
        assert "Traceback" not in answer.text


def test_a_way_out_of_the_root_is_none(server: Server, reports: Path, tmp_path: Path) -> None:
    outside = tmp_path / "x.drift.json"
    outside.write_text((reports / "2013-05-01.drift.json").read_text())
    (reports / "link.drift.json").symlink_to(outside)
    answer = server.call("GET", "report", path=f"{reports.parent.name}/reports/link.drift.json")
    assert answer.status_code == 404
