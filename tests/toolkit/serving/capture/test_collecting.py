"""Every acknowledged line is in its table exactly once, whatever is killed, and when."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from roadworthy.config import Config
from roadworthy.contract import Column, Dataset
from roadworthy.errors import ContractError
from roadworthy.serving import capture
from roadworthy.tables import Tables

ROW = {
    "flight_id": "a",
    "scheduled_departure": datetime(2013, 5, 1, 10, tzinfo=UTC),
    "carrier": "UA",
    "origin": "EWR",
    "dest": "IAH",
    "distance": 1400.0,
    "departure_hour": 5.25,
    "weekday": 2,
    "temp": None,
}


def _entry(request_id: str, rows: int = 1) -> dict[str, object]:
    return capture.prediction_entry(request_id, "m:1", [ROW] * rows, [0.25] * rows, [False] * rows, seconds=0.01)


def _files(folder: Path, kind: str = "predictions") -> list[Path]:
    return sorted(folder.glob(f"{kind}-*.jsonl"))


def test_predictions_and_labels_arrive_with_their_types(
    config: Config, dataset: Dataset, tables: Tables, folder: Path
) -> None:
    predictions, labels = capture.Spool(folder, "predictions"), capture.Spool(folder, "labels")
    predictions.append(_entry("r1", rows=2))
    labels.append(capture.label_entry([("r1", 0, True, None), ("r1", 1, False, None)]), durable=True)
    assert capture.collect(config, dataset, tables) == capture.Collected(predictions=2, labels=2)
    found = tables.read("predictions").sort_values("row", ignore_index=True)
    columns = [*capture.PREDICTION_COLUMNS, *(column.name for column in dataset.request_columns)]
    assert list(found.columns) == columns
    assert found["row"].tolist() == [0, 1]
    for column in dataset.request_columns:
        assert str(found[column.name].dtype) == column.dtype
    assert found["scheduled_departure"].tolist() == [pd.Timestamp("2013-05-01T10:00Z")] * 2
    assert found["temp"].isna().all()
    assert found[["version", "probability", "prediction"]].drop_duplicates().values.tolist() == [["m:1", 0.25, False]]
    known = tables.read("labels").sort_values("row", ignore_index=True)
    assert known[["request_id", "row", "label"]].values.tolist() == [["r1", 0, True], ["r1", 1, False]]
    assert (known["received"] >= found["received"].max()).all()


def test_collecting_again_brings_nothing_twice(config: Config, dataset: Dataset, tables: Tables, folder: Path) -> None:
    spool = capture.Spool(folder, "predictions")
    collector = capture.Collector(config, dataset, tables)
    counts = []
    for number in range(3):
        spool.append(_entry(f"r{number}"))
        counts += [collector.collect().predictions, capture.collect(config, dataset, tables).predictions]
    assert counts == [1, 0] * 3
    assert sorted(tables.read("predictions")["request_id"]) == ["r0", "r1", "r2"]


def test_batches_are_bounded(config: Config, dataset: Dataset, tables: Tables, folder: Path) -> None:
    spool = capture.Spool(folder, "predictions")
    for number in range(10):
        spool.append(_entry(f"r{number}", rows=5))
    collector = capture.Collector(config, dataset, tables, batch_rows=12)
    assert collector.collect().predictions == 50
    assert tables.version("predictions") == 5  # created, and five commits of ten rows
    assert tables.count("predictions") == 50


def test_a_full_file_is_left_and_removed_once_it_is_collected(
    config: Config, dataset: Dataset, tables: Tables, folder: Path
) -> None:
    spool = capture.Spool(folder, "predictions", file_bytes=1)
    for number in range(3):
        spool.append(_entry(f"r{number}"))
    assert len(_files(folder)) == 3
    assert capture.collect(config, dataset, tables).predictions == 3
    assert len(_files(folder)) == 1  # the one that may still grow
    spool.append(_entry("r3"))
    spool.close()
    assert capture.collect(config, dataset, tables).predictions == 1
    assert _files(folder) == []
    assert sorted(tables.read("predictions")["request_id"]) == ["r0", "r1", "r2", "r3"]


def test_a_spool_whose_folder_was_deleted_starts_anew(
    config: Config, dataset: Dataset, tables: Tables, folder: Path
) -> None:
    spool = capture.Spool(folder, "predictions")
    spool.append(_entry("lost by whoever deleted it"))
    (file,) = _files(folder)
    file.unlink()
    folder.rmdir()
    spool.append(_entry("r1"))
    capture.collect(config, dataset, tables)
    assert tables.read("predictions")["request_id"].tolist() == ["r1"]


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON",
        b"[]",
        b'"text"',
        b"{}",
        b'{"request_id": "x", "received": "2013-05-01T10:00:00Z", "version": "m", "probability": [0.1, 0.2],'
        b' "prediction": [true, true], "rows": [{}]}',
        b'{"request_id": "x", "received": "never", "version": "m", "probability": [0.1], "prediction": [true],'
        b' "rows": [{"weekday": 1}]}',
        b'{"request_id": "x", "received": "2013-05-01T10:00:00Z", "version": "m", "probability": [0.1],'
        b' "prediction": [true], "rows": [{"weekday": 1e300}]}',
        b"\xff\xfe\x00",
    ],
)
def test_a_broken_line_is_set_aside_and_blocks_nothing(
    config: Config, dataset: Dataset, tables: Tables, folder: Path, line: bytes
) -> None:
    spool = capture.Spool(folder, "predictions")
    spool.append(_entry("r1"))
    (file,) = _files(folder)
    with file.open("ab") as damaged:
        damaged.write(line + b"\n")
    spool.append(_entry("r2"))
    assert capture.collect(config, dataset, tables) == capture.Collected(predictions=2, bad=1)
    assert capture.collect(config, dataset, tables) == capture.Collected()
    assert sorted(tables.read("predictions")["request_id"]) == ["r1", "r2"]
    (bad,) = [json.loads(text) for text in (folder / capture.BAD).read_text().splitlines()]
    assert bad["file"] == file.name
    assert bad["line"] == line.decode(errors="replace")


def test_a_broken_label_is_set_aside(config: Config, dataset: Dataset, tables: Tables, folder: Path) -> None:
    spool = capture.Spool(folder, "labels")
    spool.append({"received": "2013-05-01T10:00:00Z", "labels": [["r1", 0, 1]]})
    spool.append(capture.label_entry([("r1", 0, True, None)]))
    assert capture.collect(config, dataset, tables) == capture.Collected(labels=1, bad=1)


def test_half_a_line_of_a_dead_writer_is_set_aside(
    config: Config, dataset: Dataset, tables: Tables, folder: Path
) -> None:
    spool = capture.Spool(folder, "predictions")
    spool.append(_entry("r1"))
    (file,) = _files(folder)
    with file.open("ab") as damaged:
        damaged.write(b'{"request_id": "half')
    capture.collect(config, dataset, tables)
    assert file.exists()  # its writer lives, and may be at it
    spool.close()
    capture.collect(config, dataset, tables)
    assert not file.exists()
    assert "half" in (folder / capture.BAD).read_text()
    assert tables.read("predictions")["request_id"].tolist() == ["r1"]


def test_one_collector_at_a_time(config: Config, dataset: Dataset, tables: Tables, folder: Path) -> None:
    capture.Spool(folder, "predictions").append(_entry("r1"))
    with FileLock(folder / ".collect.lock"):
        found = capture.collect(config, dataset, tables, wait=0)
        assert (found.predictions, found.waiting) == (0, _files(folder)[0].stat().st_size)
        assert 0 <= found.lag < 60
    found = capture.collect(config, dataset, tables, wait=0)
    assert (found.predictions, found.waiting, found.lag) == (1, 0, 0.0)


def test_nothing_was_served_yet(config: Config, dataset: Dataset, tables: Tables) -> None:
    assert capture.collect(config, dataset, tables) == capture.Collected()
    assert not tables.exists("predictions")


def test_a_table_that_cannot_be_written_loses_nothing(
    config: Config, dataset: Dataset, tables: Tables, folder: Path
) -> None:
    capture.Spool(folder, "predictions").append(_entry("r1"))
    place = Path(config.tables_address)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where the folder should be")
    with pytest.raises(Exception, match="predictions"):
        capture.collect(config, dataset, tables)
    place.unlink()
    assert capture.collect(config, dataset, tables).predictions == 1


def test_a_table_that_cannot_be_written_does_not_hold_up_the_others(
    config: Config, dataset: Dataset, tables: Tables, folder: Path
) -> None:
    capture.Spool(folder, "predictions").append(_entry("r1"))
    capture.Spool(folder, "labels").append(capture.label_entry([("r1", 0, True, None)]))
    tables.append("predictions", pd.DataFrame({"version": [1.5]}))  # of another type than is to be written
    with pytest.raises(Exception, match="predictions"):
        capture.collect(config, dataset, tables)
    assert tables.count("labels") == 1
    assert capture.backlog(folder).waiting == _files(folder)[0].stat().st_size


def test_all_kinds_arrive(config: Config, dataset: Dataset, tables: Tables, folder: Path) -> None:
    entries = {
        "shadow": capture.shadow_entry("r1", "m:2", [0.5], [True], seconds=0.1, rollout="o"),
        "failures": capture.failure_entry("r2", "m:2", 3, error="ValueError", seconds=0.1, role="shadow", rollout="o"),
        "unmatched": capture.unmatched_entry([("r3", 0, True, None, "unknown request")]),
    }
    for kind, entry in entries.items():
        capture.Spool(folder, kind).append(entry)  # type: ignore[arg-type]
    assert capture.collect(config, dataset, tables) == capture.Collected(shadow=1, failures=1, unmatched=1)
    assert {kind: tables.count(kind) for kind in entries} == dict.fromkeys(entries, 1)


def test_a_table_of_an_older_service_is_widened(config: Config, dataset: Dataset, tables: Tables, folder: Path) -> None:
    received = pd.to_datetime(["2013-05-01T10:00Z"]).as_unit("us")
    tables.append("labels", pd.DataFrame({"request_id": ["r0"], "row": [0], "label": [True], "received": received}))
    capture.Spool(folder, "labels").append(capture.label_entry([("r1", 0, True, None)]))
    assert capture.collect(config, dataset, tables).labels == 1
    assert tables.read("labels").sort_values("request_id")["at"].isna().tolist() == [True, False]


def test_what_the_policy_does_not_keep_is_in_no_file_and_no_table(
    config: Config, dataset: Dataset, tables: Tables, folder: Path
) -> None:
    classes = {"dest": "restricted", "distance": "confidential"}
    columns = [c.model_copy(update={"classification": classes.get(c.name)}) for c in dataset.columns]
    private = dataset.model_copy(update={"columns": tuple(columns)})
    keeper = capture.Keeper(config.policy.capture, private, b"key")
    spool = capture.Spool(folder, "predictions")
    spool.append(capture.prediction_entry("r1", "m:1", keeper.rows([ROW, ROW]), [0.5] * 2, [True] * 2, seconds=0.1))
    assert b"IAH" not in _files(folder)[0].read_bytes()
    assert b"1400" not in _files(folder)[0].read_bytes()
    assert capture.collect(config, private, tables).predictions == 2
    found = tables.read("predictions")
    assert "dest" not in found.columns
    assert found["distance"].str.len().tolist() == [64, 64]
    assert found["distance"].nunique() == 1
    assert found["carrier"].tolist() == ["UA", "UA"]


@pytest.mark.parametrize("name", capture.PREDICTION_COLUMNS)
def test_a_column_named_like_one_of_the_table_is_refused(config: Config, tables: Tables, name: str) -> None:
    dataset = Dataset(name="d", columns=(Column(name=name, type="string", role="feature"),))
    with pytest.raises(ContractError, match=f"Column '{name}'"):
        capture.collect(config, dataset, tables)


# --- kill -9 -------------------------------------------------------------------------------------------------------

WRITER = """
import sys
import time
from pathlib import Path
from tests_capture_row import ROW
from roadworthy.serving import capture, credentials
spool = capture.Spool(Path(sys.argv[1]), "predictions", file_bytes=200_000)
labels = capture.Spool(Path(sys.argv[1]), "labels")
while True:
    name = credentials.new_request_id(b"key", 3)
    spool.append(capture.prediction_entry(name, "m:1", [ROW] * 3, [0.1] * 3, [False] * 3, seconds=0.01))
    labels.append(capture.label_entry([(name, 0, True, None)]))
    sys.stdout.write(name + "\\n")
    sys.stdout.flush()
    time.sleep(0.002)
"""

COLLECTOR = """
import sys
from pathlib import Path
from roadworthy import config as configuration, contract as contracts
from roadworthy.serving import capture
from roadworthy.tables import Tables
config = configuration.load(Path(sys.argv[1]))
dataset = contracts.read(config.path(config.settings.contract)).dataset(config.settings.dataset)
collector = capture.Collector(config, dataset, Tables(config.tables_address), batch_rows=60)
sys.stdout.write("ready\\n")
sys.stdout.flush()
while True:
    collector.collect()
"""


def _start(code: str, argument: Path, tmp_path: Path, output: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    return subprocess.Popen([sys.executable, "-c", code, str(argument)], stdout=output, env=environment)


def _killed(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.mark.slow
def test_writers_and_collectors_killed_again_and_again(
    config: Config, dataset: Dataset, tables: Tables, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "tests_capture_row.py").write_text(f"import datetime\nROW = {ROW!r}\n")
    chance = random.Random(1)
    acknowledged: list[str] = []
    collector_deaths = 0
    for number in range(2):
        log = tmp_path / f"acknowledged-{number}"
        with log.open("wb") as output:
            writer = _start(WRITER, folder, tmp_path, output.fileno())
            _until(lambda log=log: log.stat().st_size > 0)  # type: ignore[misc]
            for _ in range(2):
                collector = _start(COLLECTOR, config.root, tmp_path, subprocess.PIPE)
                assert collector.stdout is not None
                assert collector.stdout.readline() == b"ready\n"
                time.sleep(chance.uniform(0.0, 0.3))
                _killed(collector)
                collector.stdout.close()
                collector_deaths += 1
            _killed(writer)
        lines = log.read_bytes().split(b"\n")
        acknowledged += [line.decode() for line in lines[:-1]]
    capture.collect(config, dataset, tables)
    assert collector_deaths == 4
    assert len(acknowledged) > 100
    predictions = tables.read("predictions", columns=["request_id", "row"])
    labels = tables.read("labels", columns=["request_id", "row"])
    counted = Counter(zip(predictions["request_id"], predictions["row"], strict=True))
    assert set(counted.values()) == {1}
    assert {(name, row) for name in acknowledged for row in range(3)} <= set(counted)
    assert len(counted) <= 3 * (len(acknowledged) + 2)  # at most one line a dead writer was not acknowledged
    assert Counter(labels["request_id"]).most_common(1)[0][1] == 1
    assert set(acknowledged) <= set(labels["request_id"])
    assert _files(folder) == _files(folder, "labels") == []


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
