"""Following the champion: a service switches versions without a restart, and tells the state how it is.

One reference holds the version that answers; a request takes it once and uses it throughout. A version that cannot
be loaded, or fails its own smoke request, is refused, and the old one answers on.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import RegistryError, RoadworthyError
from roadworthy.records import CHAMPION, Alias, Deployment, HistoryEntry, now
from roadworthy.registry import LoadedModel
from roadworthy.state import State

_LOG = logging.getLogger("bentoml.serve")  # the logger that `bentoml serve` shows
_POLL_SECONDS = 0.5
_HEARTBEAT_SECONDS = 2.0
_RETRY_REFUSED_SECONDS = 30.0
_RECENT = 50


class Follower:
    """A thread that keeps the champion loaded.

    Parameters
    ----------
    config
        The project.
    dataset
        What the service's requests are made of; a version that needs other columns is refused.
    """

    def __init__(self, config: Config, dataset: Dataset) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._config = config
        self._dataset = dataset
        self._model: LoadedModel | None = None
        self._since = now()
        self._state: State | None = None
        self._problems: dict[str, str] = {}
        self._refused: tuple[Alias, float] | None = None
        self._reported: tuple[str | None, str | None] | None = None
        self._reported_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow-champion", daemon=True)

    @property
    def model(self) -> LoadedModel | None:
        """The version that answers; None while there is none."""
        return self._model

    @property
    def problem(self) -> str | None:
        """What is wrong with this service at present, in words."""
        return " ".join(self._problems.values()) or None

    def note(self, part: str, problem: str | None) -> None:
        """Set or clear a part's problem; it is told to the state with the next heartbeat, and logged once."""
        if problem is None:
            self._problems = {key: value for key, value in self._problems.items() if key != part}
        elif self._problems.get(part) != problem:
            self._problems = {**self._problems, part: problem}
            _LOG.warning("%s", problem)

    def start(self) -> None:
        """Look once, so that the first request finds the champion, and then follow in the background."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Stop following, and take this service off the list of running ones."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        if self._state is not None:
            try:
                self._state.forget_deployment(self.id)
            except RoadworthyError as error:  # the list forgets it by its missing heartbeat
                _LOG.warning("%s", error.fact)
            self._state.close()

    def look(self) -> None:
        """Follow the champion's pointer and report; whatever goes wrong becomes the reported problem."""
        try:
            state = self._open()
            alias = state.alias(CHAMPION)
            self.note("state", None)
            self._follow(state, alias)
            self._report(state)
        except RoadworthyError as error:
            self.note("state", f"{error.fact} The service answers on with what it has.")
        except Exception as error:  # a thread that ends here would leave the service on this version for ever
            self.note("state", f"Following the champion failed: {type(error).__name__}: {error}.")

    def _run(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            self.look()

    def _open(self) -> State:
        if self._state is None:
            self._state = State.open(self._config.state_address)
        return self._state

    def _follow(self, state: State, alias: Alias | None) -> None:
        if alias is None or (self._model is not None and self._model.tag == alias.version):
            self._refused = None
            self.note("version", None)
        elif not self._refused_lately(alias):
            self._switch(state, alias)

    def _refused_lately(self, alias: Alias) -> bool:
        if self._refused is None:
            return False
        refused, at = self._refused
        return refused == alias and time.monotonic() - at < _RETRY_REFUSED_SECONDS

    def _switch(self, state: State, alias: Alias) -> None:
        try:
            model = registry.load(self._config, alias.version)
            self._check_columns(model)
            registry.smoke(model)
        except Exception as error:  # whatever a broken version raises, the old one must answer on
            reason = error.fact if isinstance(error, RoadworthyError) else f"{type(error).__name__}: {error}."
            self._refuse(state, alias, reason)
        else:
            self._model, self._since, self._refused = model, now(), None
            self.note("version", None)
            _LOG.info("Version %s answers from now on.", alias.version)

    def _refuse(self, state: State, alias: Alias, reason: str) -> None:
        self._refused = (alias, time.monotonic())
        former = self._model.tag if self._model else None
        stays = f"{former} answers on." if former else "No version answers."
        self.note("version", f"Version {alias.version} was refused: {reason} {stays}")
        told = any(
            entry.action == "refuse" and entry.version_to == alias.version and entry.at >= alias.since
            for entry in state.history(limit=_RECENT)
        )
        if not told:
            entry = HistoryEntry(
                who=f"service {self.id}", action="refuse", version_from=former, version_to=alias.version, reason=reason
            )
            state.append_history(entry)

    def _check_columns(self, model: LoadedModel) -> None:
        served = self._dataset.dtypes
        wanted = {column.name: column.dtype for column in model.dataset.with_role("feature")}
        differing = [name for name, dtype in wanted.items() if served.get(name) != dtype]
        if differing:
            raise RegistryError(
                f"It was trained under another contract: {', '.join(differing)} differ from what requests carry.",
                "Restart the service with the contract that the version was trained under.",
            )

    def _report(self, state: State) -> None:
        version = self._model.tag if self._model else None
        seen = (version, self.problem)
        if seen == self._reported and time.monotonic() - self._reported_at < _HEARTBEAT_SECONDS:
            return
        state.heartbeat(
            Deployment(
                id=self.id,
                pid=os.getpid(),
                version=version,
                since=self._since,
                heartbeat=now(),
                problem=self.problem,
            )
        )
        self._reported, self._reported_at = seen, time.monotonic()
