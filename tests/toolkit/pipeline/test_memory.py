from __future__ import annotations

import subprocess
import sys

import pytest

from roadworthy.pipeline.memory import PeakMemory

MEGABYTE = 1_000_000


def test_memory_of_this_process_counts() -> None:
    with PeakMemory() as before:
        pass
    with PeakMemory() as during:
        taken = bytearray(100 * MEGABYTE)
        taken[::4096] = b"x" * len(taken[::4096])
        during._ended.wait(0.5)
    assert during.peak - before.peak > 80 * MEGABYTE


@pytest.mark.slow
def test_memory_of_a_child_counts_and_stays_counted_after_its_end() -> None:
    hold = "import time; taken = b'x' * 150_000_000; time.sleep(1)"
    with PeakMemory() as memory:
        before = memory.peak
        subprocess.run([sys.executable, "-S", "-c", hold], check=True)
    assert memory.peak - before > 140 * MEGABYTE
