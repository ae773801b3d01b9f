"""The vocabulary: frozen records that cross modules. No input or output happens here.

Times are timezone-aware UTC; durations are seconds; sizes are bytes; shares are between 0 and 1.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field


def now() -> datetime:
    """Return the present moment, timezone-aware, in UTC."""
    return datetime.now(UTC)


def _as_utc(value: object) -> object:
    """Databases without zones hand back naive times; ours are always UTC."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_utc)]
Scope = Literal["predict", "feedback", "admin"]
OwnerRole = Literal["data", "model", "infrastructure", "monitoring"]
Verdict = Literal["drift", "no drift", "too little data"]
SMALLER_IS_BETTER = frozenset({"log_loss", "brier"})
CHAMPION, CHALLENGER = "champion", "challenger"


class Record(BaseModel):
    """Base of all records: frozen, and closed to unknown fields."""

    # built when first used: a command that prints one line should not pay for forty validators
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


# --- data and runs -----------------------------------------------------------------------------------------------


class Ingestion(Record):
    """One batch that went through the contract into a table."""

    dataset: str
    batch: str = Field(description="BLAKE3 of the batch's content: the same content twice adds nothing")
    source: str
    rows: int
    accepted: int
    quarantined: int
    reasons: dict[str, int] = Field(default={}, description="broken rule in words -> rows; a row may break several")
    absent: tuple[str, ...] = Field(default=(), description="columns that may be missing, and were not delivered")
    table_version: int
    repeated: bool = Field(default=False, description="the batch had been ingested before, nothing was added")
    at: Moment = Field(default_factory=now)


class TaskRecord(Record):
    """One executed task of a run."""

    name: str
    state: Literal["done", "failed", "skipped"]
    started: Moment
    seconds: float
    peak_memory: int | None = Field(default=None, description="bytes, the task's process and its children")
    source: str
    source_hash: str
    parameters: dict[str, Any] = {}
    parameter_hash: str = ""
    products: dict[str, str] = Field(default={}, description="path below the project's root -> BLAKE3 of its content")
    notebook: str | None = Field(default=None, description="path of the executed notebook")
    error: str | None = None
    code_hash: str = Field(default="", description="BLAKE3 of the code by cell, as the state keeps it")
    fingerprint: str = Field(default="", description="BLAKE3 of all that decides whether its products are fresh")
    inputs: dict[str, str] = Field(default={}, description="path that it read -> BLAKE3 of its content then")
    reads: dict[str, int] = Field(default={}, description="table -> version that it read")
    newest: tuple[str, ...] = Field(default=(), description="tables whose newest version it read, whichever that was")
    writes: dict[str, int] = Field(default={}, description="table -> last version that it made")
    attempts: int = Field(default=1, description="how often it was started, the last time included")
    kernel: Literal["warm", "plain"] | None = Field(default=None, description="how its kernel was started")
    kernel_reason: str = Field(default="", description="why it was plain although a warm one was wanted")


class RunRecord(Record):
    """One run of the pipeline: what was executed, from what, with which result."""

    id: str
    project: str
    builder: str = Field(default="", description="the machine and the folder that it runs in")
    state: Literal["running", "done", "failed", "interrupted"]
    started: Moment
    ended: Moment | None = None
    git_commit: str | None = None
    git_dirty: bool = False
    environment: dict[str, str] = Field(default={}, description="python, platform and package versions")
    parameters: dict[str, Any] = {}
    contract_hash: str = ""
    contract_version: str = ""
    tables: dict[str, int] = Field(default={}, description="dataset -> table version that was read or written")
    as_of: dict[str, int] = Field(default={}, description="dataset -> version that the run was told to read")
    jobs: int = Field(default=1, description="how many tasks could run at once")
    metrics: dict[str, float] = {}
    tasks: tuple[TaskRecord, ...] = ()


class Artifact(Record):
    """One file or folder as a task of a run made it."""

    path: str = Field(description="below the project's root")
    hash: str = Field(description="BLAKE3 of its content")
    run_id: str
    task: str
    fingerprint: str = Field(default="", description="of the task, when it made this")
    at: Moment = Field(default_factory=now)


class Pin(Record):
    """A table's version that somebody wants kept, and why."""

    dataset: str
    version: int
    name: str = Field(description="what it goes by, such as 'paper 2026'")
    who: str
    at: Moment = Field(default_factory=now)


# --- model versions ----------------------------------------------------------------------------------------------


class MetricReading(Record):
    """A metric's value with a 95 % interval, on n labelled rows."""

    metric: str
    value: float
    low: float
    high: float
    n: int


class GateCheck(Record):
    """One question the gate asked."""

    name: str
    passed: bool
    fact: str = Field(description="what was found, in words, with the figures")


class GateVerdict(Record):
    """All that the gate asked; it passes when every check passes."""

    checks: tuple[GateCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


class ModelVersion(Record):
    """A released model and what is needed to judge it."""

    tag: str = Field(description="name:version in BentoML's model store")
    created: Moment
    run_id: str
    metrics: dict[str, MetricReading] = {}
    gate: GateVerdict
    contract_hash: str
    tables: dict[str, int] = {}
    git_commit: str | None = None
    trained_from: str | None = Field(default=None, description="first moment of the training data")
    trained_until: str | None = Field(default=None, description="first moment after the training data")
    model_hash: str = Field(description="SHA-256 of the model file")
    model_file: str = Field(default="model.skops", description="the model's name among the version's files")
    archive_hash: str = Field(default="", description="SHA-256 of its file in the archive; blank when it has none")


class Comparison(Record):
    """Two versions on the same labelled rows, paired."""

    metric: str
    champion: str
    challenger: str
    champion_value: float
    challenger_value: float
    gain: float = Field(description="how much better the challenger is, in the metric's own unit; above 0 is better")
    low: float = Field(description="lower end of the gain's 95 % interval")
    high: float
    n: int

    @property
    def better(self) -> bool:
        """Whether the challenger is better beyond the interval's doubt."""
        return self.low > 0


class HistoryEntry(Record):
    """One act on production. The history is only ever added to."""

    at: Moment = Field(default_factory=now)
    who: str
    action: Literal["release", "nominate", "promote", "rollback", "refuse", "retrain", "approve", "rollout", "abort"]
    version_from: str | None = None
    version_to: str | None = None
    reason: str = ""
    forced: bool = False
    seconds: float = Field(default=0.0, description="how long the act took")


class Alias(Record):
    """A named pointer at a version, such as champion or challenger."""

    name: str
    version: str
    since: Moment


class Deployment(Record):
    """A running service process, as it last reported itself."""

    id: str
    pid: int
    version: str | None
    since: Moment
    heartbeat: Moment
    problem: str | None = None
    challenger: str | None = Field(default=None, description="version that a rollout has loaded beside it")
    lost: int = Field(default=0, description="answered rows that could not be recorded, since it started")
    spooled: int = Field(default=0, description="bytes that wait to be collected")


# --- who may do what, and what is being tried ----------------------------------------------------------------------


class AccessToken(Record):
    """A right to use the service, without the token itself: only its hash is kept."""

    id: str = Field(description="the token's public part, by which it is found and named")
    name: str = Field(description="whom or what it was made for")
    hash: str = Field(description="SHA-256 of the whole token")
    scopes: tuple[Scope, ...]
    created: Moment = Field(default_factory=now)
    by: str
    expires: Moment | None = None
    revoked: Moment | None = None

    def allows(self, scope: Scope, at: datetime) -> bool:
        """Whether it gives a right at a moment."""
        return scope in self.scopes and self.revoked is None and (self.expires is None or at < self.expires)


class AuditEntry(Record):
    """One administrative act, or the attempt at one. Only ever added to."""

    at: Moment = Field(default_factory=now)
    who: str = Field(description="a user, or a token's name and id")
    act: str = Field(description="such as 'promote' or 'create token'")
    target: str = Field(default="", description="what it was done to: a version, a token")
    outcome: Literal["done", "refused", "failed"]
    detail: str = ""
    origin: str = Field(default="command line", description="through what: the command line, or a service's address")


class Evidence(Record):
    """What was found of one bound of a rollout, at one look."""

    at: Moment = Field(default_factory=now)
    step: int
    bound: str = Field(description="error rate, slow share, difference or quality")
    value: float = Field(description="the challenger's, or its difference to the champion's where a bound says so")
    low: float = Field(description="lower end of its confidence sequence: valid however often one looks")
    high: float
    n: int = Field(description="requests of the challenger")
    limit: float
    verdict: Literal["kept", "broken", "too little data"]
    words: str


class Rollout(Record):
    """A challenger let into production step by step."""

    id: str
    mode: Literal["shadow", "canary"]
    champion: str
    challenger: str
    steps: tuple[float, ...] = Field(description="shares of the traffic, one after another")
    step: int = 0
    started: Moment
    since: Moment = Field(description="when the present step began")
    who: str
    reason: str = ""
    state: Literal["running", "promoted", "rolled back", "aborted", "finished"] = "running"
    ended: Moment | None = None
    outcome: str = ""
    evidence: tuple[Evidence, ...] = Field(default=(), description="of the newest look at each step and bound")

    @property
    def share(self) -> float:
        """The share of the traffic that the challenger sees at present."""
        return self.steps[self.step]


# --- monitoring --------------------------------------------------------------------------------------------------


class Window(Record):
    """A stretch of event time: start belongs to it, end does not."""

    start: Moment
    end: Moment

    @property
    def name(self) -> str:
        """The window's start as a sortable name that is safe in a file's name."""
        return self.start.strftime("%Y-%m-%dT%H%M%SZ").replace("T000000Z", "")


class Bar(Record):
    """One bar of a pair of histograms: shares of the reference and of the window."""

    label: str
    reference: float
    window: float


class Reading(Record):
    """What one column of one window said, held against the reference."""

    column: str
    kind: Literal["feature", "prediction", "missing", "unseen"]
    measure: str = Field(description="the test's standard name")
    statistic: float
    effect: float = Field(description="size of the change, in the unit that the threshold has")
    threshold: float = Field(description="the least effect that matters, from the policy")
    p_value: float
    adjusted_p: float = Field(description="after the false-discovery correction over the window's readings")
    n_reference: int
    n_window: int
    verdict: Verdict
    words: str = Field(description="the change in plain words, with figures")
    bars: tuple[Bar, ...] = ()


class Performance(Record):
    """Realised performance of one version in one window, as far as labels have come."""

    version: str
    rows: int
    labelled: int
    metrics: dict[str, MetricReading] = {}
    reference: MetricReading | None = Field(default=None, description="the use case's metric at release")
    fall: float | None = Field(default=None, description="how much worse than at release; above 0 is worse")
    fell: bool = Field(default=False, description="worse by more than tolerated, beyond the doubt of both intervals")
    against_former: Comparison | None = Field(
        default=None, description="the former champion as challenger, on the same rows"
    )


class WindowReport(Record):
    """Everything found in one window of traffic."""

    window: Window
    project: str
    rows: int
    labelled: int
    open: bool = Field(description="event time has not yet passed its end: more rows may come")
    versions: dict[str, int] = Field(description="version -> rows it answered")
    reference: str = Field(description="the version whose training profile served as reference")
    readings: tuple[Reading, ...] = ()
    performance: tuple[Performance, ...] = ()
    verdict: Verdict
    drifted: tuple[str, ...] = Field(default=(), description="columns that drifted, largest change first")
    expected_false_alarms: float = Field(default=0.0, description="columns expected to be named by chance at most")
    made: Moment = Field(default_factory=now)


class Finding(Record):
    """Something that somebody must know. The cause is its identity: one alert a cause."""

    cause: str
    owner: OwnerRole
    severity: Literal["info", "warning", "critical"]
    title: str
    message: str


class Alert(Record):
    """A finding that was made known to its owner, until it is resolved."""

    cause: str
    owner: str = Field(description="role, name and contact at the time")
    severity: Literal["info", "warning", "critical"]
    title: str
    message: str
    since: Moment
    updated: Moment
    count: int = Field(description="how often the cause was found")
    delivered: bool
    resolved: Moment | None = None


class Decision(Record):
    """What is to be done about a window, and why. Made by a pure function of findings and policy."""

    window: Window
    action: Literal["nothing", "alert", "retrain", "rollback"]
    reason: str
    findings: tuple[Finding, ...] = ()
    outcome: str | None = Field(default=None, description="what acting on it came to")
    at: Moment = Field(default_factory=now)


class ReplayAccount(Record):
    """What a replay sent and what came back."""

    requests_sent: int
    requests_answered: int
    rows_sent: int
    rows_answered: int
    labels_sent: int
    labels_accepted: int
    never_labelled: int = Field(description="rows whose outcome never came, such as cancelled flights")
    seconds: float
    versions: dict[str, int] = Field(default={}, description="version -> rows it answered")
