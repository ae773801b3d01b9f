"""Batch scoring as a whole: what the service would answer, exactly once, whatever is killed when."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from roadworthy import registry, scoring
from roadworthy.errors import DataError, RegistryError, UnknownVersion
from roadworthy.project import Project
from roadworthy.serving import credentials
from roadworthy.serving.server import Server

MOST_KILLS = 3
KEY = ["request_id", "row"]


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them, every float whole."""
    found = rows.astype("object").where(rows.notna(), None).to_dict("records")
    return [
        {str(name): value.isoformat() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        for row in found
    ]


def _file(rows: pd.DataFrame, path: Path) -> str:
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        rows.to_csv(path, index=False)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in _records(rows)))
    return str(path)


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, keep_default_na=False) if path.suffix == ".csv" else pd.read_json(path, lines=True)


def _notebook(project: Project, rows: pd.DataFrame) -> np.ndarray:
    """The probabilities as a notebook would have them, from a frame of the dtypes that training reads."""
    model = registry.load(project.config, registry.resolve(project.state, "champion").tag)
    names = [column.name for column in project.dataset.with_role("feature")]
    return model.predict(rows[names].astype({name: project.dataset.dtypes[name] for name in names}))


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_every_row_is_answered_and_captured(opened: Project, requests: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    source, output = _file(requests, tmp_path / f"in.{kind}"), tmp_path / f"out.{kind}"
    account = scoring.score(opened, source, str(output), chunk_rows=500)
    assert (account.read, account.scored, account.refused) == (len(requests), len(requests), 0)
    found = _read(output)
    assert list(found.columns) == [
        "flight_id", "scheduled_departure", "input_row", "probability", "prediction", "model_version", "request_id",
        "row", "warnings",
    ]  # fmt: skip
    assert found["flight_id"].tolist() == requests["flight_id"].tolist()
    assert found["input_row"].tolist() == list(range(len(requests)))
    if kind == "parquet":
        assert found["probability"].tolist() == _notebook(opened, requests).tolist()
    captured = opened.tables.read("predictions")
    assert not captured.duplicated(KEY).any()
    both = found[[*KEY, "probability"]].merge(captured, on=KEY, suffixes=("", "_captured"), validate="one_to_one")
    assert len(both) == len(captured) == len(requests)
    assert set(captured["role"]) == {"champion"}
    key = credentials.secret(opened.config)
    assert all(credentials.verify(key, *row) == "known" for row in found[KEY].itertuples(index=False))
    assert [path.name for path in tmp_path.glob(".out*/*")] == [] or {
        path.name for path in (tmp_path / f".out.{kind}.scoring").iterdir()
    } <= {".lock", "run.json", "account.json"}


def test_rows_that_break_the_contract_are_set_beside_it(
    opened: Project, requests: pd.DataFrame, tmp_path: Path
) -> None:
    rows = requests.head(40).astype({"distance": "object"})
    rows.loc[3, "distance"] = "far"
    rows.loc[5, "origin"] = "XXX"
    rows.loc[7, "carrier"] = None
    rows.loc[7, "dest"] = "nowhere"
    account = scoring.score(opened, _file(rows, tmp_path / "in.csv"), str(tmp_path / "out.csv"), chunk_rows=6)
    assert (account.read, account.scored, account.refused, account.too_many) == (40, 37, 3, False)
    assert set(_read(tmp_path / "out.csv")["input_row"]) == set(range(40)) - {3, 5, 7}
    lines = [json.loads(line) for line in Path(account.refused_to).read_text().splitlines()]
    assert [(line["row"], line["field"]) for line in lines] == [
        (3, "distance"), (5, "origin"), (7, "carrier"), (7, "dest"),
    ]  # fmt: skip
    assert lines[0]["rule"] == "distance must be a finite number."
    assert (lines[0]["value"], lines[1]["value"]) == ('"far"', '"XXX"')
    assert lines[2]["rule"] == "This field is required."
    assert len(opened.tables.read("predictions")) == 37


def test_too_many_refused_rows_are_said(opened: Project, requests: pd.DataFrame, tmp_path: Path) -> None:
    rows = requests.head(10).assign(weekday=9)
    account = scoring.score(opened, _file(rows, tmp_path / "in.parquet"), str(tmp_path / "out.jsonl"))
    assert (account.scored, account.refused, account.too_many) == (0, 10, True)
    assert (tmp_path / "out.jsonl").read_text() == ""
    again = scoring.score(opened, _file(requests.head(10), tmp_path / "in.parquet"), str(tmp_path / "out.jsonl"))
    assert again.refused == 0
    assert not (tmp_path / "out.refused.jsonl").exists()


def test_from_a_table_into_a_table(opened: Project, flights: pd.DataFrame, requests: pd.DataFrame) -> None:
    opened.tables.append("todo", flights.assign(weekday=flights["weekday"].where(flights.index > 0, 9)))
    account = scoring.score(opened, "table:todo", "table:scored", chunk_rows=700)
    found = opened.tables.read("scored")
    assert account.refused_to == "table:scored_refused"
    assert opened.tables.read("scored_refused")["field"].tolist() == ["weekday"]
    assert len(found) == account.scored == len(flights) - 1
    expected = pd.Series(_notebook(opened, requests), index=requests["flight_id"])
    assert found["probability"].tolist() == expected[found["flight_id"]].tolist()
    assert scoring.score(opened, "table:todo", "table:scored").repeated
    assert len(opened.tables.read("scored")) == len(found)


def test_what_was_scored_is_not_scored_again(opened: Project, requests: pd.DataFrame, tmp_path: Path) -> None:
    source, output = _file(requests, tmp_path / "in.parquet"), tmp_path / "out.parquet"
    first = scoring.score(opened, source, str(output))
    content = output.read_bytes()
    assert scoring.score(opened, source, str(output)).repeated
    output.unlink()
    again = scoring.score(opened, source, str(output))
    assert (again.repeated, again.scored) == (False, first.scored)
    assert output.read_bytes() == content
    assert len(opened.tables.read("predictions")) == len(requests)


def test_a_changed_input_or_version_begins_anew(
    opened: Project, fresh: object, requests: pd.DataFrame, tmp_path: Path
) -> None:
    source, output = _file(requests, tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl")
    _begin(opened, source, output)
    _file(requests.head(600), tmp_path / "in.jsonl")
    account = scoring.score(opened, source, output)
    assert (account.resumed, account.scored) == (0, 600)
    assert "the input" in account.note
    _file(requests, tmp_path / "in.jsonl")
    _begin(opened, source, output)
    other = fresh.release(3)  # type: ignore[attr-defined]
    account = scoring.score(opened, source, output, version=other.tag)
    assert account.resumed == 0
    assert "the version" in account.note
    assert set(_read(tmp_path / "out.jsonl")["model_version"]) == {other.tag}


def _begin(project: Project, source: str, output: str) -> None:
    """Begin a run, and end it early."""
    done = []

    def stop(rows: int, _: int | None) -> None:
        done.append(rows)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scoring.score(project, source, output, chunk_rows=100, on_progress=stop)


def test_an_interrupted_run_goes_on(opened: Project, requests: pd.DataFrame, tmp_path: Path) -> None:
    source, output = _file(requests, tmp_path / "in.csv"), tmp_path / "out.parquet"
    _begin(opened, source, str(output))
    assert not output.exists()
    account = scoring.score(opened, source, str(output), chunk_rows=999)
    assert (account.resumed, account.scored, account.note) == (200, len(requests), "")
    assert len(opened.tables.read("predictions")) == len(requests) == len(_read(output))


def test_a_table_that_grows_is_scored_as_it_was_when_the_run_began(opened: Project, requests: pd.DataFrame) -> None:
    opened.tables.append("todo", requests)
    done: list[int] = []

    def stop(rows: int, _: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scoring.score(opened, "table:todo", "table:scored", chunk_rows=300, on_progress=stop)
    opened.tables.append("todo", requests.head(10))
    account = scoring.score(opened, "table:todo", "table:scored", on_progress=lambda rows, _: done.append(rows))
    assert (account.resumed, account.scored, done[0]) == (300, len(requests), 300)


def test_capture_may_be_left_out_and_made_up_for(opened: Project, requests: pd.DataFrame, tmp_path: Path) -> None:
    source = _file(requests.head(300), tmp_path / "in.parquet")
    assert not scoring.score(opened, source, str(tmp_path / "out.parquet"), capture=False).captured
    assert not opened.tables.exists("predictions")


def test_what_cannot_be_is_told(opened: Project, requests: pd.DataFrame, tmp_path: Path) -> None:
    source = _file(requests.head(5), tmp_path / "in.parquet")
    with pytest.raises(UnknownVersion, match="nobody"):
        scoring.score(opened, source, str(tmp_path / "out.csv"), version="nobody")
    with pytest.raises(DataError, match="holds nothing"):
        scoring.score(opened, source, str(tmp_path / "out.csv"), chunk_rows=0)
    with pytest.raises(DataError, match="would be read as input"):
        scoring.score(opened, str(tmp_path), str(tmp_path / "out.csv"))
    renamed = _file(requests.head(5).rename(columns={"distance": "distanse"}), tmp_path / "renamed.csv")
    with pytest.raises(DataError, match=r"renamed\.csv: .*'distanse' looks like it"):
        scoring.score(opened, renamed, str(tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()


def test_a_version_of_another_contract_is_refused(
    opened: Project, fresh: object, requests: pd.DataFrame, tmp_path: Path
) -> None:
    contract = opened.config.path(opened.config.settings.contract)
    old = contract.read_bytes().replace(
        b"name: weekday\n    logicalType: integer", b"name: weekday\n    logicalType: number"
    )
    other = fresh.release(4, contract=old)  # type: ignore[attr-defined]
    with pytest.raises(RegistryError, match="another contract: weekday"):
        scoring.score(opened, _file(requests, tmp_path / "in.csv"), str(tmp_path / "out.csv"), version=other.tag)


def test_two_at_once_are_refused(opened: Project, requests: pd.DataFrame, tmp_path: Path) -> None:
    source, output = _file(requests, tmp_path / "in.csv"), str(tmp_path / "out.csv")

    def second(rows: int, total: int | None) -> None:
        with pytest.raises(DataError, match="another `roadworthy score`"):
            scoring.score(opened, source, output)

    assert scoring.score(opened, source, output, on_progress=second).scored == len(requests)


@pytest.mark.slow
def test_service_batch_and_notebook_answer_alike(opened: Project, requests: pd.DataFrame, tmp_path: Path) -> None:
    """The same floats, on rows with gaps, with a destination that training never saw, and of every dtype."""
    rows = requests.head(400).reset_index(drop=True)
    rows.loc[::7, "dest"] = "QQQ"
    optional = [c.name for c in opened.dataset.request_columns if not c.required]
    for number, name in enumerate(optional):
        rows.loc[number::11, name] = np.nan
    expected = _notebook(opened, rows).tolist()
    for kind in ("parquet", "csv", "jsonl"):
        source = _file(rows, tmp_path / f"in.{kind}")
        scoring.score(opened, source, str(tmp_path / f"out-{kind}.parquet"), chunk_rows=150)
        assert _read(tmp_path / f"out-{kind}.parquet")["probability"].tolist() == expected
    with Server.start(opened.config, wait=200.0) as server:
        answer = (
            httpx.post(f"{server.address}/predict", json={"rows": _records(rows)}, timeout=60).raise_for_status().json()
        )
    assert [each["probability"] for each in answer["predictions"]] == expected


@pytest.mark.slow
def test_no_row_is_lost_or_doubled_however_often_it_is_killed(
    opened: Project, requests: pd.DataFrame, tmp_path: Path
) -> None:
    rows = pd.concat([requests] * 8, ignore_index=True)
    rows.loc[::1000, "weekday"] = 9
    source, output = _file(rows, tmp_path / "in.parquet"), tmp_path / "out.csv"
    command = [sys.executable, "-m", "roadworthy.cli", "score", source, str(output), "--chunk-rows", "300"]
    chances, kills = random.Random(4), 0
    work = tmp_path / ".out.csv.scoring"
    while True:
        process = subprocess.Popen([*command, "-C", str(opened.root)], stdout=subprocess.DEVNULL)
        began = len(list(work.glob("*.json")))
        while process.poll() is None and len(list(work.glob("*.json"))) < began + 2 and kills < MOST_KILLS:
            time.sleep(0.01)
        time.sleep(chances.uniform(0, 0.15))
        if process.poll() is None and kills < MOST_KILLS:
            process.kill()
            kills += 1
        if process.wait() == 0:
            break
        assert not output.exists()
    assert kills == MOST_KILLS
    quiet = tmp_path / "quiet.csv"
    account = scoring.score(opened, source, str(quiet), chunk_rows=300, capture=False)
    found, undisturbed = _read(output), _read(quiet)
    pd.testing.assert_frame_equal(found.drop(columns="request_id"), undisturbed.drop(columns="request_id"))
    assert (tmp_path / "out.refused.jsonl").read_bytes() == (tmp_path / "quiet.refused.jsonl").read_bytes()
    captured = opened.tables.read("predictions", columns=[*KEY, "probability"])
    assert len(captured) == len(found) == account.scored == len(rows) - account.refused
    both = found.merge(captured, on=KEY, suffixes=("", "_captured"), validate="one_to_one")
    assert both["probability"].tolist() == both["probability_captured"].tolist()


MEASURED = """
import sys
from pathlib import Path
from roadworthy import project as projects, scoring
with projects.load(Path(sys.argv[1])) as project:
    account = scoring.score(project, *sys.argv[2:4], chunk_rows=5000, capture=False)
lines = Path("/proc/self/status").read_text().splitlines()  # getrusage counts in what the parent ever had
print(account.scored, next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", pytest.param("csv", marks=pytest.mark.full)])
def test_memory_does_not_grow_with_the_input(
    opened: Project, requests: pd.DataFrame, tmp_path: Path, kind: str
) -> None:
    peaks = {}
    for times in (6, 60):
        rows = pd.concat([requests] * times, ignore_index=True)
        source = _file(rows, tmp_path / f"in-{times}.{kind}")
        command = [sys.executable, "-c", MEASURED, str(opened.root), source, str(tmp_path / f"out-{times}.{kind}")]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
        scored, peaks[times] = map(int, done.stdout.split())
        assert scored == len(rows)
    assert peaks[60] - peaks[6] < 60 * 1024  # KiB; ninety thousand rows as a frame with their answers take 80 MiB more
