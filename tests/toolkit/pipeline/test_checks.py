from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
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


def test_a_file_that_is_no_notebook_is_named(tiny: Path) -> None:
    (tiny / "notebooks/first.ipynb").write_text("not JSON")
    with pytest.raises(PipelineError, match=r"notebooks/first.ipynb is not a notebook"):
        checks.refuse_without_parameters(tiny / "pipeline.yaml")


# --- scripts ---------------------------------------------------------------------------------------------------------

SCRIPT = """\
# %% [markdown]
# # Counts rows

# %% tags=["parameters"]
rows = 1
product = None

# %%
import json
from pathlib import Path

# %%
Path(product["data"]).write_text(json.dumps({"tables": {"flights": 7}, "rows": int(rows)}))
"""


@pytest.fixture
def scripted(tiny: Path) -> Path:
    """The pipeline with a percent script for its first task."""
    (tiny / "notebooks/first.py").write_text(SCRIPT)
    pipeline = tiny / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("source: notebooks/first.ipynb", "source: notebooks/first.py"))
    return tiny


@pytest.mark.parametrize("marker", ["# %%", "# +", "#"])
def test_a_script_without_a_parameters_cell_is_named_with_what_to_do(scripted: Path, marker: str) -> None:
    checks.refuse_without_parameters(scripted / "pipeline.yaml")
    (scripted / "notebooks/first.py").write_text(SCRIPT.replace('# %% tags=["parameters"]', marker))
    with pytest.raises(PipelineError, match=r"notebooks/first.py has no cell tagged `parameters`") as refusal:
        checks.refuse_without_parameters(scripted / "pipeline.yaml")
    assert '# %% tags=["parameters"]' in refusal.value.next_step


@pytest.mark.slow
def test_a_script_runs_beside_a_notebook_and_stays_as_it_is(
    scripted: Path,
    ploomber: Callable[..., subprocess.CompletedProcess[str]],
    content: Callable[[Path], dict[str, object]],
) -> None:
    sources = [scripted / "notebooks/first.py", scripted / "notebooks/second.ipynb"]
    before = [source.read_bytes() for source in sources]
    done = ploomber(scripted, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(scripted / "products/second.json") == {"metrics": {"score": 6}}
    executed = nbformat.read(scripted / "products/first.ipynb", as_version=4)
    assert [cell.cell_type for cell in executed.cells] == ["markdown", "code", "code", "code", "code"]
    assert [source.read_bytes() for source in sources] == before


@pytest.mark.slow
def test_a_script_without_a_parameters_cell_is_refused_untouched(
    scripted: Path, ploomber: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    script = scripted / "notebooks/first.py"
    script.write_text(SCRIPT.replace(' tags=["parameters"]', ""))
    before = script.read_bytes()
    refused = ploomber(scripted, "build")
    assert refused.returncode != 0
    assert "notebooks/first.py has no cell tagged `parameters`" in refused.stdout + refused.stderr
    assert script.read_bytes() == before


# --- names and files -------------------------------------------------------------------------------------------------


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
