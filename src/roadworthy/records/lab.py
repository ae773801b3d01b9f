"""Records of what JupyterLab shows of a project. Its page has the same as TypeScript, made of these by `make docs`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from roadworthy.records.actions import Alert, Decision, Observer, Retraining, Severity
from roadworthy.records.base import Moment, Record, Verdict, now
from roadworthy.records.data import RunRecord
from roadworthy.records.monitoring import Performance, Window, WindowReport
from roadworthy.records.serving import Rollout
from roadworthy.records.versions import Deployment, GateVerdict, HistoryEntry, MetricReading

EVENTS = "urn:roadworthy:events:lab:v1"  # what Jupyter's event system knows a LabEvent by
TaskStanding = Literal["fresh", "stale", "running", "failed", "unknown"]
ProductState = Literal["there", "missing", "edited"]
JobState = Literal["running", "done", "failed", "cancelled"]
_MOST_HOURS = 24.0 * 366


class Problem(Record):
    """Something in a project's files that keeps a part of it from being read, and where to mend it."""

    file: str = Field(description="below the server's root, so that it can be opened there; blank when it is no file's")
    line: int | None = Field(default=None, description="counted from 1")
    message: str
    next: str = Field(description="what to do")


class Refusal(Record):
    """What the server answers when it could not do what was asked."""

    message: str
    next: str = Field(description="what to do; blank when it is not known")
    problem: Problem | None = Field(default=None, description="the place, when a file of the project is at fault")


class LabProject(Record):
    """The project that a path belongs to."""

    found: bool = Field(description="the path is in a project; otherwise the other fields are blank")
    folder: str = Field(default="", description="its root, below the server's root; blank when it is that root")
    name: str = ""
    version: str = Field(description="of the server's side; the page compares its own")
    problems: tuple[Problem, ...] = ()


class LabProduct(Record):
    """A product of a task and how it stands."""

    path: str = Field(description="below the server's root")
    state: ProductState = Field(description="edited: by hand, after the task had made it")


class LabTask(Record):
    """A task of the pipeline and how it stands."""

    name: str
    source: str = Field(description="the notebook or script, below the server's root; blank for a task of another kind")
    standing: TaskStanding
    reasons: tuple[str, ...] = Field(default=(), description="why, in words, such as '2 cells changed'")
    upstream: tuple[str, ...] = ()
    products: tuple[LabProduct, ...] = Field(default=(), description="the executed notebook included")
    notebook: str | None = Field(default=None, description="the executed notebook, below the server's root")
    last_run: str | None = Field(default=None, description="the newest run that executed it")
    last_ended: Moment | None = None
    seconds: float | None = Field(default=None, description="how long it took then")
    failed_cell: int | None = Field(default=None, description="index of the failing cell in its source, from 0")
    error: str | None = None


class LabPipeline(Record):
    """All tasks, each after those that it builds on."""

    project: LabProject
    tasks: tuple[LabTask, ...] = ()
    job: Job | None = Field(default=None, description="the build that runs at present, whoever started it")


class LabNotebook(Record):
    """What is known of a notebook that is open."""

    project: LabProject
    task: LabTask | None = Field(default=None, description="None when it is no task of the pipeline")
    parameters: tuple[LabParameter, ...] = ()
    parameters_cell: int | None = Field(
        default=None, description="index of the tagged cell, from 0; None: there is none"
    )


class LabParameter(Record):
    """A parameter as its line in the tagged cell declares it."""

    name: str
    type: Literal["text", "integer", "number", "boolean", "choice", "list", "mapping", "other"]
    annotation: str = Field(default="", description="as written, such as 'int | None'")
    optional: bool = Field(default=False, description="None is a value of it")
    choices: tuple[str, ...] = Field(default=(), description="as written, of a Literal")
    default: Any = Field(default=None, description="its value in the cell; None where it is no literal")
    written: str = Field(default="", description="the default as it stands in the cell")
    value: Any = Field(default=None, description="what pipeline.yaml and env.yaml give it; the default otherwise")
    key: str | None = Field(default=None, description="the key of env.yaml that sets it; None where none does")
    secret: bool = Field(default=False, description="its value is a secret and is never shown")
    help: str = Field(default="", description="the comment on its line, or above it")


class JobRequest(Record):
    """A build that somebody asks for."""

    path: str = Field(description="any path in the project, below the server's root")
    only: tuple[str, ...] = Field(default=(), description="these tasks and what they need; all when empty")
    needs: bool = Field(
        default=True,
        description="what those tasks need is brought up to date first; otherwise they run on what is there",
    )
    parameters: dict[str, Any] = Field(default={}, description="key of env.yaml or parameter's name -> value")
    alone: bool = Field(
        default=False,
        description="run the notebook of the one task with these parameters aside: the pipeline's products stay",
    )
    force: bool = False


class JobTask(Record):
    """How far one task of a build is."""

    name: str
    state: Literal["waiting", "running", "done", "failed", "fresh", "held back"]
    seconds: float | None = None
    words: str = ""


class Job(Record):
    """A build as a process of its own; it goes on when the page or the server is closed."""

    id: str
    project: str = Field(description="the project's folder below the server's root")
    state: JobState
    request: JobRequest | None = Field(default=None, description="None when it was not started from JupyterLab")
    who: str = ""
    started: Moment
    ended: Moment | None = None
    tasks: tuple[JobTask, ...] = ()
    log: str = Field(default="", description="the newest lines of what it said, without secrets")
    run: str | None = Field(default=None, description="the run that it is recorded as")
    error: str | None = Field(default=None, description="what went wrong")
    next: str = Field(default="", description="what to do about it")
    failed_task: str | None = None
    failed_source: str | None = Field(default=None, description="its notebook, below the server's root")
    failed_cell: int | None = Field(default=None, description="index of the failing cell in the source, from 0")
    executed: str | None = Field(default=None, description="the executed notebook, of a task that was run alone")


class TaskRun(Record):
    """One execution of a task, as its history tells it."""

    run: RunRecord
    task: str
    state: Literal["done", "failed", "skipped"]
    started: Moment
    seconds: float
    parameters: dict[str, Any] = Field(default={}, description="without the values of secrets")
    reads: dict[str, int] = Field(default={}, description="table -> version that it read")
    metrics: dict[str, float] = Field(default={})
    who: str = Field(default="", description="who built")
    notebook: str | None = Field(default=None, description="the executed notebook below the server's root, if there")
    kept: bool = Field(default=False, description="that notebook is this run's own, and no later one's")
    error: str | None = None


class LabVersion(Record):
    """A version that an alias points at, or that one may go back to."""

    version: str
    since: Moment | None = None
    created: Moment
    metrics: dict[str, MetricReading] = Field(default={})
    gate: GateVerdict
    run: str = ""


class TrafficPart(Record):
    """What one version answered in one window, or of late."""

    version: str
    window: Window | None = Field(default=None, description="None: of late, as the running services tell")
    requests: int | None = None
    rows: int = 0
    errors: int | None = None
    error_rate: float | None = None
    p50: float | None = Field(default=None, description="seconds")
    p99: float | None = Field(default=None, description="seconds")


class PerformancePoint(Record):
    """Performance of the version that a window is judged for."""

    window: Window
    version: str
    metric: str
    realised: MetricReading | None = None
    estimated: MetricReading | None = None
    estimate_trusted: bool = False
    labelled: int = 0
    rows: int = 0
    fell: bool = False


class DriftMark(Record):
    """A window's verdict, as one mark of a strip."""

    window: Window
    verdict: Verdict
    drifted: tuple[str, ...] = ()
    rows: int
    open: bool = False
    report: str | None = Field(default=None, description="its .drift.json below the server's root, when it is there")


class ProductionAct(Record):
    """Something that somebody may do to production, and what will happen when they do."""

    act: Literal["promote", "rollback", "approve", "reject"]
    possible: bool
    why_not: str = ""
    version_from: str | None = None
    version_to: str | None = None
    decision: str | None = Field(default=None, description="the decision's id, to approve or reject")
    title: str
    consequences: tuple[str, ...] = Field(default=(), description="what will happen, in sentences")


class LabProduction(Record):
    """What runs in production, how it does, and what may be done."""

    project: LabProject
    problem: str = ""
    champion: LabVersion | None = None
    challenger: LabVersion | None = None
    former: tuple[LabVersion, ...] = Field(default=(), description="that one may go back to, the last good one first")
    deployments: tuple[Deployment, ...] = ()
    traffic: tuple[TrafficPart, ...] = Field(default=(), description="of late first, then by window, newest first")
    performance: tuple[PerformancePoint, ...] = Field(default=(), description="oldest first")
    drift: tuple[DriftMark, ...] = Field(default=(), description="oldest first")
    alerts: tuple[Alert, ...] = Field(default=(), description="open, newest first")
    questions: tuple[Decision, ...] = ()
    retrainings: tuple[Retraining, ...] = ()
    rollout: Rollout | None = None
    observers: tuple[Observer, ...] = ()
    acts: tuple[ProductionAct, ...] = ()
    history: tuple[HistoryEntry, ...] = Field(default=(), description="newest first")
    may_act: bool = Field(default=True, description="this user has the right to change production")


class ActRequest(Record):
    """An act on production that somebody has confirmed."""

    path: str
    act: Literal["promote", "rollback", "approve", "reject"]
    version_to: str | None = None
    decision: str | None = None
    champion: str | None = Field(description="who was champion in the dialog: refused when that is no longer so")
    confirmed: Literal[True]
    reason: str = ""


class Acknowledging(Record):
    """That somebody sees to an alert."""

    path: str = Field(description="any path in the project, below the server's root")
    note: str = Field(default="", description="for whoever looks at it later")


class Muting(Acknowledging):
    """That nobody wants to hear of an alert's cause for some hours."""

    hours: float = Field(gt=0, le=_MOST_HOURS)


class PastReading(Record):
    """What a reading of an earlier window adds to a trend."""

    model_config = ConfigDict(extra="ignore")

    column: str
    verdict: Verdict
    effect: float
    effect_low: float | None = None
    effect_high: float | None = None
    threshold: float
    n_window: int
    importance: float | None = None


class PastWindow(Record):
    """What an earlier window adds to a report: of each reading no more than its place in a trend."""

    model_config = ConfigDict(extra="ignore")

    window: Window
    project: str
    rows: int
    labelled: int
    verdict: Verdict
    drifted: tuple[str, ...] = ()
    readings: tuple[PastReading, ...] = ()
    performance: tuple[Performance, ...] = ()


class LabReport(Record):
    """A report file, read for a page: what a ``.drift.json`` or a ``.profile.bin`` says."""

    path: str
    kind: Literal["window", "profile"]
    report: WindowReport | None = None
    former: tuple[PastWindow, ...] = Field(default=(), description="earlier windows beside it, oldest first")
    profile: tuple[ProfileColumn, ...] = ()
    rows: int = 0


class ProfileColumn(Record):
    """One column of a profile."""

    name: str
    kind: Literal["number", "text", "time", "boolean", "mixed", "empty"]
    rows: int
    missing: int
    distinct: float | None = None
    mean: float | None = None
    sd: float | None = None
    quantiles: dict[str, float] = Field(default={}, description="such as '0.5' -> value")
    frequent: dict[str, int] = Field(default={}, description="the most frequent values, most frequent first")
    bars: tuple[ProfileBar, ...] = ()


class ProfileBar(Record):
    """One bar of a column's histogram."""

    label: str
    stands_for: Literal["rest", "empty"] | None = Field(default=None, description="as in a Bar")
    low: float | Moment | None = None
    high: float | Moment | None = None
    share: float


class LabEvent(Record):
    """Something that happened, for whoever has the project open."""

    kind: Literal["job", "run", "alert", "switch", "report", "production", "files"]
    project: str = Field(description="the project's folder below the server's root")
    at: Moment = Field(default_factory=now)
    title: str = ""
    message: str = ""
    severity: Severity = "info"
    job: str | None = None
    state: JobState | None = None
    run: str | None = None
    alert: int | None = None
    report: str | None = Field(default=None, description="a report's path below the server's root")
    version_from: str | None = None
    version_to: str | None = None


LabPipeline.model_rebuild()
