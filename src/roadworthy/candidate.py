"""What a build made, as a candidate for production: what was measured, what consumers and gate say, its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from roadworthy import gate, insight, registry
from roadworthy.errors import PipelineError
from roadworthy.monitoring import importance, quality, windows
from roadworthy.monitoring.estimation import calibration
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.windows import SlicedProfiles
from roadworthy.pipeline import lineage
from roadworthy.project import Project
from roadworthy.records import GateCheck, MetricReading, ModelVersion, RunRecord, Window
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
    files: dict[str, bytes | Path] = reference_files(project, reference) | {
        "model.pkl" if names.model == "model.pkl" else "model.skops": folder / names.model,
        "contract.yaml": project.config.path(project.config.settings.contract),
        "smoke.json": folder / "smoke.json",
        "metrics.json": folder / names.metrics,
        "calibration.json": folder / "calibration.json",
        "lineage.json": run.model_dump_json(indent=2).encode(),
        "training.json": _training(project, reference),
        insight.FILE: insight.kept_rows(project, reference),
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


def _profile(rows: pd.DataFrame) -> Profile:
    """Profile training rows: predictions on rows it has learned from would flatter it, so only those of the others."""
    held_out = rows.loc[rows["probability"].notna(), ["probability"]]
    return Profile.of(rows.drop(columns="probability")).merge(Profile.of(held_out))


def reference_files(project: Project, reference: pd.DataFrame) -> dict[str, bytes | Path]:
    """Return the files of a version that traffic is held against.

    They are the profile of what it has learned from; the same in slices of a day, divided into the policy's segments;
    and in slices of an hour, where the policy judges by the hour.

    Parameters
    ----------
    reference
        Event time and features of all rows, and ``probability``, which is missing in those that it was trained on.
    """
    policy, time = project.config.policy.window, project.dataset.time
    profile = _profile(reference[[*project.dataset.features, "probability"]])
    columns = [project.dataset.column(name) for name in policy.segments]
    segments = windows.segments_of(columns, profile, policy.most_segments)
    told = quality.with_facts(reference, [*project.dataset.features, "probability"], time)
    span = Window(start=reference[time].min(), end=reference[time].max() + pd.Timedelta(microseconds=1))
    units = (windows.DAY, windows.HOUR) if policy.length == "hour" else (windows.DAY,)
    sliced = {
        windows.training_file(unit): SlicedProfiles.joined(
            SlicedProfiles.of(part.start, told.iloc[rows], segments, _profile)
            for part, rows in windows.slices(reference[time], span, unit=unit)
        ).to_bytes()
        for unit in units
    }
    return {"reference.profile.bin": profile.to_bytes(), **sliced}


def _training(project: Project, reference: pd.DataFrame) -> bytes:
    """Return what the service must know of the training rows: the categories, as long as they are not too many."""
    learnt = reference[reference["probability"].isna()]  # those that have one were held out
    learnt = reference if learnt.empty else learnt
    texts = [column.name for column in project.dataset.with_role("feature") if column.type == "string"]
    distinct = {name: sorted(learnt[name].dropna().unique().tolist()) for name in texts}
    seen = {name: values if len(values) <= _CATEGORIES_KNOWN else None for name, values in distinct.items()}
    return json.dumps({"seen": seen}, ensure_ascii=False).encode()
