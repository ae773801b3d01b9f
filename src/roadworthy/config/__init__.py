"""The one typed reader of [tool.roadworthy] in pyproject.toml and of monitoring/policy.yaml.

Both are read once, unknown keys are refused, and every message names file and key. Addresses may also come from the
environment: ROADWORTHY_HOME, ROADWORTHY_STATE, ROADWORTHY_TABLES, ROADWORTHY_SPOOL, ROADWORTHY_ARCHIVE and
ROADWORTHY_TRACES.
"""

from roadworthy.config.policy import (
    ActionPolicy,
    AlertPolicy,
    CapturePolicy,
    Contact,
    DriftPolicy,
    Owner,
    Owners,
    PerformancePolicy,
    Policy,
    QualityPolicy,
    QuarantinePolicy,
    RetentionPolicy,
    RetrainPolicy,
    RolloutPolicy,
    WindowPolicy,
)
from roadworthy.config.reading import Config, find_root, load, load_policy, load_settings
from roadworthy.config.settings import (
    BusinessValue,
    LineageExport,
    ModelFiles,
    PipelineSettings,
    RateLimit,
    Secret,
    Service,
    Settings,
    UseCase,
)

__all__ = [
    "ActionPolicy",
    "AlertPolicy",
    "BusinessValue",
    "CapturePolicy",
    "Config",
    "Contact",
    "DriftPolicy",
    "LineageExport",
    "ModelFiles",
    "Owner",
    "Owners",
    "PerformancePolicy",
    "PipelineSettings",
    "Policy",
    "QualityPolicy",
    "QuarantinePolicy",
    "RateLimit",
    "RetentionPolicy",
    "RetrainPolicy",
    "RolloutPolicy",
    "Secret",
    "Service",
    "Settings",
    "UseCase",
    "WindowPolicy",
    "find_root",
    "load",
    "load_policy",
    "load_settings",
]
