from __future__ import annotations

from pathlib import Path

import pandas as pd

from roadworthy.table_log import newest_change
from roadworthy.tables import Tables


def test_only_commits_that_change_rows_count(tmp_path: Path) -> None:
    tables = Tables(str(tmp_path))
    assert newest_change(tables.address, "flights", 0) is None
    for number in range(3):
        tables.append("flights", pd.DataFrame({"x": [number]}))
    newest = tables.newest("flights")
    assert newest_change(tables.address, "flights", newest) is None
    assert newest_change(tables.address, "flights", newest - 1) == newest
    assert newest_change(tables.address, "flights", 0) == newest
    tables.compact("flights")
    assert tables.newest("flights") > newest
    assert newest_change(tables.address, "flights", newest) is None
    assert newest_change(f"file://{tables.address}", "flights", 0) == newest
    restored = tables.restore("flights", 1)
    assert newest_change(tables.address, "flights", newest) == restored


def test_of_an_object_store_nothing_is_told() -> None:
    assert newest_change("s3://bucket/tables", "flights", 0) is None


def test_a_commit_that_cannot_be_read_counts(tmp_path: Path) -> None:
    tables = Tables(str(tmp_path))
    tables.append("flights", pd.DataFrame({"x": [1]}))
    newest = tables.newest("flights")
    (tmp_path / "flights/_delta_log" / f"{newest:020}.json").write_text("{broken")
    assert newest_change(tables.address, "flights", newest - 1) == newest
