"""[tool.roadworthy] of pyproject.toml: what the project is, and where things are."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from roadworthy.config.section import Section

REPORTS = "reports"


class BusinessValue(Section):
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


class UseCase(Section):
    """Why the model exists, and from which quality on it may go to production."""

    problem: str = Field(default="", description="the problem in words, as its owner would say it")
    metric: Literal["roc_auc", "log_loss", "brier"] = "roc_auc"
    threshold: float = Field(default=0.5, description="the metric's value that a version must reach")
    value: BusinessValue = BusinessValue()


class ModelFiles(Section):
    """Names of the products that make a version, below the products folder; how the model file is read."""

    products: str = "products"
    model: str = "model.skops"
    metrics: str = "metrics.json"
    reference: str = "reference.parquet"
    trusted: tuple[str, ...] = Field(default=(), description="types that skops may load beside its own list")
    pickle: bool = Field(default=False, description="whether a pickled model, which can run any code, may be released")
    archive: str = Field(default="", description="address where versions are kept for services on other machines")


class PipelineSettings(Section):
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


class Secret(Section):
    """Where a secret's value comes from: an environment variable or a file, exactly one of them."""

    env: str = ""
    file: str = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.env) == bool(self.file):
            raise ValueError("give either env or file")
        return self


class LineageExport(Section):
    """Where OpenLineage events go: a file below the root, or an http(s) address; blank for nowhere."""

    to: str = ""
    namespace: str = Field(default="", description="of jobs and datasets; by default the project's name")


class RateLimit(Section):
    """How many requests one caller may send; a caller is a token, or without one an address."""

    per_second: float = Field(default=0.0, ge=0, description="in the long run; 0 is no limit")
    burst: int = Field(default=20, ge=1, description="at once, after a pause")


class Service(Section):
    """The service's own settings."""

    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, description="processes that answer")
    max_rows: int = Field(default=1000, ge=1, description="rows in one request")
    max_bytes: int = Field(default=16 * 2**20, ge=1024, description="size of a request's body")
    predict: Literal["open", "token"] = Field(default="open", description="who may ask for predictions")
    rate: RateLimit = RateLimit()
    cors: tuple[str, ...] = Field(default=(), description="web pages' origins that may call it; '*' is any")
    sticky: str = Field(default="", description="column by which a rollout's share is drawn; the identifier by default")
    consumers: str = Field(default="consumers", description="folder with what the service's consumers send and read")
    log: Literal["all", "problems"] = Field(default="problems", description="requests that get a line in the log")
    traces: str = Field(default="", description="address that OpenTelemetry traces go to, by OTLP over HTTP")


class Settings(Section):
    """[tool.roadworthy]; folders are relative to the project's root, or addresses."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    dataset: str = Field(description="the contract's dataset that the model learns from")
    contract: str = "monitoring/contract.yaml"
    policy: str = "monitoring/policy.yaml"
    home: str = Field(default=".roadworthy", description="folder of all that is written while the project runs")
    state: str = Field(default="sqlite:///.roadworthy/state.db", description="SQLAlchemy address")
    tables: str = Field(default=".roadworthy/tables", description="folder or address of the Delta tables")
    spool: str = ".roadworthy/spool"
    reports: str = Field(default=REPORTS, description="folder in sight, so that whoever opens the project finds it")
    use_case: UseCase = UseCase()
    model: ModelFiles = ModelFiles()
    pipeline: PipelineSettings = PipelineSettings()
    secrets: dict[str, Secret] = Field(default={})
    openlineage: LineageExport = LineageExport()
    service: Service = Service()
