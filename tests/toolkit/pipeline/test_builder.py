"""What a build runs, reads and tells, by the command that users give."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from roadworthy import config as configuration
from roadworthy.errors import PipelineError
from roadworthy.pipeline import build as building
from roadworthy.pipeline.options import BuildOptions
from roadworthy.records import RunRecord
from roadworthy.state import State
from roadworthy.tables import Tables

pytestmark = pytest.mark.slow
Notebook = Callable[..., None]
SECRET = 'hunter2 "quoted"'
READ = (
    "import json\nfrom pathlib import Path\nfrom roadworthy import project\np = project.load()\n"
    "found = p.tables.read('numbers')\n"
    "Path(product['data']).write_text(json.dumps({'rows': len(found)}))\nrows"
)
PARAMETERS = "rows = 1\nupstream = None\nproduct = None"


@pytest.fixture
def kept(tiny: Path) -> Iterator[State]:
    with State.open(configuration.load(tiny).state_address) as opened:
        yield opened


@pytest.fixture
def build(tiny: Path) -> Callable[..., tuple[RunRecord, dict[str, str]]]:
    """Build as `roadworthy build` does; return the run, and what became of each task."""

    def run(*, force: bool = False, **options: object) -> tuple[RunRecord, dict[str, str]]:
        events: list[building.Event] = []
        asked = BuildOptions.model_validate(options)
        record = building.build(configuration.load(tiny), force=force, options=asked, on_event=events.append)
        return record, {event["task"]: event["event"] for event in events}

    return run


Build = Callable[..., tuple[RunRecord, dict[str, str]]]


def test_only_runs_a_task_and_what_it_needs(build: Build, tiny: Path) -> None:
    run, became = build(only=("first",))
    assert [task.name for task in run.tasks] == ["first"]
    assert became == {"first": "done"}
    assert not (tiny / "products/second.json").exists()
    _, became = build(only=("second",))
    assert became == {"first": "fresh", "second": "done"}
    with pytest.raises(PipelineError, match="no task 'third'"):
        build(only=("third",))


def test_a_task_runs_on_what_is_there(build: Build, tiny: Path) -> None:
    with pytest.raises(PipelineError, match=r"second needs products/first.json, which is not there"):
        build(only=("second",), needs=False)
    build()
    source = tiny / "notebooks/first.ipynb"
    source.write_text(source.read_text().replace("Path(product", "unused = 1\\nPath(product", 1))
    _, became = build(only=("second",), needs=False, force=True)
    assert became == {"second": "done"}
    _, became = build()
    assert became["first"] == "done"


def test_force_runs_what_is_fresh(build: Build) -> None:
    build()
    _, became = build(force=True)
    assert became == {"first": "done", "second": "done"}


def test_what_made_the_same_runs_nothing_after_it(build: Build, tiny: Path) -> None:
    build()
    source = tiny / "notebooks/first.ipynb"
    source.write_text(source.read_text().replace("Path(product", "unused = 1\\nPath(product", 1))
    _, became = build()
    assert became == {"first": "done", "second": "fresh"}


def test_fresh_is_told_without_a_build(build: Build, tiny: Path, kept: State) -> None:
    config = configuration.load(tiny)
    assert building.fresh(config, kept) is None
    build()
    assert building.fresh(config, kept) == ("first", "second")
    assert building.fresh(config, kept, only=("first",)) == ("first",)
    assert building.fresh(config, kept, {"rows": "4"}) is None
    (tiny / "products/first.json").write_text("{}")
    assert building.fresh(config, kept) is None
    program = (
        "import sys\nfrom pathlib import Path\nfrom roadworthy import config, state\n"
        "from roadworthy.pipeline import build\nc = config.load(Path('.'))\n"
        "build.fresh(c, state.State.open(c.state_address))\n"
        "print([m for m in ('ploomber', 'papermill', 'pandas', 'deltalake', 'nbformat') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tiny, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_new_rows_make_a_task_run_and_the_past_can_be_read(
    build: Build, tiny: Path, notebook: Notebook, kept: State
) -> None:
    config = configuration.load(tiny)
    tables = Tables(config.tables_address)
    tables.append("numbers", pd.DataFrame({"x": [1, 2]}))
    past = tables.newest("numbers")
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, READ)
    run, _ = build()
    assert (run.tasks[0].reads, run.tasks[0].newest, run.tables["numbers"]) == ({"numbers": past}, ("numbers",), past)
    tables.compact("numbers")
    assert build()[1]["first"] == "fresh"  # the same rows
    tables.append("numbers", pd.DataFrame({"x": [3]}))
    run, became = build()
    assert became == {"first": "done", "second": "done"}
    assert json.loads((tiny / "products/first.json").read_text()) == {"rows": 3}

    run, became = build(as_of={"numbers": past})
    assert became["first"] == "done"
    assert run.as_of == {"numbers": past}
    assert run.tasks[0].reads == {"numbers": past}
    assert json.loads((tiny / "products/first.json").read_text()) == {"rows": 2}


def test_a_secret_stands_nowhere(build: Build, tiny: Path, notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(
        pyproject.read_text() + '\n[tool.roadworthy.secrets]\nwarehouse = {env = "WAREHOUSE"}\n'
        '[tool.roadworthy.openlineage]\nto = "events.jsonl"\n'
    )
    pipeline = yaml.safe_load((tiny / "pipeline.yaml").read_text())
    pipeline["tasks"][0]["params"]["password"] = "secret:warehouse"
    (tiny / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    monkeypatch.setenv("WAREHOUSE", SECRET)
    parameters = f"password = None\n{PARAMETERS}"
    telling = "import json, sys\nprint(password)\nprint(password, file=sys.stderr)\n{'repr': password}"
    writing = "from pathlib import Path\nPath(product['data']).write_text(json.dumps({'rows': len(password)}))\nrows"
    notebook(tiny / "notebooks/first.ipynb", parameters, telling, writing)
    run, _ = build()
    assert json.loads((tiny / "products/first.json").read_text()) == {"rows": len(SECRET)}  # it had the value
    assert run.tasks[0].parameters["password"] == "secret:warehouse"
    assert "[secret warehouse]" in (tiny / "products/first.ipynb").read_text()

    notebook(tiny / "notebooks/first.ipynb", parameters, telling, "raise ValueError('no entry with ' + password)")
    with pytest.raises(PipelineError) as failure:
        build()
    assert "no entry with [secret warehouse]" in failure.value.fact
    assert (tiny / "products/first.failed.ipynb").exists()
    forms = (SECRET, json.dumps(SECRET)[1:-1], "hunter2")
    for file in tiny.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(form.encode() in content for form in forms), file
    assert not any(form in str(failure.value) for form in forms)


def test_a_secret_that_is_not_there_is_told_by_its_name(build: Build, tiny: Path) -> None:
    pipeline = yaml.safe_load((tiny / "pipeline.yaml").read_text())
    pipeline["tasks"][0]["params"]["rows"] = "secret:warehouse"
    (tiny / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    with pytest.raises(PipelineError, match="warehouse"):
        build()


def test_events_of_lineage_are_written(build: Build, tiny: Path) -> None:
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.roadworthy.openlineage]\nto = "events.jsonl"\n')
    build()
    events = [json.loads(line) for line in (tiny / "events.jsonl").read_text().splitlines()]
    told = [(event["eventType"], event["job"]["name"]) for event in events]
    assert told[0][0] == "START"
    assert told[-1][0] == "COMPLETE"
    assert ("COMPLETE", "late-flights.second") in told
    second = next(event for event in events if event["eventType"] == "COMPLETE" and "second" in event["job"]["name"])
    assert any("products/first.json" in dataset["name"] for dataset in second["inputs"])


def test_kernels_are_warm_where_that_is_safe_and_plain_where_it_is_asked(build: Build, tiny: Path) -> None:
    run, _ = build()
    expected = "warm" if sys.platform == "linux" else "plain"
    assert {task.kernel for task in run.tasks} == {expected}
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('["first", "second"]', '["first", "second"]\nkernels = "plain"'))
    run, _ = build(force=True)
    assert {task.kernel for task in run.tasks} == {"plain"}


def test_a_warm_process_that_cannot_start_is_told_in_the_record(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as nowhere:  # a short name: of a long one another place is taken
        Path(nowhere, f"roadworthy-{os.getuid()}").write_text("in the way")
        monkeypatch.setenv("XDG_RUNTIME_DIR", nowhere)
        run, _ = build()
    assert {task.kernel for task in run.tasks} == {"plain"}
    assert all(task.kernel_reason for task in run.tasks)


def test_the_record_of_a_run_is_found_by_what_it_made(build: Build, tiny: Path, kept: State) -> None:
    run, _ = build()
    maker = kept.makers(["products/second.json"])["products/second.json"]
    assert (maker.run_id, maker.task) == (run.id, "second")
    assert kept.source(run.tasks[1].code_hash) is not None
    assert kept.contract(run.contract_hash) == (tiny / "monitoring/contract.yaml").read_text()
    rows = sqlite3.connect(tiny / ".roadworthy/state.db").execute("select count(*) from artifacts").fetchone()
    assert rows == (4,)
