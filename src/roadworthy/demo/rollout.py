"""A better challenger on trial: it answers a share of the traffic, and is led on by the policy's rules."""

from __future__ import annotations

from rich.console import Console

from roadworthy import registry, rollouts
from roadworthy.project import Project
from roadworthy.records import Evidence, ModelVersion, Rollout
from roadworthy.serving.rollout.rule import percent
from roadworthy.terminal.rollout import show_rollout


def lead_on(project: Project, console: Console) -> ModelVersion | None:
    """Look at the running rollout, tell where it stands, and return the version that it has promoted, if it has."""
    before = project.state.running_rollout()
    found = rollouts.look(project, who="policy")
    if before is None or found is None:
        return None
    console.print(f"  {_standing(before, found)}", highlight=False)
    if found.state == "running":
        return None
    show_rollout(console, rollouts.kept(project))
    return registry.resolve(project.state, found.challenger) if found.state == "promoted" else None


def _standing(before: Rollout, found: Rollout) -> str:
    """Return what was found of the step that the rollout was in, and where it goes from there."""
    judged = [one for one in found.evidence if one.step == before.step]
    requests = max((one.n for one in judged), default=0)
    onward = f"; from now on {percent(found.share)}" if found.step != before.step else ""
    return (
        f"the challenger answers {percent(before.share)} of the traffic, {requests:,} requests so far: "
        f"{', '.join(map(_bound, judged))}{onward}"
    )


def _bound(found: Evidence) -> str:
    return f"{found.bound} {found.verdict}"
