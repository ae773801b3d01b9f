from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import psutil
import pytest
import skops.io

from roadworthy import config as configuration
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import PipelineError
from roadworthy.pipeline import lineage
from roadworthy.pipeline.build import COMMAND, build
from roadworthy.state import State

Notebook = Callable[..., None]


def test_an_unknown_parameter_names_the_known(tiny: Path) -> None:
    with pytest.raises(PipelineError, match="no parameter 'row'") as refusal:
        build(configuration.load(tiny), {"row": "4"})
    assert refusal.value.next_step == "Use one of: rows, products."


def test_broken_yaml_names_file_and_line(tiny: Path) -> None:
    (tiny / "pipeline.yaml").write_text("tasks:\n- name: first\n  source: [\n")
    with pytest.raises(PipelineError, match=r"pipeline\.yaml, line 3: not YAML"):
        build(configuration.load(tiny))


def test_a_notebook_without_parameters_cell_is_named_and_left_as_it_is(tiny: Path, notebook: Notebook) -> None:
    source = tiny / "notebooks/second.ipynb"
    notebook(source, "product = None", tagged=False)
    before = source.read_bytes()
    with pytest.raises(PipelineError, match=r"notebooks/second\.ipynb has no cell tagged `parameters`"):
        build(configuration.load(tiny))
    assert source.read_bytes() == before


@pytest.mark.slow
def test_a_pipeline_that_ploomber_refuses_is_told_in_its_words_without_a_traceback(tiny: Path) -> None:
    pipeline = tiny / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("  source: notebooks/second.ipynb\n", "  sauce: mustard\n"))
    with pytest.raises(PipelineError, match="could not run the pipeline") as refusal:
        build(configuration.load(tiny))
    assert "sauce" in str(refusal.value)
    assert "Traceback" not in str(refusal.value)
    assert 'File "' not in str(refusal.value)


@pytest.mark.slow
def test_a_failure_is_raised_as_it_was_recorded(tiny: Path, notebook: Notebook) -> None:
    notebook(tiny / "notebooks/first.ipynb", "rows = 1\nproduct = None", "rows / 0")
    with pytest.raises(PipelineError, match=r"cell 3 of notebooks/first\.ipynb.*ZeroDivisionError") as failure:
        build(configuration.load(tiny), {"rows": "8"})
    assert "Parameters: rows=8." in failure.value.fact
    assert (
        failure.value.next_step
        == "Run `roadworthy debug first`: it opens notebooks/first.ipynb in JupyterLab with the same inputs."
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_is_recorded_and_leaves_no_kernel(
    tiny: Path, notebook: Notebook, number: signal.Signals
) -> None:
    begun = tiny / "begun"
    notebook(
        tiny / "notebooks/first.ipynb",
        "rows = 1\nproduct = None",
        f"rows\nimport time\nfrom pathlib import Path\nPath({str(begun)!r}).touch()\ntime.sleep(300)",
    )
    program = "from pathlib import Path\nfrom roadworthy import config\nfrom roadworthy.pipeline.build import build\n"
    program += "build(config.load(Path('.')))"
    direct = [*COMMAND, "build"]
    command = [sys.executable, "-c", program] if number == signal.SIGINT else direct
    process = subprocess.Popen(command, cwd=tiny, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while not begun.exists():
        assert process.poll() is None
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert process.returncode != 0
    with State.open(configuration.load(tiny).state_address) as state:
        run = state.last_run()
    assert run is not None
    assert (run.state, [task.state for task in run.tasks]) == ("interrupted", ["failed"]), said


@pytest.mark.slow
def test_the_reference_pipeline_makes_a_model_that_its_own_smoke_rows_prove(config: Config, dataset: Dataset) -> None:
    events: list[dict[str, object]] = []
    run = build(config, {"share": "0.05"}, on_event=events.append)
    products = config.path("products")
    assert run.state == "done"
    assert [task.name for task in run.tasks] == ["ingest", "validate", "features", "train", "evaluate"]
    by_threshold = {"accuracy", "precision", "recall", "f1"}
    assert set(run.metrics) == {"roc_auc", "log_loss", "brier", "value_per_1000"} | by_threshold
    assert run.tables["flights"] == 4
    assert [event["task"] for event in events if event["event"] == "done"] == [task.name for task in run.tasks]

    smoke = json.loads((products / "smoke.json").read_text())
    rows = pd.DataFrame(smoke["rows"]).astype({column.name: column.dtype for column in dataset.request_columns})
    model = skops.io.load(products / "model.skops", trusted=list(config.settings.model.trusted))
    answered = model.predict_proba(rows[list(dataset.features)])[:, 1]
    np.testing.assert_allclose(answered, smoke["probabilities"], atol=1e-9, rtol=0)

    reference = pd.read_parquet(products / "reference.parquet")
    assert list(reference.columns) == [dataset.time, *dataset.features, dataset.label, "probability"]
    assert (
        reference["probability"].notna().sum()
        == json.loads((products / "metrics.json").read_text())["readings"]["roc_auc"]["n"]
    )
    for executed in products.glob("*.ipynb"):
        cells = nbformat.read(executed, as_version=4).cells
        assert not [o for cell in cells for o in cell.get("outputs", []) if o.get("name") == "stderr"], executed
    with State.open(config.state_address) as state:
        assert lineage.lineage(config, state, products).tasks == run.tasks

    again = build(config, {"share": "0.05"}, on_event=events.append)
    assert again.tasks == run.tasks
    assert [event["event"] for event in events[-5:]] == ["fresh"] * 5
