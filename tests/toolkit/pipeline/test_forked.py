"""Kernels forked from a warm process, each a real one: they must not be told from plain ones, nor reach one another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from roadworthy.pipeline import kernels, preload

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Kernels are forked on Linux only."),
]

PRELOAD = (*("deltalake", "matplotlib.pyplot", "numpy", "pandas", "pyarrow.compute", "sklearn.ensemble"),)
IMPORTS = "import deltalake, matplotlib.pyplot, numpy, pandas, pyarrow.compute, sklearn.ensemble\n"
PATIENCE = 20.0
Eventually = Callable[[Callable[[], bool]], bool]
Ended = Callable[[psutil.Process], bool]


@pytest.fixture(scope="module", autouse=True)
def sockets() -> Iterator[Path]:
    """A folder for sockets of its own: the warm processes in it end when it is gone."""
    folder = Path(tempfile.mkdtemp(prefix="rw-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv(preload.IDLE_VARIABLE, "30")
        assert preload.start(PRELOAD) == ""
        yield folder
        preload.let_go()
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Run:
    """What became of a notebook, and how its kernel was started."""

    outputs: list[Any]  # of the last cell
    kind: str | None
    reason: str

    @property
    def text(self) -> str:
        assert self.kind == "warm", self.reason
        return str(self.outputs[0].text)


def run(
    *cells: str, warm: bool = True, modules: Sequence[str] = PRELOAD, cwd: Path | None = None, **more: object
) -> Run:
    """Execute cells in a kernel of their own."""
    options: dict[str, Any] = {}
    kernels.prepare(options, terminal=False, warm=warm, preload=modules)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    more |= {"resources": {"metadata": {"path": str(cwd)}}} if cwd else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST")  # with it ipykernel leaves the output of programs to pytest
        NotebookClient(
            notebook,
            kernel_name="python3",
            kernel_manager_class=options["kernel_manager_class"],
            coalesce_streams=True,
            **more,
        ).execute()
    return Run(notebook.cells[-1].outputs, kernels.kind(options), kernels.reason(options))


def told(*cells: str, cwd: Path | None = None) -> Any:  # noqa: ANN401  # whatever JSON can be
    """Return what the last cell printed as JSON in a warm kernel."""
    return json.loads(run(*cells, cwd=cwd).text)


def told_by_a_plain_one(*cells: str, cwd: Path | None = None) -> Any:  # noqa: ANN401
    """Return what the last cell printed as JSON in a plain kernel."""
    return json.loads(run(*cells, cwd=cwd, warm=False).outputs[0].text)


def parent() -> int:
    """Return the process id of the warm process."""
    return int(run("import os; print(os.getppid())").text)


# --- as a plain kernel ----------------------------------------------------------------------------------------------

PORTRAIT = """
import asyncio, atexit, gc, json, locale, multiprocessing, os, pathlib, re, resource, signal, socket, sys, threading
import __main__
umask = os.umask(0); os.umask(umask)
def named(fd):
    try:
        there = socket.socket(fileno=os.dup(fd))
    except OSError:
        return os.readlink(f"/proc/self/fd/{fd}").partition(":")[0]
    with there:
        name = str(there.getsockname() or there.getpeername()) if there.family == socket.AF_UNIX else ""
        return "" if re.search(r"/k[0-9a-f]{12}-[1-5]$", name) else name  # the kernel's own
fds = {int(fd) for fd in os.listdir("/proc/self/fd")} - {0}
fds = sorted({named(fd) for fd in fds if os.path.exists(f"/proc/self/fd/{fd}")})
own = {"JPY_PARENT_PID"}
print(json.dumps({
    "path": sys.path, "program": sys.executable, "prefix": sys.prefix,
    "arguments": [[a for a in arguments if not a.endswith(".json")] for arguments in (sys.argv, sys.orig_argv)],
    "flags": str(sys.flags),
    "folder": os.getcwd(), "umask": umask, "group": os.getpgid(0) == os.getpid() == os.getsid(0),
    "environment": {n: v for n, v in os.environ.items() if n not in own},
    "parent": os.environ["JPY_PARENT_PID"],
    "limits": {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT")},
    "signals": {s.name: str(signal.getsignal(s)).split(" at ")[0] for s in signal.Signals},
    "blocked": sorted(s for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "descriptors": fds, "threads": sorted(re.sub("[0-9]", "", t.name) for t in threading.enumerate()),
    "main": sorted(n for n in vars(__main__) if n.startswith("__")),
    "collects": gc.isenabled(), "thresholds": gc.get_threshold(), "locale": locale.setlocale(locale.LC_ALL),
    "processors": sorted(os.sched_getaffinity(0)), "priority": os.nice(0),
    "children": multiprocessing.active_children(),
    "encodings": [sys.stdout.encoding, sys.__stdout__.encoding, sys.getfilesystemencoding()],
    "input": os.readlink("/proc/self/fd/0") == "/dev/null" or not sys.__stdin__.read(),
    "recursion": sys.getrecursionlimit(), "interval": sys.getswitchinterval(), "hooks": sys.excepthook.__qualname__,
    "events": type(asyncio.get_event_loop_policy()).__name__, "backend": os.environ["MPLBACKEND"],
}))
"""


def test_a_warm_kernel_is_like_a_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource  # Windows has no such module

    monkeypatch.setenv("ONLY_IN_THIS_TASK", "yes")
    monkeypatch.setenv("SURROGATE", "\udcff")
    former_mask, former_files = os.umask(0o027), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, former_files[1]))
    try:
        forked = told(IMPORTS + PORTRAIT, cwd=tmp_path)
        plain = told_by_a_plain_one(IMPORTS + PORTRAIT, cwd=tmp_path)
    finally:
        os.umask(former_mask)
        resource.setrlimit(resource.RLIMIT_NOFILE, former_files)
    assert forked["environment"]["ONLY_IN_THIS_TASK"] == "yes"
    set_by_imports = {"KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK"}  # by scikit-learn, for its own import
    for portrait in (plain, forked):  # this process may have imported it already, and hands them on to both
        portrait["environment"] = {n: v for n, v in portrait["environment"].items() if n not in set_by_imports}
    assert {name for name in plain if forked[name] != plain[name]} == set()


def test_nothing_of_one_task_reaches_the_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "users_own.py").write_text("level = 3\n", encoding="utf-8")
    monkeypatch.setenv("FIRST_TASK", "1")
    spoil = """
import json, os, sys, warnings, numpy, pandas, users_own
numpy.pi = 4; json.dumps = None; pandas.set_option("display.width", 7); sys.path.append("/nowhere")
os.environ["SPOILT"] = "1"; os.chdir("/"); os.umask(0); sys.setrecursionlimit(77777); warnings.simplefilter("error")
numpy.seterr(all="raise")
"""
    look = """
import json, os, sys, numpy, pandas, warnings
print(json.dumps([numpy.pi, pandas.get_option("display.width"), "/nowhere" in sys.path, "users_own" in sys.modules,
    "SPOILT" in os.environ, "FIRST_TASK" in os.environ, "FIRST_TASK" in open("/proc/self/environ").read(),
    os.getcwd(), sys.getrecursionlimit(), numpy.geterr()["divide"], "first" in globals()]))
"""
    run("first = 1", spoil, cwd=tmp_path)
    monkeypatch.delenv("FIRST_TASK")
    assert told(look, cwd=tmp_path) == [3.141592653589793, 80, *[False] * 5, str(tmp_path), 1000, "warn", False]


def test_chance_differs_between_kernels_and_a_seed_gives_what_it_always_gives() -> None:
    draw = """
import json, multiprocessing, random, secrets, tempfile, uuid, numpy
free = [random.random(), numpy.random.rand(), numpy.random.default_rng().random(), str(uuid.uuid4()), str(uuid.uuid1()),
    secrets.token_hex(), next(tempfile._get_candidate_names()), multiprocessing.current_process().authkey.hex()]
random.seed(1); numpy.random.seed(1)
print(json.dumps([free, [random.random(), numpy.random.rand(), numpy.random.default_rng(1).random()]]))
"""
    (first, seeded), (second, seeded_too), (_, seeded_plain) = told(draw), told(draw), told_by_a_plain_one(draw)
    assert all(one != other for one, other in zip(first, second, strict=True))
    assert seeded == seeded_too == seeded_plain


def test_libraries_with_threads_work_after_the_fork(tmp_path: Path) -> None:
    work = """
import json, numpy, pandas, pyarrow, pyarrow.compute, deltalake
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
r = numpy.random.default_rng(0); x = r.random((5000, 20)); y = x[:, 0] > 0.5
big = r.random((700, 700))
table = pyarrow.table({"a": r.integers(0, 9, 200_000)})
deltalake.write_deltalake("table", table); deltalake.write_deltalake("table", table, mode="append")
rows = deltalake.QueryBuilder().register("t", deltalake.DeltaTable("table"))
print(json.dumps([
    HistGradientBoostingClassifier(max_iter=5).fit(x, y).score(x, y) > 0.9,
    RandomForestClassifier(8, n_jobs=2).fit(x, y).score(x, y) > 0.9,
    bool(numpy.allclose(big @ numpy.linalg.inv(big), numpy.eye(700), atol=1e-6)),
    ThreadPool(3).map(abs, [-1, -2]), list(ThreadPoolExecutor().map(abs, [-3])),
    table.group_by("a", use_threads=True).aggregate([("a", "count")]).num_rows,
    rows.execute("select count(*) n from t").read_all()["n"][0].as_py(),
]))
"""
    assert told(work, cwd=tmp_path) == [True, True, True, [1, 2], [3], 9, 400_000]


def test_figures_awaiting_and_programs_work() -> None:
    shown = run("%matplotlib inline", "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()").outputs
    assert "image/png" in shown[0].data
    assert "image/png" in run("import matplotlib.pyplot as plt\nplt.plot([1, 2])").outputs[-1].data
    assert run("import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')").text == "awaited\n"
    assert run("!echo from the shell").text.split() == ["from", "the", "shell"]
    said = run(
        "import sys, os, time\nprint(1); print(2, file=sys.stderr); os.system('echo 3'); time.sleep(0.5)"
    ).outputs
    assert {output.name: sorted(output.text.split()) for output in said} == {"stdout": ["1", "3"], "stderr": ["2"]}


def test_a_matplotlibrc_in_the_task_s_folder_is_heeded(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 7\n", encoding="utf-8")
    done = run("import matplotlib\nprint(matplotlib.rcParams['lines.linewidth'])", cwd=tmp_path)
    assert done.outputs[0].text == "7.0\n"
    assert done.kind == "plain"
    assert "matplotlibrc" in done.reason


def test_a_kernel_ends_as_python_does(tmp_path: Path) -> None:
    run(
        f"""
import atexit, gc, os, threading, time, weakref
class Node: pass
node = Node(); node.itself = node; weakref.finalize(node, open({str(tmp_path / "cycle")!r}, "w").close)
del node; gc.collect()
kept = Node(); kept.itself = kept
kept.__class__.__del__ = lambda self, mkdir=os.mkdir: mkdir({str(tmp_path / "deleted")!r})
atexit.register(os.mkdir, {str(tmp_path / "hook")!r})
unclosed = open({str(tmp_path / "unclosed")!r}, "w"); unclosed.write("kept")
threading.Thread(target=lambda: (time.sleep(0.2), os.mkdir({str(tmp_path / "thread")!r}))).start()
"""
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cycle", "deleted", "hook", "thread", "unclosed"]
    assert (tmp_path / "unclosed").read_text(encoding="utf-8") == "kept"


def test_nothing_is_left_in_the_warm_process(sockets: Path, eventually: Eventually) -> None:
    process = psutil.Process(parent())
    assert eventually(lambda: not process.children())
    before = process.num_fds()
    for _ in range(3):
        assert parent() == process.pid
    assert eventually(lambda: not process.children() and process.num_fds() == before)
    assert process.terminal() is None
    assert not list(sockets.rglob("k*-[1-5]"))


# --- signals, crashes, deaths ---------------------------------------------------------------------------------------


def test_a_cell_that_takes_too_long_is_interrupted() -> None:
    with pytest.raises(CellExecutionError, match="KeyboardInterrupt"):
        run("import time\ntime.sleep(60)", timeout=1, interrupt_on_timeout=True)


@pytest.mark.parametrize(
    "death", ["os._exit(3)", "os.abort()", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)", "ctypes.string_at(0)"]
)
def test_a_kernel_that_dies_is_told_and_takes_nobody_with_it(death: str) -> None:
    before = parent()
    with pytest.raises(DeadKernelError):
        run(f"import ctypes, os, time\n{death}\ntime.sleep(60)")
    assert parent() == before


CLIENT = """
import sys
import nbformat
from nbclient import NotebookClient
from roadworthy.pipeline import kernels
options = {}
started = lambda pid, kind: print(kind, pid, flush=True)
kernels.prepare(options, terminal=False, warm=True, preload=sys.argv[2:], on_start=started)
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(sys.argv[1])])
manager = options["kernel_manager_class"]
NotebookClient(notebook, kernel_name="python3", kernel_manager_class=manager).execute()
"""
LONG_CALL_IN_C = "import subprocess; subprocess.Popen(['sleep', '70']); sum(range(10**13))"  # never lets others run


def client(code: str, *modules: str) -> SimpleNamespace:
    """Start a process that executes a cell in a warm kernel; return it, and the kernel's process."""
    process = subprocess.Popen([sys.executable, "-c", CLIENT, code, *modules], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    kind, pid = process.stdout.readline().split()
    assert kind == "warm"
    return SimpleNamespace(process=process, kernel=psutil.Process(int(pid)))


def end(started: SimpleNamespace) -> None:
    started.process.kill()
    started.process.communicate()


def test_a_kernel_dies_with_its_client_even_in_the_midst_of_a_long_call(eventually: Eventually, ended: Ended) -> None:
    started = client(LONG_CALL_IN_C, *PRELOAD)
    assert eventually(lambda: bool(started.kernel.children()) and started.kernel.cpu_times().user > 0.5)
    family = [started.kernel, *started.kernel.children(recursive=True)]
    end(started)
    assert eventually(lambda: all(map(ended, family)))
    assert run("print(1)").text == "1\n"


def test_kernels_die_with_the_warm_process_and_the_next_has_a_fresh_one(eventually: Eventually, ended: Ended) -> None:
    started = client(LONG_CALL_IN_C)
    other = started.kernel.parent()
    assert "roadworthy.pipeline.zygote" in " ".join(other.cmdline())
    other.kill()
    assert eventually(lambda: ended(started.kernel))
    assert started.process.wait(PATIENCE) != 0
    end(started)
    assert int(run("import os; print(os.getppid())", modules=()).text) != other.pid
