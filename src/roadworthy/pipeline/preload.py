"""What a warm process imports ahead of its kernels, from what else it is made, and how it is reached.

One warm process serves one interpreter, one list of modules and one environment: whatever may change what an import
does is part of its socket's name, so that an upgraded package or another ``OMP_NUM_THREADS`` gets a process of its own.
It ends by itself when nobody has asked it for five minutes (``ROADWORTHY_WARM_IDLE`` seconds; 0: with its last client).

This module imports nothing of Jupyter: a program can call :func:`start` before its own slow imports.
"""

from __future__ import annotations

import ast
import atexit
import hashlib
import importlib.util
import json
import os
import re
import site
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

IDLE_VARIABLE = "ROADWORTHY_WARM_IDLE"
KERNEL_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}  # unless the user's own environment says otherwise
_DEFAULT_IDLE = "300"
_LENGTH = struct.Struct("!I")
_LONGEST_ADDRESS = 100  # bytes; Linux takes 107
_SECONDS_FOR_THE_LOCK = 10.0
_SECONDS_OF_CAUTION = 600.0  # after a warm-up that died, before another is tried
_MODULE = "roadworthy.pipeline.zygote"


class NotWarm(Exception):
    """Why a kernel cannot be a warm one; a plain one is started instead, so nobody has to mend anything."""


# --- what to import -------------------------------------------------------------------------------------------------

_SAFE_ROOTS = frozenset(
    (
        *("deltalake", "joblib", "matplotlib", "networkx", "numpy", "orjson", "pandas", "pandera", "patsy", "PIL"),
        *("pyarrow", "pydantic", "requests", "roadworthy", "scipy", "seaborn", "sklearn", "skops", "sqlalchemy"),
        *("statsmodels", "threadpoolctl", "tqdm", "yaml"),
    )
)
_MAGIC = re.compile(r"^\s*(%%?time(it)?\b|[%!?].*)")


def preloadable(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that code imports and that are known to be safe to import ahead of it.

    Only installed packages of a fixed list are named, never a module of the user's own; what starts threads or holds
    a device when it is imported is not on the list.

    Parameters
    ----------
    sources
        Code of notebook cells or scripts. What is not Python, such as a cell for the shell, names nothing.

    Examples
    --------
    >>> preloadable(["import json, numpy as np", "from scipy import stats", "%time from sklearn.svm import SVC"])
    ('numpy', 'scipy', 'scipy.stats', 'sklearn.svm')
    """
    names = {name for source in sources for name in _imported(source)}
    return tuple(sorted(name for name in names if name.partition(".")[0] in _SAFE_ROOTS and _is_module(name)))


def _imported(source: str) -> Iterator[str]:
    code = "\n".join(_MAGIC.sub("", line).lstrip() if _MAGIC.match(line) else line for line in source.splitlines())
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_module(name: str) -> bool:
    """Look whether a module is there without importing its parents."""
    root, *inner = name.split(".")
    spec = importlib.util.find_spec(root)
    if spec is None or not inner:
        return spec is not None
    folders = [Path(folder, *inner[:-1]) for folder in spec.submodule_search_locations or ()]
    return any((folder / inner[-1]).is_dir() or any(folder.glob(f"{inner[-1]}.*")) for folder in folders)


# --- which warm process ---------------------------------------------------------------------------------------------

_SEEN_AT_IMPORT = (  # variables that an interpreter or a package reads when it starts, by the beginnings of their names
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_", "TZ", "TMP", "TEMP", "XDG_CONFIG", "XDG_CACHE", "XDG_DATA"),
    *("PYTHON", "PYDEVD", "LD_", "MALLOC_", "GLIBC_", "OMP_", "GOMP_", "KMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_"),
    *("NPY_", "NUMEXPR_", "MPL", "MATPLOTLIB", "ARROW_", "JE_", "_RJEM_", "MIMALLOC_", "RAYON_", "TOKIO_"),
    *("JUPYTER", "IPYTHON"),
)


class Recipe:
    """What a warm process is made from: two that are equal in it can stand in for one another.

    Parameters
    ----------
    interpreter
        The program with its options.
    preload
        Modules to import.
    environment
        The kernel's environment; a warm process is given only the part of it that is seen at import, so that nothing
        else, such as a secret, stays behind in it.

    Raises
    ------
    NotWarm
        When the environment asks for a nonsensical idle time.
    """

    def __init__(self, interpreter: Sequence[str], preload: Iterable[str], environment: Mapping[str, str]) -> None:
        self.interpreter = tuple(interpreter)
        self.preload = tuple(sorted(set(preload)))
        roots = {name.partition(".")[0].upper() for name in self.preload} - {"ROADWORTHY"}  # reads its own when asked
        seen = (*_SEEN_AT_IMPORT, *(f"{root}_" for root in sorted(roots)))
        self.environment = {name: value for name, value in sorted(environment.items()) if name.startswith(seen)}
        if "PYTHONPATH" in self.environment:
            self.environment["PYTHONPATH"] = _absolute(self.environment["PYTHONPATH"])
        self.idle = environment.get(IDLE_VARIABLE, _DEFAULT_IDLE)
        if not re.fullmatch(r"\d+(\.\d+)?", self.idle):
            raise NotWarm(f"{IDLE_VARIABLE} is {self.idle!r}, not a number of seconds")

    def key(self) -> str:
        """Return a short name for all of it, for the installed packages, and for this process's place in the system."""
        packages = [*site.getsitepackages(), site.getusersitepackages()]  # they change when a package is installed
        kinds = ("mnt", "pid", "net", "user", "ipc")
        place = [read("/proc/self/cgroup"), *(_stamp(f"/proc/self/ns/{kind}")[0] for kind in kinds)]
        priority = (sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0), os.getgroups())
        made_from = (self.interpreter, self.preload, self.environment, self.idle)
        whole = json.dumps([made_from, [_stamp(folder) for folder in packages], place, priority])
        return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _absolute(paths: str) -> str:
    return os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep))


def read(path: str) -> str:
    """Return the text of one of the system's files; nothing where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = Path(path).stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


# --- reaching it ----------------------------------------------------------------------------------------------------

_HELD: dict[str, socket.socket] = {}  # by the socket's path
_STARTERS: list[subprocess.Popen[bytes]] = []


def start(preload: Iterable[str], environment: Mapping[str, str] | None = None) -> str:
    """Begin to warm up, without waiting for it, and keep the warm process for as long as this process lives.

    Parameters
    ----------
    preload
        Modules to import; kernels must be asked for with the same.
    environment
        The environment that kernels will have, by default this process's.

    Returns
    -------
    str
        Why there will be no warm kernels; nothing when they can be expected.
    """
    environment = KERNEL_ENVIRONMENT | dict(os.environ if environment is None else environment)
    try:
        connection = connect(Recipe([sys.executable], preload, environment))
        with _closed_on_failure(connection):
            send(connection, {"hold": True})
            path = str(connection.getpeername())
    except (NotWarm, OSError) as error:
        return str(error)
    former = _HELD.pop(path, None)  # it may be held by one that has ended
    _HELD[path] = connection
    if former is not None:
        former.close()
    return ""


@contextmanager
def _closed_on_failure(connection: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


@atexit.register
def let_go() -> None:
    """Hold no warm process any longer."""
    while _HELD:
        _HELD.popitem()[1].close()


def connect(recipe: Recipe) -> socket.socket:
    """Connect to the warm process, which is started when there is none; it answers as soon as it has warmed up.

    Raises
    ------
    NotWarm
        When there can be none here, or it is another user's.
    OSError
        When the system refuses.
    """
    path = folder() / f"{recipe.key()}.sock"
    connection = _reach(path)
    if connection is None:
        with FileLock(path.with_name("start.lock"), timeout=_SECONDS_FOR_THE_LOCK):
            connection = _reach(path) or _open(recipe, path)
    with _closed_on_failure(connection):
        owner = struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
        if owner != os.getuid():
            raise NotWarm(f"the warm process at {path} is user {owner}'s")
    return connection


def send(connection: socket.socket, request: Mapping[str, object], streams: Sequence[int] = ()) -> None:
    """Send a request, with the file descriptors that go with it."""
    body = json.dumps(request).encode()
    if streams:
        socket.send_fds(connection, [_LENGTH.pack(len(body))], streams)
    else:
        connection.sendall(_LENGTH.pack(len(body)))
    connection.sendall(body)


def folder() -> Path:
    """Return the private folder of the sockets, made when it is not there.

    Raises
    ------
    NotWarm
        When it is not this user's alone, its name is too long for a socket's address, or the system is not Linux.
    """
    if sys.platform != "linux":
        raise NotWarm(f"on {sys.platform} a process with its imports done cannot safely be forked")
    bases = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]  # noqa: S108  # owner checked below
    candidates = [Path(base, f"roadworthy-{os.getuid()}") for base in bases if base and Path(base).is_dir()]
    path = next((path for path in candidates if len(os.fsencode(path)) + 32 <= _LONGEST_ADDRESS), None)
    if path is None:
        raise NotWarm("the names of the folders for temporary files are too long for a socket")
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise NotWarm(f"{path} cannot be used: {error.strerror}") from error
    if path.is_symlink() or not path.is_dir() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NotWarm(f"{path} is not a folder of this user alone")
    return path


def _reach(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _closed_on_failure(connection):
            connection.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    return connection


def _open(recipe: Recipe, path: Path) -> socket.socket:
    """Listen at the socket, and hand the listening to a new warm process: nobody has to wait until it does so."""
    warming = path.with_suffix(".warming")  # taken away by the warm process when it has warmed up
    if warming.exists() and time.time() - warming.stat().st_mtime < _SECONDS_OF_CAUTION:
        raise NotWarm(f"warming up failed before, see {path.with_suffix('.log')}")
    warming.touch()
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen(64)
        connection = _reach(path)
        if connection is None:
            raise NotWarm(f"{path} was taken away while the warm process started")
        with _closed_on_failure(connection):
            _launch(recipe, path, listener)
    return connection


def _launch(recipe: Recipe, path: Path, listener: socket.socket) -> None:
    command = [*recipe.interpreter, "-m", _MODULE, str(listener.fileno()), os.fspath(path), recipe.idle]
    _collect_starters()
    with path.with_suffix(".log").open("wb") as log:
        starter = subprocess.Popen(
            [*command, *recipe.preload],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",  # no folder of anybody's is on its path
            env=recipe.environment,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    _STARTERS.append(starter)


@atexit.register
def _collect_starters() -> None:
    """Collect the exit codes of the processes that started warm ones; each ends as soon as it has done so."""
    _STARTERS[:] = [starter for starter in _STARTERS if starter.poll() is None]
