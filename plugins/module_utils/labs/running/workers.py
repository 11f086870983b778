"""Threads that do what one deciding thread hands them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

T = TypeVar("T")
Work = Callable[[], None]


class Workers:
    """At most `count` threads, each begun when there is work for it, that do what is submitted in its order.

    They are daemons: a request in flight cannot be interrupted, and nobody who cancels a run is to wait for it. The
    work tells its own failures; what it raises is nobody's.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = threading.Event()

    def submit(self, work: Work) -> None:
        """Let a thread do it, soon; never, once the workers are closed."""
        self._queue.put(work)
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._serve, daemon=True, name=f"{self._name}-{len(self._threads)}")
            self._threads.append(thread)
            thread.start()

    def each(self, act: Callable[[T], object], items: Iterable[T]) -> list[tuple[T, Exception | None]]:
        """Do something with each item, and wait for all: the items, with what went wrong, as they were done."""
        answers: queue.SimpleQueue[tuple[T, Exception | None]] = queue.SimpleQueue()

        def work(item: T) -> None:
            try:
                act(item)
            except Exception as error:
                answers.put((item, error))
            else:
                answers.put((item, None))

        wanted = list(items)
        for item in wanted:
            self.submit(partial(work, item))
        return [answers.get() for _item in wanted]

    def close(self, seconds: float = 0.0) -> None:
        """Begin nothing more, and wait up to `seconds` for what is under way."""
        self._closed.set()
        for _thread in self._threads:
            self._queue.put(None)
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _serve(self) -> None:
        while True:
            work = self._queue.get()
            if work is None or self._closed.is_set():
                return
            work()
