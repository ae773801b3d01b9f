"""How long one notebook task takes in a plain kernel and in a warm one.

The notebook imports pandas and scikit-learn and fits a small model; both kinds execute it through Papermill with the
options that the pipeline's executor gives. The warm process is started once; its own warming up, which a build spends
beside importing Ploomber, is told by itself.

    python benchmarks/kernels.py [RUNS]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import nbformat
import papermill

from roadworthy.pipeline import kernels, preload

CELLS = (
    "import numpy as np\nimport pandas as pd\nfrom sklearn.ensemble import RandomForestClassifier",
    "rows = pd.DataFrame(np.random.default_rng(0).random((500, 4)), columns=list('abcd'))",
    "model = RandomForestClassifier(5).fit(rows[['a', 'b', 'c']], rows.d > 0.5)",
    "rows.describe()",
)


def seconds(folder: Path, *, warm: bool) -> float:
    params: dict[str, Any] = {}
    kernels.prepare(params, terminal=False, warm=warm, preload=preload.preloadable(CELLS))
    start = perf_counter()
    papermill.execute_notebook(folder / "task.ipynb", folder / "executed.ipynb", **params)
    taken = perf_counter() - start
    expected = "warm" if warm else "plain"
    if kernels.kind(params) != expected:
        raise SystemExit(f"No {expected} kernel was started: {kernels.reason(params)}.")
    return taken


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="rw-") as name:
        folder = Path(name)
        os.environ["XDG_RUNTIME_DIR"] = name  # a warm process of its own, which ends with the folder
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        cells = list(map(nbformat.v4.new_code_cell, CELLS))
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)  # type: ignore[no-untyped-call]
        nbformat.write(notebook, folder / "task.ipynb")  # type: ignore[no-untyped-call]
        seconds(folder, warm=False)  # fills the disk's cache
        first = seconds(folder, warm=True)
        # in turns, so that whatever else the machine does meets both
        pairs = [(seconds(folder, warm=False), seconds(folder, warm=True)) for _ in range(runs)]
    plain, warm = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"one task, plain kernel                  {plain:6.2f} s")
    print(f"one task, warm kernel                   {warm:6.2f} s   {plain / warm:.1f} times as fast")
    print(f"the first one, with the warming up      {first:6.2f} s")
    print(f"({os.cpu_count()} processors, median of {runs})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
