"""A notebook is executed aside with other values; secrets reach no output, and nothing is left running."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from roadworthy import config as configuration
from roadworthy.errors import PipelineError
from roadworthy.pipeline import alone, spec

pytestmark = pytest.mark.slow
CELLS = (
    "rows = 1\nkey = None\nproduct = None",
    "print('the key is', key)",
    "from pathlib import Path\nassert rows != 7, key\nPath(product['data']).write_text(str(rows))",
)


def test_a_copy_is_executed_with_other_values(
    tiny: Path, notebook: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASS", "hunter2-and-more")
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.roadworthy.secrets]\ndb = {env = "DB_PASS"}\n')
    text = (tiny / "pipeline.yaml").read_text()
    (tiny / "pipeline.yaml").write_text(text.replace('rows: "{{rows}}"', 'rows: "{{rows}}", key: "secret:db"'))
    notebook(tiny / "notebooks/first.ipynb", *CELLS)
    source = (tiny / "notebooks/first.ipynb").read_bytes()
    config, pipeline = configuration.load(tiny), spec.read(tiny, {})
    assert pipeline is not None
    others = set(psutil.Process().children(recursive=True))  # of fixtures that live as long as the tests
    executed = alone.run(config, pipeline, "first", {"rows": 5}, tiny / "trials/a")
    assert (tiny / "trials/a/first.json").read_text() == "5"
    assert not (tiny / "products").exists()
    assert (tiny / "notebooks/first.ipynb").read_bytes() == source
    assert "the key is [secret db]" in executed.read_text()
    with pytest.raises(PipelineError, match=r"failed in cell 4 of notebooks/first\.ipynb") as failed:
        alone.run(config, pipeline, "first", {"rows": 7}, tiny / "trials/b")
    assert "AssertionError: [secret db]" in failed.value.fact
    assert json.loads((tiny / "trials/b/first.ipynb").read_text())["cells"]
    assert "hunter2" not in "".join(path.read_text() for path in (tiny / "trials").rglob("*") if path.is_file())
    assert set(psutil.Process().children(recursive=True)) <= others
    with pytest.raises(PipelineError, match="'rows' takes a whole number"):
        alone.run(config, pipeline, "first", {"rows": "many"}, tiny / "trials/c")
