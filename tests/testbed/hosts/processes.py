"""Finding and ending processes; never one that is not proved to be ours at the moment of the signal."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


class StillThere(Exception):
    """A process did not end in time."""


@dataclass(frozen=True)
class Identity:
    """One life of a process: pids are used again, start times within a boot are not."""

    pid: int
    started: int
    boot: str


def boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def start_time(stat: str) -> int:
    """Field 22 of /proc/PID/stat, in clock ticks since boot; the second field may hold spaces (proc(5))."""
    return int(stat.rpartition(")")[2].split()[19])


def identity(pid: int) -> Identity | None:
    """Who has this pid now; None for nobody, and for a process that has ended but was not collected."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if stat.rpartition(")")[2].split()[0] in {"Z", "X"}:
        return None
    return Identity(pid, start_time(stat), boot_id())


def lives(who: Identity) -> bool:
    return identity(who.pid) == who


def command_line(pid: int) -> str:
    """The arguments joined by spaces; empty when the process is gone or is the kernel's."""
    return _read(pid, "cmdline").replace("\0", " ")


def cgroup_table(pid: int) -> str:
    """The process's place in every cgroup hierarchy, as cgroups(7) prints it."""
    return _read(pid, "cgroup")


def inner_pids(pid: int) -> list[int]:
    """The process's pid in each pid namespace, this one first."""
    lines = (line.split() for line in _read(pid, "status").splitlines())
    return next(([int(word) for word in words[1:]] for words in lines if words and words[0] == "NSpid:"), [])


def _read(pid: int, name: str) -> str:
    try:
        return (PROC / str(pid) / name).read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def having(proof: Callable[[int], bool]) -> list[int]:
    """The pids for which the proof holds, without this process and those that have ended."""
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != os.getpid() and proof(pid) and identity(pid)]


def end(pids: Iterable[int], proof: Callable[[int], bool], *, sign: int = signal.SIGKILL, timeout: float = 10) -> None:
    """Send a signal to those for which the proof still holds and wait until they have ended.

    Raises StillThere after `timeout` seconds. A pidfd cannot come to mean another process.
    """
    handles: dict[int, int] = {}
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                handles[handle] = pid
                if proof(pid):
                    signal.pidfd_send_signal(handle, sign)
                else:
                    os.close(handle)
                    del handles[handle]
        deadline = time.monotonic() + timeout
        for handle, pid in handles.items():
            if not select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise StillThere(f"process {pid} ({command_line(pid)[:80]}) has not ended after {timeout:g} s")
    finally:
        for handle in handles:
            os.close(handle)
