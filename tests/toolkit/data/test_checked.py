"""A DataFrame held against the contract: the same failures as at ingestion, to look at and to go on with."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from roadworthy.contract import Column, Contract, Dataset, Relation
from roadworthy.data import quality
from roadworthy.data.checked import check_frame
from roadworthy.errors import ContractError, DataError

HOSTILE = "<img src=x onerror=alert(1)>"
COLUMNS = (
    Column(name="trip", type="string", role="identifier", required=True, unique=True),
    Column(name="left", type="timestamp", role="time", required=True),
    Column(name="back", type="timestamp", role="other"),
    Column(name=HOSTILE, type="number", role="feature", minimum=0, maximum=100),
    Column(name="fare", type="integer", role="feature", required=True),
    Column(name="kind", type="string", role="feature", categories=("day", "night")),
    Column(name="late", type="boolean", role="label", required=True),
)
CONTRACT = Contract(
    id="trips",
    version="1.2.0",
    hash="",
    datasets=(Dataset(name="trips", columns=COLUMNS, relations=(Relation(left="back", operator=">=", right="left"),)),),
)


class Tags(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture
def trips() -> pd.DataFrame:
    """Ten trips that keep the contract, counted by letters."""
    left = pd.date_range("2013-05-01", periods=10, tz="UTC")
    return pd.DataFrame(
        {
            "trip": [f"t{number}" for number in range(10)],
            "left": left,
            "back": left + pd.Timedelta(hours=2),
            HOSTILE: np.linspace(0, 100, 10),
            "fare": range(10),
            "kind": ["day", "night"] * 5,
            "late": [True, False] * 5,
        },
        index=list("abcdefghij"),
    )


def test_rows_that_keep_the_contract_are_ok(trips: pd.DataFrame) -> None:
    found = check_frame(trips, CONTRACT, "trips")
    assert found.ok
    assert found.failures.empty
    assert found.broken.empty
    assert found.summary.empty
    assert repr(found) == "✓ All 10 rows keep the contract (dataset trips, version 1.2.0 of the contract)."


def test_every_broken_rule_is_found_counted_and_shown(trips: pd.DataFrame) -> None:
    trips.loc[["b", "d"], HOSTILE] = [101.0, -3.5]
    trips.loc["d", "kind"] = "noon"
    trips.loc["e", "trip"] = "t0"
    trips.loc["f", "back"] = trips.loc["f", "left"] - pd.Timedelta(days=1)
    found = check_frame(trips, CONTRACT, "trips")
    assert not found.ok
    pd.testing.assert_frame_equal(found.failures, quality.check(trips, CONTRACT.datasets[0]))
    assert list(found.broken.index) == list("bdef")
    assert found.summary["rows"].tolist() == [1, 1, 1, 1, 1]
    assert set(found.summary["share"]) == {0.1}
    text = repr(found)
    assert text.startswith("✗ 4 of 10 rows break 5 rules (dataset trips,")
    assert "row 3: noon" in text
    assert "back must be >= left" in text


def test_one_broken_row_is_told_in_the_singular(trips: pd.DataFrame) -> None:
    trips.loc["a", "kind"] = "noon"
    assert "1 of 10 rows breaks 1 rule" in repr(check_frame(trips, CONTRACT, "trips"))


def test_a_missing_column_is_told_and_the_others_are_checked(trips: pd.DataFrame) -> None:
    trips.loc["a", "kind"] = "noon"
    found = check_frame(trips.drop(columns=["late", "back"]).assign(speed=1), CONTRACT, "trips")
    assert found.missing == ("late",)  # what is not required may be left out
    assert found.unknown == ("speed",)
    assert found.failures["column"].tolist() == ["kind"]
    assert "1 of 10 rows breaks 1 rule, and 1 column is missing" in repr(found)
    assert "Not in the contract, and not checked: speed." in repr(found)
    part = check_frame(trips[["kind"]], CONTRACT, "trips", partial=True)
    assert part.missing == ()
    assert len(part.failures) == 1


def test_a_column_of_which_nothing_can_be_read_breaks_its_rule_in_every_row(trips: pd.DataFrame) -> None:
    found = check_frame(trips.assign(fare="cheap"), CONTRACT, "trips")
    assert found.failures["rule"].unique().tolist() == ["fare must be a whole number"]
    assert found.summary["rows"].tolist() == [10]
    assert "100.0%" in repr(found)


def test_text_that_can_be_read_is_no_failure_and_is_told(trips: pd.DataFrame) -> None:
    found = check_frame(trips.astype({"fare": "str"}), CONTRACT, "trips")
    assert found.ok
    assert "Text, read as the contract has it: fare. The frame itself is as it was." in repr(found)


def test_names_and_values_with_html_are_text(trips: pd.DataFrame) -> None:
    trips.loc[["b"], HOSTILE] = 101.0
    trips.loc["c", "kind"] = "<script>alert(1)</script>"
    page = check_frame(trips.assign(**{"<b>x</b>": 1}), CONTRACT, "trips")._repr_html_()
    found = Tags(page)
    assert found.tags == {"div", "p", "strong", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert found.attributes == {"class", "scope", "style"}
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "[red]" in repr(check_frame(trips.assign(kind="[red]"), CONTRACT, "trips"))  # nor is Rich's markup any


def test_of_a_classified_column_no_value_is_shown(trips: pd.DataFrame) -> None:
    trips.loc[["c", "d"], "kind"] = "secret-7"
    found = check_frame(trips, CONTRACT, "trips", withheld=["kind"])
    bundle = found._repr_mimebundle_()
    assert not any("secret-7" in shown for shown in bundle.values())
    assert "row 2, row 3, values withheld" in bundle["text/plain"]
    assert found.failures["value"].tolist() == ["secret-7"] * 2


def test_the_output_stays_small_whatever_is_broken(trips: pd.DataFrame) -> None:
    many = pd.concat([trips] * 2000, ignore_index=True).assign(kind=lambda frame: "x" * 5000)
    found = check_frame(many, CONTRACT, "trips")
    assert len(found.failures) > 20_000
    assert all(len(shown) < 10_000 for shown in found._repr_mimebundle_().values())
    wide = Contract(
        id="wide",
        version="1",
        hash="",
        datasets=(
            Dataset(
                name="wide",
                columns=tuple(Column(name=f"c{i}", type="number", role="feature", minimum=1) for i in range(80)),
            ),
        ),
    )
    told = repr(check_frame(pd.DataFrame({f"c{i}": [0.0] for i in range(80)}), wide, "wide"))
    assert "30 more rules are broken; .summary has them all." in told


def test_an_empty_frame_is_checked_too(trips: pd.DataFrame) -> None:
    assert check_frame(trips.iloc[:0], CONTRACT, "trips").ok


def test_what_cannot_be_checked_is_said(trips: pd.DataFrame) -> None:
    twice = pd.concat([trips, trips["fare"]], axis="columns")
    with pytest.raises(DataError, match=re.escape("several columns of the name 'fare'")):
        check_frame(twice, CONTRACT, "trips")
    with pytest.raises(DataError, match="none of the columns of dataset 'trips'"):
        check_frame(pd.DataFrame({0: [1]}), CONTRACT, "trips")
    with pytest.raises(ContractError, match="no dataset 'nothing'"):
        check_frame(trips, CONTRACT, "nothing")
