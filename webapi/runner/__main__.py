"""Carries out one run: `python -m webapi.runner RUN_FOLDER`. What it prints is the run's log."""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys
import traceback
from pathlib import Path

from webapi import files
from webapi.runner.play import Played, play
from webapi.runner.report import Reporter
from webapi.runs import events
from webapi.runs.folder import Folder
from webapi.runs.model import Run, RunState
from webapi.runs.processes import process

PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): descendants whose parent has ended become children of this process, and so stay findable."""
CRASHED = "The run broke off because of a mistake in the platform itself; the log has the details for its makers."


def main(path: str) -> int:
    """Carry out the run in a folder; 0 where it succeeded, 1 where not, 2 where it was not to be carried out."""
    os.umask(0o077)
    folder = Folder(Path(path).absolute())
    with open(folder.lock, "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another process carries out the run in {folder.path}", file=sys.stderr)
            return 2
        run = folder.read()
        if run.state != RunState.QUEUED or folder.cancelled.exists():
            print(f"the run in {folder.path} is {run.state}", file=sys.stderr)
            return 2
        return _carry_out(folder, run)


def _carry_out(folder: Folder, run: Run) -> int:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    own = process(os.getpid())
    started = own.started if own else 0
    folder.change(state=RunState.RUNNING, pid=os.getpid(), process_started=started, started=files.now())
    _tell(folder, RunState.RUNNING)
    try:
        played = play(folder, run, Reporter(folder))
    except BaseException:
        traceback.print_exc()
        played = Played(False, CRASHED)
        _end(folder, played)
        raise
    _end(folder, played)
    return 0 if played.succeeded else 1


def _end(folder: Folder, played: Played) -> None:
    state = RunState.SUCCEEDED if played.succeeded else RunState.FAILED
    folder.change(state=state, message=played.message, ended=files.now())
    _tell(folder, state, played.message)


def _tell(folder: Folder, state: RunState, message: str = "") -> None:
    events.append(folder.events, "state", {"state": state, "message": message})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m webapi.runner RUN_FOLDER")
    sys.exit(main(sys.argv[1]))
