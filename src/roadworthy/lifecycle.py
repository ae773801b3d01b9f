"""The loop: train, release, observe, decide, act. Each reads as its story; what a step is lives in its capability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from roadworthy import approvals, candidate, decisions, observers, registry, retraining, rollouts
from roadworthy.audit import COMMAND_LINE, recorded
from roadworthy.data import quality
from roadworthy.data.sources import read_file
from roadworthy.errors import ChampionChanged, DataError
from roadworthy.monitoring import alerts
from roadworthy.monitoring import report as reports
from roadworthy.observation import observe as observing
from roadworthy.observation import read_traffic
from roadworthy.pipeline import build as pipeline
from roadworthy.project import Project
from roadworthy.records import (
    CHALLENGER,
    Comparison,
    Decision,
    Finding,
    HistoryEntry,
    ModelVersion,
    ReplayAccount,
    RunRecord,
    Window,
    WindowReport,
    now,
)
from roadworthy.serving import replay as replaying
from roadworthy.serving import tokens

_RUNNING_SECONDS = 60.0  # a service that has not reported itself for so long has ended
_BY_HAND = (alerts.UNDELIVERED, observers.DIED, "retraining:")  # the first goes when what was not delivered is


def train(
    project: Project, parameters: Mapping[str, str] | None = None, *, on_event: pipeline.OnEvent | None = None
) -> RunRecord:
    """Run the pipeline by ``ploomber build``, with other env.yaml values when given, and return the run's record."""
    return pipeline.build(project.config, parameters or {}, on_event=on_event)


def release(
    project: Project, *, who: str, products: str | None = None, promote: bool = False, origin: str = COMMAND_LINE
) -> ModelVersion:
    """Put the products of a build through the gate and into the registry.

    The first version that passes becomes champion; a later one becomes challenger, or champion with ``promote``.
    A version that fails the gate is recorded all the same, with its reasons; see its ``gate``.

    Parameters
    ----------
    project
        The project.
    who
        Who releases; goes into the history.
    products
        Folder below the root with the build's products, by default the configured one.
    promote
        Make it champion at once.
    origin
        Through what it came; goes into the audit log.

    Raises
    ------
    PipelineError
        When a product is missing, or is not what the recorded run made.
    ConfigError
        When the file of one of the service's consumers is broken.
    RegistryError
        When there are consumers, and the model cannot be loaded for them to try it.
    """
    chosen = products or project.config.settings.model.products
    with recorded(project.state, who=who, act="release", target=chosen, origin=origin) as act:
        version = candidate.judged(project, project.root / chosen, who)
        act.target, act.detail = version.tag, f"run {version.run_id}"
        if not version.gate.passed:
            act.refuse("; ".join(f"{check.name}: {check.fact}" for check in version.gate.checks if not check.passed))
            return version
    if promote:
        registry.promote(project.config, project.state, version.tag, who=who, reason="passed the gate", origin=origin)
    elif not _promoted_first(project, version, who, origin):
        _nominate(project, version, who)
    return version


def replay(project: Project, file: Path, address: str | None, *, label_delay: timedelta) -> ReplayAccount:
    """Send a file's rows to a running service in the order of their time, and their labels late.

    Parameters
    ----------
    project
        The project.
    file
        CSV, Parquet or JSON lines with the contract's columns; a row without a label is never labelled.
    address
        The service, such as ``http://127.0.0.1:3000``; None takes the configured host and port.
    label_delay
        How long after its event time a row's label is sent.

    Raises
    ------
    DataError
        When the file cannot be read or a value is not of its column's type.
    ReplayError
        When the service cannot be reached, or refuses a row.
    """
    rows, failures = quality.cast(read_file(file), project.dataset)
    if len(failures):
        first = failures.iloc[0]
        raise DataError(
            f"{file}, row {first['row']}: {first['column']} is {first['value']!r}; {first['rule']}.",
            f"Correct {len(failures)} such values, then replay the file again.",
        )
    service = project.config.settings.service
    return replaying.replay(
        project.config,
        project.dataset,
        rows,
        address or f"http://{service.host}:{service.port}",
        label_delay=label_delay,
        token=tokens.local(project.config, project.state),
    )


def observe(project: Project, *, clock: datetime | None = None) -> list[WindowReport]:
    """Collect what the services captured and judge every window that has changed since it was last judged.

    Parameters
    ----------
    project
        The project.
    clock
        Event time up to which all traffic is known to have come, by default now, less the usual delay, or in a replay
        the newest event time that was captured. A window that ends later is still open.

    Returns
    -------
    list of WindowReport
        The windows judged anew, oldest first. All are kept in the state; profiles and JSON stand in the reports
        folder.
    """
    return observing(project, clock=clock)


def decide(project: Project, report: WindowReport) -> Decision:
    """Decide about a window by the policy; nothing is done yet.

    Only the two newest windows can lead to a retraining or a rollback: what an older one says has passed. Windows
    without rows are none of the two, and none that a retraining's cool-down counts.
    """
    judged = project.state.windows()
    silent = {one.window for one in judged if not one.rows}
    decision = decisions.decide(
        report,
        decisions.findings(report),
        project.config.policy,
        champion=registry.champion(project.state),
        past=[made for made in project.state.decisions() if made.window not in silent],
    )
    if report in _current(judged) or decision.action in ("nothing", "alert"):
        return decision
    late = {"action": "alert", "asks_for": None, "reason": f"{decision.reason}; the window has passed"}
    return decision.model_copy(update=late)


def act(project: Project, decision: Decision, report: WindowReport, *, who: str) -> Decision | None:
    """Do what was decided about a window's report, tell the owners, and return the decision as it is kept.

    An act that fails is itself an outcome. Of several who decide about the same report one acts; the others, or who
    decides about a window that has led to a retraining, get None. Whoever dies before the decision is kept leaves the
    report undecided, and the next look decides anew; what was decided by then is done by the next look.
    """
    alerts.tell(decision.findings, project.config, project.state)
    opening = retraining.plan(project, decision, report) if decision.action == "retrain" else None
    if not project.state.add_decision(decision, opening):
        return None
    if decision.rolls_back:
        approvals.take_back(project, decision, who=who)
    if opening is not None:
        retraining.go_on(project, who=who)
    return project.state.decision(decision.id)


def watch_once(project: Project, *, who: str, clock: datetime | None = None) -> list[Decision]:
    """Look once at everything: observe, decide and act; return what was decided, oldest window first.

    The observers, the running services, the rollout and the retrainings on their way are looked at first, whether or
    not there is traffic to judge.
    """
    observers.tell(project)
    watch_services(project)
    rollouts.look(project, who=who)
    approvals.carry_out(project, who=who)
    retraining.go_on(project, who=who)
    observe(project, clock=clock)
    acted = [act(project, decide(project, report), report, who=who) for report in _undecided(project)]
    alerts.tell(approvals.questions(project), project.config, project.state)
    resolve_quiet_alerts(project)
    return [decision for decision in acted if decision is not None]


def watch_services(project: Project) -> tuple[Finding, ...]:
    """Tell the owners what is wrong with the running services, and resolve what no longer is; return what is."""
    found = _service_findings(project)
    alerts.tell(found, project.config, project.state)
    resolve_quiet_alerts(project)
    return found


def report(project: Project) -> Path:
    """Write everything found and done so far as report.json and report.html, and return the path of the page."""
    folder = project.config.reports
    folder.mkdir(parents=True, exist_ok=True)
    found = reports.collect(project.config, project.state)
    (folder / "report.json").write_text(reports.to_json(found), encoding="utf-8")
    page = folder / "report.html"
    page.write_text(reports.to_html(found), encoding="utf-8")
    return page


def resolve_quiet_alerts(project: Project) -> list[str]:
    """Resolve the open alerts whose cause is not there any more, tell who had them, and return these causes.

    It is there while one of the two newest windows with rows, or one since in which none came, a service, an observer
    or a question that waits shows it: while nothing comes, what was found last has not gone. Some are resolved by hand
    alone, see `_BY_HAND`.
    """
    current = _current(project.state.windows())
    present = {finding.cause for report in current for finding in decisions.findings(report)}
    others = (*_service_findings(project), *observers.in_vain(project), *approvals.questions(project))
    present |= {finding.cause for finding in others}
    open_causes = [alert.cause for alert in project.state.open_alerts() if not rollouts.is_cause(alert.cause)]
    quiet = [cause for cause in open_causes if cause not in present and not cause.startswith(_BY_HAND)]
    for cause in quiet:
        project.state.resolve_alert(cause)
    if quiet:
        alerts.tell((), project.config, project.state)
    return quiet


def needs_somebody(project: Project) -> bool:
    """Whether an alert is open that nobody has acknowledged or muted; a question that waits is one."""
    moment = now()
    return any(alert.acknowledged is None and not alert.muted(moment) for alert in project.state.open_alerts())


def compare(project: Project, champion: str, challenger: str, window: Window) -> Comparison:
    """Compare two versions on the labelled rows of a window, paired."""
    return read_traffic(project).compare(project, champion, challenger, window)


def _service_findings(project: Project) -> tuple[Finding, ...]:
    running = project.state.deployments(within_seconds=_RUNNING_SECONDS)
    return decisions.service_findings(running, project.config.policy.capture)


def _current(reports: Sequence[WindowReport]) -> list[WindowReport]:
    """Return the windows that tell how things are: the two newest with rows, and those since in which none came."""
    places = [place for place, report in enumerate(reports) if report.rows]
    answered = [reports[place] for place in places[-2:]]
    return [*answered, *reports[places[-1] + 1 if places else 0 :]]


def _undecided(project: Project) -> list[WindowReport]:
    """Return the windows whose newest report nobody has decided about, oldest first."""
    made = project.state.decisions()
    known = {(decision.window, decision.judged) for decision in made}
    before = {decision.window: decision.at for decision in made if decision.judged is None and not decision.asks_for}
    return [
        report
        for report in project.state.windows()
        if (report.window, report.made) not in known
        and not (report.window in before and report.made <= before[report.window])  # as earlier versions kept them
    ]


def _promoted_first(project: Project, version: ModelVersion, who: str, origin: str) -> bool:
    """Make a version champion where there is none; of two that are released at once this is one of them alone."""
    if registry.champion(project.state) is not None:
        return False
    config, state, reason = project.config, project.state, "passed the gate"
    try:
        registry.promote(config, state, version.tag, who=who, reason=reason, origin=origin, instead_of=None)
    except ChampionChanged:
        return False
    return True


def _nominate(project: Project, version: ModelVersion, who: str) -> None:
    entry = HistoryEntry(who=who, action="nominate", version_to=version.tag, reason="passed the gate")
    project.state.move_alias(CHALLENGER, version.tag, entry)
