"""One web app looks after the runs of a folder."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

HANDOVER = 6.0
"""Seconds that a web app waits for its predecessor to end, which takes up to 3 where pages listen."""
LOOK = 0.2


class AlreadyServed(RuntimeError):
    """Another web app looks after the runs of this folder."""


def claim(folder: Path) -> int:
    """Take the runs of a folder over; a descriptor that holds them until it is closed, or the process ends.

    Raises AlreadyServed.
    """
    descriptor = os.open(folder / ".served", os.O_WRONLY | os.O_CREAT, 0o600)
    until = time.monotonic() + HANDOVER
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(descriptor)
                raise AlreadyServed(f"another web app looks after the runs in {folder}; stop it first") from None
        time.sleep(LOOK)
