"""What all endpoints share: who asks, paths held inside the root, work off the loop, one form of answer and refusal."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from jupyter_core.paths import is_hidden
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from pydantic import ValidationError
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from roadworthy.errors import NothingThere, ProjectError, RoadworthyError, StateError
from roadworthy.records import Record
from roadworthy.records.lab import Problem, Refusal
from roadworthy.server.opened import Opened, Projects

Answer = Record | Sequence[Record]
_Body = TypeVar("_Body", bound=Record)
_Done = TypeVar("_Done")
_STATUSES: tuple[tuple[type[RoadworthyError], int], ...] = (
    (ProjectError, 404),
    (NothingThere, 404),
    (StateError, 503),
)
_ANONYMOUS = re.compile(r"[0-9a-f]{32}")
# More than there are processors, as most wait: for a database, a file, another's look. Fewer than the connections, 15,
# that a state has at most.
_WORKERS = ThreadPoolExecutor(max_workers=12, thread_name_prefix="roadworthy")
_RESOURCE = "roadworthy"
_HTTP = {403: "You are not signed in, or have no right to it.", 404: "There is no such thing.", 405: "Not that way."}


class Handler(ExtensionHandlerMixin, APIHandler):
    """Base of all endpoints."""

    auth_resource = _RESOURCE

    # --- who asks ----------------------------------------------------------------------------------------------------

    @property
    def me(self) -> str:
        """Who asks: the user's own name where Jupyter knows it, otherwise the operating system's user."""
        user = self.current_user
        name = str(getattr(user, "name", "") or "")
        unknown = not name or (name.startswith("Anonymous ") and _ANONYMOUS.fullmatch(user.username))
        return (os.environ.get("ROADWORTHY_WHO") or getpass.getuser()) if unknown else name

    async def may(self, action: str) -> bool:
        """Return whether who asks has the right to ``read``, ``write`` or ``execute`` what is Roadworthy's."""
        allowed = self.authorizer.is_authorized(self, self.current_user, action, _RESOURCE)
        return bool(await allowed) if asyncio.iscoroutine(allowed) else bool(allowed)

    # --- what is asked for -------------------------------------------------------------------------------------------

    @property
    def root(self) -> Path:
        """The folder that Jupyter serves."""
        return Path(self.serverapp.root_dir).resolve()

    @property
    def projects(self) -> Projects:
        """The projects that somebody has open."""
        found: Projects = self.settings["roadworthy_projects"]
        return found

    def place(self, path: str) -> Path:
        """Return the file or folder of a path below the root; looks at the disk, so not to be called on the loop.

        Raises
        ------
        NothingThere
            Also when it lies outside the root, or is hidden and hidden files are not served.
        """
        inside = self.root / path.replace("\0", "/").strip("/")
        found = inside.resolve()
        if not found.is_relative_to(self.root) or not found.exists() or not self._served(inside):
            raise NothingThere(
                f"There is nothing at {path!r} below the folder that Jupyter serves.",
                "If it was moved or deleted, close it, or save it there again.",
            )
        return found

    def _served(self, inside: Path) -> bool:
        above = ".." in inside.relative_to(self.root).parts
        return not above and (self.contents_manager.allow_hidden or not is_hidden(str(inside), str(self.root)))

    def opened(self, path: str) -> Opened:
        """Return the project that a path below the root belongs to; not to be called on the loop either.

        Raises
        ------
        NothingThere
            As for `place`.
        ProjectError
            When it belongs to none below the root.
        """
        return self.projects.of(self.place(path))

    def body(self, kind: type[_Body]) -> _Body:
        """Return the request's body as a record.

        Raises
        ------
        HTTPError
            400 when it is not one.
        """
        try:
            return kind.model_validate_json(self.request.body)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "the body"
            raise HTTPError(400, f"The request cannot be understood: {field}: {first['msg']}.") from error

    # --- what is answered --------------------------------------------------------------------------------------------

    async def answer(self, work: Callable[[], Answer], status: int = 200) -> None:
        """Answer with the record, or records, that ``work`` returns; it runs in a thread, so that the loop goes on.

        A failure that is the user's to mend is answered as a refusal, any other as 500, both without a traceback.
        """
        try:
            text = await self.off_the_loop(lambda: as_json(work()))
        except RoadworthyError as error:
            await self.refuse_for(error)
            return
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        await self.finish(text)

    async def off_the_loop(self, work: Callable[[], _Done]) -> _Done:
        """Return what ``work`` returns, which a thread does: all that looks at files or asks a database."""
        return await asyncio.get_running_loop().run_in_executor(_WORKERS, work)

    async def refuse_for(self, error: RoadworthyError) -> None:
        """Answer a failure that is the user's to mend."""
        fact, problem = await self.off_the_loop(lambda: self._told(error))
        self.refuse(self.status_of(error), fact, error.next_step, problem)

    def _told(self, error: RoadworthyError) -> tuple[str, Problem | None]:
        fact = error.fact.replace(f"{self.root}/", "")  # what lies above the root is nobody's business
        if error.file is None or not error.file.resolve().is_relative_to(self.root):
            return fact, None
        file = error.file.resolve().relative_to(self.root).as_posix()
        return fact, Problem(file=file, line=error.line, message=fact, next=error.next_step)

    def status_of(self, error: RoadworthyError) -> int:
        """Return the HTTP status of a refusal; 400 unless an endpoint or `_STATUSES` says otherwise."""
        return next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)

    def refuse(self, status: int, message: str, next_step: str, problem: Problem | None = None) -> None:
        """Answer that it cannot be done, why, and what to do."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(as_json(Refusal(message=message, next=next_step, problem=problem)))

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log what went wrong; that a page left before it was answered is nothing wrong."""
        if not isinstance(value, StreamClosedError):
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401 - as its base
        """Answer an HTTP error, or a failure of ours that nobody expected, in the form of a refusal."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if isinstance(error, HTTPError):
            self.refuse(status_code, error.log_message or _HTTP.get(status_code, f"HTTP {status_code}."), "")
        else:  # it is in the server's log, with its traceback
            self.refuse(
                status_code, "Something went wrong that was not foreseen.", "See the log of the Jupyter server."
            )


def as_json(answer: Answer) -> str:
    """Return a record, or several, as JSON."""
    if isinstance(answer, Record):
        return answer.model_dump_json()
    return f"[{','.join(record.model_dump_json() for record in answer)}]"
