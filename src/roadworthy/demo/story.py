"""The story: a project, its service and its traffic, and the year's chapters as they are lived through."""

from __future__ import annotations

import getpass
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pandas as pd
from rich.console import Console

from roadworthy import approvals, detectability, insight, lifecycle, observers, registry, rollouts, terminal
from roadworthy.demo.rollout import lead_on
from roadworthy.demo.stage import Plan, chapter, progress
from roadworthy.errors import GateRefused, MonitoringError, ProjectError
from roadworthy.monitoring import alerts
from roadworthy.project import Project
from roadworthy.records import CHAMPION, Decision, ModelVersion, now
from roadworthy.serving.replay import Replayer
from roadworthy.serving.server import Server
from roadworthy.terminal.detectability import show_detectability
from roadworthy.terminal.explanation import show_explanation
from roadworthy.terminal.progress import BuildDisplay
from roadworthy.terminal.rollout import show_rollout

MISTAKE = ("2013-03-01", "2013-03-04")  # three days of flights, as somebody in a hurry might train on
_WEEK = timedelta(days=7)
_SECONDS_TO_LIVE = 60.0  # until the watch has been heard of


@dataclass
class Story:
    """The running demo."""

    project: Project
    console: Console
    plan: Plan
    server: Server
    replayer: Replayer
    traffic: pd.DataFrame
    started: float = field(default_factory=time.monotonic)
    who: str = field(default_factory=getpass.getuser)

    @property
    def segmented(self) -> bool:
        """Whether parts of the traffic are judged by themselves."""
        return bool(self.project.config.policy.window.segments)

    def replay(self, start: str, end: str) -> None:
        """Send the flights of some days to the service."""
        time_column = self.project.dataset.time
        moments = self.traffic[time_column]
        begin, finish = (pd.Timestamp(day, tz="UTC") for day in (start, end))
        rows = self.traffic[(moments >= begin) & (moments < finish)]
        with progress(self.console, f"  flights of {start} to {end}", len(rows)) as advance:
            self.replayer.send(rows, on_progress=advance)

    def live(self, start: str, end: str) -> None:
        """Send the flights of some days; while a challenger answers a share of them, look at it each week."""
        day, last = date.fromisoformat(start), date.fromisoformat(end)
        while day < last:
            until = min(day + _WEEK, last) if self.project.state.running_rollout() else last
            self.replay(f"{day}", f"{until}")
            if promoted := lead_on(self.project, self.console):
                self.follow(promoted)
            day = until

    def look(self, *, clock: datetime | None = None) -> list[Decision]:
        """Observe, decide and act, answer what is asked, and tell what came of it."""
        decided = self._look(clock)
        asked = [decision for decision in decided if decision.waits]
        for question in asked:
            approvals.answer(self.project, question.id, approve=True, who=self.who, note="tried and compared first")
        if asked:
            self.console.print(f"  {self.who} approves; what was approved begins with the next look")
            decided += self._look(clock)
        for question in asked:
            if answered := self.project.state.decision(question.id):
                terminal.show_decision(self.console, answered)
        if asked and (rollout := self.project.state.running_rollout()):
            self.console.print(
                "  it is better beyond doubt; before it is promoted it is tried on traffic (retrain.then)"
            )
            self.server.wait_for_challenger(rollout.challenger)
            show_rollout(self.console, rollouts.kept(self.project))
        return decided

    def _look(self, clock: datetime | None) -> list[Decision]:
        before = registry.champion(self.project.state)
        decided = lifecycle.watch_once(self.project, who="policy", clock=clock)
        windows = {report.window: report for report in self.project.state.windows()}
        metric = self.project.config.settings.use_case.metric
        terminal.show_windows(self.console, [windows[d.window] for d in decided], metric)
        for decision in decided:
            terminal.show_decision(self.console, decision)
        after = registry.champion(self.project.state)
        if before and after and before.tag != after.tag:
            self.follow(after)
        return decided

    def follow(self, version: ModelVersion) -> None:
        """Wait until the running service answers with a version."""
        seconds = self.server.wait_for_version(version.tag)
        self.console.print(
            f"  the service answers with {terminal.short(version.tag)} after {seconds:.1f} s, without a restart"
        )


# --- the chapters --------------------------------------------------------------------------------------------------


def build_and_release(project: Project, console: Console) -> None:
    """Build the model, and release it into production."""
    chapter(console, 1, "Ingest and build", "ploomber build runs the notebooks; the data passes the contract first")
    with BuildDisplay() as display:
        run = lifecycle.train(project, on_event=display.take)
    for found in reversed(project.state.ingestions()):
        terminal.show_ingestion(console, found)
    chapter(console, 2, "The run", "what was made from what")
    terminal.show_run(console, run)
    chapter(console, 3, "Gate", "the use case and the owners decide")
    version = lifecycle.release(project, who=getpass.getuser())
    terminal.show_gate(console, version.gate)
    if not version.gate.passed:
        raise GateRefused(
            "The first version did not pass the gate; the demo has no champion to go on with.",
            "See the reasons above, and open the evaluation in products/evaluate.ipynb.",
        )
    console.print(f"  {version.tag} is champion")


def lose_the_watch(story: Story) -> None:
    """Start a watch and kill it as soon as it has been heard of: whoever looks later must notice."""
    project = story.project
    command = [sys.executable, "-m", "roadworthy.cli", "watch", "--every", "3600"]
    log = project.config.private("watch.log")
    with log.open("wb") as output:
        watch = subprocess.Popen(command, cwd=project.root, stdout=output, stderr=subprocess.STDOUT)
    until = time.monotonic() + _SECONDS_TO_LIVE
    while not project.state.observers():
        if watch.poll() is not None or time.monotonic() > until:
            raise ProjectError("`roadworthy watch` does not start.", f"See why in {log}.")
        time.sleep(0.1)
    watch.kill()
    watch.wait()
    story.console.print(
        f"  roadworthy watch, process {watch.pid}, is killed as it begins: the next to look must notice"
    )


def live_through_the_year(story: Story) -> None:
    """Send each month's flights, and look after each."""
    chapter(
        story.console, 5, "Traffic, month by month", "replayed in order over HTTP; labels follow a day after the flight"
    )
    story.console.print(
        "  after each month: observe, decide, act by monitoring/policy.yaml, which asks before it retrains\n"
        "  (actions.on_drift), and tries what is better on traffic before it promotes it (retrain.then)"
        + ("; it looks at each\n  origin too (window.segments)" if story.segmented else "")
    )
    (first, *later) = story.plan.slices
    story.replay(*first)
    story.look()
    story.console.print("\n  what would be found at this traffic, and how soon: roadworthy detectability")
    show_detectability(story.console, detectability.outlook(story.project))
    story.console.print()
    for start, end in later:
        story.live(start, end)
        story.look()


def mistake(story: Story) -> None:
    """Promote by force what is worse, and see whether the policy finds out."""
    chapter(story.console, 6, "A mistake and the way back", "somebody in a hurry trains on three days of flights")
    names = story.project.config.settings.pipeline
    products = "products/hurried"
    with BuildDisplay() as display:
        hurried = {names.start: MISTAKE[0], names.end: MISTAKE[1], names.products: products}
        lifecycle.train(story.project, hurried, on_event=display.take)
    version = lifecycle.release(story.project, who=story.who, products=products)
    terminal.show_gate(story.console, version.gate)
    try:
        entry = registry.promote(
            story.project.config, story.project.state, version.tag, who=story.who, reason="it trained so fast"
        )
    except GateRefused as refusal:
        story.console.print(f"  promote: {refusal.fact}", markup=False)
        entry = registry.promote(
            story.project.config, story.project.state, version.tag, who=story.who, reason="no time", force=True
        )
    story.console.print(f"  promoted{' by force' if entry.forced else ''}: {terminal.short(version.tag)}")
    story.follow(version)
    story.replay(story.plan.mistake_at, story.plan.found_by)
    decided = story.look()
    if not any(decision.action == "rollback" for decision in decided):
        story.console.print("  the policy found no reason to go back; somebody does it by hand: roadworthy rollback")
        registry.rollback(story.project.config, story.project.state, who=story.who, reason="it was a mistake")
        story.follow(champion(story.project))


def finish(story: Story) -> None:
    """Send the rest, and look once all labels are there; a rollout that begins then has no traffic to be tried on."""
    story.replay(story.plan.found_by, story.plan.end)
    story.replayer.flush()
    end = datetime.fromisoformat(story.plan.end).replace(tzinfo=UTC)
    story.look(clock=end)
    if story.project.state.running_rollout():
        rollouts.abort(story.project, who=story.who, reason="no more flights come")


def see_to_it(story: Story) -> None:
    """Ask why the newest window is as it is, and do about the alerts what their owners would."""
    project, console = story.project, story.console
    chapter(console, 8, "Why, and who sees to it", "of the newest window: roadworthy explain; then: roadworthy alerts")
    newest = [report for report in project.state.windows() if report.rows][-1]
    separation, pairs = insight.together(project, newest)
    try:
        explanation = insight.why(project, newest)
    except MonitoringError as error:
        explanation = None
        console.print(f"  {error.fact}", markup=False, highlight=False)
    show_explanation(console, newest.window, separation, pairs, explanation)
    _answer_alerts(project, story.who)
    console.print()
    terminal.show_alerts(
        console, [alert for alert in project.state.alerts() if alert.acknowledged or alert.resolved_by]
    )


def _answer_alerts(project: Project, who: str) -> None:
    """Resolve that a watch has died, acknowledge the gravest of the others, and mute the next."""
    state = project.state
    opened = sorted(state.open_alerts(), key=lambda alert: (alert.severity != "critical", alert.since))
    died = [alert for alert in opened if alert.cause == observers.DIED]
    others = [alert for alert in opened if alert.cause != observers.DIED]
    for alert in died:
        alerts.resolve(state, alert.cause, who=who, note="it was looked by hand meanwhile")
    for alert in others[:1]:
        alerts.acknowledge(state, alert.cause, who=who, note="looking into it")
    for alert in others[1:2]:
        alerts.mute(state, alert.cause, now() + timedelta(hours=24), who=who, note="one thing after another")


def champion(project: Project) -> ModelVersion:
    """Return the version in production."""
    return registry.resolve(project.state, CHAMPION)
