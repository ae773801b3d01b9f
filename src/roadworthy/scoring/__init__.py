"""Batch scoring: files and tables answered as the service would answer them, larger than memory, resumed after a kill.

The same contract, the same code and the same record as the service; what it has done so far stands in a folder beside
its output.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from blake3 import blake3

from roadworthy import registry
from roadworthy.data.ahead import ahead
from roadworthy.errors import DataError
from roadworthy.project import Project
from roadworthy.records import CHAMPION, now
from roadworthy.scoring.answering import Answerer
from roadworthy.scoring.inputs import TABLE, FileInput, Input, Part, open_input
from roadworthy.scoring.outputs import FileOutput, Output, open_output
from roadworthy.scoring.work import Account, Facts, Run, Work
from roadworthy.serving import credentials

__all__ = ["CHUNK_ROWS", "Account", "score"]

OnProgress = Callable[[int, int | None], object]
"""Called with the rows that are done, and with how many there are in all where that is known."""

CHUNK_ROWS = 50_000
_CAPTURED = "predictions"


def score(
    project: Project,
    source: str,
    output: str,
    *,
    version: str = CHAMPION,
    chunk_rows: int = CHUNK_ROWS,
    capture: bool = True,
    on_progress: OnProgress | None = None,
) -> Account:
    """Answer every row of a file or table as the service would, and capture the answers as the service does.

    A row of the output has the input's identifier and event time, its position in the input from 0 (``input_row``),
    probability, prediction, model_version, ``request_id`` and ``row`` by which a label is given, and warnings. A row
    that breaks the contract is not answered: it goes beside the output, to ``<stem>.refused.jsonl`` or the table
    ``<name>_refused``, with source, row, field, value and rule.

    A run that was killed goes on where it was when it is given the same output again, with no row doubled; when input,
    version, contract or threshold have changed it begins anew. A run that had ended is not repeated.

    Parameters
    ----------
    source
        What `roadworthy.scoring.inputs.open_input` takes.
    output
        A file (.parquet, .csv, .jsonl), which is replaced once all is answered; or ``table:NAME``, to which rows are
        added.
    version
        As for `roadworthy.registry.resolve`.
    chunk_rows
        Rows that are answered, written and captured at once.
    capture
        Whether the answers go to the table ``predictions``, as a service's do.

    Raises
    ------
    DataError
        When the input cannot be read or its columns are not the contract's, the output cannot be written, or another
        process is writing it.
    ServingError
        When the model cannot answer.
    UnknownVersion, RegistryError, TableError
        When the version cannot be loaded, or a table cannot be read or written.
    """
    began = time.monotonic()
    place = open_output(output, project.tables, project.root)
    tag = registry.resolve(project.state, version).tag
    with Work(place.folder, output) as work:
        address = work.pinned(source) if source.startswith(TABLE) else source
        rows = open_input(address, project.tables)
        _expect_apart(rows, place)
        run, note = work.begin(_wanted(project, rows, source=source, output=output, tag=tag, chunk_rows=chunk_rows))
        account = work.account()
        if account is not None and place.there():
            return account.model_copy(update={"repeated": True, "seconds": time.monotonic() - began})
        batch = _Scoring(project, run, rows, place, work, capture=capture, on_progress=on_progress)
        batch.go()
        rows.expect_unchanged()
        account = _account(project, run, batch, place, note)
        place.finish(batch.chunks, batch.answerer.schema, refused=account.refused > 0)
        account = account.model_copy(update={"seconds": time.monotonic() - began})
        work.finish(account)
    return account


class _Scoring:
    """One run, chunk by chunk."""

    def __init__(
        self,
        project: Project,
        run: Run,
        rows: Input,
        place: Output,
        work: Work,
        *,
        capture: bool,
        on_progress: OnProgress | None,
    ) -> None:
        self.facts, self.chunks, self.resumed = Facts(), 0, 0
        self.capture = capture
        self._project, self._run, self._rows, self._place, self._work = project, run, rows, place, work
        self._progress = on_progress or (lambda done, total: None)
        model = registry.load(project.config, run.version)
        key = credentials.secret(project.config)
        self.answerer = Answerer(model, project.dataset, run, key, project.config.policy.capture)

    def go(self) -> None:
        """Answer what is not answered yet."""
        total = self._rows.rows
        captured = self._captured()
        with closing(ahead(self._rows.parts(self._run.chunk_rows))) as parts:
            for part in parts:
                facts = self._work.facts(self.chunks)
                if facts is not None:
                    self.resumed += facts.read
                if facts is None or self.chunks > captured:
                    facts = self._do(part)
                self.facts += facts
                self.chunks += 1
                self._progress(self.facts.read, total)

    def _do(self, part: Part) -> Facts:
        answered = self.answerer.answer(self.chunks, self.facts.read, part)
        self._place.take(self.chunks, answered, self._run.writer)
        if self.capture:
            self._project.tables.append(_CAPTURED, answered.captured, writer=self._run.writer, position=self.chunks)
        facts = Facts(
            read=answered.read,
            refused=answered.refused_rows,
            unseen=dict(answered.unseen),
            out_of_range=dict(answered.out_of_range),
        )
        self._work.done(self.chunks, facts)
        return facts

    def _captured(self) -> int:
        """Return the last chunk that needs no capturing any more."""
        if not self.capture:
            return 2**62
        reached = self._project.tables.position(_CAPTURED, self._run.writer)
        return -1 if reached is None else reached


def _wanted(project: Project, rows: Input, *, source: str, output: str, tag: str, chunk_rows: int) -> Run:
    if chunk_rows < 1:
        raise DataError(f"A chunk of {chunk_rows} rows holds nothing.", "Give --chunk-rows of 1 or more.")
    settings = project.config.settings
    return Run(
        source=source,
        content=rows.content,
        version=tag,
        contract=blake3(project.dataset.model_dump_json().encode()).hexdigest(),
        threshold=settings.use_case.value.threshold,
        output=output if output.startswith(TABLE) else str(Path(output).absolute()),
        chunk_rows=chunk_rows,
        request_rows=settings.service.max_rows,
        started=now(),
    )


def _expect_apart(rows: Input, place: Output) -> None:
    if isinstance(rows, FileInput) and isinstance(place, FileOutput) and rows.reads(place.path):
        raise DataError(f"{place.path} would be read as input.", "Write the output elsewhere.")


def _account(project: Project, run: Run, batch: _Scoring, place: Output, note: str) -> Account:
    facts = batch.facts
    return Account(
        **facts.model_dump(),
        source=run.source,
        output=run.output,
        version=run.version,
        scored=facts.read - facts.refused,
        refused_to=place.refused_to if facts.refused else "",
        too_many=facts.refused > project.config.policy.quarantine.refuse_over * facts.read,
        captured=batch.capture,
        resumed=batch.resumed,
        note=note,
    )
