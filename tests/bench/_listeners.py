"""Many open pages: connections that follow the events of one run, in one thread."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

END = (b'"state": "succeeded"', b'"state": "failed"', b'"state": "cancelled"', b'"state": "lost"')


@dataclass
class Listeners:
    """What the listeners have heard so far."""

    heard: list[bytes] = field(default_factory=list)

    def wait(self, seconds: float = 30) -> None:
        """Until all have heard the end of the run."""
        deadline = time.monotonic() + seconds
        while self.complete() < len(self.heard):
            assert time.monotonic() < deadline, f"only {self.complete()} of {len(self.heard)} have heard the end"
            time.sleep(0.05)

    def complete(self) -> int:
        """How many have heard the end of the run."""
        return sum(any(end in said for end in END) for said in self.heard)

    def progress(self) -> int:
        """The least number of students of whom a listener has heard."""
        return min(said.count(b"event: progress") for said in self.heard)


@contextmanager
def listening(address: tuple[str, int], path: str, count: int) -> Iterator[Listeners]:
    """Open `count` connections to a stream of events (host and port, path), and read what comes."""
    found = Listeners([b""] * count)
    over = threading.Event()
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nAccept: text/event-stream\r\n\r\n".encode()
    with selectors.DefaultSelector() as waiting:
        opened = [socket.create_connection(address, timeout=10) for _number in range(count)]
        for number, connection in enumerate(opened):
            connection.sendall(request)
            waiting.register(connection, selectors.EVENT_READ, number)

        def read() -> None:
            while waiting.get_map() and not over.is_set():
                for key, _events in waiting.select(0.1):
                    assert isinstance(key.fileobj, socket.socket)
                    said = key.fileobj.recv(1 << 16)
                    found.heard[key.data] += said
                    if not said:
                        waiting.unregister(key.fileobj)

        thread = threading.Thread(target=read, name="listeners")
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()
            for connection in opened:
                connection.close()
