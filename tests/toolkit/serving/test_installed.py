"""What an environment has installed, read from this one; its wheel is installed into another."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import roadworthy
from roadworthy.errors import ServingError
from roadworthy.serving import installed

PACKAGE = Path(roadworthy.__file__).parent
PACK = """
import sys
from pathlib import Path
from roadworthy.serving import installed
installed.pack("roadworthy", Path(installed.__file__).parents[1], Path(sys.argv[1]))
"""


def test_pins_are_the_installed_versions_of_all_that_is_needed() -> None:
    pins = installed.pins([Requirement("scikit-learn>=1"), Requirement("nobody-made-this")])
    assert {"scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl"} <= {pin.partition("==")[0] for pin in pins}
    assert pins == sorted(f"{name}=={metadata.version(name)}" for name in (pin.partition("==")[0] for pin in pins))


def test_what_only_an_extra_needs_is_pinned_with_the_extra() -> None:
    assert not [pin for pin in installed.pins([Requirement("psycopg")]) if pin.startswith("psycopg-binary")]
    assert [pin for pin in installed.pins([Requirement("psycopg[binary]")]) if pin.startswith("psycopg-binary")]
    assert [need.name for need in installed.extras("roadworthy")["postgres"]] == ["psycopg"]
    assert installed.extras("nobody-made-this") == {}


@pytest.mark.slow
def test_the_wheel_is_the_running_package(tmp_path: Path) -> None:
    wheel = installed.pack("roadworthy", PACKAGE, tmp_path / "wheels")
    assert wheel.name == f"roadworthy-{metadata.version('roadworthy')}-py3-none-any.whl"
    assert wheel.read_bytes() == installed.pack("roadworthy", PACKAGE, tmp_path / "again").read_bytes()
    with zipfile.ZipFile(wheel) as packed:
        assert not [name for name in packed.namelist() if "__pycache__" in name or "direct_url" in name]

    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, timeout=120)
    shipped = sorted(file.relative_to(PACKAGE) for file in PACKAGE.rglob("*") if "__pycache__" not in file.parts)
    assert sorted(shipped) == sorted(
        file.relative_to(target / "roadworthy")
        for file in (target / "roadworthy").rglob("*")
        if "__pycache__" not in file.parts
    )
    assert (target / "roadworthy.pth").read_text() == "import roadworthy.startup\n"
    found = metadata.distribution("roadworthy")
    (described,) = metadata.distributions(name="roadworthy", path=[str(target)])
    assert described.requires == found.requires
    assert {each.name for each in described.entry_points} == {each.name for each in found.entry_points}

    # where it is installed from a wheel, it is packed as from a checkout
    command = [sys.executable, "-c", PACK, str(tmp_path / "from installed")]
    subprocess.run(command, check=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(target)}, timeout=120)
    assert (tmp_path / "from installed" / wheel.name).read_bytes() == wheel.read_bytes()


def test_what_is_not_installed_cannot_be_packed(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="is not installed"):
        installed.pack("nobody-made-this", PACKAGE, tmp_path)
