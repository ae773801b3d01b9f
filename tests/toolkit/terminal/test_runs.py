from __future__ import annotations

import io

from rich.console import Console

from roadworthy.pipeline.runs import Change, Measure, RunDiff, TaskDiff
from roadworthy.terminal.runs import show_diff, show_trace
from roadworthy.trace.tree import Trace


def shown(show: object, content: object) -> str:
    console = Console(file=io.StringIO(), width=100, soft_wrap=True)
    show(console, content)  # type: ignore[operator]
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_a_difference_names_what_changed_and_by_how_much() -> None:
    seconds = Measure(name="seconds", before=10, after=6)
    memory = Measure(name="peak memory", before=None, after=None)
    task = TaskDiff(
        name="train", kind="changed", seconds=seconds, peak_memory=memory, notes=("ran before",), code_changed=True
    )
    found = RunDiff(
        before="a",
        after="b",
        parameters=(Change(name="max_iter", kind="changed", before=150, after=50),),
        inputs=(Change(name="model", kind="changed", before="0" * 64, after="f" * 64),),
        tasks=(task,),
        metrics=(Measure(name="roc_auc", before=0.7, after=None),),
        seconds=seconds,
    )
    text = shown(show_diff, found)
    assert "a -> b\n" in text
    assert "parameters: max_iter: 150 -> 50" in text
    assert "inputs: model: 000000000000 -> ffffffffffff\n" in text
    assert "train\n    ran before" in text
    assert "metric roc_auc: 0.7 -> none" in text
    assert "seconds: 10 -> 6 (-4)" in text


def test_a_trace_is_a_tree_with_short_hashes() -> None:
    found = Trace(
        kind="file",
        name="products/[x].json",
        facts={"hash": "a" * 64, "owner": "Ada"},
        parents=(Trace(kind="task", name="train", above=True),),
    )
    assert shown(show_trace, found).splitlines() == [
        "file products/[x].json",
        "hash: aaaaaaaaaaaa",
        "owner: Ada",
        "└── task train (told above)",
    ]
