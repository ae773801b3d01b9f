"""Report files read for a page: windows with those before them, and profiles, ours and other writers'."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import whylogs

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.report import to_html
from roadworthy.monitoring.report.files import document, read
from roadworthy.records import Bar, Reading, Window, WindowReport

HOSTILE = "<img src=x onerror=alert(1)>"
FIRST = datetime(2013, 5, 1, tzinfo=UTC)


def _report(day: int, *, project: str = "late-flights") -> WindowReport:
    reading = Reading(
        column=HOSTILE,
        kind="feature",
        measure="KS",
        statistic=0.3,
        effect=0.3,
        threshold=0.03,
        p_value=0.0,
        adjusted_p=0.0,
        n_reference=900,
        n_window=900,
        verdict="drift",
        words=f"{HOSTILE} is higher",
        bars=(Bar(label=HOSTILE, reference=0.4, window=0.6),),
    )
    start = FIRST + timedelta(days=day)
    return WindowReport(
        window=Window(start=start, end=start + timedelta(days=1)),
        project=project,
        rows=900,
        labelled=0,
        open=False,
        versions={},
        reference="v",
        readings=(reading,),
        verdict="drift",
        drifted=(HOSTILE,),
    )


def _write(folder: Path, report: WindowReport) -> Path:
    path = folder / f"{report.window.name}.drift.json"
    path.write_text(report.model_dump_json(indent=1))
    return path


# --- windows -------------------------------------------------------------------------------------------------------


def test_a_window_is_read_with_those_before_it(tmp_path: Path) -> None:
    paths = [_write(tmp_path, _report(day)) for day in (2, 0, 1, 3)]
    found = read(paths[0], "reports/x")
    assert (found.path, found.kind, found.rows) == ("reports/x", "window", 900)
    assert found.report == WindowReport.model_validate_json(paths[0].read_text())
    assert [one.window.start.day for one in found.former] == [1, 2]
    (reading,) = found.former[0].readings
    assert (reading.column, reading.verdict, reading.effect, reading.n_window) == (HOSTILE, "drift", 0.3, 900)


def test_what_does_not_belong_is_left_out(tmp_path: Path) -> None:
    path = _write(tmp_path, _report(5))
    _write(tmp_path, _report(0, project="another"))
    (tmp_path / "2013-05-02.drift.json").write_text("{")
    assert read(path, "x").former == ()


def test_an_earlier_window_that_was_judged_anew_is_read_anew(tmp_path: Path) -> None:
    path = _write(tmp_path, _report(1))
    _write(tmp_path, _report(0))
    assert read(path, "x").former[0].rows == 900
    _write(tmp_path, _report(0).model_copy(update={"rows": 1_000_000}))
    assert read(path, "x").former[0].rows == 1_000_000


def test_a_window_becomes_a_page_without_its_names_becoming_html(tmp_path: Path) -> None:
    path = _write(tmp_path, _report(1))
    _write(tmp_path, _report(0))
    page = to_html(document(path))
    assert HOSTILE not in page
    assert "&lt;img src=x" in page


@pytest.mark.parametrize("content", ["", "{", "[]", '{"window": 3}', "\x00\x01", "null"])
def test_what_is_no_report_is_said_without_a_traceback(tmp_path: Path, content: str) -> None:
    path = tmp_path / "2013-05-01.drift.json"
    path.write_text(content)
    with pytest.raises(MonitoringError, match="is not a window's report"):
        read(path, "x")
    with pytest.raises(MonitoringError, match="is not a window's report"):
        document(path)


def test_only_reports_are_read(tmp_path: Path) -> None:
    other = tmp_path / "secrets.json"
    other.write_text("{}")
    with pytest.raises(MonitoringError, match="not a report that can be shown"):
        read(other, "x")
    profile = tmp_path / "x.profile.bin"
    Profile.of(pd.DataFrame({"a": [1]})).write(profile)
    with pytest.raises(MonitoringError, match="not a window's report"):
        document(profile)
    with pytest.raises(MonitoringError, match="cannot be read"):
        read(tmp_path / "gone.drift.json", "x")


# --- profiles ------------------------------------------------------------------------------------------------------


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "temp": np.where(rng.random(2000) < 0.1, np.nan, rng.normal(60, 10, 2000)),
            "stops": rng.integers(0, 3, 2000),
            "origin": rng.choice(["EWR", "JFK", HOSTILE], 2000, p=[0.6, 0.3, 0.1]),
            "late": rng.random(2000) < 0.3,
            "departure": pd.to_datetime("2013-05-01", utc=True) + pd.to_timedelta(rng.integers(0, 30, 2000), unit="D"),
            "nothing": [None] * 2000,
            HOSTILE: rng.random(2000),
        }
    )


def test_a_profile_is_told_as_it_is(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "2013-05-01.profile.bin"
    Profile.of(frame).write(path)
    found = read(path, "x", times=["departure"])
    assert (found.kind, found.rows, found.report) == ("profile", 2000, None)
    columns = {column.name: column for column in found.profile}
    kinds = {name: column.kind for name, column in columns.items()}
    assert kinds == {
        "temp": "number",
        "stops": "number",
        "origin": "text",
        "late": "boolean",
        "departure": "time",
        "nothing": "empty",
        HOSTILE: "number",
    }
    temp, present = columns["temp"], frame["temp"].dropna()
    assert (temp.rows, temp.missing) == (2000, frame["temp"].isna().sum())
    assert temp.mean == pytest.approx(present.mean())
    assert temp.sd == pytest.approx(present.std())
    assert temp.quantiles["0"] == present.min()
    assert temp.quantiles["0.5"] == pytest.approx(present.quantile(0.5), abs=1)
    assert columns["origin"].frequent == frame["origin"].value_counts().to_dict()
    assert columns["stops"].frequent == {str(k): v for k, v in frame["stops"].value_counts().items()}
    assert columns["stops"].distinct == pytest.approx(3, abs=0.01)
    assert columns["nothing"].bars == ()
    for name in ("temp", "stops", "origin", "late", "departure", HOSTILE):
        assert sum(bar.share for bar in columns[name].bars) == pytest.approx(1)
    assert [bar.label for bar in columns["origin"].bars] == ["EWR", "JFK", HOSTILE]


def test_a_profile_that_whylogs_wrote_itself_is_read(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "theirs.profile.bin"
    path.write_bytes(whylogs.log(pandas=frame[["temp", "stops", "origin"]]).view().serialize())
    columns = {column.name: column for column in read(path, "x").profile}
    assert columns["temp"].mean == pytest.approx(frame["temp"].mean())
    assert columns["origin"].kind == "text"
    assert sum(bar.share for bar in columns["stops"].bars) == pytest.approx(1)


@pytest.mark.parametrize("content", [b"", b"\x00", b"not a profile", b"WHY1\x00" + bytes(200)])
def test_bytes_that_are_no_profile_are_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.profile.bin"
    path.write_bytes(content)
    with pytest.raises(MonitoringError):
        read(path, "x")


def test_values_of_several_kinds_are_mixed(tmp_path: Path) -> None:
    path = tmp_path / "x.profile.bin"
    values = pd.DataFrame({"a": pd.Series([1, "x", 2.5, True, None], dtype="object")})
    path.write_bytes(whylogs.log(pandas=values).view().serialize())
    (column,) = read(path, "x").profile
    assert column.kind == "mixed"
