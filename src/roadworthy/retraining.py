"""Retraining: from a decision to a version in production, or to the reason why not.

Each retraining goes from step to step in the state database: train, release, compare, where the policy says so ask or
roll out, promote, watch. Whoever leads it on holds its lease and keeps renewing it; when that process dies the lease
runs out, and the next look goes on at the same step. Each step finds out what of it was done already: a build of what
is fresh does nothing, a version of that run is not made again, and a version that was promoted is not promoted again.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd

from roadworthy import candidate, decisions, gate, registry, rollouts
from roadworthy.audit import recorded
from roadworthy.config import RetrainPolicy
from roadworthy.errors import ChampionChanged, MonitoringError, RoadworthyError, StateError, TableError
from roadworthy.monitoring import alerts
from roadworthy.observation import read_traffic
from roadworthy.pipeline import build as pipeline
from roadworthy.project import Project
from roadworthy.records import (
    CHALLENGER,
    Comparison,
    Decision,
    HistoryEntry,
    ModelVersion,
    Retraining,
    Step,
    Window,
    WindowReport,
    now,
)

LEASE = timedelta(seconds=60)  # of a leader that falls silent; it renews it three times as often
_MOST_ATTEMPTS = 5  # at one step: who died there so often has died of it
_ENDLESS: tuple[Step, ...] = ("ask", "rollout", "watch")  # where waiting is no failure
_PASSING = (StateError, TableError)  # a store that is away may be there again at the next look
_WATCH = "watch"  # through what an act of the policy comes, in the audit log


def plan(project: Project, decision: Decision, report: WindowReport) -> Retraining:
    """Return the retraining that a decision leads to, not yet begun: on which data, and why on these."""
    start, end, why = training_data(report, project.state.windows(), project.config.policy.retrain)
    return Retraining(
        id=f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        window=decision.window,
        champion=decision.champion or "",
        decision=decision.id,
        reason=decision.reason,
        start=start,
        end=end,
        why=why,
        products=f"{project.config.settings.model.products}/{start}_{end}",
    )


def training_data(report: WindowReport, judged: Sequence[WindowReport], policy: RetrainPolicy) -> tuple[str, str, str]:
    """Return first day, first day after, and the reason, of the data that a window asks to be trained on.

    They end where the window begins: its own rows are kept for the comparison.

    Parameters
    ----------
    report
        The window that leads to the retraining.
    judged
        All windows so far, oldest first; drift began with the first of those that drifted without a break up to it.
        Windows without rows are no break.
    policy
        The months before, or since drift began.
    """
    end = pd.Timestamp(report.window.start)
    start = end - pd.DateOffset(months=policy.months)
    why = f"the {policy.months} months before the window"
    if policy.data == "since_drift":
        began = _drift_began(report, judged)
        if began is None:
            why = f"{why}, for drift began only in it"
        else:
            start, why = pd.Timestamp(began.start), f"since drift began, in the window from {began.name}"
    return start.strftime("%Y-%m-%d"), end.strftime("%Y-%m-%d"), why


def go_on(project: Project, *, who: str, lease: timedelta = LEASE) -> list[Retraining]:
    """Lead every retraining on as far as it goes, unless another does; return those that were led, as they are then.

    Parameters
    ----------
    who
        In whose name; goes into history and audit log.
    lease
        How long others wait for a leader that has fallen silent.

    Raises
    ------
    StateError, TableError
        When a store cannot be reached; the next call goes on from there.
    """
    led = [_led(project, known.id, who, lease) for known in project.state.retrainings() if known.step != "done"]
    return [retraining for retraining in led if retraining is not None]


# --- from step to step ---------------------------------------------------------------------------------------------


def _led(project: Project, retraining_id: str, who: str, lease: timedelta) -> Retraining | None:
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    present = project.state.claim_retraining(retraining_id, owner, now(), now() + lease)
    if present is None:
        return None
    with _held(project, retraining_id, owner, lease):
        while present.step != "done":
            further, asking = _next(project, present, who)
            if further is None:
                break
            if further.failed:
                alerts.tell([decisions.retraining_finding(further)], project.config, project.state)
            if not project.state.lead_on(further, after=present.step, owner=owner, asking=asking):
                break  # it took so long that another has taken it over
            present = further
    return present


def _next(project: Project, present: Retraining, who: str) -> tuple[Retraining | None, Decision | None]:
    """Do the present step; return how it stands then, and the question that it asks; (None, None) while it waits."""
    if present.attempts > _MOST_ATTEMPTS and present.step not in _ENDLESS:
        words = f"given up: it was begun {_MOST_ATTEMPTS} times at step {present.step!r} and never came to its end"
        return _ended(present, words, failed=True), None
    if present.step == "ask" and present.question is None:
        question = _question(present)
        return present.model_copy(update={"question": question.id}), question
    try:
        return _STEPS[present.step](project, present, who), None
    except _PASSING:
        raise
    except RoadworthyError as error:
        return _ended(present, f"failed at step {present.step!r}: {error.fact}", failed=True), None


@contextmanager
def _held(project: Project, retraining_id: str, owner: str, lease: timedelta) -> Iterator[None]:
    """Keep a lease from running out while its retraining is led on, and let go of it at the end."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(lease.total_seconds() / 3):
            try:
                if not project.state.renew_lease(retraining_id, owner, now() + lease):
                    return  # another has taken it over
            except StateError:  # tried again; when the database stays away the lease runs out
                continue

    thread = threading.Thread(target=renew, name="renew-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        project.state.free_lease(retraining_id, owner)


def _moved(present: Retraining, step: Step, **changes: object) -> Retraining:
    return present.model_copy(update={"step": step, "attempts": 1} | changes)


def _ended(present: Retraining, words: str, *, failed: bool = False) -> Retraining:
    return _moved(present, "done", outcome=words, failed=failed, ended=now())


# --- the steps -----------------------------------------------------------------------------------------------------


def _train(project: Project, present: Retraining, who: str) -> Retraining:
    names = project.config.settings.pipeline
    values = {names.start: present.start, names.end: present.end, names.products: present.products}
    run = pipeline.build(project.config, values)
    return _moved(present, "release", run=run.id)


def _release(project: Project, present: Retraining, who: str) -> Retraining:
    state = project.state
    version = next((v for v in state.versions() if v.run_id == present.run and v.created >= present.opened), None)
    if version is None:
        with recorded(state, who=who, act="release", target=present.products, origin=_WATCH) as act:
            version = candidate.judged(project, project.root / present.products, who)
            act.target, act.detail = version.tag, f"run {version.run_id}"
            if not version.gate.passed:
                act.refuse(_refusal(version))
    told = [entry for entry in state.history(limit=None) if entry.version_to == version.tag]
    if "retrain" not in [entry.action for entry in told]:
        reason = f"{present.reason}; on {present.why}"
        state.append_history(HistoryEntry(who=who, action="retrain", version_to=version.tag, reason=reason))
    further = present.model_copy(update={"version": version.tag})
    if not version.gate.passed:
        return _ended(further, f"{_trained(further)}, not promoted: {_refusal(version)}")
    if "nominate" not in [entry.action for entry in told]:
        entry = HistoryEntry(who=who, action="nominate", version_to=version.tag, reason="passed the gate")
        state.move_alias(CHALLENGER, version.tag, entry)
    return _moved(further, "compare")


def _compare(project: Project, present: Retraining, who: str) -> Retraining:
    challenger = registry.resolve(project.state, str(present.version))
    champion = registry.champion(project.state)
    if champion is None or champion.tag == challenger.tag:  # there is nobody to beat
        return _moved(present, "promote")
    comparison = compare(project, champion, challenger, present.window)
    compared = present.model_copy(update={"comparison": comparison, "question": None})
    verdict = gate.judge(project.config, challenger.metrics, comparison)
    failed = [f"{check.name}: {check.fact}" for check in verdict.checks if not check.passed]
    if failed:
        return _ended(compared, f"{_trained(compared)}, not promoted: {'; '.join(failed)}")
    return _moved(compared, project.config.policy.retrain.then)


def _ask(project: Project, present: Retraining, who: str) -> Retraining | None:
    question = project.state.decision(str(present.question))
    if question is None or question.waits:
        return None
    if question.answer == "rejected":
        note = f": {question.note}" if question.note else ""
        return _ended(present, f"{_trained(present)}, not promoted: {question.answered_by} rejected it{note}")
    return _moved(present, "promote")


def _roll_out(project: Project, present: Retraining, who: str) -> Retraining | None:
    """Let the version answer a rising share of the traffic, and do what that came to."""
    tag, state = str(present.version), project.state
    rollout = next((r for r in state.rollouts() if r.challenger == tag and r.started >= present.opened), None)
    if rollout is None:
        if _is_to_beat_another(project, present):
            return _moved(present, "compare")
        if state.running_rollout() is None:  # another's goes first
            rollouts.start(project, tag, mode="canary", who=who, reason=_better(present), origin=_WATCH)
        return None
    if rollout.state == "running":
        return None
    if rollout.state in ("promoted", "finished"):
        return _moved(present, "promote" if rollout.state == "promoted" else "ask")
    end = rollout.outcome if rollout.outcome.startswith(rollout.state) else f"{rollout.state}: {rollout.outcome}"
    return _ended(present, f"{_trained(present)}, not promoted: its rollout was {end}")


def _promote(project: Project, present: Retraining, who: str) -> Retraining:
    tag, state = str(present.version), project.state
    better = _better(present)
    promoted = next((e for e in state.history(limit=None) if (e.action, e.version_to) == ("promote", tag)), None)
    if promoted is None:
        if _is_to_beat_another(project, present):
            return _moved(present, "compare")
        beaten = present.comparison.champion if present.comparison else None
        try:
            promoted = registry.promote(
                project.config, state, tag, who=who, reason=better, origin=_WATCH, instead_of=beaten
            )
        except ChampionChanged:  # in the seconds in which it was tried
            return _moved(present, "compare")
    return _moved(present, "watch", promoted=promoted.at, outcome=f"{_trained(present)}, promoted: {better}")


def _watch(project: Project, present: Retraining, who: str) -> Retraining | None:
    tag, since = str(present.version), present.promoted or present.opened
    for entry in project.state.history(limit=None)[::-1]:
        if entry.version_from == tag and entry.at > since and entry.action in ("promote", "rollback"):
            end = "taken back" if entry.action == "rollback" else f"followed by {entry.version_to}"
            return _ended(present, f"{present.outcome}; {end}{f': {entry.reason}' if entry.reason else ''}")
    wanted = project.config.policy.retrain.watch_windows
    judged = [report for report in project.state.windows() if not report.open and _is_judged(report, tag)]
    if len(judged) < wanted:
        return None
    return _ended(
        present, f"{present.outcome}; it has kept its place in {wanted} windows" if wanted else present.outcome
    )


_STEPS: dict[Step, Callable[[Project, Retraining, str], Retraining | None]] = {
    "train": _train,
    "release": _release,
    "compare": _compare,
    "ask": _ask,
    "rollout": _roll_out,
    "promote": _promote,
    "watch": _watch,
}


# --- what the steps are made of ------------------------------------------------------------------------------------


def compare(project: Project, champion: ModelVersion, challenger: ModelVersion, window: Window) -> Comparison:
    """Compare two versions, paired, on the newest labelled rows that neither was trained on: from a window on.

    Raises
    ------
    MonitoringError
        When there are no such rows, or a version cannot answer them again.
    """
    learnt = [until for version in (champion, challenger) if (until := version.trained_until)]
    start = max([window.start, *(_midnight(until) for until in learnt)])
    end = max([window.end, *(report.window.end for report in project.state.windows())])
    if start >= end:
        raise MonitoringError(
            f"{champion.tag} and {challenger.tag} have learned from all there is to compare them on.",
            "Wait for newer traffic and its labels.",
        )
    return read_traffic(project).compare(project, champion.tag, challenger.tag, Window(start=start, end=end))


def _midnight(day: str) -> datetime:
    moment = datetime.fromisoformat(day)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _drift_began(report: WindowReport, judged: Sequence[WindowReport]) -> Window | None:
    """Return the first of the windows that drifted without a break up to a window; None when none before it did."""
    began = None
    for earlier in reversed([one for one in judged if one.rows and one.window.start < report.window.start]):
        if earlier.verdict != "drift" or earlier.reference != report.reference:
            break
        began = earlier.window
    return began


def _is_to_beat_another(project: Project, present: Retraining) -> bool:
    """Return whether the champion is another than the one that the version was compared with."""
    champion = registry.champion(project.state)
    return champion is not None and (present.comparison is None or champion.tag != present.comparison.champion)


def _is_judged(report: WindowReport, tag: str) -> bool:
    return any(p.version == tag and p.metrics for p in report.performance)


def _question(present: Retraining) -> Decision:
    return Decision(
        window=present.window,
        action="ask",
        asks_for="promote",
        reason=f"{_trained(present)}, {_better(present)}",
        champion=present.comparison.champion if present.comparison else None,
        target=present.version,
    )


def _trained(present: Retraining) -> str:
    return f"trained {present.version} on {present.start} to {present.end} ({present.why})"


def _better(present: Retraining) -> str:
    return gate.better(present.comparison).fact if present.comparison else "there was no champion"


def _refusal(version: ModelVersion) -> str:
    return "; ".join(f"{check.name}: {check.fact}" for check in version.gate.checks if not check.passed)
