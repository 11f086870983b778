"""One server process of ours: started once, found again by its record, ended by it and by nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from testbed.hosts import processes
from testbed.shell import CommandFailed, run

ANSWER_SECONDS = 20.0
# Straight to the server, whatever proxy the environment names.
PROBE = """
import sys, urllib.request as web
web.build_opener(web.ProxyHandler({})).open(sys.argv[1], timeout=5).close()
"""


class ServiceFailed(Exception):
    """A server did not start; the message holds the end of its log."""


def ensure(name: str, command: Sequence[str | Path], state: Path) -> Callable[[], bool]:
    """Start the command detached unless it runs already as recorded in `state`; returns whether it still lives.

    NAME.json in `state` records the process and its command, NAME.log takes its output. A process with another
    command is replaced.
    """
    words = [str(word) for word in command]
    known = recorded(name, state)
    if known and known == (running := processes.identity(known.pid)) and _command(name, state) == words:
        return lambda: processes.lives(running)
    stop(name, state)
    state.mkdir(parents=True, exist_ok=True)
    with (state / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            words, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    who = processes.identity(process.pid)
    if who is None:
        raise ServiceFailed(f"{name} ended at once\n{_tail(state / f'{name}.log')}")
    record = state / f"{name}.json"
    fresh = record.with_suffix(".new")
    fresh.write_text(json.dumps({"process": asdict(who), "command": words}))
    fresh.replace(record)
    return lambda: process.poll() is None


def stop(name: str, state: Path) -> None:
    """End the recorded process if that very process still lives; none is fine too."""
    known = recorded(name, state)
    if known:
        processes.end([known.pid], lambda _: processes.lives(known), sign=signal.SIGTERM)
    (state / f"{name}.json").unlink(missing_ok=True)


def wait_for(
    name: str,
    url: str,
    log: Path,
    *,
    alive: Callable[[], bool],
    inside: Sequence[str] = (),
    seconds: float = ANSWER_SECONDS,
) -> None:
    """Wait until `url` answers, asked by a process that the words `inside` start (an `ip netns exec NAME`).

    Raises ServiceFailed once the server is dead or the time is over.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            run([*inside, sys.executable, "-I", "-c", PROBE, url], timeout=10)
            return
        except CommandFailed:
            if not alive():
                raise ServiceFailed(f"{name} ended before it answered at {url}\n{_tail(log)}") from None
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{name} does not answer at {url} after {seconds:g} s\n{_tail(log)}") from None
            time.sleep(0.1)


def recorded(name: str, state: Path) -> processes.Identity | None:
    """The process that `ensure` started last in `state`, whether it lives or not; None for none."""
    try:
        return processes.Identity(**json.loads((state / f"{name}.json").read_text())["process"])
    except FileNotFoundError:
        return None


def _command(name: str, state: Path) -> list[str]:
    return list(json.loads((state / f"{name}.json").read_text())["command"])


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
