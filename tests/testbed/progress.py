"""Progress for people: what is under way, for how long, and how long it will take."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT_SECONDS = 20.0


def say(text: str) -> None:
    """Print one line at once, with the time of day."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


@contextmanager
def step(name: str, minutes: float | None = None) -> Iterator[None]:
    """Announce a step, say every 20 s that it goes on, and how long it took.

    `minutes` is the estimate that is announced; None where nobody measured one.
    """
    about = f" (about {minutes:g} min)" if minutes else ""
    say(f"{name}{about} …")
    started = time.monotonic()
    finished = threading.Event()

    def heartbeat() -> None:
        while not finished.wait(HEARTBEAT_SECONDS):
            say(f"{name}: {time.monotonic() - started:.0f} s so far{about}")

    thread = threading.Thread(target=heartbeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
    say(f"{name}: done in {time.monotonic() - started:.1f} s")
