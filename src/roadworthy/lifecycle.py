"""The loop: train, release, observe, decide, act. Each reads as its story; what a step is lives in its capability."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from roadworthy import candidate, decisions, gate, registry, rollouts
from roadworthy.audit import COMMAND_LINE, recorded
from roadworthy.data import ingest as ingestion
from roadworthy.data import quality
from roadworthy.data.ingest import OnProblem, OnProgress
from roadworthy.data.sources import Source, read_file
from roadworthy.errors import DataError, RoadworthyError
from roadworthy.monitoring import alerts, windows
from roadworthy.monitoring import report as reports
from roadworthy.observation import observe_window, read_traffic
from roadworthy.pipeline import build as pipeline
from roadworthy.project import Project
from roadworthy.records import (
    CHALLENGER,
    Comparison,
    Decision,
    Finding,
    HistoryEntry,
    Ingestion,
    ModelVersion,
    ReplayAccount,
    RunRecord,
    Window,
    WindowReport,
)
from roadworthy.serving import replay as replaying
from roadworthy.serving import tokens

_WATCH = "watch"  # through what an act of the policy comes, in the audit log
_RUNNING_SECONDS = 60.0  # a service that has not reported itself for so long has ended


def ingest(
    project: Project,
    source: Source,
    *,
    dataset: str | None = None,
    on_progress: OnProgress | None = None,
    on_problem: OnProblem | None = None,
) -> list[Ingestion]:
    """Take a source's batches through the contract into the dataset's versioned table; bad rows go to quarantine.

    Parameters
    ----------
    project
        The project.
    source
        From `roadworthy.data.sources.open_source`.
    dataset
        One of the contract's, by default the one that the model learns from.
    on_progress
        Called with the rows done and, where it is known, their number.
    on_problem
        Called for each batch that was not taken; without it they are raised, after all others were taken.

    Raises
    ------
    DataError, DataRefused
        When a batch cannot be read, is not what the contract names, or breaks it too often.
    """
    return ingestion.ingest_source(
        source,
        dataset=project.contract.dataset(dataset) if dataset else project.dataset,
        tables=project.tables,
        state=project.state,
        policy=project.config.policy.quarantine,
        on_progress=on_progress,
        on_problem=on_problem,
    )


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
    if promote or registry.champion(project.state) is None:
        registry.promote(project.config, project.state, version.tag, who=who, reason="passed the gate", origin=origin)
    else:
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
        Event time up to which all traffic is known to have come, by default the newest event time that was captured.
        A window that ends later is still open.

    Returns
    -------
    list of WindowReport
        The windows judged anew, oldest first. All are kept in the state; profiles and JSON stand in the reports
        folder.
    """
    traffic = read_traffic(project)
    judged = {report.window: report for report in project.state.windows()}
    found = []
    policy, latest = project.config.policy.window, traffic.latest
    closed = [report.window for report in judged.values() if not report.open]
    for window, rows in windows.split(traffic.times, policy, closed).items():
        still_open = windows.is_open(window, len(rows), policy, latest=latest, clock=max(latest, clock or latest))
        earlier = judged.get(window)
        now = (len(rows), traffic.labelled(rows), still_open)
        if earlier is None or now != (earlier.rows, earlier.labelled, earlier.open):
            found.append(observe_window(project, traffic, window, still_open=still_open, earlier=earlier))
            project.state.save_window(found[-1])
    return found


def decide(project: Project, report: WindowReport) -> Decision:
    """Decide about a window by the policy; nothing is done yet."""
    return decisions.decide(
        report,
        decisions.findings(report),
        project.config.policy,
        champion=registry.champion(project.state),
        past=project.state.decisions(),
    )


def act(project: Project, decision: Decision, *, who: str) -> Decision:
    """Do what was decided, tell the owners, and return the decision with its outcome, as it is kept.

    An act that fails is itself an outcome: it is recorded, and the next observation decides anew.
    """
    outcome = None
    alerts.tell(decision.findings, project.config, project.state)
    try:
        if decision.action == "retrain":
            outcome = _retrain(project, decision, who)
        elif decision.action == "rollback":
            entry = registry.rollback(project.config, project.state, who=who, reason=decision.reason, origin=_WATCH)
            outcome = f"rolled back to {entry.version_to} in {entry.seconds:.1f} s"
    except RoadworthyError as error:
        outcome = f"failed: {error.fact}"
    done = decision.model_copy(update={"outcome": outcome})
    project.state.add_decision(done)
    return done


def watch_once(project: Project, *, who: str, clock: datetime | None = None) -> list[Decision]:
    """Look at the running rollout, then observe, decide and act, once; return what was decided, oldest window first.

    The running services and the rollout are looked at first, whether or not there is traffic to judge. Only the two
    newest windows can lead to a retraining or a rollback: what an older one says has passed.
    """
    watch_services(project)
    rollouts.look(project, who=who)
    judged = observe(project, clock=clock)
    current = {judgement.window for judgement in project.state.windows()[-2:]}
    made = []
    for judgement in judged:
        decision = decide(project, judgement)
        if judgement.window not in current and decision.action in ("retrain", "rollback"):
            late = {"action": "alert", "reason": f"{decision.reason}; the window has passed"}
            decision = decision.model_copy(update=late)
        made.append(act(project, decision, who=who))
    resolve_quiet_alerts(project)
    return made


def watch_services(project: Project) -> tuple[Finding, ...]:
    """Tell the owners what is wrong with the running services, and resolve what no longer is; return what is."""
    found = _service_findings(project)
    alerts.tell(found, project.config, project.state)
    resolve_quiet_alerts(project)
    return found


def report(project: Project) -> Path:
    """Write everything found and done so far as report.json and report.html, and return the path of the page."""
    folder = project.config.path(project.config.settings.reports)
    folder.mkdir(parents=True, exist_ok=True)
    found = reports.collect(project.config, project.state)
    (folder / "report.json").write_text(reports.to_json(found), encoding="utf-8")
    page = folder / "report.html"
    page.write_text(reports.to_html(found), encoding="utf-8")
    return page


def resolve_quiet_alerts(project: Project) -> list[str]:
    """Resolve the open alerts whose cause neither the two newest windows nor a service shows any more; return them."""
    present = {finding.cause for judged in project.state.windows()[-2:] for finding in decisions.findings(judged)}
    present |= {finding.cause for finding in _service_findings(project)}
    present.add(alerts.UNDELIVERED)  # gone when what was not delivered is
    open_causes = [alert.cause for alert in project.state.open_alerts() if not rollouts.is_cause(alert.cause)]
    quiet = [cause for cause in open_causes if cause not in present]
    for cause in quiet:
        project.state.resolve_alert(cause)
    return quiet


def _service_findings(project: Project) -> tuple[Finding, ...]:
    running = project.state.deployments(within_seconds=_RUNNING_SECONDS)
    return decisions.service_findings(running, project.config.policy.capture)


def compare(project: Project, champion: str, challenger: str, window: Window) -> Comparison:
    """Compare two versions on the labelled rows of a window, paired."""
    return read_traffic(project).compare(project, champion, challenger, window)


def _retrain(project: Project, decision: Decision, who: str) -> str:
    """Train on the months before the window, and let challenger and champion answer the window's own rows."""
    start, end = _training_months(decision.window, project.config.policy.retrain.months)
    names = project.config.settings.pipeline
    products = f"{project.config.settings.model.products}/{start}_{end}"
    train(project, {names.start: start, names.end: end, names.products: products})
    version = release(project, who=who, products=products, origin=_WATCH)
    project.state.append_history(
        HistoryEntry(who=who, action="retrain", version_to=version.tag, reason=decision.reason)
    )
    champion = registry.champion(project.state)
    if champion is None or champion.tag == version.tag:
        return f"trained {version.tag} on {start} to {end}"
    comparison = compare(project, champion.tag, version.tag, decision.window)
    verdict = gate.judge(project.config, version.metrics, comparison)
    failed = [f"{check.name}: {check.fact}" for check in verdict.checks if not check.passed]
    if failed:
        return f"trained {version.tag} on {start} to {end}, not promoted: {'; '.join(failed)}"
    better = verdict.checks[-1].fact
    registry.promote(project.config, project.state, version.tag, who=who, reason=better, origin=_WATCH)
    return f"trained {version.tag} on {start} to {end}, promoted: {better}"


def _training_months(window: Window, months: int) -> tuple[str, str]:
    end = pd.Timestamp(window.start)
    start = end - pd.DateOffset(months=months)
    return start.strftime("%Y-%m-%d"), end.strftime("%Y-%m-%d")


def _nominate(project: Project, version: ModelVersion, who: str) -> None:
    entry = HistoryEntry(who=who, action="nominate", version_to=version.tag, reason="passed the gate")
    project.state.move_alias(CHALLENGER, version.tag, entry)
