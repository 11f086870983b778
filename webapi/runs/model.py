"""What a run is: plain immutable data."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

RUN_ID = re.compile(r"[0-9a-z][0-9a-z-]{0,62}")


class Kind(StrEnum):
    """What a run does with a class."""

    START = "start"
    STOP = "stop"
    DELETE = "delete"
    PREVIEW = "preview"
    """A start that only says what it would do, and whether there is room."""


class RunState(StrEnum):
    """queued → running → one of the others."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """Its process is gone, and nobody knows what came of it; the log is kept."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True)
class RunRequest:
    """What somebody asks for. Texts and rosters are untrusted: they reach Ansible as files only."""

    kind: Kind
    lab: str
    """Id of the lab."""
    class_id: str
    lab_text: str
    """The lab config as it is now; it goes with the run."""
    roster: bytes | None = None
    """The exact bytes of what was uploaded or pasted; None where the run is for the whole class."""
    roster_format: str = "csv"
    """`csv` or `json`."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the class besides its id: course_id, admit, recreate, failure_threshold, timeout, students."""
    language: str = "en"


@dataclass(frozen=True)
class Run:
    """One run as it is now. Times are seconds since 1970."""

    id: str
    kind: Kind
    lab: str
    class_id: str
    created: float
    language: str = "en"
    state: RunState = RunState.QUEUED
    message: str = ""
    """A sentence for people: what came of it, or why it is where it is."""
    pid: int = 0
    process_started: int = 0
    """Start time of the process in clock ticks since boot (proc(5), /proc/PID/stat, field 22)."""
    started: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True)
class Event:
    """Something that happened in a run. Types and data:

    - `state`: {"state": a RunState, "message": sentence}; one with an ended state is the last event of a run
    - `progress`: {"done", "total", "instance", "state", "seconds", "reason", "connections"}, as the engine's Progress;
      connections are those of an instance that is ready
    - `message`: {"text": sentence, "stage": "playbook" | "task"}
    """

    id: int
    """Counted from 1 within the run."""
    type: str
    data: dict[str, Any]
    time: float
    """Seconds since 1970."""

    @property
    def last(self) -> bool:
        """Whether no event comes after it."""
        return self.type == "state" and RunState(self.data["state"]).ended


class UnknownRun(LookupError):
    """There is no run of that id."""


class ClassBusy(RuntimeError):
    """A class takes one run at a time; `run` is the one under way."""

    def __init__(self, run: Run) -> None:
        self.run = run
        super().__init__(
            f"a {run.kind} of class {run.class_id} of lab {run.lab} is {run.state}; wait for it or cancel it"
        )


def new_id() -> str:
    """An id that sorts by time (UTC, milliseconds) and cannot be guessed."""
    now = time.time()
    stamp = time.strftime("%Y%m%dt%H%M%S", time.gmtime(now))
    return f"{stamp}{int(now * 1000) % 1000:03}-{secrets.token_hex(6)}"
