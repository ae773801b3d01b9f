"""What somebody may do to production, and what will happen when they do, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from roadworthy.monitoring.wording import interval, metric_name
from roadworthy.project import Project
from roadworthy.records import Decision, Deployment, HistoryEntry, ModelVersion, Observer, Rollout
from roadworthy.records.lab import ProductionAct

_SIGNED = "The history and the audit log get your name and your reason."


@dataclass(frozen=True)
class Scene:
    """Production as the acts find it.

    Attributes
    ----------
    former
        Versions that one may go back to, the last good one first.
    deployments
        The services that run.
    questions
        Decisions that wait for a person.
    rollout
        The one that is running.
    observers
        Those that run, or ended within a day.
    history
        All acts on production, newest first.
    """

    project: Project
    champion: ModelVersion | None
    challenger: ModelVersion | None
    former: Sequence[ModelVersion]
    deployments: Sequence[Deployment]
    questions: Sequence[Decision]
    rollout: Rollout | None
    observers: Sequence[Observer]
    history: Sequence[HistoryEntry]


def acts(scene: Scene) -> Iterator[ProductionAct]:
    """Yield what may be done: promote the challenger, go back to each former champion, answer each question."""
    yield _promote(scene)
    if scene.former:
        yield from (_rollback(scene, version) for version in scene.former)
    else:
        yield _no_way_back(scene)
    for question in scene.questions:
        yield _approve(scene, question)
        yield _reject(scene, question)


def bare(tag: str | None) -> str:
    """Return a version's own id, without the project's name.

    Examples
    --------
    >>> bare("late-flights:20261122-171500-3fa2"), bare(None)
    ('20261122-171500-3fa2', 'no version')
    """
    return tag.rpartition(":")[2] if tag else "no version"


# --- promote -------------------------------------------------------------------------------------------------------


def _promote(scene: Scene) -> ProductionAct:
    old, new = scene.champion, scene.challenger
    if new is None:
        why = "There is no challenger. Release a version; one that passes its gate becomes the challenger."
        return ProductionAct(
            act="promote", possible=False, why_not=why, version_from=_tag(old), title="Promote the challenger"
        )
    failed = "; ".join(f"{check.name}: {check.fact}" for check in new.gate.checks if not check.passed)
    why = f"{bare(new.tag)} did not pass its gate: {failed}. Only the command line overrules it." if failed else ""
    instead = f" in place of {bare(old.tag)}" if old else ""
    return ProductionAct(
        act="promote",
        possible=not failed,
        why_not=why,
        version_from=_tag(old),
        version_to=new.tag,
        title=f"Promote {bare(new.tag)}{instead}",
        consequences=tuple(_promoting(scene, old, new)),
    )


def _promoting(scene: Scene, old: ModelVersion | None, new: ModelVersion) -> Iterator[str]:
    yield from _switching(scene, old, new)
    yield from _at_release(scene, old, new)
    if old and old.contract_hash != new.contract_hash:
        yield (
            f"{bare(new.tag)} was made under another state of the contract: a service whose requests lack what it "
            f"needs refuses it, and {bare(old.tag)} answers on there."
        )
    yield from _rollout(scene, new)
    if old and scene.project.config.policy.actions.on_former_better == "rollback":
        yield f"Where {bare(old.tag)} would have answered a later window better, the policy goes back to it by itself."
    if old:
        yield f"{bare(old.tag)} is kept: you can go back to it."
    yield _SIGNED


def _switching(scene: Scene, old: ModelVersion | None, new: ModelVersion) -> Iterator[str]:
    name, count = bare(new.tag), len(scene.deployments)
    instead = f" in place of {bare(old.tag)}" if old else ""
    if count:
        services = "The service that runs follows" if count == 1 else f"The {count} services that run follow"
        yield f"{name} answers all requests{instead}. {services} within seconds, without a restart."
    else:
        yield f"{name} becomes champion{instead}. No service runs at present; the next one answers with it."
    stays = f"{bare(old.tag)} stays champion" if old else "nothing changes"
    yield f"{name} is loaded and must answer its smoke request first. When it cannot, {stays} and the history says so."


def _at_release(scene: Scene, old: ModelVersion | None, new: ModelVersion) -> Iterator[str]:
    """Compare what each reached at release; not on the same rows, so that no difference is told."""
    metric = scene.project.config.settings.use_case.metric
    told = [
        f"{bare(version.tag)} {interval(version.metrics[metric])}"
        for version in (new, old)
        if version and metric in version.metrics
    ]
    if told:
        rows = ", each on test rows of its own" if len(told) > 1 else ""
        yield f"{metric_name(metric)} at release: {', '.join(told)}{rows}."


def _rollout(scene: Scene, new: ModelVersion | None) -> Iterator[str]:
    rollout = scene.rollout
    if rollout is None:
        return
    if new is not None and rollout.challenger == new.tag:
        yield f"Its {rollout.mode} rollout, which is running, ends with this, before its bounds have been kept."
    else:
        yield f"The {rollout.mode} rollout of {bare(rollout.challenger)}, which is running, is aborted by this."


# --- roll back -----------------------------------------------------------------------------------------------------


def _rollback(scene: Scene, new: ModelVersion) -> ProductionAct:
    old = scene.champion
    why = "" if old else "No version is champion, so there is none to go back from."
    return ProductionAct(
        act="rollback",
        possible=old is not None,
        why_not=why,
        version_from=_tag(old),
        version_to=new.tag,
        title=f"Go back to {bare(new.tag)} from {bare(_tag(old))}",
        consequences=tuple(_going_back(scene, old, new)),
    )


def _going_back(scene: Scene, old: ModelVersion | None, new: ModelVersion) -> Iterator[str]:
    yield from _switching(scene, old, new)
    yield from _at_release(scene, old, new)
    if not new.gate.passed:
        yield f"{bare(new.tag)} did not pass its gate; it was champion by force."
    taken_back = (e for e in scene.history if (e.action, e.version_from) == ("rollback", new.tag))
    if (entry := next(taken_back, None)) is not None:
        because = f": {entry.reason.rstrip('.')}" if entry.reason else ""
        yield f"{bare(new.tag)} was taken back on {entry.at:%Y-%m-%d} by {entry.who}{because}."
    yield from _rollout(scene, None)
    if old:
        yield f"{bare(old.tag)} is kept, and counts as taken back: a later rollback does not lead to it by itself."
    yield _SIGNED


def _no_way_back(scene: Scene) -> ProductionAct:
    return ProductionAct(
        act="rollback",
        possible=False,
        why_not="No other version was champion before, so there is none to go back to.",
        version_from=_tag(scene.champion),
        title="Go back to the former champion",
    )


# --- questions -----------------------------------------------------------------------------------------------------


def _approve(scene: Scene, question: Decision) -> ProductionAct:
    present, tag = _tag(scene.champion), question.target
    changed = question.asks_for != "promote" and present != question.champion
    why = f"It was about {bare(question.champion)}, and {bare(present)} is champion now." if changed else ""
    title = {
        "retrain": "Approve the retraining",
        "promote": f"Approve: promote {bare(tag)} in place of {bare(present)}",
        "rollback": f"Approve: go back to {bare(tag)} from {bare(present)}",
    }[question.asks_for or "retrain"]
    return ProductionAct(
        act="approve",
        possible=not changed,
        why_not=why,
        version_from=present,
        version_to=tag,
        decision=question.id,
        title=title,
        consequences=(f"Asked for the window from {question.window.name}: {question.reason}.", *_yes(scene, question)),
    )


def _yes(scene: Scene, question: Decision) -> Iterator[str]:
    new = scene.project.state.version(question.target) if question.target else None
    if question.asks_for == "retrain":
        when = "with the next look" if _looked_after(scene) else "once `roadworthy watch` runs, which it does not now"
        yield f"A retraining begins {when}. {bare(_tag(scene.champion))} answers on meanwhile."
        retrain = scene.project.config.policy.retrain
        asks = "you are asked again before it is promoted" if retrain.then == "ask" else "it is promoted by itself"
        yield f"When the version that it makes passes its gate and is better on newer rows, {asks}."
    elif new is not None:
        yield from _switching(scene, scene.champion, new)
        if question.asks_for == "promote" and question.champion != _tag(scene.champion):
            yield f"It was compared with {bare(question.champion)}, and is first compared anew: the answer may be no."
        yield from _rollout(scene, new if question.asks_for == "promote" else None)
    yield _SIGNED


def _reject(scene: Scene, question: Decision) -> ProductionAct:
    present, tag = _tag(scene.champion), question.target
    title = {
        "retrain": "Reject the retraining",
        "promote": f"Reject: do not promote {bare(tag)}, keep {bare(present)}",
        "rollback": f"Reject: do not go back to {bare(tag)}, keep {bare(present)}",
    }[question.asks_for or "retrain"]
    if question.asks_for == "promote":
        then = f"The retraining that made {bare(tag)} ends here; the version is kept, and can still be promoted."
    else:
        then = "The question is closed. A later window may ask again."
    return ProductionAct(
        act="reject",
        possible=True,
        version_from=present,
        version_to=tag,
        decision=question.id,
        title=title,
        consequences=(f"Nothing changes in production: {bare(present)} answers on.", then, _SIGNED),
    )


def _looked_after(scene: Scene) -> bool:
    return any(one.runs for one in scene.observers)


def _tag(version: ModelVersion | None) -> str | None:
    return version.tag if version else None
