"""Replay: a file's rows sent to the service in the order of their time, their labels late, as in life.

The replay's clock is the event time of the rows being sent. A label is sent once the clock has passed its row's
event time by the label's delay.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pandas as pd

from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import ReplayError
from roadworthy.records import ReplayAccount
from roadworthy.serving.batches import Batch, Per, batches_of

Progress = Callable[[int, int, datetime], object]
"""Called with rows answered, rows in all, and the replay clock."""

_PATIENCE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_COME_BACK_LATER = (429, 502, 503, 504)
_MOST_LABELS = 1000


@dataclass
class _Tally:
    """What was sent and what came back, so far."""

    requests_sent: int = 0
    requests_answered: int = 0
    rows_sent: int = 0
    rows_answered: int = 0
    labels_sent: int = 0
    labels_accepted: int = 0
    never_labelled: int = 0
    seconds: float = 0.0
    versions: Counter[str] = field(default_factory=Counter)


class Replayer:
    """Sends traffic slice by slice; labels that are not yet due are carried from one slice to the next.

    Parameters
    ----------
    config, dataset
        The project, and the contract of the rows.
    address
        The service's address, such as ``http://127.0.0.1:3000``.
    label_delay
        How long after its event time a row's label becomes known.
    token
        One with the scopes predict and feedback.
    batch
        Rows of the same hour or day of event time go into one request, as far as it may hold so many.
    concurrency
        Requests under way at once.
    label
        Name of the label's column; the contract's by default. A row without a label is never labelled.
    """

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        address: str,
        *,
        label_delay: timedelta,
        token: str,
        batch: Per = "hour",
        concurrency: int = 4,
        label: str | None = None,
    ) -> None:
        self._dataset = dataset
        self._label = label or dataset.label
        self._per = batch
        self._most_rows = config.settings.service.max_rows
        self._delay = label_delay // timedelta(microseconds=1)
        self._known: list[tuple[int, str, int, bool]] = []  # a heap by the moment at which the label is due
        self.address = _checked(address)
        self.token = token
        self.concurrency = concurrency
        self.most_labels = min(_MOST_LABELS, self._most_rows)
        self.tally = _Tally()
        self.due: deque[tuple[str, int, bool]] = deque()

    @property
    def account(self) -> ReplayAccount:
        """What was sent and what came back, of all slices so far. What was sent anew counts as sent once."""
        return ReplayAccount(**(vars(self.tally) | {"versions": dict(self.tally.versions)}))

    @property
    def outstanding(self) -> int:
        """Labels that were not yet sent."""
        return len(self._known) + len(self.due)

    def send(self, rows: pd.DataFrame, on_progress: Progress | None = None) -> ReplayAccount:
        """Send rows in the order of their event time, and the labels that become due meanwhile.

        Parameters
        ----------
        rows
            The contract's request columns and the label; later than all rows sent before.
        on_progress
            Called after each answered request.

        Returns
        -------
        ReplayAccount
            Of all slices so far.

        Raises
        ------
        ReplayError
            When a column is missing, the service refuses a row, or it cannot be reached for half a minute.
        """
        batches = batches_of(rows, self._dataset, self._label, per=self._per, most_rows=self._most_rows)
        return self._run(_Sending(self, batches, len(rows), on_progress).run())

    def flush(self) -> ReplayAccount:
        """Send the labels that are still outstanding, due or not; raises ReplayError as `send` does."""
        return self._run(_Sending(self, iter(()), 0, None).flush())

    def remember(self, request_id: str, batch: Batch) -> None:
        """Keep the labels of an answered request until they are due."""
        for row, (moment, label) in enumerate(zip(batch.moments, batch.labels, strict=True)):
            if label is None:
                self.tally.never_labelled += 1
            else:
                heapq.heappush(self._known, (moment + self._delay, request_id, row, label))

    def release(self, clock: int | None) -> None:
        """Move the labels that are due at a moment, in microseconds, to `due`; all of them when None."""
        while self._known and (clock is None or self._known[0][0] <= clock):
            self.due.append(heapq.heappop(self._known)[1:])

    def _run(self, sending: Coroutine[Any, Any, None]) -> ReplayAccount:
        begin = time.monotonic()
        try:
            _run_to_its_end(sending)
        finally:
            self.tally.seconds += time.monotonic() - begin
        return self.account


def _run_to_its_end(sending: Coroutine[Any, Any, None]) -> None:
    """Run it in this thread, or in one of its own where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(sending)
        return
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, sending).result()


def replay(
    config: Config,
    dataset: Dataset,
    rows: pd.DataFrame,
    address: str,
    *,
    label_delay: timedelta,
    token: str,
    batch: Per = "hour",
    concurrency: int = 4,
    on_progress: Progress | None = None,
    label: str | None = None,
    flush: bool = True,
) -> ReplayAccount:
    """Send all rows and, with ``flush``, all labels; parameters and errors as for `Replayer`."""
    replayer = Replayer(
        config,
        dataset,
        address,
        label_delay=label_delay,
        token=token,
        batch=batch,
        concurrency=concurrency,
        label=label,
    )
    account = replayer.send(rows, on_progress)
    return replayer.flush() if flush else account


class _Sending:
    """One slice on its way."""

    def __init__(self, replayer: Replayer, batches: Iterator[Batch], total: int, progress: Progress | None) -> None:
        self._replayer = replayer
        self._batches = batches
        self._total = total
        self._progress = progress
        self._answered = 0
        self._clock: int | None = None
        self._feedback = asyncio.Lock()
        self._headers = {"Authorization": f"Bearer {replayer.token}"}

    async def run(self) -> None:
        """Send the slice, and the labels that are due by its end."""
        async with _client(self._replayer.address) as client:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._replayer.concurrency):
                        group.create_task(self._work(client))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None
            if self._clock is not None:
                await self._send_labels(client, self._clock, at_least=1)

    async def flush(self) -> None:
        """Send every label that is known."""
        async with _client(self._replayer.address) as client:
            await self._send_labels(client, None, at_least=1)

    async def _work(self, client: httpx.AsyncClient) -> None:
        """One of several workers: take the next request from what they share, until none is left."""
        for batch in self._batches:
            self._clock = batch.moments[0]
            await self._send_labels(client, self._clock, at_least=self._replayer.most_labels)
            await self._predict(client, batch)
            self._answered += len(batch.rows)
            if self._progress:
                self._progress(self._answered, self._total, _moment(batch.moments[-1]))

    async def _predict(self, client: httpx.AsyncClient, batch: Batch) -> None:
        tally = self._replayer.tally
        tally.requests_sent += 1
        tally.rows_sent += len(batch.rows)
        response = await _post(client, "/predict", {"rows": batch.rows}, self._headers)
        if response.status_code != httpx.codes.OK:
            raise _refused(response, batch.names)
        answer = orjson.loads(response.content)
        tally.requests_answered += 1
        tally.rows_answered += len(answer["predictions"])
        tally.versions[answer["model_version"]] += len(batch.rows)
        self._replayer.remember(answer["request_id"], batch)

    async def _send_labels(self, client: httpx.AsyncClient, clock: int | None, *, at_least: int) -> None:
        """Send the labels due by ``clock``, all when None, once there are ``at_least`` so many."""
        tally, due = self._replayer.tally, self._replayer.due
        async with self._feedback:  # one at a time: labels arrive in the order in which they became known
            self._replayer.release(clock)
            while len(due) >= at_least:
                labels = [due[place] for place in range(min(len(due), self._replayer.most_labels))]
                content = [{"request_id": request, "row": row, "label": label} for request, row, label in labels]
                response = await _post(client, "/feedback", {"labels": content}, self._headers)
                if response.status_code != httpx.codes.OK:
                    raise _refused(response, [])
                for _ in labels:
                    due.popleft()
                tally.labels_sent += len(labels)
                tally.labels_accepted += orjson.loads(response.content)["accepted"]


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


# --- requests ------------------------------------------------------------------------------------------------------


def _checked(address: str) -> str:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ReplayError(f"{address!r} is not a service's address.", "Give one such as http://127.0.0.1:3000.")
    return address


def _client(address: str) -> httpx.AsyncClient:
    host = httpx.URL(address).host
    local = host == "localhost" or host.startswith("127.") or host == "::1"
    # A proxy from the environment does not know this machine's ports.
    return httpx.AsyncClient(base_url=address, timeout=60.0, trust_env=not local)


async def _post(client: httpx.AsyncClient, path: str, content: object, headers: dict[str, str]) -> httpx.Response:
    """Send, and send again while the service does not answer, as when it is being restarted."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    headers = {"Content-Type": "application/json", **headers}
    until, pause, problem = time.monotonic() + _PATIENCE_SECONDS, _FIRST_PAUSE_SECONDS, ""
    while True:
        try:
            response = await client.post(path, content=body, headers=headers)
            if response.status_code not in _COME_BACK_LATER:
                return response
            problem = f"it answers with status {response.status_code}: {_said(response)[0]}"
        except httpx.TransportError as error:
            problem = f"{type(error).__name__} {error}".strip()
        if time.monotonic() > until:
            raise ReplayError(
                f"The service at {client.base_url} took no request for {_PATIENCE_SECONDS:.0f} s: {problem}.",
                "Start it with `roadworthy serve`, or name another by --address.",
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _refused(response: httpx.Response, names: list[Any]) -> ReplayError:
    fact, next_step, detail = _said(response)
    if detail:
        path = str(detail[0].get("field", "")).split(".")
        row = int(path[1]) if len(path) > 1 and path[1].isdigit() else None
        which = f"Row {names[row]}" if row is not None and row < len(names) else "A request"
        value = detail[0].get("value")
        fact = f"{which}, {'.'.join(path[2:]) or path[0]}: {detail[0].get('rule')} It is {value or 'missing'}."
        next_step = "Correct the row, or leave it out."
    return ReplayError(f"The service answered with status {response.status_code}. {fact}", next_step)


def _said(response: httpx.Response) -> tuple[str, str, list[dict[str, Any]]]:
    try:
        answer = orjson.loads(response.content)
        return str(answer["error"]), str(answer["next_step"]), answer.get("detail") or []
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return response.text[:200], "See that the address is that of this project's service.", []
