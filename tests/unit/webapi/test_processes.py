"""The processes of a run are found and ended, however they hide."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from webapi.runs.processes import MARKER, alive, end_all, of_run, process

pytestmark = pytest.mark.slow

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def started(*words: str, run: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words, env={**os.environ, MARKER: run}, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    own = process(os.getpid())
    assert own is not None and alive(own.pid, own.started) and not alive(own.pid, own.started + 1)
    assert not alive(0, 0)


def test_one_that_has_ended_and_was_not_waited_for_does_not_run(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    until = time.monotonic() + 10
    while process(ended.pid):
        assert time.monotonic() < until
    ended.wait()


def test_all_descendants_end_in_sessions_of_their_own_without_the_marker_and_without_their_parent() -> None:
    script = "setsid sleep 60 & env -i setsid sleep 61 & (setsid sleep 62 &) ; echo up; wait"
    parent = started("bash", "-c", script, run="run-a")
    assert parent.stdout is not None and parent.stdout.readline() == "up\n"
    other = started("sleep", "63", run="run-ab")
    until = time.monotonic() + 10
    while len(members := of_run("run-a")) < 4:
        assert time.monotonic() < until, members
    began = time.monotonic()
    assert end_all("run-a", {(parent.pid, 0)})
    assert time.monotonic() - began < 4
    parent.wait()
    assert [one for one in members if process(one.pid) == one] == []
    assert process(other.pid) is not None, "another run's id begins with the same letters"
    assert end_all("run-ab")
    other.wait()


def test_one_that_ignores_the_request_gets_an_order() -> None:
    stubborn = started(sys.executable, "-c", STUBBORN, run="run-c")
    assert stubborn.stdout is not None and stubborn.stdout.readline() == "up\n"
    began = time.monotonic()
    assert end_all("run-c")
    assert 4 < time.monotonic() - began < 10
    assert stubborn.wait() == -9
