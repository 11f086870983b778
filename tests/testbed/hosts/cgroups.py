"""Cgroups of a host: on version 1 its launcher makes and joins them, on version 2 systemd-nspawn does.

Two kubelets in one cgroup tree would take each other's pods for strays and kill them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
REMOVAL_SECONDS = 10.0


class CgroupsLeft(Exception):
    """A cgroup could not be removed: processes are still in it."""


@dataclass(frozen=True)
class Hierarchies:
    """How this machine mounts cgroups: the version, and on version 1 each mount."""

    version: int
    mounts: tuple[Path, ...] = ()


def detect(mounts: str | None = None) -> Hierarchies:
    """Read it from the text of /proc/mounts."""
    text = Path("/proc/mounts").read_text() if mounts is None else mounts
    rows = [line.split() for line in text.splitlines()]
    if any(row[1] == str(ROOT) and row[2] == "cgroup2" for row in rows):
        return Hierarchies(2)
    places = [Path(row[1]) for row in rows if row[2] in {"cgroup", "cgroup2"} and Path(row[1]).parent == ROOT]
    return Hierarchies(1, tuple(dict.fromkeys(places)))


def name(network: str, host: str) -> str:
    """The name of the host's cgroup in every hierarchy of version 1."""
    return f"autolabs-testbed.{network}.{host}"


def create(cgroup: str, memory: int | None, hierarchies: Hierarchies) -> list[Path]:
    """Make the host's cgroups with its memory limit in bytes; returns the files to write the launcher's pid to."""
    folders = [mount / cgroup for mount in hierarchies.mounts]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        for inherited in ("cpuset.cpus", "cpuset.mems"):  # empty in a new cgroup, which then admits nobody
            if (folder / inherited).exists():
                (folder / inherited).write_text((folder.parent / inherited).read_text())
        limit = folder / "memory.limit_in_bytes"
        if limit.exists():
            limit.write_text(str(memory or -1))
    return [folder / "cgroup.procs" for folder in folders]


def remove(cgroup: str, hierarchies: Hierarchies) -> None:
    """Remove the host's cgroups with all that grew inside; raises CgroupsLeft when one stays in use."""
    deadline = time.monotonic() + REMOVAL_SECONDS
    for mount in hierarchies.mounts:
        while (mount / cgroup).exists():
            busy = _prune(mount / cgroup)
            if busy and time.monotonic() > deadline:
                raise CgroupsLeft(f"{busy} is still in use")
            if busy:
                time.sleep(0.05)


def _prune(folder: Path) -> Path | None:
    """Remove a cgroup tree from its leaves up; returns the first that would not go."""
    for parent, _, _ in os.walk(folder, topdown=False):
        try:
            Path(parent).rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # the kernel empties a cgroup a moment after its last process ended
            return Path(parent)
    return None


def holds(table: str, names: Sequence[str]) -> bool:
    """True when /proc/PID/cgroup, given as text, shows the process in or below a cgroup with one of the names."""
    places = (line.split(":", 2)[2].split("/") for line in table.splitlines())
    return any(part in names for place in places for part in place)
