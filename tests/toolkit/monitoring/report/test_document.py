"""The document is what its published schema says."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from roadworthy.config import Config
from roadworthy.monitoring.report import Report, collect, schema, to_json
from roadworthy.records import HistoryEntry
from roadworthy.state import State

if TYPE_CHECKING:
    from tests.toolkit.monitoring.report.conftest import Examples

PUBLISHED = Path(__file__).parents[4] / "docs" / "report.schema.json"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    published = json.loads(PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(published)
    return jsonschema.Draft202012Validator(published)


def test_the_published_schema_is_current() -> None:
    """When this fails, run `make docs`."""
    assert json.loads(PUBLISHED.read_text()) == schema()


def test_documents_and_windows_are_valid(
    examples: Examples, report: Report, validator: jsonschema.Draft202012Validator
) -> None:
    full = report.model_copy(
        update={
            "decisions": (examples.decision(6, "retrain", outcome="trained late-flights:b"),),
            "retrainings": (examples.retraining(6),),
            "alerts": (examples.alert(),),
            "history": (HistoryEntry(who="ada", action="promote", version_to="late-flights:a"),),
            "owners": {"model": "Mo"},
        }
    )
    validator.validate(json.loads(to_json(full)))
    validator.validate(json.loads(full.brief().model_dump_json()))
    validator.validate(json.loads(full.windows[0].model_dump_json()))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(json.loads(to_json(full)) | {"format": "roadworthy.report/0"})


def test_json_comes_back_with_windows_oldest_first_and_bars_of_the_told_one(report: Report) -> None:
    back = Report.model_validate_json(to_json(report))
    assert back.windows[1] == report.windows[1]
    assert back.windows[0].readings[0].bars == ()
    assert back == report.model_copy(update={"windows": back.windows})
    assert [found.window.name for found in report.windows] == ["2013-05-01", "2013-06-01"]


def test_what_is_told_is_the_newest_window_with_a_verdict(examples: Examples) -> None:
    begun = examples.found(7, verdict="too little data", rows=12, open=True)
    judged = examples.found(6, examples.reading("temp"))
    assert examples.report(begun, judged).told == judged
    assert examples.report(begun).told == begun
    assert examples.report().told is None


def test_a_brief_report_keeps_what_matters(examples: Examples) -> None:
    columns = [examples.reading(f"c{i}", "drift" if i < 9 else "no drift") for i in range(100)]
    report = examples.report(*(examples.found(month, *columns) for month in range(1, 12)))
    brief = report.brief()
    assert brief.windows[-1] == report.windows[-1]
    assert [reading.column for reading in brief.windows[0].readings] == ["c0", "c1", "c2", "c3", "c4"]
    assert brief.windows[0].drifted == report.windows[0].drifted
    assert len(brief.model_dump_json()) < len(to_json(report)) / 3


def test_everything_is_collected_from_the_state(config: Config, tmp_path: Path, examples: Examples) -> None:
    with State.open(f"sqlite:///{tmp_path}/state.db") as state:
        state.save_window(examples.found(6, examples.reading("temp")))
        state.add_decision(examples.decision(6, "alert"))
        state.append_history(HistoryEntry(who="ada", action="promote", version_to="late-flights:a"))
        report = collect(config, state)
    assert gc.isenabled()
    assert report.project == "late-flights"
    assert [len(part) for part in (report.windows, report.decisions, report.history, report.alerts)] == [1, 1, 1, 0]
    assert set(report.owners) == {"data", "model", "infrastructure", "monitoring"}
