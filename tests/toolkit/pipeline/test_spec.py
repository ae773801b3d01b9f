from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ploomber.spec import DAGSpec

from roadworthy.errors import PipelineError
from roadworthy.pipeline import graph, spec

REPOSITORY = Path(__file__).parents[3]


def by_ploomber(root: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, Any] | None = None) -> spec.Pipeline:
    """The same pipeline, as Ploomber understands it."""
    monkeypatch.chdir(root)
    found = yaml.safe_load((root / "env.yaml").read_text()) | (env or {})
    return graph.pipeline(DAGSpec("pipeline.yaml", env=found).to_dag().render(show_progress=False), root)


def test_it_is_read_as_ploomber_reads_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"train_end": "2013-06-01", "products": "products/may", "share": "0.25"}
    ours = spec.read(root, values)
    assert ours is not None
    theirs = by_ploomber(root, monkeypatch, values)
    assert sorted(ours.tasks, key=lambda task: task.name) == sorted(theirs.tasks, key=lambda task: task.name)


@pytest.mark.filterwarnings("ignore")  # Ploomber's: that the notebook makes no use of these parameters
def test_all_kinds_of_values_reach_a_task_as_they_do_by_ploomber(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = yaml.safe_load((tiny / "pipeline.yaml").read_text())
    pipeline["tasks"][1]["params"] = {
        "factor": "{{rows}}", "text": "2013-01-01", "number": 1.5, "yes": True, "words": "True", "none": "None",
        "list": [1, "2", "{{rows}}-{{products}}"], "map": {"a": "[1, 2]", "b": {"c": "x y"}}, "blank": "", "null": None,
    }  # fmt: skip
    (tiny / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    (tiny / "notebooks/second.py").write_text("# %% tags=['parameters']\nproduct = None\n\n# %%\nprint(1)\n")
    pipeline["tasks"][1] |= {"source": "notebooks/second.py", "product": "products/second.html", "upstream": "first"}
    del pipeline["tasks"][1]["name"]
    ours = spec.read(tiny, {})
    assert ours == by_ploomber(tiny, monkeypatch)
    (tiny / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    ours = spec.read(tiny, {})
    assert ours == by_ploomber(tiny, monkeypatch)
    assert ours is not None
    assert ours.task("second").notebook == "products/second.html"


@pytest.mark.parametrize(
    "change",
    [
        {"meta": {}},
        {"meta": {"extract_upstream": True}},
        {"meta": {"extract_upstream": False, "extract_product": True}},
        {"clients": {"File": "clients.get"}},
        {"tasks": [{"source": "functions.load", "product": "x.csv"}]},
        {"tasks": [{"source": "q.sql", "product": ["name", "table"]}]},
        {"tasks": [{"source": "a.ipynb", "product": "{{unknown}}/a.ipynb"}]},
        {"tasks": [{"source": "a.ipynb", "product": "{% if x %}a{% endif %}.ipynb"}]},
        {"tasks": [{"source": "a.ipynb", "product": "a.ipynb", "upstream": ["fit-*"]}]},
        {"tasks": [{"source": "a.ipynb", "product": "a.ipynb", "upstream": ["nobody"]}]},
        {"tasks": [{"source": "a.ipynb", "product": "a.ipynb", "grid": {"x": [1, 2]}}]},
        {"tasks": ["not a task"]},
        {"tasks": None},
    ],
)
def test_what_only_ploomber_can_resolve_is_left_to_it(tiny: Path, change: dict[str, Any]) -> None:
    pipeline = yaml.safe_load((tiny / "pipeline.yaml").read_text()) | change
    (tiny / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    assert spec.read(tiny, {}) is None


def test_what_a_task_needs_comes_with_it(root: Path) -> None:
    pipeline = spec.read(root, {})
    assert pipeline is not None
    assert pipeline.needed(("train",)) == {"ingest", "validate", "features", "train"}
    with pytest.raises(PipelineError, match="no task 'trane'") as refusal:
        pipeline.needed(("trane",))
    assert "ingest, validate" in refusal.value.next_step
