"""A run's events: a file that is only appended to, and one reader for any number of listeners."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from webapi.runs.model import Event

POLL = 0.1
"""Seconds between two looks at the file of a run that somebody listens to."""
HEARTBEAT = 15.0
"""Seconds without an event after which a listener hears that the connection is alive."""


def append(path: Path, type: str, data: dict[str, Any]) -> Event:
    """Write one more event to the file `path`, made with mode 0600. Safe among processes. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        last, whole = _last(stream.fileno())
        event = Event(last + 1, type, data, time.time())
        line = json.dumps({"id": event.id, "type": type, "data": data, "time": event.time})
        # What a killed process left half written stays a line of its own, which readers skip.
        stream.write(b"" if whole else b"\n")
        stream.write(line.encode() + b"\n")
    return event


def read_since(path: Path, last_id: int = 0) -> list[Event]:
    """The events after the one with id `last_id`; none where there is no file yet."""
    return [event for event in _Tail(path).more() if event.id > last_id]


class Follower:
    """Follows the events of runs: one thread a run with listeners, however many they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: dict[Path, _Stream] = {}

    def follow(self, path: Path, last_id: int = 0, heartbeat: float = HEARTBEAT) -> Iterator[Event | None]:
        """The events after `last_id`, as they come, up to the last one of the run.

        None comes after `heartbeat` seconds without an event, so that the caller finds out who has gone.
        """
        with self._lock:
            stream = self._streams.get(path)
            if stream is None or stream.finished:
                stream = self._streams[path] = _Stream(path)
            stream.listeners += 1
        try:
            yield from stream.listen(last_id, heartbeat)
        finally:
            with self._lock:
                stream.listeners -= 1
                if not stream.listeners:
                    stream.stop()
                    if self._streams.get(path) is stream:
                        del self._streams[path]


class _Stream:
    """The events of one run in memory, kept up by one thread while somebody listens."""

    def __init__(self, path: Path) -> None:
        self.listeners = 0
        self.finished = False
        self._events: list[Event] = []
        self._tail = _Tail(path)
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._take()
        if not self.finished:
            threading.Thread(target=self._run, name=f"events of {path.parent.name}", daemon=True).start()

    def listen(self, last_id: int, heartbeat: float) -> Iterator[Event | None]:
        """See Follower.follow."""
        position = 0
        while True:
            with self._changed:
                if not self.finished and position == len(self._events):
                    self._changed.wait(heartbeat)
                new, position = self._events[position:], len(self._events)
                finished = self.finished
            yield from (event for event in new if event.id > last_id)
            if finished:
                return
            if not new:
                yield None

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _run(self) -> None:
        while not self.finished and not self._stopped.wait(POLL):
            self._take()

    def _take(self) -> None:
        new = self._tail.more()
        if new:
            with self._changed:
                self._events += new
                self.finished = any(event.last for event in new)
                self._changed.notify_all()


class _Tail:
    """Reads what has been appended to a file since the last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def more(self) -> list[Event]:
        """The events of the whole lines that are new."""
        try:
            with open(self._path, "rb") as stream:
                if os.fstat(stream.fileno()).st_size == self._offset:
                    return []
                stream.seek(self._offset)
                content = stream.read()
        except FileNotFoundError:
            return []
        whole, _separator, _rest = content.rpartition(b"\n")
        self._offset += len(whole) + 1 if whole or _separator else 0
        return [event for line in whole.split(b"\n") if (event := _event(line))]


def _event(line: bytes) -> Event | None:
    try:
        entry = json.loads(line)
        return Event(int(entry["id"]), str(entry["type"]), dict(entry["data"]), float(entry["time"]))
    except (ValueError, TypeError, KeyError):
        return None


def _last(descriptor: int) -> tuple[int, bool]:
    """The id of the last event in a file, 0 where there is none, and whether the file ends with a whole line."""
    size = os.fstat(descriptor).st_size
    if not size:
        return 0, True
    window = 1 << 12
    while True:
        start = max(0, size - window)
        lines = os.pread(descriptor, size - start, start).split(b"\n")
        whole = not lines[-1]
        # The first piece may be the end of a line that begins before the window.
        for line in reversed(lines if not start else lines[1:]):
            if event := _event(line):
                return event.id, whole
        if not start:
            return 0, whole
        window *= 4
