"""The thread that looks after runs while there are any, and whether it gets on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from webapi.runs import messages
from webapi.runs.model import Run

LOOK = 0.2
"""Seconds between two looks at the processes, while there are any."""
PATIENCE = 30.0
"""Seconds after which a thread that has not looked counts as broken."""


class Watch:
    """Calls `look` every LOOK seconds from `wake` on, until it says that nothing is left to look after."""

    def __init__(self, look: Callable[[], bool]) -> None:
        self._look = look
        self._wake = threading.Event()
        self._closed = False
        self._busy = False
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="runs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to look after."""
        self._wake.set()

    def close(self) -> None:
        """End."""
        self._closed = True
        self._wake.set()

    def trouble(self) -> str:
        """Why nobody looks after runs; nothing where somebody does."""
        if self._closed or not self._thread.is_alive():
            return messages.NOBODY_LOOKS
        return messages.STUCK if self._busy and time.monotonic() > self._looked + PATIENCE else ""

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            self._looked, self._busy = time.monotonic(), True
            while self._busy and not self._closed:
                time.sleep(LOOK)
                try:
                    self._busy = self._look()
                except Exception:
                    # Neither a full disk nor a mistake may stop what looks after the runs; the next look tries again.
                    logging.exception("the runs could not be looked after")
                self._looked = time.monotonic()


def in_background(work: Callable[..., object], run: Run, *more: object) -> None:
    """Call `work` with a run, and what it needs more, in a thread of its own."""
    threading.Thread(target=work, args=(run, *more), name=f"end {run.id}", daemon=True).start()
