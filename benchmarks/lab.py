"""How soon Roadworthy's panels are there in JupyterLab, in a real Chromium.

A project of 60 tasks, built once, and the reports of 100 windows of 100 columns. In each repeat JupyterLab is started
anew and two notebooks opened in a fresh page; once it has come to rest, each panel is opened in turn. Timed is what the
page's own clock says, from the command to the frame in which the last of the panel is to be seen: the server's answers
are in it, the start of JupyterLab is not. The other notebook was open before, so the page knows it. The first report is
one beside which the server has read no other.

    python benchmarks/lab.py --repeats 5
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright
from reports import KINDS, POLICY, columns, profiled, report_of

from roadworthy import project
from roadworthy.monitoring.drift import compare

TASKS, BESIDE = 60, 6  # tasks, and how many of them build on nothing that is beside them
WIDTH, WINDOWS = 100, 100
RUNS = (2, 1)  # of the two tasks that are looked at, so that the panel of one is not taken for the other's
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
PATIENCE = 120_000  # milliseconds
TOKEN = "benchmark"  # noqa: S105 - of a server on this machine that ends with the benchmark
PIPELINE = """\
meta: {extract_upstream: false, extract_product: false}
executor: {dotted_path: roadworthy.pipeline.executor.Recorder}
tasks:
"""
# Does something, and tells after how many milliseconds so many of each kind of element are to be seen, in this order.
# What is seen at one look shares the frame that it is shown in.
TIMED = """([act, awaited]) => new Promise(done => {
    const start = performance.now(), times = [];
    eval(act);
    const seen = selector =>
        [...document.querySelectorAll(selector)].filter(one => one.getClientRects().length > 0).length;
    const look = () => {
        const rest = awaited.slice(times.length);
        const missing = rest.findIndex(([selector, count]) => seen(selector) < count);
        const found = missing < 0 ? rest.length : missing;
        if (found === 0) {
            setTimeout(look, 5);
        } else {
            requestAnimationFrame(() => setTimeout(() => {
                times.push(...Array(found).fill(performance.now() - start));
                times.length < awaited.length ? look() : done(times);
            }));
        }
    };
    look();
})"""
STATUS_BAR = "document.querySelector('.rw-status-button').click()"
# what is opened, and within how many milliseconds it is meant to be there
MEANT: Mapping[str, int | None] = {
    "the panel's heading, by a click in the status bar": None,
    "the panel, by a click in the status bar": 300,
    "JupyterLab's own tab, when one turns to the other notebook": None,
    "the panel's heading, when one turns to the other notebook": None,
    "the panel, when one turns to the other notebook": 300,
    f"the pipeline of {TASKS} tasks as a picture": None,
    f"the first report, its {WIDTH} columns": None,
    f"the first report, with {WIDTH} trends over {WINDOWS} windows": 1000,
    "the next report, with all trends": 1000,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print("Not measured: Chromium is not installed. Next: install it, on Debian as `chromium`.")
        return
    if find_spec("jupyterlab") is None or find_spec("roadworthy_jupyterlab") is None:
        print("Not measured: the extension is not installed. Next: install node 20, which builds it, and `make bench`.")
        return
    with tempfile.TemporaryDirectory(prefix="rw-") as folder, sync_playwright() as playwright:
        root = make_project(Path(folder))
        reports = make_reports(root)
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        taken = []
        for _ in range(repeats):
            with served(root, Path(folder)) as address:
                taken.append(look(browser, address, reports))
        browser.close()
    print(f"{f'in Chromium, {repeats} repeats':58}{'median':>8}{'worst':>9}    median of what is meant")
    for (what, meant), milliseconds in zip(MEANT.items(), zip(*taken, strict=True), strict=True):
        median = statistics.median(milliseconds)
        share = f"{median / meant:6.0%} of {meant} ms" if meant else ""
        print(f"{what:58}{median:5.0f} ms{max(milliseconds):6.0f} ms{share}")
    print(f"({os.cpu_count()} processors)")


# --- the project -----------------------------------------------------------------------------------------------------


def make_project(folder: Path) -> Path:
    """Make the project, and build it."""
    root = project.init("bench", folder, filled=True)
    for notebook in (root / "notebooks").glob("*.ipynb"):
        notebook.unlink()
    lines = []
    for number in range(TASKS):
        write_notebook(root / f"notebooks/task{number}.ipynb", number)
        before = f"task{number - BESIDE}" if number >= BESIDE else ""
        products = f"{{nb: products/task{number}.ipynb, data: products/task{number}.txt}}"
        lines.append(f"- {{source: notebooks/task{number}.ipynb, upstream: [{before}], product: {products}}}\n")
    (root / "pipeline.yaml").write_text(PIPELINE + "".join(lines))
    (root / "env.yaml").write_text("products: products\n")
    build = [sys.executable, "-m", "roadworthy.cli", "build"]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    first = root / "notebooks/task0.ipynb"
    first.write_text(first.read_text().replace("seed * 3", "seed * 4"))
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    return root


def write_notebook(path: Path, number: int) -> None:
    cells = (
        f"seed = {number}\nupstream = None\nproduct = None",
        *(f"value_{step} = seed * {step}\nprint(value_{step})" for step in range(8)),
        'from pathlib import Path\nPath(product["data"]).write_text(str(seed))',
    )
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=made)  # type: ignore[no-untyped-call]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def make_reports(root: Path) -> list[str]:
    """Write the windows' reports, made of what profiles of real rows say, and return their paths, the newest last."""
    names = columns(WIDTH)
    reference, profiles = profiled(names)
    readings = [compare(reference, profile, names, None, POLICY) for profile in profiles]
    paths = []
    with project.load(root) as opened:
        opened.config.reports.mkdir()
        for place in range(WINDOWS):
            report = report_of(place, readings[place * KINDS // WINDOWS])
            path = opened.config.reports / f"{report.window.name}.drift.json"
            path.write_text(report.model_dump_json(indent=1), encoding="utf-8")
            opened.state.save_window(report)
            paths.append(path.relative_to(root).as_posix())
    return paths


# --- JupyterLab ------------------------------------------------------------------------------------------------------


@contextmanager
def served(root: Path, folder: Path) -> Iterator[str]:
    """Run JupyterLab on the project, without what it remembers of this user, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = [f"--port={port}", "--no-browser", "--allow-root", f"--IdentityProvider.token={TOKEN}"]
    command = [sys.executable, "-m", "jupyterlab", *options, "--LabApp.expose_app_in_browser=True"]
    places = {
        name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "BENTOML_HOME")
    }
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=root, env=os.environ | places, stdout=log, stderr=log)
    try:
        while not answers(address):
            if process.poll() is not None:
                sys.exit(f"JupyterLab ended: {(folder / 'log.txt').read_text()}")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/api?token={TOKEN}").close()  # noqa: S310 - our own server
    except OSError:
        return False
    return True


def look(browser: Browser, address: str, reports: list[str]) -> list[float]:
    """Open one panel after the other in a fresh page, and return how long each took, in the order of `MEANT`."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US").new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/lab/tree/notebooks/task0.ipynb?token={TOKEN}&reset")
    page.locator(".rw-status-button", has_text="fresh").wait_for()
    page.evaluate(f"() => {{ {command('docmanager:open', 'notebooks/task1.ipynb')} }}")
    page.locator(".rw-status-name", has_text="task1").wait_for()
    page.wait_for_load_state("networkidle")
    found = []
    heading, *_, last = timed(page, STATUS_BAR, *panel_of(1))
    found += [heading, last]
    tab = (".lm-DockPanel-tabBar .lm-mod-current[title*='task0.ipynb']", 1)
    own, heading, *_, last = timed(page, command("docmanager:open", "notebooks/task0.ipynb"), tab, *panel_of(0))
    found += [own, heading, last]
    found += timed(page, command("roadworthy:show-pipeline"), ("g.rw-node", TASKS))
    columns, trends = (".rw-report .rw-opener", WIDTH), (".rw-report .rw-strip", WIDTH)
    found += timed(page, command("roadworthy:open-report", reports[-1]), columns, trends)
    page.evaluate(f"() => {{ {command('application:close')} }}")
    page.locator(".rw-report").wait_for(state="detached")
    found += timed(page, command("roadworthy:open-report", reports[-2]), trends)
    page.context.close()
    return found


def panel_of(number: int) -> tuple[tuple[str, int], ...]:
    """Return all that the panel shows of a task, as what is awaited: heading, form, runs, and all tasks."""
    return (
        (f".rw-panel .rw-title[title='notebooks/task{number}.ipynb']", 1),
        (f".rw-panel .rw-form input[value='{number}']", 1),
        (".rw-panel .rw-run", RUNS[number]),
        (".rw-panel [aria-label='Tasks of the pipeline'] > li", TASKS),
    )


def command(name: str, path: str = "") -> str:
    """Return the JavaScript that runs a command of JupyterLab's, as palette and menu do."""
    given = f"{{path: '{path}'}}" if path else "{}"
    return f"void window.jupyterapp.commands.execute('{name}', {given});"


def timed(page: Page, act: str, *awaited: tuple[str, int]) -> list[float]:
    """Do something in the page, and return after how many milliseconds so many of each element are to be seen."""
    found: list[float] = page.evaluate(TIMED, [act, awaited])
    return found


if __name__ == "__main__":
    main()
