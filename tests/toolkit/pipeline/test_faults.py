"""What goes wrong while a pipeline runs: processes are really killed, disks are really full."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from roadworthy import config as configuration
from roadworthy.pipeline import memory
from roadworthy.pipeline.build import COMMAND
from roadworthy.records import RunRecord
from roadworthy.state import State

pytestmark = pytest.mark.slow
Notebook = Callable[..., None]
Ploomber = Callable[..., subprocess.CompletedProcess[str]]
PARAMETERS = "rows = 1\nupstream = None\nproduct = None"
WRITE = "from pathlib import Path\nPath(product['data']).write_text('{\"rows\": %s}')\nrows"
WAIT = "import os, time\nfrom pathlib import Path\nPath('begun').write_text(str(os.getpid()))\ntime.sleep(600)"


@pytest.fixture
def kept(tiny: Path) -> Iterator[State]:
    with State.open(configuration.load(tiny).state_address) as opened:
        yield opened


@pytest.fixture
def waiting(tiny: Path, notebook: Notebook) -> Iterator[subprocess.Popen[str]]:
    """A build whose first task writes half of its product, says which process its kernel is, and waits."""
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, WRITE % 1, WAIT)
    with start(tiny) as process:
        until((tiny / "begun").exists, process)
        yield process
        kill(memory.family([process.pid]))


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [*COMMAND, "build", *arguments]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if true():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    pytest.fail("it did not come to that")


def kill(processes: frozenset[int]) -> None:
    for process in processes:
        if psutil.pid_exists(process):
            os.kill(process, signal.SIGKILL)


def kernel(root: Path) -> int:
    return int((root / "begun").read_text())


def ended(process: int) -> bool:
    """Whether a process has ended; one that nobody has collected yet has."""
    return not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE


def all_end(processes: set[int]) -> bool:
    for _ in range(400):
        if all(map(ended, processes)):
            return True
        time.sleep(0.05)
    return False


def newest(kept: State) -> RunRecord:
    run = kept.last_run()
    assert run is not None
    return run


def mend(root: Path, notebook: Notebook) -> None:
    notebook(root / "notebooks/first.ipynb", PARAMETERS, WRITE % 3)
    (root / "begun").unlink(missing_ok=True)


def test_a_killed_build_leaves_no_process_and_the_next_goes_on(
    tiny: Path, kept: State, waiting: subprocess.Popen[str], notebook: Notebook, ploomber: Ploomber
) -> None:
    family = set(memory.family([waiting.pid])) | {kernel(tiny)}
    assert len(family) >= 3  # build, worker and kernel
    os.kill(waiting.pid, signal.SIGKILL)
    waiting.wait()
    assert all_end(family)
    assert not (tiny / "products/first.json").exists()
    assert newest(kept).state == "running"  # nobody was left to say otherwise

    mend(tiny, notebook)
    again = ploomber(tiny, "build")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Waiting" not in again.stdout + again.stderr  # its lock died with it
    assert [run.state for run in kept.runs()] == ["done", "interrupted"]
    assert list((tiny / "products").glob(".*.building")) == []
    assert json.loads((tiny / "products/second.json").read_text())


def test_a_killed_worker_is_told_and_takes_its_kernel_along(
    tiny: Path, kept: State, waiting: subprocess.Popen[str]
) -> None:
    (worker,) = [child for child in psutil.Process(waiting.pid).children() if child.pid != kernel(tiny)]
    worker.kill()
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode != 0
    assert "its process was killed by SIGKILL" in said
    assert "Traceback" not in said
    assert all_end({kernel(tiny)})
    assert (newest(kept).state, newest(kept).tasks[0].state) == ("failed", "failed")


def test_a_killed_kernel_is_told_by_its_cell(tiny: Path, kept: State, waiting: subprocess.Popen[str]) -> None:
    os.kill(kernel(tiny), signal.SIGKILL)
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode != 0
    assert "Task 'first' failed" in said
    assert "kernel died" in said.lower()
    assert "cell 4 of notebooks/first.ipynb" in said
    assert newest(kept).state == "failed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_says_so_in_a_line(
    tiny: Path, kept: State, waiting: subprocess.Popen[str], number: signal.Signals
) -> None:
    family = set(memory.family([waiting.pid])) | {kernel(tiny)}
    waiting.send_signal(number)
    said, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "Interrupted; what had not ended will run at the next build." in said
    assert "Traceback" not in said
    assert all_end(family)
    assert newest(kept).state == "interrupted"


def test_the_last_good_product_stays_until_a_better_one_is_whole(
    tiny: Path, kept: State, notebook: Notebook, ploomber: Ploomber
) -> None:
    mend(tiny, notebook)
    assert ploomber(tiny, "build").returncode == 0
    good = (tiny / "products/first.json").read_bytes()
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, WRITE % 99, WAIT)
    with start(tiny) as process:
        until((tiny / "begun").exists, process)
        assert (tiny / "products/first.json").read_bytes() == good
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert (tiny / "products/first.json").read_bytes() == good
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, WRITE % 99, "1 / 0")
    assert ploomber(tiny, "build").returncode != 0
    assert (tiny / "products/first.json").read_bytes() == good
    assert (tiny / "products/first.failed.ipynb").exists()

    mend(tiny, notebook)
    again = ploomber(tiny, "build")
    assert again.returncode == 0
    assert "done in" not in again.stdout  # what made the good product is what stands there again


def test_of_two_builds_at_once_one_waits_and_finds_all_fresh(tiny: Path, kept: State, notebook: Notebook) -> None:
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, WRITE % 3, "import time\ntime.sleep(3)")
    builds = [start(tiny), start(tiny)]
    said = [build.communicate(timeout=120)[0] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], said
    assert sum("Waiting for another build of this project to end (" in words for words in said) == 1
    assert sum("done in" in words for words in said) == 1
    assert [len(run.tasks) for run in kept.runs()] == [2]


def test_damaged_metadata_of_ploomber_s_stops_nothing(tiny: Path, notebook: Notebook, ploomber: Ploomber) -> None:
    mend(tiny, notebook)
    assert ploomber(tiny, "build").returncode == 0
    for damaged in ('{"timestamp": 17', "\x00\x00"):
        (tiny / "products/.first.json.metadata").write_text(damaged)
        again = ploomber(tiny, "build")
        assert again.returncode == 0, again.stdout + again.stderr
        assert "done in" not in again.stdout
        assert ".first.json.metadata is damaged" in again.stderr
        assert "Traceback" not in again.stderr
    assert ploomber(tiny, "build").stderr.count("damaged") == 0


def test_a_full_disk_is_told_and_nothing_half_is_left(tiny: Path, kept: State, notebook: Notebook) -> None:
    filling = "from pathlib import Path\nPath(product['data']).write_bytes(b'x' * 50_000_000)\nrows"
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, filling)
    (tiny / "products").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tiny / "products")], capture_output=True, check=False
    )
    limit = "" if mounted.returncode == 0 else "ulimit -f 20000; "  # a file that may not grow fails likewise
    try:
        program = " ".join([COMMAND[0], COMMAND[1], f"'{COMMAND[2]}'", "build"])
        done = subprocess.run(
            ["bash", "-c", limit + program], cwd=tiny, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode != 0
        said = done.stdout + done.stderr
        assert "No space left on device" in said or "File too large" in said
        assert "Task 'first' failed" in said
        assert not (tiny / "products/first.json").exists()
        assert list((tiny / "products").glob(".*.building")) == []
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(tiny / "products")], check=True)
    assert newest(kept).state == "failed"


# --- limits ---------------------------------------------------------------------------------------------------------


def limited(root: Path, **limits: object) -> None:
    pipeline = yaml.safe_load((root / "pipeline.yaml").read_text())
    pipeline["executor"]["tasks"] = {"first": limits}
    (root / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))


def test_a_task_that_fails_at_first_is_tried_again(
    tiny: Path, kept: State, notebook: Notebook, ploomber: Ploomber
) -> None:
    limited(tiny, retries=2)
    count = "n = len(list(Path('.').glob('try*')))\nPath(f'try{n}').touch()\nassert n == 2, 'not yet'"
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, WRITE % 3, count)
    done = ploomber(tiny, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("It is tried again.") == 2
    assert newest(kept).tasks[0].attempts == 3
    assert not (tiny / "products/first.failed.ipynb").exists()


def test_a_task_that_takes_too_long_is_ended(tiny: Path, kept: State, notebook: Notebook, ploomber: Ploomber) -> None:
    limited(tiny, timeout=3)
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, WRITE % 1, WAIT)
    done = ploomber(tiny, "build")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "took longer than the 3 s that it may take" in said
    assert "Raise executor.tasks.first.timeout in pipeline.yaml" in said
    assert all_end({kernel(tiny)})
    assert newest(kept).tasks[0].state == "failed"


def test_a_task_that_takes_too_much_memory_is_ended(tiny: Path, notebook: Notebook, ploomber: Ploomber) -> None:
    limited(tiny, memory="700 MB")
    hoard = "import os\nPath('begun').write_text(str(os.getpid()))\nhoard = [b'x' * 10_000_000 for _ in range(10_000)]"
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, WRITE % 1, hoard)
    done = ploomber(tiny, "build")
    assert done.returncode != 0
    assert "of memory, it may take 700 MB" in done.stdout + done.stderr
    assert all_end({kernel(tiny)})


def test_independent_tasks_run_at_once_as_many_as_there_are_jobs(
    tiny: Path, notebook: Notebook, ploomber: Ploomber
) -> None:
    pipeline = yaml.safe_load((tiny / "pipeline.yaml").read_text())
    del pipeline["tasks"][1]["upstream"]
    pipeline["executor"]["jobs"] = 2
    (tiny / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    meet = (
        "import time\nPath({0!r}).touch()\nfor _ in range(200):\n    time.sleep(0.1)\n"
        "    if Path({1!r}).exists():\n        break\nelse:\n    raise SystemExit('alone')"
    )
    notebook(tiny / "notebooks/first.ipynb", PARAMETERS, WRITE % 1, meet.format("one", "two"))
    second = (WRITE % 2).replace("rows", "factor")
    notebook(tiny / "notebooks/second.ipynb", PARAMETERS.replace("rows", "factor"), second, meet.format("two", "one"))
    done = ploomber(tiny, "build")
    assert done.returncode == 0, done.stdout + done.stderr
