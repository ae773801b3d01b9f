"""Following the state: a service switches versions without a restart, and tells the state how it is.

One reference holds the versions that answer; a request takes it once and uses it throughout. A version that cannot be
loaded, or fails its own smoke request, is refused, and the old one answers on.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import RegistryError, RoadworthyError
from roadworthy.records import CHALLENGER, CHAMPION, Deployment, HistoryEntry, Rollout, Served, Severity, now
from roadworthy.registry import LoadedModel
from roadworthy.serving import metrics, tokens
from roadworthy.serving.lineup import LineUp, Ready
from roadworthy.serving.schema import Inspector
from roadworthy.serving.telemetry import LOG
from roadworthy.serving.tokens import TokenBook
from roadworthy.state import State

_POLL_SECONDS = 0.25
_HEARTBEAT_SECONDS = 2.0
_SILENT_SECONDS = 60.0  # an observer that was not heard of for so long does not live
_RETRY_REFUSED_SECONDS = 30.0
_RECENT = 50


@dataclass(frozen=True)
class _Refusal:
    """A version that could not be taken, as it was wanted then."""

    version: str
    wanted_since: datetime | None
    at: float


class Follower:
    """A thread that keeps the champion loaded, the challenger of a rollout beside it, and the tokens known.

    Parameters
    ----------
    config
        The project.
    dataset
        What the service's requests are made of; a version that needs other columns is refused.
    book
        Filled with what the state knows of tokens.
    """

    def __init__(self, config: Config, dataset: Dataset, book: TokenBook) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._config = config
        self._dataset = dataset
        self._book = book
        self._lineup = LineUp()
        self._since = now()
        self._state: State | None = None
        self._problems: dict[str, str] = {}
        self._refused: dict[str, _Refusal] = {}
        self._lost, self._spooled = 0, 0
        self._served: tuple[Served, ...] = ()
        self._reported: tuple[object, ...] | None = None
        self._reported_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow-champion", daemon=True)

    @property
    def lineup(self) -> LineUp:
        """The versions that answer."""
        return self._lineup

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
            LOG.warning("%s", problem)

    def tell(self, *, lost: int, spooled: int, served: tuple[Served, ...] = ()) -> None:
        """Set what the next heartbeat says: rows lost so far, bytes that wait in the spool, what was answered."""
        self._lost, self._spooled, self._served = lost, spooled, served

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
                LOG.warning("%s", error.fact)
            self._state.close()

    def look(self) -> None:
        """Follow the pointers and report; whatever goes wrong becomes the reported problem."""
        try:
            state = self._open()
            self._book.replace(state.tokens())
            alias, rollout = state.alias(CHAMPION), state.running_rollout()
            self.note("state", None)
            self._follow_champion(state, alias.version if alias else None, alias.since if alias else None)
            under_another = rollout is not None and alias is not None and rollout.champion != alias.version
            self._follow_rollout(state, None if under_another else rollout)  # the next look of an observer ends it
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
            try:
                tokens.local(self._config, self._state)
            except (
                RoadworthyError
            ) as error:  # as where nothing can be written; the tools of this machine then have none
                LOG.warning("%s", error.fact)
        return self._state

    # --- the champion

    def _follow_champion(self, state: State, version: str | None, since: datetime | None) -> None:
        present = self._lineup.champion
        if version is None or (present is not None and present.tag == version):
            self._accept(CHAMPION)
            return
        ready = self._ready(state, CHAMPION, version, since)
        if ready is not None:
            self._lineup, self._since = replace(self._lineup, champion=ready), now()
            if present is not None:
                metrics.LIVE.labels(present.tag).set(0)
            metrics.LIVE.labels(version).set(1)
            LOG.info("Version %s answers from now on.", version)

    # --- the challenger of a rollout

    def _follow_rollout(self, state: State, rollout: Rollout | None) -> None:
        if rollout is None:
            self._accept(CHALLENGER)
            if self._lineup.rollout is not None:
                self._lineup = replace(self._lineup, challenger=None, rollout=None)
            return
        present = self._lineup.challenger
        if present is None or present.tag != rollout.challenger:
            present = self._ready(state, CHALLENGER, rollout.challenger, rollout.started)
        # A rollout of a challenger that cannot be loaded goes nowhere: without requests it ends by its patience.
        self._lineup = replace(self._lineup, challenger=present, rollout=rollout if present else None)

    # --- taking a version, or refusing it

    def _ready(self, state: State, role: str, version: str, since: datetime | None) -> Ready | None:
        """Return a version loaded and proved by its smoke request; None when it is refused."""
        other = {CHAMPION: self._lineup.challenger, CHALLENGER: self._lineup.champion}[role]
        if other is not None and other.tag == version:  # a promoted challenger is in memory already
            self._accept(role)
            return other
        if self._refused_lately(role, version, since):
            return None
        try:
            model = registry.load(self._config, version)
            self._check_columns(model)
            registry.smoke(model)
        except Exception as error:  # whatever a broken version raises, the old one must answer on
            reason = error.fact if isinstance(error, RoadworthyError) else f"{type(error).__name__}: {error}."
            self._refuse(state, role, version, since, reason)
            return None
        self._accept(role)
        return Ready(model, Inspector(self._dataset, model.seen))

    def _accept(self, role: str) -> None:
        self._refused.pop(role, None)
        self.note(role, None)

    def _refused_lately(self, role: str, version: str, since: datetime | None) -> bool:
        refused = self._refused.get(role)
        if refused is None or (refused.version, refused.wanted_since) != (version, since):
            return False
        return time.monotonic() - refused.at < _RETRY_REFUSED_SECONDS

    def _refuse(self, state: State, role: str, version: str, since: datetime | None, reason: str) -> None:
        again = role in self._refused and self._refused[role].wanted_since == since
        self._refused[role] = _Refusal(version, since, time.monotonic())
        former = self._lineup.champion.tag if self._lineup.champion else None
        stays = f"{former} answers on." if former else "No version answers."
        self.note(role, f"Version {version} was refused: {reason} {stays}")
        told = again or any(
            entry.action == "refuse" and entry.version_to == version and (since is None or entry.at >= since)
            for entry in state.history(limit=_RECENT)
        )
        if not told:
            entry = HistoryEntry(
                who=f"service {self.id}", action="refuse", version_from=former, version_to=version, reason=reason
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
        lineup = self._lineup
        version = lineup.champion.tag if lineup.champion else None
        challenger = lineup.challenger.tag if lineup.challenger else None
        seen = (version, challenger, self.problem, self._lost)
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
                challenger=challenger,
                lost=self._lost,
                spooled=self._spooled,
                served=self._served,
            )
        )
        _count(state)
        self._reported, self._reported_at = seen, time.monotonic()


def _count(state: State) -> None:
    """Let /metrics tell what the state knows of alerts and observers: who is told by nobody else sees it there."""
    alerts = state.open_alerts()
    for severity in get_args(Severity):
        metrics.ALERTS.labels(severity).set(sum(alert.severity == severity for alert in alerts))
    metrics.UNDELIVERED.set(sum(bool(alert.error) for alert in alerts))
    heard_since = now() - timedelta(seconds=_SILENT_SECONDS)
    metrics.OBSERVERS.set(sum(one.runs and one.heartbeat >= heard_since for one in state.observers()))
