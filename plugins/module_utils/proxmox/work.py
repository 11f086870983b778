"""One VM being worked on: requests with their tasks and locks, and what has been done so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox import live
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.client import Session
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import Locked, ProxmoxError, TaskFailed
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.progress import Telling
from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.vm import Expected, LiveVm

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
PAUSE_GROWTH = 1.5


@dataclass(frozen=True)
class Options:
    """How a run is to go about it. All times are in seconds."""

    check_mode: bool = False
    expected: Expected = field(default_factory=Expected)
    """Looked at in check mode only."""
    allow_restart: bool = False
    force_stop: bool = False
    """Whether a VM that does not shut down in time is cut off."""
    timeout: float = 1800.0
    """For one task of PVE."""
    shutdown_timeout: float = 180.0
    lock_timeout: float = 300.0
    """For somebody else's work on the same VM."""
    wait_for_address: float = 0.0
    """For a started VM to tell its address; 0: not waited for."""
    settle: float = 3.0
    """So long after a lost answer a request may still be on its way to the node that carries it out."""


class StillLocked(ProxmoxError):
    """A lock was not given up in time."""


class Pauses:
    """Waits between looks, from 0.1 s growing to 2 s, until a limit."""

    def __init__(self, limit: float) -> None:
        self._until = time.monotonic() + limit
        self._pause = FIRST_PAUSE_SECONDS

    def __call__(self) -> bool:
        """Wait a little; False, at once, where the limit is reached."""
        left = self._until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(self._pause, left))
        self._pause = min(self._pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
        return True


class Work:
    """What the steps of one VM share."""

    def __init__(self, session: Session, options: Options, telling: Telling) -> None:
        self.session = session
        self.options = options
        self.telling = telling
        self.done: list[str] = []
        """The steps that are behind us, in words."""
        self.warnings: list[str] = []

    def run(self, text: str, request: Callable[[], Any], *, timeout: float | None = None) -> None:
        """Send a request and wait for its task. A lock is waited for and the request sent again: it did nothing.

        text: the step, in words such as `cloning template 9000`. timeout: for the task, where it is not the usual one.
        Raises ProxmoxError; StillLocked where a lock was not given up in time.
        """
        self.telling.begin(text)
        pauses = Pauses(self.options.lock_timeout)
        told = False
        while True:
            try:
                end = self.session.wait(request(), self.telling.still, timeout=timeout or self.options.timeout)
            except (Locked, TaskFailed) as error:
                if isinstance(error, TaskFailed) and not error.locked:
                    raise
                if not told:
                    self.telling.say(f"{text}: waits for a lock ({error})")
                told = True
                if not pauses():
                    raise StillLocked(_still_locked(error, self.options.lock_timeout)) from error
            else:
                break
        self.warnings += end.warnings
        self.done.append(text)

    def unlocked(self, vm: LiveVm) -> LiveVm | None:
        """The VM when nobody makes it any more: PVE locks it while it is cloned or restored. None: it is gone.

        Raises StillLocked where that takes too long.
        """
        self.telling.begin(f"VM {vm.vmid} is still being made by another run ({vm.lock})")
        pauses = Pauses(self.options.lock_timeout)
        found: LiveVm | None = vm
        while (found := live.with_state(self.session, vm)) and found.lock in BEING_MADE:
            self.telling.still()
            if not pauses():
                raise StillLocked(
                    f"VM {vm.vmid} on {vm.node} has been locked ({found.lock}) for {self.options.lock_timeout:g} s; "
                    f"where no task works on it any more, what was being made is broken: qm unlock {vm.vmid} and "
                    f"qm destroy {vm.vmid} on the node, then run this again"
                )
        return found

    def settled(self, node: str, vmid: int | None, kind: str | None = None) -> None:
        """Wait until no task works on a VM, after an answer was lost.

        vmid: None for tasks of no VM. kind: only tasks of this type. Open consoles are no work. Raises StillLocked
        where that takes too long.
        """
        pauses = Pauses(self.options.timeout)
        quiet = time.monotonic()
        while True:
            active = self.session.get(f"nodes/{node}/tasks", source="active", vmid=vmid, typefilter=kind)
            if any(_is_work(task) for task in active):
                quiet = time.monotonic()
                self.telling.still()
            elif time.monotonic() - quiet >= self.options.settle:
                return
            if not pauses():
                raise StillLocked(
                    f"a task {kind or f'on VM {vmid}'} still runs on {node} after {self.options.timeout:g} s"
                )

    def ended(self, node: str, vmid: int, kind: str, mine: Container[str]) -> None:
        """Wait for the tasks of others that work on a VM now; not for what they begin after that.

        kind: their type. mine: ids of the tasks of this run. Raises StillLocked where that takes too long.
        """
        pauses = Pauses(self.options.timeout)
        waited: set[str] | None = None
        while True:
            active = self.session.get(f"nodes/{node}/tasks", source="active", vmid=vmid, typefilter=kind)
            now = {str(task["upid"]) for task in active if _is_work(task) and task["upid"] not in mine}
            waited = now if waited is None else waited & now
            if not waited:
                return
            self.telling.still()
            if not pauses():
                raise StillLocked(f"{kind} of VM {vmid} still runs on {node} after {self.options.timeout:g} s")


CONSOLES = ("vncproxy", "vncshell", "termproxy", "spiceproxy", "spiceshell")
"""Types of tasks that last as long as somebody looks at a screen, and change nothing."""


def _is_work(task: Mapping[str, Any]) -> bool:
    # What has ended stays in the list of the active ones for a while.
    return not task.get("endtime") and task.get("type") not in CONSOLES


BEING_MADE = ("clone", "create")
"""Locks of a VM whose config is not whole yet."""


def nameless(vm: LiveVm) -> bool:
    """Whether its config has no name (yet): PVE says `VM 100` then (qemu-server, `vmstatus`)."""
    return vm.name in ("", f"VM {vm.vmid}")


def _still_locked(error: ProxmoxError, seconds: float) -> str:
    return (
        f"{error}; this did not end within {seconds:g} s: see which task works on it, and where none does (a node was "
        "switched off in the middle), qm unlock VMID on its node"
    )
