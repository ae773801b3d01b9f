from __future__ import annotations

from pathlib import Path

import pytest
from ploomber.constants import TaskStatus
from ploomber.spec import DAGSpec

from roadworthy.pipeline import graph


def test_where_a_task_s_products_are(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)
    dag = DAGSpec("pipeline.yaml").to_dag().render(show_progress=False)
    first = dag["first"]
    assert graph.files(first) == {"nb": tiny / "products/first.ipynb", "data": tiny / "products/first.json"}
    assert graph.notebook(first) == tiny / "products/first.ipynb"
    assert graph.parameters(first) == {"rows": 3}
    assert [task.name for task in graph.pipeline(dag, tiny).tasks] == ["first", "second"]


def test_settling_a_task_leaves_the_others_alone(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)
    dag = DAGSpec("pipeline.yaml").to_dag().render(show_progress=False)
    graph.settle(dag["first"], TaskStatus.Errored)
    assert dag["second"].exec_status == TaskStatus.WaitingUpstream


def test_a_function_is_known_by_its_code(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)
    monkeypatch.syspath_prepend(str(tiny))
    (tiny / "steps_of_tiny.py").write_text("def load(product, rows):\n    open(str(product), 'w').write(str(rows))\n")
    (tiny / "env.yaml").unlink()
    (tiny / "pipeline.yaml").write_text(
        "meta: {extract_upstream: false}\n"
        "tasks:\n- source: steps_of_tiny.load\n  product: products/rows.txt\n  params: {rows: 3}\n"
    )
    dag = DAGSpec("pipeline.yaml").to_dag().render(show_progress=False)
    (task,) = graph.pipeline(dag, tiny).tasks
    assert (task.source, task.notebook, task.products) == ("", None, {"": "products/rows.txt"})
    assert "def load" in (task.text or "")
