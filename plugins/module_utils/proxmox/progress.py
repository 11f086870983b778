"""Progress lines: what a VM is at, where that takes so long that people would wonder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

QUIET_SECONDS = 2.0
"""A step that is done within these is not told."""


@dataclass(frozen=True)
class Progress:
    """One line of progress."""

    vm: str
    """Name of the VM; empty for what concerns all of them."""
    text: str

    def __str__(self) -> str:
        return f"{self.vm}: {self.text}" if self.vm else self.text


Report = Callable[[Progress], None]


class Telling:
    """Tells one VM's steps: each once, when it has taken QUIET_SECONDS."""

    def __init__(self, vm: str, report: Report) -> None:
        self._vm = vm
        self._report = report
        self._text = ""
        self._since = 0.0
        self._told = False

    def begin(self, text: str) -> None:
        """A step begins, in words such as `cloning template 9000`."""
        self._text, self._since, self._told = text, time.monotonic(), False

    def still(self, _seconds: float = 0.0) -> None:
        """The step is not over yet."""
        if not self._told and time.monotonic() - self._since >= QUIET_SECONDS:
            self._told = True
            self._report(Progress(self._vm, f"{self._text} ..."))

    def say(self, text: str) -> None:
        """Tell this now."""
        self._report(Progress(self._vm, text))


class Seldom:
    """Hands on one text at most once in `seconds`, whoever of many threads has it."""

    def __init__(self, report: Report, seconds: float) -> None:
        self._report = report
        self._seconds = seconds
        self._lock = threading.Lock()
        self._last = float("-inf")

    def __call__(self, text: str) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._last < self._seconds:
                return
            self._last = now
        self._report(Progress("", text))
