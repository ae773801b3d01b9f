"""Windows come back as they went in."""

from __future__ import annotations

from datetime import UTC, datetime

from roadworthy.records import Window, WindowReport
from roadworthy.state import State


def test_windows_are_replaced_and_listed_oldest_first(state: State) -> None:
    def report(month: int, rows: int) -> WindowReport:
        window = Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))
        return WindowReport(
            window=window, project="p", rows=rows, labelled=0, open=True, versions={}, reference="m:1", verdict="drift"
        )

    second, first, replaced = report(6, 10), report(5, 10), report(6, 20)
    for each in (second, first, replaced):
        state.save_window(each)
    assert state.windows() == [first, replaced]
    assert state.newest_windows(WindowReport, 1) == [replaced]
    assert state.newest_windows(WindowReport, 5) == [first, replaced]
