"""Read the next chunk while the present one is worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_TO_END = 5


def ahead(items: Iterator[_Item]) -> Generator[_Item, None, None]:
    """Yield what an iterator yields, one item of which is made in a thread meanwhile.

    What the iterator raises is raised here, in its place. When nobody takes the rest, the thread ends, and the
    iterator is closed.

    Examples
    --------
    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    ready: queue.Queue[tuple[_Item] | BaseException | None] = queue.Queue(maxsize=1)
    stopped = threading.Event()

    def put(item: tuple[_Item] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                return ready.put(item, timeout=_SECONDS_BETWEEN_LOOKS)
            except queue.Full:
                continue
        return None

    def work() -> None:
        try:
            for item in items:
                put((item,))
                if stopped.is_set():
                    break
            put(None)
        except BaseException as error:  # whatever it is, it belongs to who takes the items
            put(error)
        finally:
            close = getattr(items, "close", None)
            if close:
                close()

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stopped.set()
        thread.join(_SECONDS_TO_END)  # one that waits for a terminal ends with the program
