"""What a build made, as a candidate for production: what was measured, what consumers and gate say, its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from roadworthy import gate, registry
from roadworthy.errors import PipelineError
from roadworthy.monitoring import importance
from roadworthy.monitoring.estimation import calibration
from roadworthy.monitoring.profiles import Profile
from roadworthy.pipeline import lineage
from roadworthy.project import Project
from roadworthy.records import GateCheck, MetricReading, ModelVersion, RunRecord
from roadworthy.serving import consumers

_CATEGORIES_KNOWN = 1000  # of one feature; where there are more, new ones are as common as known ones


def judged(project: Project, folder: Path, who: str) -> ModelVersion:
    """Return what stands in a products folder as a version on record, with the gate's verdict."""
    run = lineage.lineage(project.config, project.state, folder)
    measured = _measured(folder / project.config.settings.model.metrics)
    readings = {name: MetricReading.model_validate(value) for name, value in measured["readings"].items()}
    return registry.add(
        project.config,
        project.state,
        run=run,
        verdict=gate.judge(project.config, readings, further=_consumers(project, folder)),
        metrics=readings,
        files=_version_files(project, folder, run),
        contract_hash=project.contract.hash,
        tables=run.tables,
        trained_from=measured.get("trained_from"),
        trained_until=measured.get("trained_until"),
        who=who,
        reason=f"run {run.id}",
    )


def _consumers(project: Project, folder: Path) -> list[GateCheck]:
    """Let the service's consumers try a build's model, one check each."""
    settings = project.config.settings
    found = consumers.read(project.config.path(settings.service.consumers))
    if not found:
        return []
    model = registry.draft(project.config, folder / settings.model.model, project.dataset)
    checked = consumers.check(
        found, project.dataset, model, settings.use_case.value.threshold, settings.service.max_rows
    )
    return [GateCheck(name=f"consumer {c.consumer}", passed=not c.problems, fact=c.words) for c in checked]


def _measured(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content["readings"]
    except (OSError, ValueError, KeyError) as error:
        raise PipelineError(
            f"{path} does not hold the evaluation's metrics ({error}).", "Run `ploomber build`, then release again."
        ) from error
    return content


def _version_files(project: Project, folder: Path, run: RunRecord) -> dict[str, bytes | Path]:
    names = project.config.settings.model
    reference = pd.read_parquet(folder / names.reference)
    # predictions on rows it was trained on would flatter it: those of the held-out rows alone are its reference
    profile = Profile.of(reference[list(project.dataset.features)])
    profile = profile.merge(Profile.of(reference.loc[reference["probability"].notna(), ["probability"]]))
    files: dict[str, bytes | Path] = {
        "model.pkl" if names.model == "model.pkl" else "model.skops": folder / names.model,
        "contract.yaml": project.config.path(project.config.settings.contract),
        "reference.profile.bin": profile.to_bytes(),
        "smoke.json": folder / "smoke.json",
        "metrics.json": folder / names.metrics,
        "calibration.json": folder / "calibration.json",
        "lineage.json": run.model_dump_json(indent=2).encode(),
        "training.json": _training(project, reference),
    }
    if project.dataset.label not in reference:
        return files
    # held out: those that have a prediction, and of them those whose outcome is known
    held_out = reference[reference["probability"].notna() & reference[project.dataset.label].notna()]
    more = {importance.FILE: _importance(project, folder, held_out), calibration.FILE: _calibration(project, held_out)}
    return files | {name: content for name, content in more.items() if content is not None}


def _importance(project: Project, folder: Path, held_out: pd.DataFrame) -> bytes | None:
    """Measure what the model goes by."""
    settings = project.config.settings
    found = importance.permuted(
        registry.draft(project.config, folder / settings.model.model, project.dataset).predict,
        held_out[list(project.dataset.features)],
        held_out[project.dataset.label].to_numpy(bool),
        metric=settings.use_case.metric,
        value=settings.use_case.value,
    )
    return None if found is None else found.model_dump_json(indent=2).encode()


def _calibration(project: Project, held_out: pd.DataFrame) -> bytes | None:
    """Tell how often scores came true; None where the outcome was always the same."""
    truth = held_out[project.dataset.label].astype(bool)
    if truth.nunique() < 2:
        return None
    curve = calibration.fit(held_out["probability"], truth, held_out[project.dataset.time])
    return curve.model_dump_json(indent=2).encode()


def _training(project: Project, reference: pd.DataFrame) -> bytes:
    """Return what the service must know of the training rows: the categories, as long as they are not too many."""
    learnt = reference[reference["probability"].isna()]  # those that have one were held out
    learnt = reference if learnt.empty else learnt
    texts = [column.name for column in project.dataset.with_role("feature") if column.type == "string"]
    distinct = {name: sorted(learnt[name].dropna().unique().tolist()) for name in texts}
    seen = {name: values if len(values) <= _CATEGORIES_KNOWN else None for name, values in distinct.items()}
    return json.dumps({"seen": seen}, ensure_ascii=False).encode()
