"""The one typed reader of [tool.roadworthy] in pyproject.toml and of monitoring/policy.yaml.

Both are read once, unknown keys are refused, and every message names file and key.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from roadworthy import documents
from roadworthy.errors import ConfigError, ProjectError
from roadworthy.records import OwnerRole


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


_SectionType = TypeVar("_SectionType", bound=_Section)


# --- pyproject.toml: [tool.roadworthy] -----------------------------------------------------------------------------


class BusinessValue(_Section):
    """What a decision is worth to the business."""

    unit: str = Field(default="", description="what the figures are counted in, such as EUR")
    caught: float = Field(default=1.0, description="gained by acting on a case that was positive")
    false_alarm: float = Field(default=-1.0, description="lost (below 0) by acting on a case that was not")
    minimum_per_1000: float = Field(default=0.0, description="least value per 1,000 cases that is worth it")

    @property
    def threshold(self) -> float:
        """Probability from which acting pays, when probabilities are calibrated.

        Acting is worth ``p * caught + (1 - p) * false_alarm``, which is above zero from here on
        (Elkan, The foundations of cost-sensitive learning, 2001).

        Examples
        --------
        >>> BusinessValue(caught=40, false_alarm=-10).threshold
        0.2
        """
        return -self.false_alarm / (self.caught - self.false_alarm)


class UseCase(_Section):
    """Why the model exists, and from which quality on it may go to production."""

    problem: str = Field(default="", description="the problem in words, as its owner would say it")
    metric: Literal["roc_auc", "log_loss", "brier"] = "roc_auc"
    threshold: float = Field(default=0.5, description="the metric's value that a version must reach")
    value: BusinessValue = BusinessValue()


class ModelFiles(_Section):
    """Names of the products that make a version, below the products folder; how the model file is read."""

    products: str = "products"
    model: str = "model.skops"
    metrics: str = "metrics.json"
    reference: str = "reference.parquet"
    trusted: tuple[str, ...] = Field(default=(), description="types that skops may load beside its own list")


class PipelineSettings(_Section):
    """The env.yaml keys by which a build is pointed at other data, and how tasks are run."""

    start: str = "train_start"
    end: str = "train_end"
    products: str = "products"
    tasks: tuple[str, ...] = Field(default=(), description="names, where only Ploomber can tell them; else found")
    jobs: int = Field(default=0, ge=0, description="tasks that may run at once; 0 is one for each core")
    kernels: Literal["warm", "plain"] = Field(default="warm", description="warm ones are forked where that is safe")
    preload: tuple[str, ...] | None = Field(default=None, description="modules of warm kernels; by default found")
    rerun_on: Literal["code", "text"] = Field(
        default="code", description="whether a change of comments and prose alone, too, makes a task run again"
    )


class Secret(_Section):
    """Where a secret's value comes from: an environment variable or a file, exactly one of them."""

    env: str = ""
    file: str = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.env) == bool(self.file):
            raise ValueError("give either env or file")
        return self


class LineageExport(_Section):
    """Where OpenLineage events go: a file below the root, or an http(s) address; blank for nowhere."""

    to: str = ""
    namespace: str = Field(default="", description="of jobs and datasets; by default the project's name")


class Service(_Section):
    """The service's own settings."""

    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=0, le=65535)
    max_rows: int = Field(default=1000, ge=1, description="rows in one request")


class Settings(_Section):
    """[tool.roadworthy]; folders are relative to the project's root, or addresses."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    dataset: str = Field(description="the contract's dataset that the model learns from")
    contract: str = "monitoring/contract.yaml"
    policy: str = "monitoring/policy.yaml"
    state: str = Field(default="sqlite:///.roadworthy/state.db", description="SQLAlchemy address")
    tables: str = Field(default=".roadworthy/tables", description="folder or address of the Delta tables")
    spool: str = ".roadworthy/spool"
    reports: str = ".roadworthy/reports"
    use_case: UseCase = UseCase()
    model: ModelFiles = ModelFiles()
    pipeline: PipelineSettings = PipelineSettings()
    secrets: dict[str, Secret] = {}
    openlineage: LineageExport = LineageExport()
    service: Service = Service()


# --- monitoring/policy.yaml ----------------------------------------------------------------------------------------


class Owner(_Section):
    """Who answers for a part."""

    name: str = ""
    contact: str = ""


class Owners(_Section):
    """The four owners; the gate refuses a version while one is blank."""

    data: Owner
    model: Owner
    infrastructure: Owner
    monitoring: Owner

    def of(self, role: OwnerRole) -> Owner:
        """Return the owner of a role."""
        return {"data": self.data, "model": self.model, "infrastructure": self.infrastructure}.get(
            role, self.monitoring
        )


class QuarantinePolicy(_Section):
    """How much of a batch may break the contract."""

    refuse_over: float = Field(default=0.2, ge=0, le=1, description="share of bad rows above which a batch is refused")


class RetentionPolicy(_Section):
    """How long old versions of tables are kept that nothing needs."""

    days: int = Field(default=30, ge=0)


class DriftPolicy(_Section):
    """When a change counts: it must be large enough, and more than chance."""

    effect: float = Field(default=0.03, gt=0, lt=1, description="least KS distance or total variation that matters")
    missing: float = Field(default=0.03, gt=0, lt=1, description="least change in the share of missing values")
    unseen: float = Field(default=0.01, gt=0, lt=1, description="least share of categories never seen in training")
    false_discovery_rate: float = Field(default=0.05, gt=0, lt=1)
    minimum_rows: int = Field(default=500, ge=1, description="fewer rows in a window: too little data")


class PerformancePolicy(_Section):
    """When realised performance counts as fallen."""

    tolerated_fall: float = Field(default=0.03, ge=0, description="in the use case's metric")
    minimum_labelled: int = Field(default=500, ge=1)


class RetrainPolicy(_Section):
    """On what a new version is trained, and how often."""

    months: int = Field(default=4, ge=1, description="length of the training data, up to the window being judged")
    cool_down_windows: int = Field(default=2, ge=0, description="windows to wait after a retraining")


class ActionPolicy(_Section):
    """What follows from a finding."""

    on_drift: Literal["nothing", "alert", "retrain"] = "retrain"
    on_performance_fall: Literal["alert", "retrain"] = "retrain"
    on_former_better: Literal["alert", "rollback"] = "rollback"


class AlertPolicy(_Section):
    """Where alerts go: Apprise addresses; ``file://PATH`` appends JSON lines to a file in the project."""

    to: tuple[str, ...] = ("file://.roadworthy/alerts.jsonl",)


class Policy(_Section):
    """What is tolerated, who owns it, and what then happens."""

    owners: Owners
    window: Literal["day", "week", "month"] = "month"
    quarantine: QuarantinePolicy = QuarantinePolicy()
    retention: RetentionPolicy = RetentionPolicy()
    drift: DriftPolicy = DriftPolicy()
    performance: PerformancePolicy = PerformancePolicy()
    retrain: RetrainPolicy = RetrainPolicy()
    actions: ActionPolicy = ActionPolicy()
    alerts: AlertPolicy = AlertPolicy()


# --- reading -------------------------------------------------------------------------------------------------------


class Config(_Section):
    """All settings of a project, with its root folder."""

    root: Path
    settings: Settings
    policy: Policy

    def path(self, relative: str) -> Path:
        """Return a configured folder or file as an absolute path below the root."""
        return self.root / relative

    @property
    def state_address(self) -> str:
        """The state database's address, a relative SQLite file made absolute."""
        prefix = "sqlite:///"
        address = self.settings.state
        if address.startswith(prefix) and not address.startswith(prefix + "/"):
            return prefix + str(self.root / address.removeprefix(prefix))
        return address

    @property
    def tables_address(self) -> str:
        """Where the versioned tables are: an address as given, or an absolute folder."""
        return self.settings.tables if "://" in self.settings.tables else str(self.path(self.settings.tables))


def find_root(start: Path) -> Path:
    """Return the nearest folder, from ``start`` upwards, whose pyproject.toml has [tool.roadworthy].

    Raises
    ------
    ProjectError
        When there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if "roadworthy" in _tool_tables(folder / "pyproject.toml"):
            return folder
    raise ProjectError(
        f"{start} is not inside a Roadworthy project: no pyproject.toml with [tool.roadworthy] was found.",
        "Run `roadworthy init NAME` to start one, or change to its folder.",
    )


def load(root: Path) -> Config:
    """Read the configuration of the project in ``root``.

    Raises
    ------
    ConfigError
        When a file is missing or broken, or a key is missing, unknown or of a wrong value.
    """
    root = root.resolve()
    source = root / "pyproject.toml"
    tables = _tool_tables(source)
    if "roadworthy" not in tables:
        raise ConfigError(f"{source} has no [tool.roadworthy].", "Add it, or run `roadworthy init NAME`.")
    settings = _validate(Settings, tables["roadworthy"], source, "tool.roadworthy")
    policy_path = root / settings.policy
    policy = _validate(Policy, _policy_content(policy_path), policy_path, "")
    return Config(root=root, settings=settings, policy=policy)


def _tool_tables(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}.", "Mend that place and try again.") from error
    return tables


def _policy_content(path: Path) -> object:
    try:
        return documents.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"The policy {path} cannot be read: {error.strerror}.",
            "Restore the file, or set `policy` in [tool.roadworthy] to where it is.",
        ) from error
    except documents.NotYaml as error:
        raise ConfigError(f"{path}{error.line}: not YAML: {error.problem}.", "Mend that line.") from error


def _validate(section: type[_SectionType], content: object, path: Path, prefix: str) -> _SectionType:
    try:
        return section.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (prefix, *first["loc"]) if part != "")
        raise ConfigError(f"{path}: {key}: {_fact(first)}", _next_step(first, key)) from error


def _fact(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return "this key is missing."
    if problem["type"] == "extra_forbidden":
        return "no such key is known."
    return f"{problem['msg']}; it is {problem['input']!r}."


def _next_step(problem: ErrorDetails, key: str) -> str:
    if problem["type"] == "missing":
        return f"Add {key}."
    if problem["type"] == "extra_forbidden":
        return f"Remove {key}, or correct its spelling."
    return f"Correct {key}."
