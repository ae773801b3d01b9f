"""How tasks stand, in the words that JupyterLab shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.pipeline import code, lineage, progress, spec, standing
from roadworthy.pipeline.cells import cell_changes
from roadworthy.pipeline.content import content_hash
from roadworthy.pipeline.freshness import Freshness
from roadworthy.pipeline.progress import Telling
from roadworthy.pipeline.standing import Standings
from roadworthy.records import RunRecord, TaskRecord, now
from roadworthy.records.lab import LabTask
from roadworthy.state import State


class Project:
    """The tiny project, whose tasks are recorded as if they had run."""

    def __init__(self, root: Path, state: State) -> None:
        self.root, self.state = root, state
        self.config = configuration.load(root)
        self.standings = Standings(self.config, state)

    def look(self) -> dict[str, LabTask]:
        pipeline = spec.read(self.root, {})
        assert pipeline is not None
        contract = contracts.read(self.config.path(self.config.settings.contract))
        building = progress.read(progress.place(self.config))
        return {task.name: task for task in self.standings.look(pipeline, contract, building)}

    def ran(self, *names: str, error: str = "", state: str = "", folder: str = "products", after: int = 0) -> str:
        """Record a run of these tasks, the last of which failed with an error if one is given."""
        pipeline = spec.read(self.root, {})
        assert pipeline is not None
        contract = contracts.read(self.config.path(self.config.settings.contract))
        specs = {task.name: task for task in pipeline.tasks}
        run_id, records = lineage.run_id(), []
        for name in names:
            task = specs[name]
            judged = Freshness(self.config, self.state, contract, {}).judge(task, specs)
            made = {path: content_hash(self.root / path) for path in task.products.values()}
            failed = bool(error) and name == names[-1]
            records.append(
                TaskRecord(
                    name=name, state="failed" if failed else "done", started=now(), seconds=2, source=task.source,
                    source_hash="", parameters=task.parameters, products={} if failed else made,
                    notebook=task.notebook, error=error if failed else None, code_hash=judged.code_hash,
                    fingerprint=judged.fingerprint, inputs=judged.inputs,
                )
            )  # fmt: skip
            self.state.keep_source(judged.code_hash, code.cells(self.root / task.source))
            if not failed:
                self.state.add_artifacts(run_id, name, made, judged.fingerprint)
        started = now() + timedelta(seconds=after)
        self.state.save_run(
            RunRecord(
                id=run_id, project="late-flights", state=state or ("failed" if error else "done"),  # type: ignore[arg-type]
                started=started, ended=started, tasks=tuple(records), parameters={"products": folder},
                builder=lineage.builder(self.config.root),
            )
        )  # fmt: skip
        return run_id


@pytest.fixture
def project(tiny: Path) -> Iterator[Project]:
    (tiny / "products").mkdir()
    for name in ("first", "second"):
        (tiny / f"products/{name}.json").write_text('{"rows": 3}')
        (tiny / f"products/{name}.ipynb").write_text("{}")
    with State.open(configuration.load(tiny).state_address) as state:
        yield Project(tiny, state)


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))


def test_what_was_just_run_is_fresh(project: Project) -> None:
    run = project.ran("first", "second")
    found = project.look()
    assert {name: (task.standing, task.reasons) for name, task in found.items()} == {
        "first": ("fresh", ()),
        "second": ("fresh", ()),
    }
    assert (found["second"].last_run, found["second"].seconds, found["second"].upstream) == (run, 2, ("first",))


def test_what_one_look_has_read_another_after_a_restart_need_not_parse(project: Project) -> None:
    project.ran("first", "second")
    found = project.look()
    kept = project.config.private("codes.json")
    assert set(json.loads(kept.read_text())["codes"]) == {str(project.root / task.source) for task in found.values()}
    again = Project(project.root, project.state)
    assert again.look() == found


def change_cells(root: Path) -> None:
    edit(root, "notebooks/first.ipynb", "import json", "import  json as j")
    edit(root, "notebooks/first.ipynb", "int(rows)", "int(rows) + 1")


def test_changed_cells_are_counted(project: Project) -> None:
    project.ran("first", "second")
    change_cells(project.root)
    found = project.look()["first"]
    assert (found.standing, found.reasons) == ("stale", ("2 cells changed",))


def test_a_comment_makes_nothing_stale(project: Project) -> None:
    project.ran("first", "second")
    edit(project.root, "notebooks/first.ipynb", "import json", "import json  # for the product")
    assert project.look()["first"].standing == "fresh"


def test_a_changed_parameter_is_told_with_both_values(project: Project) -> None:
    project.ran("first", "second")
    edit(project.root, "env.yaml", "3", "4")
    edit(project.root, "pipeline.yaml", "factor: 2", "factors: 2")
    found = project.look()
    assert found["first"].reasons == ("parameter rows is 4, it was 3",)
    assert found["second"].reasons == (
        "parameter factor is gone",
        "parameter factors is new",
        "upstream first is stale",
    )


def test_a_product_that_was_edited_or_removed_is_told(project: Project) -> None:
    project.ran("first", "second")
    (project.root / "products/first.json").write_text("{}")
    found = project.look()
    assert found["first"].reasons == ("its product products/first.json was edited by hand",)
    assert found["second"].reasons == ("upstream first is newer", "upstream first is stale")
    (project.root / "products/second.json").unlink()
    assert project.look()["second"].reasons[0] == "its product products/second.json is missing"


def test_each_product_is_told_as_it_is(project: Project) -> None:
    def states() -> dict[str, str]:
        return {
            one.path.removeprefix("products/"): one.state for task in project.look().values() for one in task.products
        }

    (project.root / "products/first.json").unlink()
    never_run = {"first.ipynb": "there", "first.json": "missing", "second.ipynb": "there", "second.json": "there"}
    assert states() == never_run
    (project.root / "products/first.json").write_text('{"rows": 3}')
    project.ran("first", "second")
    assert states() == dict.fromkeys(never_run, "there")
    (project.root / "products/first.json").write_text("{}")
    (project.root / "products/first.ipynb").write_text("{} ")  # whoever looks at an executed notebook may save it
    (project.root / "products/second.ipynb").unlink()
    assert states() == never_run | {"first.json": "edited", "second.ipynb": "missing"}
    change_cells(project.root)
    project.ran("first", error="Task 'first' failed in cell 4 of notebooks/first.ipynb: no\nNext: x", after=1)
    assert states()["first.json"] == "edited"
    (project.root / "monitoring/contract.yaml").write_text("{")
    pipeline = spec.read(project.root, {})
    assert pipeline is not None
    (unread, _) = project.standings.look(pipeline, None)
    assert [one.state for one in unread.products] == ["there", "there"]


def test_a_changed_contract_is_told(project: Project) -> None:
    project.ran("first", "second")
    contract = project.root / "monitoring/contract.yaml"
    contract.write_text(contract.read_text() + "\ntags: [new]\n")
    assert project.look()["first"].reasons == ("the contract changed",)


def test_what_was_never_run_is_stale(project: Project) -> None:
    (project.root / "products/first.json").unlink()
    (project.root / "products/first.ipynb").unlink()
    found = project.look()
    assert (found["first"].standing, found["first"].reasons) == ("stale", ("it was never run",))
    assert found["second"].reasons == ("no run is recorded that made products/second.ipynb", "upstream first is stale")


def test_of_what_was_never_run_nothing_is_parsed_but_what_is_broken_is_seen(project: Project) -> None:
    (project.root / "products/first.json").unlink()
    (project.root / "products/first.ipynb").unlink()
    assert {task.standing for task in project.look().values()} == {"stale"}
    assert not project.config.private("codes.json").exists()
    source = project.root / "notebooks/first.ipynb"
    text = source.read_text()
    source.write_text("{")
    found = project.look()
    assert (found["first"].standing, found["second"].standing) == ("unknown", "stale")
    assert "is not a notebook" in found["first"].reasons[0]
    source.write_text(text)
    assert project.look()["first"].reasons == ("it was never run",)


def test_a_source_that_is_missing_leaves_the_task_unknown(project: Project) -> None:
    (project.root / "notebooks/first.ipynb").unlink()
    found = project.look()["first"]
    assert found.standing == "unknown"
    assert "first.ipynb cannot be read" in found.reasons[0]


def test_only_what_a_task_builds_on_is_looked_at(project: Project) -> None:
    pipeline, contract = spec.read(project.root, {}), contracts.read(project.config.path("monitoring/contract.yaml"))
    assert pipeline is not None
    project.ran("first", "second")
    edit(project.root, "notebooks/first.ipynb", "int(rows)", "int(rows) + 1")
    all_of_them = project.look()
    (first,) = project.standings.look(pipeline, contract, only=("first",))
    assert first == all_of_them["first"]
    assert project.standings.look(pipeline, contract, only=("second",)) == tuple(all_of_them.values())


def test_without_a_contract_nobody_can_say(project: Project) -> None:
    pipeline = spec.read(project.root, {})
    assert pipeline is not None
    assert {task.standing for task in project.standings.look(pipeline, None)} == {"unknown"}


def test_a_failure_is_told_with_its_cell_until_the_task_is_run_again(project: Project) -> None:
    project.ran("first", "second")
    change_cells(project.root)
    project.ran("first", error="Task 'first' failed in cell 4 of notebooks/first.ipynb: no\nNext: x", after=1)
    found = project.look()
    assert (found["first"].standing, found["first"].failed_cell) == ("failed", 3)
    assert found["first"].reasons == ("its last run failed",)
    assert found["second"].reasons == ("upstream first is failed",)
    edit(project.root, "notebooks/first.ipynb", "int(rows) + 1", "int(rows) + 2")
    assert project.look()["first"].reasons == ("its last run failed", "1 cell changed since")
    edit(project.root, "notebooks/first.ipynb", "int(rows) + 2", "int(rows)")
    edit(project.root, "notebooks/first.ipynb", "import  json as j", "import json")
    assert project.look()["first"].standing == "fresh"  # its products are what this code makes


def test_a_failure_in_another_folder_of_products_is_not_this_ones(project: Project) -> None:
    run = project.ran("first", "second")
    project.ran("first", error="no", folder="retraining/1", after=1)
    found = project.look()["first"]
    assert (found.standing, found.last_run) == ("fresh", run)


def test_what_a_build_executes_now_is_running_whoever_builds(project: Project) -> None:
    project.ran("first", "second")
    telling = Telling(progress.place(project.config))
    telling.begin(["first", "second"], "ann")
    telling.tell("started", "first")
    found = project.look()
    assert (found["first"].standing, found["first"].reasons) == ("running", ("ann builds it now",))
    assert found["second"].reasons == ("upstream first is running",)
    telling.tell("done", "first", seconds=1)
    assert project.look()["first"].standing == "fresh"


def test_cells_are_counted_by_what_became_of_them() -> None:
    assert standing.counted(cell_changes(["a = 1"], ["a = 2"])) == "1 cell changed"
    assert standing.counted(cell_changes(["a = 1", "b"], ["b", "print(c)"])) == "1 cell added, 1 removed"
    assert standing.counted(()) == ""
