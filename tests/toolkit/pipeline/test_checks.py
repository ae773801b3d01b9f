from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from roadworthy.errors import PipelineError
from roadworthy.pipeline import checks


def test_notebooks_with_a_parameters_cell_pass(tiny: Path) -> None:
    checks.refuse_without_parameters(tiny / "pipeline.yaml")


def test_a_notebook_without_one_is_named_with_what_to_do(tiny: Path, notebook: Callable[..., None]) -> None:
    notebook(tiny / "notebooks/second.ipynb", "product = None", tagged=False)
    with pytest.raises(PipelineError) as refusal:
        checks.refuse_without_parameters(tiny / "pipeline.yaml")
    assert refusal.value.fact.startswith("notebooks/second.ipynb has no cell tagged `parameters`")
    assert "jupyter lab notebooks/second.ipynb" in refusal.value.next_step


@pytest.mark.parametrize("text", ["tasks: 3", "[1, 2]", "tasks: [", "tasks:\n- source: notebooks/absent.ipynb", ""])
def test_a_pipeline_that_cannot_be_read_is_left_to_ploomber(tmp_path: Path, text: str) -> None:
    (tmp_path / "pipeline.yaml").write_text(text)
    checks.refuse_without_parameters(tmp_path / "pipeline.yaml")


def test_a_file_that_is_no_notebook_is_left_to_ploomber(tiny: Path) -> None:
    (tiny / "notebooks/first.ipynb").write_text("not JSON")
    checks.refuse_without_parameters(tiny / "pipeline.yaml")


def test_unknown_parameters_are_refused(tiny: Path) -> None:
    checks.refuse_unknown(["rows", "products"], tiny)
    with pytest.raises(PipelineError, match="no parameter 'seed'"):
        checks.refuse_unknown(["rows", "seed"], tiny)


@pytest.mark.parametrize(
    ("text", "said"), [(None, "cannot be read"), ("a: 1\nb: [", "line 2: not YAML"), ("just words", "not a mapping")]
)
def test_a_broken_pipeline_is_named_with_its_line(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "pipeline.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(PipelineError, match=said) as refusal:
        checks.refuse_broken(path)
    assert str(path) in refusal.value.fact
