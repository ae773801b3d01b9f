from __future__ import annotations

import os
import subprocess
import sys

from roadworthy.pipeline import memory

MEGABYTE = 1_000_000
HOLD = "taken = b'x' * 150_000_000; print('held', flush=True); input()"


def test_memory_of_this_process_counts() -> None:
    before = memory.resident([os.getpid()])
    taken = bytearray(100 * MEGABYTE)
    taken[::4096] = b"x" * len(taken[::4096])
    assert memory.resident([os.getpid()]) - before > 80 * MEGABYTE


def test_memory_of_a_grandchild_counts_and_ended_processes_do_not() -> None:
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {HOLD!r}])"
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    assert memory.resident([child.pid]) > 140 * MEGABYTE
    assert len(memory.family([child.pid])) == 2
    child.communicate("\n")
    assert memory.family([child.pid]) == frozenset()
    assert memory.resident([child.pid]) == 0
