"""Processes are known by more than their pid, and only proven ones are ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from testbed.hosts import processes


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    code = "import time; print('here', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, "a-mark-of-this-test"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline()
    yield process
    process.stdout.close()
    process.kill()
    process.wait()


def test_the_start_time_is_read_past_a_name_with_spaces_and_brackets() -> None:
    stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 10"
    assert processes.start_time(stat) == 98765


def test_a_process_lives_until_it_ends(sleeper: subprocess.Popen[bytes]) -> None:
    who = processes.identity(sleeper.pid)
    assert who is not None and processes.lives(who)
    sleeper.kill()
    processes.end([sleeper.pid], lambda pid: True)
    assert not processes.lives(who), "ended, although its parent has not collected it yet"


def test_a_process_is_found_by_its_arguments(sleeper: subprocess.Popen[bytes]) -> None:
    def marked(pid: int) -> bool:
        return processes.command_line(pid).endswith("a-mark-of-this-test ")

    assert processes.having(marked) == [sleeper.pid]


def test_without_proof_no_signal_is_sent(sleeper: subprocess.Popen[bytes]) -> None:
    processes.end([sleeper.pid], lambda pid: False)
    assert sleeper.poll() is None


def test_a_process_that_does_not_end_is_named(sleeper: subprocess.Popen[bytes]) -> None:
    with pytest.raises(processes.StillThere, match=f"process {sleeper.pid} .* has not ended after 0.1 s"):
        processes.end([sleeper.pid], lambda pid: True, sign=0, timeout=0.1)


def test_a_pid_that_nobody_has_is_fine() -> None:
    processes.end([2**22 + 1], lambda pid: True)
    assert processes.identity(2**22 + 1) is None
    assert processes.command_line(2**22 + 1) == ""
    assert processes.inner_pids(2**22 + 1) == []
