"""Every notebook runs from top to bottom, as one who opens it in JupyterLab would run it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TASKS = ("ingest", "validate", "features", "train", "evaluate")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_notebooks_run_in_order_and_leave_their_products(tmp_path: Path) -> None:
    root = tmp_path / "project"
    for name in ("notebooks", "monitoring"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    shutil.copy(ROOT / "pyproject.toml", root)
    notebooks = [f"notebooks/{task}.ipynb" for task in TASKS]
    ingest = root / notebooks[0]
    ingest.write_text(
        ingest.read_text().replace('share = \\"1.0\\"', 'share = \\"0.2\\"')
    )  # the same, with fewer flights
    assert '"0.2' in ingest.read_text()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", ".", "-q", "--nbval-lax", *notebooks],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert {"ingest.json", "features.parquet", "model.skops", "metrics.json"} <= {
        path.name for path in (root / "products").iterdir()
    }


def test_notebooks_are_kept_without_outputs() -> None:
    assert not [path.name for path in (ROOT / "notebooks").glob("*.ipynb") if '"output_type"' in path.read_text()]
