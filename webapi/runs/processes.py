"""The processes of a run: whether its own is there, and how all of them end.

Ansible's workers live in sessions of their own, so neither a process group nor the parent tells them all: each
process that a run starts inherits the run's id in its environment. Source of the fields: proc(5).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

MARKER = "AUTOLABS_RUN_ID"
GRACE = 5.0
"""Seconds between the request to end and the order."""
LIMIT = 10.0
"""Seconds within which all processes are gone."""
PROC = Path("/proc")
GONE = ("Z", "X")


@dataclass(frozen=True)
class Process:
    """A process that no later one with the same number can be taken for."""

    pid: int
    started: int
    """Clock ticks since boot."""
    parent: int = 0


def process(pid: int) -> Process | None:
    """A process that runs, or None; one that has ended and was not waited for does not run."""
    try:
        # The name in brackets may hold anything, also brackets.
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in GONE else Process(pid, int(fields[19]), int(fields[1]))


def alive(pid: int, started: int) -> bool:
    """Whether the process with this number and start time runs."""
    found = process(pid) if pid else None
    return found is not None and found.started == started


def of_run(run_id: str, known: Collection[tuple[int, int]] = ()) -> list[Process]:
    """The processes of a run: those with its id in their environment, those in `known`, and all descendants."""
    everything = [found for name in os.listdir(PROC) if name.isdigit() and (found := process(int(name)))]
    marker = f"{MARKER}={run_id}".encode()
    members = {
        one.pid for one in everything if (one.pid, one.started) in known or marker in _environment(one.pid).split(b"\0")
    }
    children: dict[int, list[int]] = {}
    for one in everything:
        children.setdefault(one.parent, []).append(one.pid)
    waiting = list(members)
    while waiting:
        new = set(children.get(waiting.pop(), ())) - members
        members |= new
        waiting += new
    # The web app itself may have been started with such an environment by a test or a shell, and never is a member.
    return [one for one in everything if one.pid in members and one.pid != os.getpid()]


def end_all(run_id: str, known: Collection[tuple[int, int]] = ()) -> bool:
    """Ask the processes of a run to end, order it after GRACE seconds; whether all were gone within LIMIT seconds.

    known: pid and start time of processes of which it is known that they belong to the run.
    """
    began = time.monotonic()
    seen = set(known)
    asked: set[tuple[int, int]] = set()
    while members := of_run(run_id, seen):
        elapsed = time.monotonic() - began
        if elapsed > LIMIT:
            return False
        for one in members:
            # Once a parent has ended, only what was seen before tells that the child was one of these.
            key = (one.pid, one.started)
            seen.add(key)
            if elapsed > GRACE:
                _signal(one, signal.SIGKILL)
            elif key not in asked:
                asked.add(key)
                _signal(one, signal.SIGTERM)
        time.sleep(0.05)
    return True


def _environment(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


def _signal(one: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # The descriptor stands for one process, so between the look and the signal no other takes its number.
        descriptor = os.pidfd_open(one.pid)
        try:
            if alive(one.pid, one.started):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
