"""Which modules a warm process imports, which process serves whom, and that exactly one is started, or none."""

from __future__ import annotations

import os
import site
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from roadworthy.pipeline import preload
from roadworthy.pipeline.preload import NotWarm, Recipe

Eventually = Callable[[Callable[[], bool]], bool]
linux = pytest.mark.skipif(sys.platform != "linux", reason="There are no warm processes elsewhere.")


def warm_processes(base: Path) -> list[psutil.Process]:
    """The processes whose command names a socket in the folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(base) in part for part in process.info["cmdline"] or ()) and process.status() != "zombie":
            found.append(process)
    return found


# --- what to import -------------------------------------------------------------------------------------------------


def test_modules_are_named_as_the_code_imports_them() -> None:
    cells = [
        "import numpy as np, os\nimport matplotlib.pyplot as plt",
        "%matplotlib inline\n!pip list\nfrom sklearn.ensemble import RandomForestClassifier\nfrom scipy import stats",
        "def late():\n    import pandas\n",
        "%%time\nfrom roadworthy import project",
    ]
    assert preload.preloadable(cells) == (
        *("matplotlib.pyplot", "numpy", "pandas", "roadworthy", "roadworthy.project", "scipy", "scipy.stats"),
        "sklearn.ensemble",
    )


@pytest.mark.parametrize(
    "code",
    [
        "import torch, tensorflow, jax, cupy",  # hold devices, or start threads
        "from notebooks.departures import read\nfrom . import numpy",  # the user's own
        "import numpy_of_my_own",
        "import pandas.no_such_module",
        "%%bash\nls -l numpy",
        "this is not Python: import numpy",
        "import json, os",  # quick, and where a kernel has them anyway
    ],
)
def test_nothing_else_is_named(code: str) -> None:
    assert preload.preloadable([code]) == ()


# --- which process serves whom --------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OMP_NUM_THREADS", "1"),
        ("LD_LIBRARY_PATH", "/x"),
        ("PYTHONHASHSEED", "3"),
        ("PANDAS_OPTION", "1"),
        ("TZ", "UTC"),
    ],
)
def test_what_is_seen_at_import_asks_for_a_process_of_its_own(name: str, value: str) -> None:
    plain = {"HOME": "/home/ann"}
    assert Recipe(["python"], ["pandas"], plain).key() != Recipe(["python"], ["pandas"], plain | {name: value}).key()


@linux
def test_what_only_a_task_sees_does_not_and_never_reaches_the_warm_process() -> None:
    plain, task = {"HOME": "/home/ann"}, {"HOME": "/home/ann", "TOKEN": "secret", "ROADWORTHY_TABLE_LOG": "/x"}
    modules = ["numpy", "roadworthy.project"]
    assert Recipe(["python"], modules, plain).key() == Recipe(["python"], modules, task).key()
    assert Recipe(["python"], modules, task).environment == plain


@linux
def test_a_package_that_was_installed_since_asks_for_a_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(tmp_path)])
    before = Recipe(["python"], [], {}).key()
    (tmp_path / "package-2.0.dist-info").mkdir()
    os.utime(tmp_path, ns=(1, 1))
    assert Recipe(["python"], [], {}).key() != before


@linux
def test_what_a_task_writes_asks_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = [Recipe(["python"], [], {}).key(), Recipe(["python"], [], {"PYTHONPATH": str(tmp_path)}).key()]
    (tmp_path / "product.csv").touch()
    os.utime(tmp_path, ns=(1, 1))
    assert [Recipe(["python"], [], {}).key(), Recipe(["python"], [], {"PYTHONPATH": str(tmp_path)}).key()] == before


@linux
def test_a_relative_python_path_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(["python"], [], {"PYTHONPATH": f"src{os.pathsep}"})
    assert recipe.environment["PYTHONPATH"] == f"{tmp_path / 'src'}{os.pathsep}{tmp_path}"


def test_an_idle_time_that_is_none_is_refused() -> None:
    with pytest.raises(NotWarm, match="ROADWORTHY_WARM_IDLE is 'soon', not a number of seconds"):
        Recipe(["python"], [], {preload.IDLE_VARIABLE: "soon"})


# --- the folder -----------------------------------------------------------------------------------------------------


@linux
def test_the_folder_is_private(sockets: Path) -> None:
    assert preload.folder().stat().st_mode & 0o777 == 0o700
    assert preload.folder().parent == sockets


@linux
def test_a_folder_that_others_can_enter_is_not_used(sockets: Path) -> None:
    preload.folder().chmod(0o755)
    assert "is not a folder of this user alone" in preload.start([])
    assert not warm_processes(sockets)


@linux
def test_a_folder_that_is_a_link_is_not_used(sockets: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (sockets / f"roadworthy-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(NotWarm, match="not a folder of this user alone"):
        preload.folder()


@linux
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="Only root can give a folder away.")
def test_a_folder_of_another_user_is_not_used(sockets: Path) -> None:
    os.chown(preload.folder(), 12345, 12345)
    with pytest.raises(NotWarm, match="not a folder of this user alone"):
        preload.folder()


@linux
def test_a_name_too_long_for_a_socket_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    assert long not in preload.folder().parents


# --- starting and ending --------------------------------------------------------------------------------------------


@linux
@pytest.mark.slow
def test_many_who_start_at_once_start_one(sockets: Path, eventually: Eventually) -> None:
    code = "import sys; from roadworthy.pipeline import preload; print(preload.start([])); sys.stdin.read()"
    starters = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [starter.stdout.readline() for starter in starters if starter.stdout] == ["\n"] * 4
    assert eventually(lambda: len(warm_processes(sockets)) == 1)
    for starter in starters:
        starter.communicate("")


@linux
@pytest.mark.slow
def test_a_socket_that_a_dead_process_left_is_replaced(sockets: Path) -> None:
    recipe = Recipe([sys.executable], [], preload.KERNEL_ENVIRONMENT | dict(os.environ))
    left = preload.folder() / f"{recipe.key()}.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    assert preload.start([]) == ""
    assert next(iter(preload._HELD.values())).recv(100) == b'{"held": true}\n'


@linux
@pytest.mark.slow
def test_a_process_is_held_once_and_what_fails_leaves_nothing_open(
    sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (preload.start([]), preload.start([])) == ("", "")
    (connection,) = preload._HELD.values()
    reached: list[socket.socket] = []

    def break_off(connection: socket.socket, request: object) -> None:
        reached.append(connection)
        raise BrokenPipeError("gone")

    monkeypatch.setattr(preload, "send", break_off)
    assert preload.start([]) == "gone"
    assert [one.fileno() for one in reached] == [-1]
    assert connection.fileno() >= 0, "the former one is held on"
    preload.let_go()
    assert connection.fileno() == -1


@linux
def test_an_idle_time_that_is_none_is_told_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(preload.IDLE_VARIABLE, "soon")
    assert preload.start([]) == f"{preload.IDLE_VARIABLE} is 'soon', not a number of seconds"


def test_elsewhere_there_is_none_and_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert preload.start([]) == "on darwin a process with its imports done cannot safely be forked"
