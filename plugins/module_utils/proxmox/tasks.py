"""Tasks of Proxmox VE: what takes longer than a request runs as one, and its answer is only the task's id."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.autolabs.platform.plugins.module_utils.proxmox.errors import ProxmoxError, TaskFailed

UPID = re.compile(
    r"^UPID:(?P<node>[a-zA-Z0-9][a-zA-Z0-9.-]*):(?P<pid>[0-9A-Fa-f]+):(?P<pstart>[0-9A-Fa-f]+):"
    r"(?P<started>[0-9A-Fa-f]{8}):(?P<type>[^:\s]+):(?P<id>[^:\s]*):(?P<user>[^:\s]+):$"
)
"""pve-common, `PVE/Tools.pm`: upid_decode."""
TIMEOUT_SECONDS = 3600.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
PAUSE_GROWTH = 1.5
LOG_LINES = 10000
LAST_LINES = 5
WARNINGS = re.compile(r"^WARNINGS: \d+$")
UNEXPECTED = "unexpected status"
"""Of a task that left no word of its end (pve-common, `PVE::Tools::upid_read_status`)."""
CUT_OFF = "; it was cut off, as when its node goes down: run this again, which says what was left half made"
WARNING_LINE = re.compile(r"^WARN(?:ING)?: *")


@dataclass(frozen=True)
class Upid:
    """The id of a task."""

    text: str
    node: str
    type: str
    """Such as `qmclone`."""
    id: str
    """What it is about, such as the id of a VM."""

    @classmethod
    def parse(cls, text: Any) -> Upid | None:
        """The task that an answer names, or None where it names none: the change has taken place already, then."""
        found = UPID.match(text) if isinstance(text, str) else None
        return cls(text, found["node"], found["type"], found["id"]) if found else None

    def __str__(self) -> str:
        return f"{self.type} {self.id}".strip()


@dataclass(frozen=True)
class TaskEnd:
    """A task that succeeded, with what it warned of."""

    warnings: tuple[str, ...] = ()


class Reader(Protocol):
    """Who can ask for the state of a task."""

    def get(self, path: str, /, **parameters: Any) -> Any:
        """What is at `path`."""


def wait(
    session: Reader, upid: str, progress: Callable[[float], None] | None = None, *, timeout: float = TIMEOUT_SECONDS
) -> TaskEnd:
    """Wait until the task has ended; it is asked for on its own node, in intervals that grow to a second.

    upid: what a request answered; what is no task is over already. progress: called with the seconds so far.
    Raises TaskFailed with the last lines of its log.
    """
    task = Upid.parse(upid)
    if task is None:
        return TaskEnd()
    path = f"nodes/{task.node}/tasks/{task.text}"
    started, pause = time.monotonic(), FIRST_PAUSE_SECONDS
    while (state := session.get(f"{path}/status"))["status"] != "stopped":
        seconds = time.monotonic() - started
        if seconds + pause > timeout:
            message = f"{task} on {task.node} still runs after {seconds:.0f} s; the next run waits for it ({task.text})"
            raise TaskFailed(message, upid=upid)
        if progress:
            progress(seconds)
        time.sleep(pause)
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
    exit_status = str(state.get("exitstatus", ""))
    if exit_status == "OK":
        return TaskEnd()
    lines = _log(session, path)
    if WARNINGS.match(exit_status):
        told = tuple(WARNING_LINE.sub("", line) for line in lines if WARNING_LINE.match(line))
        return TaskEnd(told or (f"{task}: {exit_status}",))
    raise TaskFailed(_failed(task, exit_status, lines), upid=upid, exit_status=exit_status)


def _log(session: Reader, path: str) -> list[str]:
    try:
        entries = session.get(f"{path}/log", limit=LOG_LINES)
    except ProxmoxError:
        # The task ended as it did, whether its log can be read or not.
        return []
    return [text for entry in entries if (text := str(entry.get("t", "")).strip())]


def _failed(task: Upid, exit_status: str, lines: list[str]) -> str:
    reason = exit_status or "it ended without saying how"
    rest = [line for line in lines if line != f"TASK ERROR: {exit_status}"][-LAST_LINES:]
    log = f"; the end of its log: {' | '.join(rest)}" if rest else ""
    way = CUT_OFF if exit_status == UNEXPECTED else ""
    return f"{task} on {task.node} failed: {reason}{log}{way}"
