"""`ploomber plot` works, for which networkx is held below 3.6."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from roadworthy.pipeline.build import COMMAND


@pytest.mark.slow
def test_ploomber_plot_draws_the_pipeline(root: Path) -> None:
    picture = root / "pipeline.html"
    command = [*COMMAND, "plot", "--output", str(picture), "--backend", "d3"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = picture.read_text()
    assert all(task in page for task in ("ingest", "validate", "features", "train", "evaluate"))


def test_the_range_of_networkx_is_still_needed() -> None:
    """When this fails, Ploomber no longer asks for the name that networkx 3.6 gave up: lift `networkx<3.6`."""
    import ploomber.dag.plot  # the module under test, and slow to import

    assert 'graph["links"]' in Path(ploomber.dag.plot.__file__).read_text()
