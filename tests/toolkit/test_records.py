"""Records are frozen, closed, always in UTC, and survive JSON."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from roadworthy.records import Comparison, GateCheck, GateVerdict, HistoryEntry, Window


def test_a_record_is_frozen_and_closed() -> None:
    check = GateCheck(name="owner", passed=True, fact="named")
    with pytest.raises(ValidationError):
        check.passed = False  # type: ignore[misc]
    with pytest.raises(ValidationError):
        GateCheck(name="owner", passed=True, fact="named", extra=1)  # type: ignore[call-arg]


def test_a_time_without_a_zone_is_utc() -> None:
    entry = HistoryEntry(at=datetime(2013, 5, 1), who="ada", action="promote")  # what databases return
    assert entry.at == datetime(2013, 5, 1, tzinfo=UTC)
    assert HistoryEntry.model_validate_json(entry.model_dump_json()) == entry


def test_a_gate_passes_when_every_check_does() -> None:
    yes, no = GateCheck(name="a", passed=True, fact=""), GateCheck(name="b", passed=False, fact="")
    assert GateVerdict(checks=(yes, yes)).passed
    assert not GateVerdict(checks=(yes, no)).passed


def test_a_comparison_is_won_only_beyond_doubt() -> None:
    base = {"metric": "roc_auc", "champion": "a", "challenger": "b", "champion_value": 0.7, "challenger_value": 0.72}
    assert Comparison(**base, gain=0.02, low=0.01, high=0.03, n=100).better
    assert not Comparison(**base, gain=0.02, low=-0.01, high=0.05, n=100).better


@pytest.mark.parametrize(
    ("start", "name"), [(datetime(2013, 5, 1, tzinfo=UTC), "2013-05-01"), (datetime(2013, 5, 1, 6, tzinfo=UTC), None)]
)
def test_a_windows_name_sorts_and_suits_a_file(start: datetime, name: str | None) -> None:
    window = Window(start=start, end=datetime(2013, 6, 1, tzinfo=UTC))
    assert window.name == (name or "2013-05-01T060000Z")
