"""The projects that somebody has open: read anew when their files change, and otherwise answered from what is known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Generic, TypeVar

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy import problems
from roadworthy.config import Config
from roadworthy.contract import Contract
from roadworthy.errors import ConfigError, ProjectError, RoadworthyError
from roadworthy.pipeline import checks, jobs, progress, resolved, standing
from roadworthy.pipeline.spec import Pipeline
from roadworthy.pipeline.standing import Standings
from roadworthy.records.lab import Job, LabProject, LabTask, Problem
from roadworthy.state import State

_Made = TypeVar("_Made")
_Stamps = tuple[tuple[int, int, int] | None, ...]
VERSION = metadata.version("roadworthy")
_FILES = ("pyproject.toml", "pipeline.yaml", "env.yaml")
_OF_CONFIGURATION = 2  # pyproject.toml and the policy


class Kept(Generic[_Made]):
    """What is made of files, kept until they change. Who asks while it is made waits for it, and nobody else does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[object, _Made] | None = None

    def get(self, key: object, make: Callable[[], _Made]) -> _Made:
        """Return what was made for a key; it is made when there is none yet, or the key is another."""
        with self._lock:
            if self._made is None or self._made[0] != key:
                self._made = (key, make())
            return self._made[1]


class Opened:
    """One project, for several threads at once: each waits only for what it needs itself.

    Parameters
    ----------
    root
        Its folder.
    served
        The folder that Jupyter serves, which holds it.
    """

    def __init__(self, root: Path, served: Path) -> None:
        self.root = root
        self.folder = "" if root == served else root.relative_to(served).as_posix()
        self.asked = time.monotonic()
        """When it was last asked about."""
        self._config = Kept[Config]()
        self._contract = Kept[Contract | None]()
        self._pipeline = Kept[Pipeline | None]()
        self._problems = Kept[tuple[RoadworthyError, ...]]()
        self._named = Kept[tuple[Path, ...]]()
        self._states: dict[str, State] = {}
        self._opening = threading.Lock()
        self._standings = Kept[Standings]()
        self._looking = threading.Lock()  # what a look learns, the next one uses

    # --- what its files say ------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """Its configuration as it is now.

        Raises
        ------
        ConfigError
            When it cannot be read.
        """
        return self._config.get(self._configured(), lambda: configuration.load(self.root))

    @property
    def contract(self) -> Contract | None:
        """Its contract as it is now; None when it cannot be read, which its problems tell."""
        path = self.config.path(self.config.settings.contract)
        return self._contract.get(stamp(path), lambda: _readable(path))

    @property
    def state(self) -> State:
        """Its state database.

        Raises
        ------
        StateError
            When it cannot be opened.
        """
        address = self.config.state_address
        with self._opening:
            if address not in self._states:
                self._states[address] = State.open(address)
            return self._states[address]

    @property
    def pipeline(self) -> Pipeline | None:
        """Its tasks; None when only Ploomber can tell them, and no build has told.

        Raises
        ------
        ConfigError
            When its configuration cannot be read.
        """
        config = self.config
        files = (*(self.root / name for name in _FILES), config.private("pipeline.json"))
        return self._pipeline.get(tuple(map(stamp, files)), lambda: resolved.read(config))

    def problems(self) -> tuple[Problem, ...]:
        """Return what is broken in its files."""
        key = tuple(map(stamp, self._described_in()))
        found = self._problems.get(key, lambda: problems.find(self.root))
        return tuple(self.problem(error) for error in found)

    def _configured(self) -> _Stamps:
        """Return what changes whenever its configuration does."""
        return tuple(map(stamp, self._described_in()[:_OF_CONFIGURATION]))

    def _described_in(self) -> tuple[Path, ...]:
        """Return the files that say what the project is: the configuration's, then the others, the sources last."""
        first = tuple(self.root / name for name in _FILES)
        named = self._named.get(tuple(map(stamp, first)), self._read_names)
        return (first[0], named[0], *first[1:], *named[1:])

    def files(self) -> tuple[Path, ...]:
        """Return the files on whose change how it stands may change: what it is made of, its sources and products."""
        try:
            tasks = self.pipeline.tasks if self.pipeline else ()
        except ConfigError:
            tasks = ()
        products = [path for task in tasks for path in task.products.values()]
        return (*self._described_in(), *(self.root / path for path in products))

    # --- how it stands -----------------------------------------------------------------------------------------------

    def described(self) -> LabProject:
        """Return what the page is told of the project itself."""
        found = self.problems()
        try:
            name = self.config.settings.name
        except ConfigError:
            name = self.root.name
        return LabProject(found=True, folder=self.folder, name=name, version=VERSION, problems=found)

    def tasks(self) -> tuple[LabTask, ...]:
        """Return how its tasks stand; none when nobody can read them."""
        return self._looked(None)

    def task(self, source: Path) -> LabTask | None:
        """Return how the task of a notebook or script stands, for which only what it builds on is looked at."""
        path = self.below(source.relative_to(self.root).as_posix())
        return next((task for task in self._looked(source) if task.source == path), None)

    def _looked(self, source: Path | None) -> tuple[LabTask, ...]:
        """Return how all tasks stand, or those of a source and what they build on."""
        pipeline = None
        try:
            config, pipeline = self.config, self.pipeline
            if pipeline is None:
                return tuple(self._placed(task) for task in standing.unknown(self.root, resolved.outline(self.root)))
            only = tuple(task.name for task in pipeline.tasks if source and self.root / task.source == source)
            if source and not only:
                return ()
            with self._looking:
                standings = self._standings.get(self._configured(), lambda: Standings(config, self.state))
                building = progress.read(progress.place(config))
                found = standings.look(pipeline, self.contract, building, only=only)
        except RoadworthyError as error:
            found = standing.unknown(self.root, pipeline or resolved.outline(self.root), self._fact(error))
        return tuple(self._placed(task) for task in found)

    def job(self) -> Job | None:
        """Return the build that goes on at present, whoever started it."""
        try:
            config = self.config
        except ConfigError:
            return None
        found = jobs.current(config, progress.read(progress.place(config)))
        return self.placed_job(found) if found else None

    def placed_job(self, job: Job) -> Job:
        """Return a job with its paths below the folder that Jupyter serves."""
        return job.model_copy(
            update={
                "project": self.folder,
                "failed_source": self.below(job.failed_source) if job.failed_source else None,
                "executed": self.below(job.executed) if job.executed else None,
            }
        )

    def below(self, path: str) -> str:
        """Return a path below the project as one below the folder that Jupyter serves; blank when it is outside."""
        if not path or Path(path).is_absolute():
            return ""
        return f"{self.folder}/{path}" if self.folder else path

    def close(self) -> None:
        """Close its state database."""
        with self._opening:
            for state in self._states.values():
                state.close()
            self._states.clear()

    def _placed(self, task: LabTask) -> LabTask:
        return task.model_copy(
            update={
                "source": self.below(task.source),
                "products": tuple(one.model_copy(update={"path": self.below(one.path)}) for one in task.products),
                "notebook": self.below(task.notebook) if task.notebook else None,
            }
        )

    def _read_names(self) -> tuple[Path, ...]:
        """Return policy, contract and sources, there or not, as far as the files that name them can be read."""
        try:
            settings = configuration.load_settings(self.root)
            named = [self.root / settings.policy, self.root / settings.contract]
        except ConfigError:
            named = [self.root / "monitoring/policy.yaml", self.root / "monitoring/contract.yaml"]
        sources = checks.sources(self.root / "pipeline.yaml")
        return (*named, *(self.root / source for source in sources if source))

    def problem(self, error: RoadworthyError) -> Problem:
        """Return what a failure is and where it is to be mended, as the page is told."""
        inside = error.file is not None and error.file.resolve().is_relative_to(self.root)
        file = error.file.resolve().relative_to(self.root).as_posix() if inside and error.file else ""
        return Problem(file=self.below(file), line=error.line, message=self._fact(error), next=error.next_step)

    def _fact(self, error: RoadworthyError) -> str:
        return error.fact.replace(f"{self.root}/", "")


class Projects:
    """All projects below the folder that Jupyter serves which somebody has open."""

    def __init__(self, served: Path) -> None:
        self._served = served.resolve()
        self._lock = threading.Lock()
        self._opened: dict[Path, Opened] = {}

    def of(self, place: Path) -> Opened:
        """Return the project of a file or folder below the served one.

        Raises
        ------
        ProjectError
            When it belongs to none, or to one that begins above the served folder.
        """
        root = _root(place if place.is_dir() else place.parent)
        if not root.is_relative_to(self._served):
            raise ProjectError(
                f"The project {root.name} begins above the folder that Jupyter serves.",
                "Start JupyterLab in the project's folder.",
            )
        with self._lock:
            if root not in self._opened:
                self._opened[root] = Opened(root, self._served)
            self._opened[root].asked = time.monotonic()
            return self._opened[root]

    def foresee(self) -> None:
        """Look at the project of the served folder itself, if it was ever used, before anybody asks."""
        try:
            opened = self.of(self._served)
            if opened.config.private().is_dir():
                opened.described(), opened.tasks()
        except RoadworthyError:  # there is none, or it is broken, which whoever asks is told
            return

    @property
    def all(self) -> tuple[Opened, ...]:
        """Those that are open; one whose folder has gone is closed."""
        with self._lock:
            gone = [self._opened.pop(root) for root in [*self._opened] if not root.is_dir()]
            there = tuple(self._opened.values())
        for opened in gone:
            opened.close()
        return there

    def close(self) -> None:
        """Close them all."""
        for opened in self.all:
            opened.close()


def _root(folder: Path) -> Path:
    try:
        return configuration.find_root(folder)
    except ConfigError as error:  # a pyproject.toml that is no TOML: it may well be the project's
        if error.file is None:
            raise
        return error.file.parent.resolve()


def _readable(path: Path) -> Contract | None:
    try:
        return contracts.read(path)
    except RoadworthyError:
        return None


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a file is written; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
