"""What a run of scoring has done so far, in a folder beside its output: it survives a kill at any moment.

A chunk is done once its facts are there, which are written last; whatever else a killed run had begun is done again,
with the same result.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from blake3 import blake3
from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from roadworthy.errors import DataError
from roadworthy.records import Moment, Record

_RUN, _ACCOUNT, _LOCK = "run.json", "account.json", ".lock"


class Run(Record):
    """What is laid down when a run begins, and holds until it ends, however often it is killed."""

    source: str = Field(description="address of the input")
    content: str = Field(description="what tells the input's rows from any others")
    version: str = Field(description="tag of the model version that answers")
    contract: str = Field(description="hash of the contract's dataset")
    threshold: float
    output: str
    chunk_rows: int
    request_rows: int = Field(description="rows of one request id, at most")
    started: Moment

    @property
    def writer(self) -> str:
        """Name under which its rows are added to tables, once."""
        told = [self.content, self.version, self.contract, self.output, self.started.isoformat()]
        return f"score {blake3(chr(0).join(told).encode()).hexdigest()[:32]}"

    def differs(self, other: Run) -> str:
        """Return what another run would do otherwise, in words; blank when it is the same."""
        words = {"content": "the input", "version": "the version", "contract": "the contract", "threshold": "threshold"}
        return ", ".join(said for name, said in words.items() if getattr(self, name) != getattr(other, name))


class Facts(Record):
    """What became of the rows of a chunk, or of a whole run."""

    read: int = 0
    refused: int = 0
    unseen: dict[str, int] = Field(default={}, description="column -> rows with a category that is new")
    out_of_range: dict[str, int] = Field(default={}, description="column -> rows beyond the contract's range")

    def __add__(self, other: Facts) -> Facts:
        """Return both together."""
        return Facts(
            read=self.read + other.read,
            refused=self.refused + other.refused,
            unseen=_sum(self.unseen, other.unseen),
            out_of_range=_sum(self.out_of_range, other.out_of_range),
        )


class Account(Facts):
    """What came of a run."""

    source: str
    output: str
    version: str
    scored: int
    refused_to: str = Field(default="", description="where the rows are that break the contract, if there are any")
    too_many: bool = Field(default=False, description="a larger share was refused than the policy tolerates")
    captured: bool = True
    resumed: int = Field(default=0, description="rows that had been scored before a former run of it ended early")
    repeated: bool = Field(default=False, description="all had been done before, nothing was added")
    note: str = ""
    seconds: float = 0.0


class Work:
    """The folder of a run; a context manager that holds it alone.

    Raises
    ------
    DataError
        When another process is at it, or the folder cannot be written.
    """

    def __init__(self, folder: Path, output: str) -> None:
        self.folder = folder
        self._output = output
        self._lock = FileLock(folder / _LOCK)

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise DataError(
                f"{self._output} is being written by another `roadworthy score`.",
                "Wait for it, or give another OUTPUT.",
            ) from error
        except OSError as error:
            raise DataError(
                f"Nothing can be written beside {self._output}: {error.strerror}.", "Correct OUTPUT, or make room."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def begin(self, wanted: Run) -> tuple[Run, str]:
        """Return the run to go on with, and why it begins anew although another one had begun; blank if none had."""
        before = self._before()
        if before is None:
            self.clear(everything=True)
            write(self.folder / _RUN, wanted.model_dump_json().encode())
            return wanted, ""
        changed = before.differs(wanted)
        if not changed:
            return before, ""
        finished = (self.folder / _ACCOUNT).exists()
        self.clear(everything=True)
        write(self.folder / _RUN, wanted.model_dump_json().encode())
        return wanted, "" if finished else f"It begins anew, as another has changed since it began: {changed}."

    def pinned(self, source: str) -> str:
        """Return the address to read: of a table the version that a run which was not finished began with."""
        before = self._before()
        unfinished = before is not None and not (self.folder / _ACCOUNT).exists()
        return before.content if before and unfinished and before.source == source else source

    def facts(self, chunk: int) -> Facts | None:
        """Return the facts of a chunk that is done."""
        path = self._facts(chunk)
        return Facts.model_validate_json(path.read_bytes()) if path.exists() else None

    def done(self, chunk: int, facts: Facts) -> None:
        """Note that a chunk is done; all that it made must be on the disk."""
        write(self._facts(chunk), facts.model_dump_json().encode())

    def account(self) -> Account | None:
        """Return the account of the run when it has ended."""
        path = self.folder / _ACCOUNT
        return Account.model_validate_json(path.read_bytes()) if path.exists() else None

    def finish(self, account: Account) -> None:
        """Keep the account, and clear what led to it."""
        write(self.folder / _ACCOUNT, account.model_dump_json().encode())
        self.clear()

    def clear(self, *, everything: bool = False) -> None:
        """Remove what the chunks made; with ``everything`` also what was laid down."""
        kept = {_LOCK} if everything else {_LOCK, _RUN, _ACCOUNT}
        for path in sorted(self.folder.iterdir()):
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _before(self) -> Run | None:
        try:
            return Run.model_validate_json((self.folder / _RUN).read_bytes())
        except (OSError, ValidationError):  # none, or of another release of this program
            return None

    def _facts(self, chunk: int) -> Path:
        return self.folder / f"{chunk:08}.json"


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and have it on the disk."""
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    settle(draft, path)


def settle(draft: Path, path: Path) -> None:
    """Give a file that is on the disk its name, for good."""
    draft.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *(n for n in other if n not in one))}
