"""Many open pages: connections that follow the events of one run, and fetch the page anew as its script does."""

from __future__ import annotations

import http.client
import random
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

END = (b'"state": "succeeded"', b'"state": "failed"', b'"state": "cancelled"', b'"state": "lost"')


@dataclass
class Listeners:
    """What the listeners have heard so far."""

    heard: list[bytes] = field(default_factory=list)
    due: dict[int, float] = field(default_factory=dict)
    """When a listener is to fetch its page."""
    fetched: list[float] = field(default_factory=list)
    """Seconds that each page took."""

    def wait(self, seconds: float = 30) -> None:
        """Until all have heard the end of the run, and fetched their pages for it."""
        deadline = time.monotonic() + seconds
        while self.complete() < len(self.heard) or self.due:
            assert time.monotonic() < deadline, f"only {self.complete()} of {len(self.heard)} have heard the end"
            time.sleep(0.05)

    def complete(self) -> int:
        """How many have heard the end of the run."""
        return sum(any(end in said for end in END) for said in self.heard)

    def progress(self) -> int:
        """The least number of students of whom a listener has heard."""
        return min(said.count(b"event: progress") for said in self.heard)


@contextmanager
def listening(address: tuple[str, int], path: str, page: str, count: int) -> Iterator[Listeners]:
    """Open `count` connections to a stream of events (host and port, path), and read what comes.

    page: what each of them fetches after events, with the delays of autolabs.js.
    """
    found = Listeners([b""] * count)
    over = threading.Event()
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nAccept: text/event-stream\r\n\r\n".encode()

    def fetch() -> None:
        began = time.monotonic()
        asked = http.client.HTTPConnection(*address, timeout=60)
        try:
            asked.request("GET", page)
            answer = asked.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        finally:
            asked.close()
        found.fetched.append(time.monotonic() - began)

    with selectors.DefaultSelector() as waiting, ThreadPoolExecutor(count) as pages:
        opened = [socket.create_connection(address, timeout=10) for _number in range(count)]
        for number, connection in enumerate(opened):
            connection.sendall(request)
            waiting.register(connection, selectors.EVENT_READ, number)

        def read() -> None:
            while (waiting.get_map() or found.due) and not over.is_set():
                for key, _events in waiting.select(0.1):
                    assert isinstance(key.fileobj, socket.socket)
                    said = key.fileobj.recv(1 << 16)
                    found.heard[key.data] += said
                    if (delay := _delay(said)) is not None:
                        at = time.monotonic() + delay
                        found.due[key.data] = min(at, found.due.get(key.data, at))
                    if not said:
                        waiting.unregister(key.fileobj)
                for number, at in list(found.due.items()):
                    if at <= time.monotonic():
                        pages.submit(fetch)
                        del found.due[number]

        thread = threading.Thread(target=read, name="listeners")
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()
            for connection in opened:
                connection.close()


def _delay(said: bytes) -> float | None:
    """Seconds after which a page is fetched anew for what came; None where its script shows that by itself."""
    if b"event: state" in said:
        return 0.15
    return 0.15 + 2 * random.random() if b"event: message" in said else None
