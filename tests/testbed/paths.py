"""Where the test bed keeps things, all outside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


def cache() -> Path:
    """What is expensive to make and safe to keep: keyed by version, shared by all runs."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autolabs"
    return _made(Path(os.environ.get("AUTOLABS_CACHE") or default))


def state() -> Path:
    """What runs now: one folder a network of hosts; removed with them."""
    return _made(Path(os.environ.get("AUTOLABS_STATE") or "/var/lib/autolabs-testbed"))


def runtime() -> Path:
    """Locks and sockets of this machine, gone at a reboot; one place for every state folder."""
    return _made(Path("/run/autolabs-testbed"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
