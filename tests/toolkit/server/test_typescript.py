"""The page's records are the server's."""

from pathlib import Path

from roadworthy.server.typescript import typescript

RECORDS = Path(__file__).parents[3] / "extensions/jupyterlab/src/records.ts"


def test_the_page_has_the_records_as_they_are() -> None:
    assert RECORDS.read_text() == typescript(), "run `make docs`"


def test_an_answer_has_every_field_and_a_request_those_that_are_needed() -> None:
    text = typescript()
    task = text.partition("export interface ILabTask {")[2].partition("\n}")[0]
    assert "standing: 'fresh' | 'stale' | 'running' | 'failed' | 'unknown';" in task
    assert "?:" not in task
    request = text.partition("export interface IJobRequest {")[2].partition("\n}")[0]
    assert "path: string;" in request
    assert "parameters?: { [key: string]: unknown };" in request
    muting = text.partition("export interface IMuting {")[2].partition("\n}")[0]
    assert "hours: number;" in muting
    assert "note?: string;" in muting
    refusal = text.partition("export interface IRefusal {")[2].partition("\n}")[0]
    assert "problem: IProblem | null;" in refusal
