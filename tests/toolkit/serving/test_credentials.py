"""The key that signs request ids, and the ids."""

from __future__ import annotations

import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy import config as configuration
from roadworthy.config import Config
from roadworthy.errors import ServingError
from roadworthy.serving import credentials


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(credentials.KEY_VARIABLE, raising=False)


def _secret(root: Path) -> bytes:
    return credentials.secret(configuration.load(root))


def test_the_key_is_made_once_for_its_owner_alone(config: Config) -> None:
    first = credentials.secret(config)
    assert credentials.secret(config) == first
    assert len(first) >= 32
    (file,) = (config.root / ".roadworthy").iterdir()
    assert file.name == "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_environment_gives_the_key_that_services_have_in_common(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = credentials.secret(config)
    monkeypatch.setenv(credentials.KEY_VARIABLE, "k" * 32)
    assert credentials.secret(config) == b"k" * 32
    monkeypatch.setenv(credentials.KEY_VARIABLE, "")
    assert credentials.secret(config) == own
    monkeypatch.setenv(credentials.KEY_VARIABLE, "guess me")
    with pytest.raises(ServingError, match="8 characters") as caught:
        credentials.secret(config)
    assert "guess me" not in str(caught.value)


@pytest.mark.slow
def test_of_several_makers_at_once_all_read_the_same(root: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert len(set(pool.map(_secret, [root] * 24))) == 1


def test_an_empty_file_is_named(config: Config) -> None:
    (config.root / ".roadworthy").mkdir()
    (config.root / ".roadworthy" / "secret").touch()
    with pytest.raises(ServingError, match="secret is empty"):
        credentials.secret(config)


def test_a_folder_that_is_a_file_is_named(config: Config) -> None:
    (config.root / ".roadworthy").touch()
    with pytest.raises(ServingError, match="cannot be made or read"):
        credentials.secret(config)


@given(rows=st.integers(1, 10_000), row=st.integers(-5, 10_005))
def test_a_row_is_known_exactly_when_the_request_had_it(rows: int, row: int) -> None:
    known = credentials.verify(b"key", credentials.new_request_id(b"key", rows), row)
    assert known == ("known" if 0 <= row < rows else "row out of range")


@given(text=st.text(max_size=60))
def test_an_invented_id_is_unknown(text: str) -> None:
    assert credentials.verify(b"key", text, 0) == "unknown request"


def test_a_changed_id_is_unknown() -> None:
    request_id = credentials.new_request_id(b"key", 3)
    changed = request_id.replace("-3-", "-9-")
    assert changed != request_id
    assert credentials.verify(b"key", changed, 0) == "unknown request"
    assert credentials.verify(b"another key", request_id, 0) == "unknown request"


def test_ids_do_not_repeat() -> None:
    assert len({credentials.new_request_id(b"key", 1) for _ in range(20_000)}) == 20_000
