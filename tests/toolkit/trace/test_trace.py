"""What a name means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.errors import PipelineError, UnknownVersion
from roadworthy.project import Project
from roadworthy.trace import trace

if TYPE_CHECKING:
    from conftest import Runs


def test_a_name_of_two_things_is_told_with_how_to_say_which(project: Project, runs: Runs) -> None:
    version = runs.release(runs.run(runs.task("train", {"products/model.skops": "m"})))
    (project.root / "champion").write_text("a product")
    runs.run(runs.task("choose", {"champion": "a product"}))
    with pytest.raises(PipelineError) as caught:
        trace(project, "champion")
    assert caught.value.fact == "'champion' is the name of a product and a model version."
    assert caught.value.next_step == "Say which you mean: product:champion or version:champion."
    assert trace(project, "product:champion").kind == "file"
    assert trace(project, "version:champion").name == version.tag


@pytest.mark.parametrize(
    "what", ["nothing", "products/nothing.csv", "pyproject.toml", "../elsewhere", "a\0b", "x" * 5000]
)
def test_what_nobody_knows_is_told_with_what_was_looked_at(project: Project, runs: Runs, what: str) -> None:
    runs.run(runs.task("train", {"products/model.skops": "m"}))
    with pytest.raises(
        PipelineError, match="no task of a recorded run made it, no model version goes by it, BentoML's"
    ):
        trace(project, what)


def test_a_said_kind_is_the_only_one_looked_at(project: Project, runs: Runs) -> None:
    runs.run(runs.task("train", {"products/model.skops": "m"}))
    with pytest.raises(PipelineError, match="no service has answered a request of that id"):
        trace(project, "request:products/model.skops")
    with pytest.raises(PipelineError, match="BentoML's store has no such bento"):
        trace(project, "bento:products/model.skops")
    with pytest.raises(UnknownVersion, match="No version goes by"):
        trace(project, "version:products/model.skops")


def test_the_folder_where_one_stands_is_no_product_of_its_own(
    project: Project, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.run(runs.task("split", {"products/parts/a.csv": "a"}))
    project.state.add_artifacts(run.id, "split", {"products/parts": "h"})
    monkeypatch.chdir(project.root / "products" / "parts")
    with pytest.raises(PipelineError, match="Nothing is known of 'no-such-file'"):
        trace(project, "no-such-file")
