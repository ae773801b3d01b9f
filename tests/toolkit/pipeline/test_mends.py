from __future__ import annotations

from pathlib import Path

import pytest
from ploomber.products import File

from roadworthy.pipeline import mends

DAMAGED = ("", '{"timestamp": 17', "[]", "{}", "\x00\x00")


@pytest.fixture
def product(tmp_path: Path) -> File:
    file = File(str(tmp_path / "x.json"))
    file._identifier.render({})
    (tmp_path / "x.json").write_text("{}")
    return file


@pytest.mark.parametrize("damaged", DAMAGED)
def test_damaged_metadata_counts_as_none_and_is_told(
    product: File, tmp_path: Path, damaged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mends.tolerate_damaged_metadata()
    mends.tolerate_damaged_metadata()  # a second time changes nothing
    metadata = tmp_path / ".x.json.metadata"
    metadata.write_text(damaged)
    assert product.fetch_metadata() is None
    assert capsys.readouterr().err == f"{metadata} is damaged; it is left out of account.\n"
    assert not metadata.exists()


def test_good_metadata_is_left_as_it_is(product: File, tmp_path: Path) -> None:
    mends.tolerate_damaged_metadata()
    (tmp_path / ".x.json.metadata").write_text('{"timestamp": 17, "stored_source_code": "x", "params": {}}')
    assert product.fetch_metadata() == {"timestamp": 17, "stored_source_code": "x", "params": {}}


def test_the_mend_is_still_needed(product: File, tmp_path: Path) -> None:
    """When this fails, Ploomber bears damaged metadata by itself: remove the mend."""
    former = getattr(File.fetch_metadata, "__wrapped__", File.fetch_metadata)
    (tmp_path / ".x.json.metadata").write_text('{"timestamp": 17')
    with pytest.raises(ValueError, match="Error loading JSON metadata"):
        former(product)
