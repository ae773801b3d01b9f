"""A served request, wherever it is on its way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.serving import answers, capture, credentials
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
}


@pytest.fixture
def folder(config: Config) -> Path:
    return config.path(config.settings.spool)


@pytest.fixture
def tables(config: Config) -> Tables:
    return Tables(config.tables_address)


def _answer(folder: Path, request_id: str, rows: int = 2) -> None:
    spool = capture.Spool(folder, "predictions")
    probabilities = [number / 10 for number in range(rows)]
    spool.append(capture.prediction_entry(request_id, "m:1", [ROW] * rows, probabilities, [False] * rows, seconds=0.01))
    spool.close()


def test_the_same_answer_is_found_in_the_spool_and_in_the_table(
    config: Config, dataset: Dataset, folder: Path, tables: Tables
) -> None:
    wanted = credentials.new_request_id(b"key", 3)
    for request_id in (credentials.new_request_id(b"key", 1), wanted, "another"):
        _answer(folder, request_id, rows=3)
    spooled = answers.find(folder, tables, wanted)
    assert spooled is not None
    assert (spooled.place, spooled.version, spooled.probability) == ("spool", "m:1", (0.0, 0.1, 0.2))
    capture.collect(config, dataset, tables)
    assert list(folder.glob("predictions-*")) == []
    collected = answers.find(folder, tables, wanted)
    assert collected is not None
    assert collected.model_copy(update={"place": "spool"}) == spooled


def test_rows_with_a_label_are_counted_once(config: Config, dataset: Dataset, folder: Path, tables: Tables) -> None:
    _answer(folder, "r1")
    labels = capture.Spool(folder, "labels")
    for row, request_id in ((0, "r1"), (0, "r1"), (1, "r2")):
        labels.append(capture.label_entry([(request_id, row, True, None)]), durable=True)
    labels.close()
    capture.collect(config, dataset, tables)
    found = answers.find(folder, tables, "r1")
    assert found is not None
    assert (found.labelled, len(found.probability)) == (1, 2)


def test_what_was_never_answered_is_not_found_among_broken_lines(folder: Path, tables: Tables) -> None:
    assert answers.find(folder, tables, "r1") is None
    folder.mkdir(parents=True)
    broken = b'{"request_id":"r1"\n{"request_id":"r1"}\n[1, "r1"]\n{"request_id":"r1","rec'
    (folder / "predictions-1-x.jsonl").write_bytes(broken)
    assert answers.find(folder, tables, "r1") is None


def test_the_form_of_a_service_s_ids_is_known() -> None:
    assert answers.looks_like_ours(credentials.new_request_id(b"key", 12))
    assert not answers.looks_like_ours("products/model.skops")
