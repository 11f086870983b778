"""Who looks after runs, with processes that do nothing: restarts and full disks at the worst moment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from unit.webapi.conftest import asked

from webapi import files
from webapi.runs.folder import Folder
from webapi.runs.launch import Launcher
from webapi.runs.local import LocalDispatcher
from webapi.runs.model import RunState
from webapi.runs.processes import MARKER, process
from webapi.runs.retention import Retention
from webapi.runs.store import FolderRunStore

pytestmark = pytest.mark.slow

SLEEP = "import time; time.sleep(60)"


@dataclass(frozen=True)
class Idle(Launcher):
    """Starts processes that belong to a run and do nothing for it."""

    program: str = SLEEP
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, folder: Folder) -> subprocess.Popen[bytes]:
        """As Launcher says."""
        run = {**os.environ, MARKER: folder.path.name}
        self.started.append(subprocess.Popen([sys.executable, "-c", self.program], env=run, start_new_session=True))
        return self.started[-1]


class Desk:
    """A store, and dispatchers over it."""

    def __init__(self, folder: Path) -> None:
        self.store = FolderRunStore(folder / "runs")
        self.before = Idle(folder, ())
        """Has started what was there before the dispatcher."""
        self.launcher = Idle(folder, ())
        self.dispatchers: list[LocalDispatcher] = []

    def open(self, most: int = 2) -> LocalDispatcher:
        """As a web app does when it starts."""
        self.dispatchers.append(LocalDispatcher(self.store, self.launcher, Retention(), most))
        self.dispatchers[-1].recover()
        return self.dispatchers[-1]

    def running(self, run_id: str, started: subprocess.Popen[bytes]) -> None:
        """What a run's process writes when it begins."""
        own = process(started.pid)
        assert own
        self.store.change(run_id, state=RunState.RUNNING, pid=own.pid, process_started=own.started)

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait."""
        until = time.monotonic() + 15
        while not reached():
            assert time.monotonic() < until, self.store.find()
            time.sleep(0.05)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty one; what it has started is ended after the test."""
    made = Desk(tmp_path)
    yield made
    for dispatcher in made.dispatchers:
        dispatcher.close()
    for started in (*made.before.started, *made.launcher.started):
        started.kill()
        started.wait()


def fails_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The next write of a file of this name finds a full disk."""
    write = files.write

    def full(path: Path, content: bytes) -> None:
        if path.name == name:
            monkeypatch.setattr(files, "write", write)
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(files, "write", full)


def test_a_process_that_was_started_just_before_a_restart_is_followed(desk: Desk) -> None:
    run = desk.store.create(asked())
    first = desk.before.start(desk.store.folder(run.id))
    desk.open()
    time.sleep(0.6)
    assert (desk.launcher.started, first.poll()) == ([], None)
    assert desk.store.get(run.id).state == RunState.QUEUED
    desk.running(run.id, first)
    time.sleep(0.6)
    assert (desk.store.get(run.id).state, first.poll()) == (RunState.RUNNING, None)


def test_a_second_process_that_gives_way_takes_nothing_from_the_first(desk: Desk) -> None:
    object.__setattr__(desk.launcher, "program", "raise SystemExit(2)")
    run = desk.open().submit(asked())
    first = desk.before.start(desk.store.folder(run.id))
    desk.launcher.started[0].wait()
    desk.running(run.id, first)
    time.sleep(0.6)
    assert (desk.store.get(run.id).state, first.poll()) == (RunState.RUNNING, None)


def test_what_was_being_cancelled_comes_back_as_cancelled(desk: Desk) -> None:
    runs = [desk.store.create(asked(class_id=str(number))) for number in range(3)]
    for run in runs:
        desk.store.change(run.id, state=RunState.RUNNING, pid=1 << 22, process_started=1)
        desk.store.folder(run.id).cancelled.touch()
    desk.open()
    desk.until(lambda: all(run.state.ended for run in desk.store.find()))
    assert {run.state for run in desk.store.find()} == {RunState.CANCELLED}


def test_a_cancel_that_cannot_be_kept_is_told_and_can_be_repeated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher = desk.open(most=1)
    first, second = dispatcher.submit(asked()), dispatcher.submit(asked(class_id="2"))
    desk.running(first.id, desk.launcher.started[0])
    fails_once(monkeypatch, "cancelled")
    with pytest.raises(OSError, match="No space left"):
        dispatcher.cancel(first.id)
    desk.launcher.started[0].kill()
    desk.until(lambda: desk.store.get(first.id).state == RunState.LOST)
    desk.until(lambda: len(desk.launcher.started) == 2)
    assert not desk.store.get(second.id).state.ended


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_end_that_cannot_be_written_is_written_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher = desk.open(most=1)
    first = dispatcher.submit(asked())
    dispatcher.submit(asked(class_id="2"))
    desk.running(first.id, desk.launcher.started[0])
    fails_once(monkeypatch, "state.json")
    # It meets whoever writes first: the cancel itself, or the watch that saw the process end.
    with suppress(OSError):
        dispatcher.cancel(first.id)
    desk.until(lambda: desk.store.get(first.id).state == RunState.CANCELLED)
    desk.until(lambda: len(desk.launcher.started) == 2)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"{}", b'{"state": "new"}', b'{"state": "queued", "x": 1}'])
def test_one_damaged_run_does_not_hide_the_others(desk: Desk, content: bytes, caplog: Any) -> None:
    damaged, other = desk.store.create(asked()), desk.store.create(asked(class_id="2"))
    desk.store.folder(damaged.id).state.write_bytes(content)
    dispatcher = desk.open()
    for _twice in range(2):
        assert [run.id for run in desk.store.find()] == [other.id]
    assert len([one for one in caplog.records if "damaged" in one.message]) == 1
    assert dispatcher.trouble() == "" and len(desk.launcher.started) == 1


def test_a_mistake_does_not_end_what_looks_after_the_runs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher = desk.open()
    run = dispatcher.submit(asked())
    desk.running(run.id, desk.launcher.started[0])

    def wrong(store: Any) -> None:
        monkeypatch.undo()
        raise ZeroDivisionError

    monkeypatch.setattr(Retention, "apply", lambda self, store: wrong(store))
    desk.launcher.started[0].kill()
    desk.until(lambda: desk.store.get(run.id).state == RunState.LOST)
    time.sleep(0.5)
    assert dispatcher.trouble() == ""
