"""The drawing: both themes, its figures in words, nothing from a network."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.detectability.plot import described, draw
from roadworthy.records import Detectability, DetectableFall, DetectableShift, Horizon

NAME = '<img src="x" onerror="alert(1)">'


def found(columns: int = 2) -> Detectability:
    horizons = tuple(
        Horizon(name=name, days=days, windows=1, rows=99, slices=1, labelled_windows=1, labelled=9)
        for name, days in (("a day", 1), ("a week", 7), ("a month", 30))
    )
    names = [NAME, *(f"c{i}" for i in range(1, columns))]
    shifts = tuple(
        DetectableShift(column=name, kind="feature", horizon=h.name, effect=effect, words=f"{effect} in {h.name}")
        for name in names
        for h, effect in zip(horizons, (None, 0.08, 0.04), strict=True)
    )
    falls = tuple(
        DetectableFall(metric="roc_auc", horizon=h.name, fall=fall, value=fall and 0.7 - fall, words=f"fall {fall}")
        for h, fall in zip(horizons, (None, 0.1, 0.05), strict=True)
    )
    return Detectability(
        version="late-flights:1",
        rows_per_day=99.0,
        label_delay_days=1.0,
        labelled_share=1.0,
        window="each day",
        power=0.8,
        level=0.001,
        false_alarms_per_month=0.5,
        horizons=horizons,
        shifts=shifts,
        falls=falls,
    )


def test_an_svg_follows_the_theme_and_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "found.svg"
    draw(found(), path)
    text = path.read_text()
    tree = ElementTree.fromstring(text)  # noqa: S314  (our own file)
    assert tree.get("role") == "img"
    assert [child.get("id") for child in tree][:2] == str(tree.get("aria-labelledby")).split()
    assert "0.08 in a week" in str(tree[1].text)
    assert NAME in "".join(tree.itertext())
    assert "<img" not in text
    assert "prefers-color-scheme:dark" in text
    assert "url(http" not in text
    assert "#1a1a19" not in text.partition("</style>")[2]
    draw(found(), again := tmp_path / "again.svg")
    assert again.read_text() == text


def test_a_png_carries_the_words_too(tmp_path: Path) -> None:
    draw(found(), path := tmp_path / "found.PNG")
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert b"Description" in content


def test_many_columns_fit_and_one_without_labels_is_drawn(tmp_path: Path) -> None:
    draw(found(100).model_copy(update={"falls": ()}), path := tmp_path / "found.svg")
    assert path.stat().st_size < 300_000


def test_the_words_name_each_horizon() -> None:
    words = described(found())
    assert "Smallest change found with a chance of 80%" in words
    assert "roc_auc, in a day: fall None; in a week: fall 0.1" in words


def test_where_it_cannot_be_drawn_is_told(tmp_path: Path) -> None:
    with pytest.raises(MonitoringError, match=r"neither \.svg nor \.png"):
        draw(found(), tmp_path / "found.pdf")
    with pytest.raises(MonitoringError, match="cannot be written"):
        draw(found(), tmp_path / "nowhere" / "found.svg")
